// SPDX-License-Identifier: BSD-3-Clause
// From files to the cutout of one cluster: SDSS frames and a position, or ready-made cutouts.
#pragma once

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <span>
#include <vector>

#include "clustermass/io/cutout_file.hpp"
#include "clustermass/io/mosaic.hpp"
#include "clustermass/parallel.hpp"
#include "image_options.hpp"

namespace tool {

/// A cluster's images, and the frames they were cut from, if they were.
struct Images {
  clustermass::CutoutBuffer cutout;
  std::vector<clustermass::SdssFrame> frames;
};

/// What the options describe. A redshift that is not given stays NaN. threads: how many bands are read at the same
/// time. Throws InputError.
inline Images read_images(const ImageOptions& options, int threads) {
  using namespace clustermass;
  const double redshift = options.redshift.value_or(std::numeric_limits<double>::quiet_NaN());
  Images input;
  if (!options.frames.empty()) {
    const SkyPosition position{*options.ra, *options.dec};
    const std::vector<FrameFile> files = find_frames(options.frames);
    std::array<std::vector<SdssFrame>, band_count> bands;
    Team team(std::clamp(threads, 1, band_count));
    team.run(bands.size(),
             [&](std::size_t b, int) { bands[b] = read_frames_near(files, static_cast<Band>(b), position, redshift); });
    for (auto& band : bands)
      input.frames.insert(input.frames.end(), std::make_move_iterator(band.begin()),
                          std::make_move_iterator(band.end()));
    input.cutout = cut_from_frames(std::span<const SdssFrame>(input.frames), position, redshift);
  } else {
    CutoutFileOptions reading;
    reading.redshift = redshift;
    if (options.ra) reading.centre = SkyPosition{*options.ra, *options.dec};
    reading.pixel_scale_arcsec = options.pixel_scale;
    reading.any_unit = options.any_unit;
    reading.input_kind = options.native ? InputKind::native : InputKind::resampled;
    input.cutout = read_cutout_file(options.cutout, reading);
  }
  input.cutout.redshift_error = options.redshift_error;
  input.cutout.ebv = options.ebv;
  return input;
}

}  // namespace tool
