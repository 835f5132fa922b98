// SPDX-License-Identifier: BSD-3-Clause
// A field of nothing but noise, as the network would read it: what light is compared with where zero flux is too quiet.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "clustermass/core/random.hpp"
#include "clustermass/model/prepare.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// White noise of the survey's median sky, resampled, dereddened and stretched as the cutout is, in every cell that
/// holds light there; zero elsewhere. Field number k of a seed.
///
/// Shapes  input, baseline [5,1,128,128]
inline void fill_noise_baseline(std::span<const float> input, double redshift, double ebv, std::uint64_t seed, int k,
                                std::span<float> baseline) {
  const double pixels = field_grid(redshift).cell_arcsec / native_pixel_arcsec;
  const double reddening = ebv >= 0 && ebv <= largest_ebv ? ebv : 0;
  Random random(seed, static_cast<std::uint64_t>(k), 8);
  for (std::size_t b = 0; b < band_count; ++b) {
    const double sigma =
        stretch_scale[b] / stretch_pixels * pixels * std::pow(10.0, 0.4 * extinction_per_ebv[b] * reddening);
    for (std::size_t i = b * field_cells; i < (b + 1) * field_cells; ++i) {
      const double noise = sigma * random.normal();
      baseline[i] = input[i] != 0 ? stretch(noise, stretch_scale[b]) : 0;
    }
  }
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
