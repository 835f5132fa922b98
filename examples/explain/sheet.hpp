// SPDX-License-Identifier: BSD-3-Clause
// The picture of one explanation.
#pragma once

#include <cstddef>
#include <vector>

#include "clustermass/cutout.hpp"
#include "report.hpp"

/// A PNG sheet: the field in colour, the map of all bands, its profile in rings, the shares of the bands, the five
/// bands' maps. North up, east left.
std::vector<std::byte> draw_sheet(const clustermass::Cutout& cutout, const Report& report);
