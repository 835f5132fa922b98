// SPDX-License-Identifier: BSD-3-Clause
// Cutouts for the tests: a grid that is ready made, and a field of round sources on detector pixels.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/model/prepare.hpp"
#include "support/resampling.hpp"

namespace clustermass::support {

/// Five images of 128 x 128 pixels that are the network's own grid at this redshift; value(band, row, column).
template <class Value>
CutoutBuffer grid_cutout(double redshift, Value&& value) {
  CutoutBuffer buffer;
  buffer.redshift = redshift;
  const double middle = (field_side - 1) / 2.0;
  for (std::size_t b = 0; b < band_count; ++b) {
    CutoutBuffer::Plane& plane = buffer.bands[b];
    plane.height = plane.width = field_side;
    plane.map = rotated_map(field_width_arcsec(redshift) / field_side, 0, middle, middle);
    for (int i = 0; i < field_side; ++i)
      for (int j = 0; j < field_side; ++j) plane.pixels.push_back(static_cast<float>(value(static_cast<int>(b), i, j)));
  }
  return buffer;
}

/// The same with noise of about the sky's size and a bright middle.
inline CutoutBuffer noisy_grid_cutout(double redshift, std::uint64_t seed) {
  Random random(seed);
  return grid_cutout(redshift, [&](int b, int i, int j) {
    const double r2 = (i - 63.5) * (i - 63.5) + (j - 63.5) * (j - 63.5);
    return stretch_scale[static_cast<std::size_t>(b)] * (random.normal() + 20 * std::exp(-r2 / 200));
  });
}

/// A field of round Gaussian sources seen by a detector, each band at its own angle; covers the field if side is at
/// least 1.42 times its width.
inline CutoutBuffer detector_cutout(double redshift, int side, double pixel_arcsec,
                                    const std::array<double, band_count>& degrees, std::uint64_t seed) {
  struct Source {
    double east, north, sigma;
    std::array<double, band_count> flux;
  };
  Random random(seed);
  const double width = field_width_arcsec(redshift);
  std::vector<Source> sources;
  for (int k = 0; k < 60; ++k) {
    Source source{random.normal(0, width / 5), random.normal(0, width / 5), random.uniform(0.8, 3), {}};
    const double flux = 3 * std::exp(random.uniform(0, 4));
    for (double& f : source.flux) f = flux * random.uniform(0.3, 2);
    sources.push_back(source);
  }
  CutoutBuffer buffer;
  buffer.redshift = redshift;
  for (std::size_t b = 0; b < band_count; ++b) {
    CutoutBuffer::Plane& plane = buffer.bands[b];
    plane.height = plane.width = side;
    plane.pixels.assign(static_cast<std::size_t>(side * side), 0);
    plane.map = rotated_map(pixel_arcsec, degrees[b], side / 2.0 + 0.3 * static_cast<double>(b), side / 2.0 - 0.7);
    for (float& value : plane.pixels) value = static_cast<float>(0.1 * stretch_scale[b] * random.normal());
    const auto& m = plane.map.arcsec_per_pixel;  // orthogonal: the inverse is the transpose over the square
    for (const Source& s : sources) {
      const double square = pixel_arcsec * pixel_arcsec;
      const double x = (m[0][0] * s.east + m[1][0] * s.north) / square + plane.map.centre_x;
      const double y = (m[0][1] * s.east + m[1][1] * s.north) / square + plane.map.centre_y;
      const double sigma = s.sigma / pixel_arcsec, peak = s.flux[b] / (6.2831853 * sigma * sigma);
      const int reach = static_cast<int>(5 * sigma) + 1, cx = static_cast<int>(x), cy = static_cast<int>(y);
      for (int i = cy - reach; i <= cy + reach; ++i)
        for (int j = cx - reach; j <= cx + reach; ++j)
          if (i >= 0 && i < side && j >= 0 && j < side)
            plane.pixels[static_cast<std::size_t>(i * side + j)] +=
                static_cast<float>(peak * std::exp(-((i - y) * (i - y) + (j - x) * (j - x)) / (2 * sigma * sigma)));
    }
  }
  return buffer;
}

}  // namespace clustermass::support
