// SPDX-License-Identifier: BSD-3-Clause
// The colour image of a cutout: g, r, i as blue, green, red with an asinh stretch of their mean, so that bright objects
// keep their colour. For the eye only: the network sees the five bands through prepare.hpp.
// Source: Lupton et al. 2004, PASP 116, 133 (astro-ph/0312483).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "clustermass/cutout.hpp"
#include "clustermass/model/resample.hpp"

namespace tool {

/// Knobs of the colour image. Fluxes are nanomaggies per SDSS pixel of 0.396 arcsec.
struct LuptonOptions {
  std::array<double, 3> scale{1.0, 1.5, 2.5};          ///< of i, r, g: weights that make an average galaxy neutral
  double floor = 0.02;                                 ///< added, so that sky noise does not fall below black
  double softening = 20;                               ///< Q: linear below 1/Q, logarithmic above
  std::array<std::uint8_t, 3> outside{226, 229, 233};  ///< colour where no image reaches
  std::array<std::uint8_t, 3> masked{120, 124, 130};   ///< colour of masked pixels
};

/// Intensities (i, r, g), already scaled, to (R, G, B) in [0, 1].
///
///   I = (i + r + g) / 3,  (R, G, B) = (i, r, g) f(I) / I,  f(I) = asinh(Q I) / sqrt(Q),  divided by the largest if > 1
inline std::array<double, 3> lupton_rgb(std::array<double, 3> channel, double softening) {
  for (double& c : channel) c = std::max(c, 0.0);
  const double mean = (channel[0] + channel[1] + channel[2]) / 3;
  if (!(mean > 0)) return {0, 0, 0};
  const double factor = std::asinh(softening * mean) / std::sqrt(softening) / mean;
  for (double& c : channel) c *= factor;
  const double largest = std::max({channel[0], channel[1], channel[2]});
  if (largest > 1)
    for (double& c : channel) c /= largest;
  return channel;
}

/// An image of side x side pixels, [side,side,3], row 0 at the top: north up, east left.
struct ColourImage {
  int side = 0;
  std::vector<std::uint8_t> rgb;
};

/// The square of width_arcsec around the cluster's centre. A band that is missing is replaced by the mean of the
/// others.
inline ColourImage colour_image(const clustermass::Cutout& cutout, double width_arcsec, int side,
                                const LuptonOptions& options = {}) {
  using clustermass::Band;
  constexpr std::array bands{Band::i, Band::r, Band::g};
  const clustermass::Grid grid{side, width_arcsec / side};
  const double native_pixels = grid.cell_arcsec * grid.cell_arcsec / (0.396 * 0.396);  // per cell
  const auto cells = static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
  std::array<std::vector<clustermass::Cell>, 3> planes;
  for (std::size_t c = 0; c < bands.size(); ++c) {
    const clustermass::BandImage& image = cutout[bands[c]];
    if (!image.present() || !clustermass::is_invertible(image.map)) continue;
    planes[c].resize(cells);
    clustermass::resample(image, grid, planes[c].data());
  }

  ColourImage result{side, std::vector<std::uint8_t>(3 * cells)};
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < side; ++j) {
      const auto k = static_cast<std::size_t>(i * side + j);
      std::array<double, 3> channel{};
      std::array<bool, 3> good{};
      double sum = 0, count = 0;
      bool seen = false;
      for (std::size_t c = 0; c < 3; ++c) {
        if (planes[c].empty()) continue;
        const clustermass::Cell& cell = planes[c][k];
        seen |= cell.seen > 0.5;
        good[c] = cell.valid > 0.3;
        if (!good[c]) continue;
        channel[c] = options.scale[c] * cell.flux / cell.valid / native_pixels + options.floor;
        sum += channel[c];
        count += 1;
      }
      std::uint8_t* pixel = &result.rgb[3 * static_cast<std::size_t>((side - 1 - i) * side + j)];
      if (count == 0) {
        std::copy_n((seen ? options.masked : options.outside).begin(), 3, pixel);
        continue;
      }
      for (std::size_t c = 0; c < 3; ++c)
        if (!good[c]) channel[c] = sum / count;
      const std::array<double, 3> colour = lupton_rgb(channel, options.softening);
      for (std::size_t c = 0; c < 3; ++c) pixel[c] = static_cast<std::uint8_t>(255 * colour[c] + 0.5);
    }
  return result;
}

}  // namespace tool
