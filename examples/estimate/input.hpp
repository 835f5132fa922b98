// SPDX-License-Identifier: BSD-3-Clause
// From files to the cutout of one cluster.
#pragma once

#include <vector>

#include "clustermass/cutout.hpp"
#include "clustermass/io/mosaic.hpp"
#include "options.hpp"

/// A cluster's images, and the frames they were cut from, if they were.
struct Input {
  clustermass::CutoutBuffer cutout;
  std::vector<clustermass::SdssFrame> frames;
};

/// What the options describe: frames and a position, or cutout files. A redshift that is not given stays NaN. threads:
/// how many bands are read at the same time. Throws InputError.
Input read_input(const EstimateOptions& options, int threads);
