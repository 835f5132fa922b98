// SPDX-License-Identifier: BSD-3-Clause
// Changes to a prepared cutout that leave its label as it is, and the hardening that makes naming a band depend on what
// is in the image rather than on how it was taken. All draws come from the caller's stream.
#pragma once

#include <algorithm>
#include <cmath>

#include "clustermass/core/random.hpp"
#include "clustermass/train/sample.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

struct AugmentOptions {
  bool orient = true;       ///< one of the eight flips and quarter turns
  double band_drop = 0.05;  ///< probability of losing one band
  double mask_patch = 0.2;  ///< probability of a masked rectangle
  double gain_rms = 0.02;   ///< calibration error common to the bands [ln]
};

/// Turns and flips a square image in place.
inline void orient(std::span<float> image, int side, std::uint32_t which) {
  const auto at = [&](int i, int j) -> float& { return image[static_cast<std::size_t>(i * side + j)]; };
  if (which & 1)
    for (int i = 0; i < side; ++i) std::reverse(&at(i, 0), &at(i, 0) + side);
  if (which & 2)
    for (int i = 0; i < side / 2; ++i) std::swap_ranges(&at(i, 0), &at(i, 0) + side, &at(side - 1 - i, 0));
  if (which & 4)
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < i; ++j) std::swap(at(i, j), at(j, i));
}

inline void orient(PreparedBuffer& buffer, std::uint32_t which) {
  for (std::size_t b = 0; b < band_count; ++b) {
    orient(std::span(buffer.input).subspan(b * field_cells, field_cells), field_side, which);
    orient(std::span(buffer.band_coverage).subspan(b * coarse_cells, coarse_cells), coarse_side, which);
  }
}

/// Masks a rectangle of cells in one band.
inline void mask_rectangle(PreparedBuffer& buffer, std::size_t band, int top, int left, int height, int width) {
  for (int i = top; i < std::min(top + height, field_side); ++i)
    for (int j = left; j < std::min(left + width, field_side); ++j)
      buffer.input[band * field_cells + static_cast<std::size_t>(i * field_side + j)] = 0;
  for (int i = 0; i < coarse_side; ++i)
    for (int j = 0; j < coarse_side; ++j) {
      const auto overlap = [](int start, int extent, int cell) {
        return std::max(0,
                        std::min(start + extent, (cell + 1) * coarse_factor) - std::max(start, cell * coarse_factor));
      };
      const double share =
          static_cast<double>(overlap(top, height, i) * overlap(left, width, j)) / (coarse_factor * coarse_factor);
      buffer.band_coverage[band * coarse_cells + static_cast<std::size_t>(i * coarse_side + j)] *=
          static_cast<float>(1 - share);
    }
}

/// Augmentation of the mass stage.
inline void augment(PreparedBuffer& buffer, double redshift, const AugmentOptions& options, Random& random) {
  const std::uint32_t which = random.below(8);
  if (options.orient) orient(buffer, which);
  if (random.uniform() < options.mask_patch) {
    const int height = 4 + static_cast<int>(random.below(29)), width = 4 + static_cast<int>(random.below(29));
    const int top = static_cast<int>(random.below(field_side)), left = static_cast<int>(random.below(field_side));
    for (std::size_t b = 0; b < band_count; ++b) mask_rectangle(buffer, b, top, left, height, width);
  }
  if (random.uniform() < options.band_drop) {
    const std::size_t band = random.below(band_count);
    mask_rectangle(buffer, band, 0, 0, field_side, field_side);
  }
  // asinh is close to the logarithm where a source matters: a gain shifts it by half its ln, and scales it near zero.
  const float gain = static_cast<float>(options.gain_rms * random.normal());
  for (float& value : buffer.input) value += 0.5f * gain * std::tanh(2 * value);
  buffer.update(redshift);
}

/// Hardening for band naming: the same distribution for every band, band by band, in units of the band's sky noise.
///
///   f' = 10^U(-0.3,0.3) f + pedestal N(0, 0.2) + white noise that raises the rms to a drawn class
///
/// Then orientation, and a random mask. What is left to tell the bands apart is what is in the field.
///
/// Source  Lin et al. 2022 name bands; the hardening is this library's own
inline void harden(PreparedBuffer& buffer, double redshift, Random& random) {
  const double noise_class = std::pow(10.0, random.uniform(0.0, 0.6));
  for (std::size_t b = 0; b < band_count; ++b) {
    const double gain = std::pow(10.0, random.uniform(-0.3, 0.3)), pedestal = 0.2 * random.normal();
    // A gain also scales the noise that is there, of rms near one.
    const double extra = std::sqrt(std::max(0.0, 4 * noise_class * noise_class - gain * gain));
    const std::span<float> image = std::span(buffer.input).subspan(b * field_cells, field_cells);
    for (float& value : image) {
      if (value == 0) continue;  // invalid cells stay exactly zero
      const double flux = 2 * std::sinh(2 * static_cast<double>(value));
      value = stretch(gain * flux + pedestal + extra * random.normal(), 1.0);
    }
  }
  orient(buffer, random.below(8));
  if (random.uniform() < 0.3)
    for (std::size_t b = 0; b < band_count; ++b)
      mask_rectangle(buffer, b, static_cast<int>(random.below(field_side)), static_cast<int>(random.below(field_side)),
                     4 + static_cast<int>(random.below(29)), 4 + static_cast<int>(random.below(29)));
  buffer.update(redshift);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
