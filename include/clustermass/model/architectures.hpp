// SPDX-License-Identifier: BSD-3-Clause
// Architectures beside the released one that the programs train and read. A host program that uses one of their weight
// files names it: BasicEstimator<CpuEngine, LargeArchitecture>.
#pragma once

#include "clustermass/model/networks.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

using SmallArchitecture = Architecture<16, 16, 16, 32, 32>;
using LargeArchitecture = Architecture<16, 32, 64, 128, 64>;

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
