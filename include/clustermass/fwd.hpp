// SPDX-License-Identifier: BSD-3-Clause
// Names only, for other people's headers.
#pragma once

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_DATA_TAG {
enum class Band : int;
struct AffineMap;
struct BandImage;
struct Cutout;
struct CutoutBuffer;
struct MassEstimate;
}  // namespace clustermass::inline CLUSTERMASS_DATA_TAG

namespace clustermass::inline CLUSTERMASS_CODE_TAG {
class Workspace;
template <class EngineChoice, class Arch>
class BasicEstimator;
}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
