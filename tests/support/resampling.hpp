// SPDX-License-Identifier: BSD-3-Clause
// An independent resampler for the tests: each pixel is cut into points x points equal points, and each point's flux
// goes into the cell that its place on the sky falls into. Slow, approximate, and too simple to be wrong.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "clustermass/cutout.hpp"

namespace clustermass::support {

/// Flux per cell [side, side] around the cluster's centre; row 0 in the south, column 0 in the east.
inline std::vector<double> resample_by_points(const BandImage& image, int side, double cell_arcsec, int points) {
  std::vector<double> cells(static_cast<std::size_t>(side * side));
  const double per_arcsec = 1 / cell_arcsec;
  const auto& m = image.map.arcsec_per_pixel;
  const auto cell_of = [&](double x, double y) {  // -1: outside
    const double px = x - image.map.centre_x, py = y - image.map.centre_y;
    const double east = m[0][0] * px + m[0][1] * py, north = m[1][0] * px + m[1][1] * py;
    const double right = side / 2.0 - east * per_arcsec, up = side / 2.0 + north * per_arcsec;
    if (!(right >= 0 && right < side && up >= 0 && up < side)) return -1;
    return static_cast<int>(up) * side + static_cast<int>(right);
  };
  const auto give = [&](int cell, double flux) {
    if (cell >= 0) cells[static_cast<std::size_t>(cell)] += flux;
  };
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const double flux = static_cast<double>(image.pixels[y * image.stride() + x]);
      const int corner = cell_of(x - 0.5, y - 0.5);
      if (corner >= 0 && corner == cell_of(x + 0.5, y - 0.5) && corner == cell_of(x - 0.5, y + 0.5) &&
          corner == cell_of(x + 0.5, y + 0.5)) {  // cells and pixels are convex: all points lie in this one
        give(corner, flux);
        continue;
      }
      for (int a = 0; a < points; ++a)
        for (int b = 0; b < points; ++b)
          give(cell_of(x - 0.5 + (a + 0.5) / points, y - 0.5 + (b + 0.5) / points), flux / (points * points));
    }
  return cells;
}

/// North up and east left, turned by an angle; centre in pixels.
inline AffineMap rotated_map(double scale_arcsec, double degrees, double centre_x, double centre_y) {
  const double c = std::cos(degrees * 0.017453292519943295), s = std::sin(degrees * 0.017453292519943295);
  AffineMap map;
  map.arcsec_per_pixel = {{{-scale_arcsec * c, scale_arcsec * s}, {scale_arcsec * s, scale_arcsec * c}}};
  map.centre_x = centre_x;
  map.centre_y = centre_y;
  return map;
}

}  // namespace clustermass::support
