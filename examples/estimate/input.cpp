// SPDX-License-Identifier: BSD-3-Clause
#include "input.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

#include "clustermass/io/cutout_file.hpp"
#include "clustermass/parallel.hpp"

using namespace clustermass;

namespace {

std::vector<SdssFrame> read_frames(const std::string& folder, SkyPosition position, double redshift, int threads) {
  const std::vector<FrameFile> files = find_frames(folder);
  std::array<std::vector<SdssFrame>, band_count> bands;
  Team team(std::clamp(threads, 1, band_count));
  team.run(bands.size(),
           [&](std::size_t b, int) { bands[b] = read_frames_near(files, static_cast<Band>(b), position, redshift); });
  std::vector<SdssFrame> frames;
  for (auto& band : bands)
    frames.insert(frames.end(), std::make_move_iterator(band.begin()), std::make_move_iterator(band.end()));
  return frames;
}

}  // namespace

Input read_input(const EstimateOptions& options, int threads) {
  const double redshift = options.redshift.value_or(std::numeric_limits<double>::quiet_NaN());
  Input input;
  if (!options.frames.empty()) {
    const SkyPosition position{*options.ra, *options.dec};
    input.frames = read_frames(options.frames, position, redshift, threads);
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
