// SPDX-License-Identifier: BSD-3-Clause
// The definition of area resampling, written down: the polygon of every pixel is clipped to every cell it may reach.
// Slow, and the oracle of the row-wise resampler.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "clustermass/cutout.hpp"
#include "clustermass/model/bad_pixels.hpp"  // is_finite_number: the test also runs with -ffast-math
#include "clustermass/model/grid.hpp"

namespace clustermass::support {

using Corners = std::vector<std::pair<double, double>>;

/// The part of a convex polygon where nx x + ny y <= bound.
inline Corners cut(const Corners& in, double nx, double ny, double bound) {
  Corners out;
  for (std::size_t k = 0; k < in.size(); ++k) {
    const auto [ax, ay] = in[k];
    const auto [bx, by] = in[(k + 1) % in.size()];
    const double a = nx * ax + ny * ay - bound, b = nx * bx + ny * by - bound;
    if (a <= 0) out.emplace_back(ax, ay);
    if ((a < 0 && b > 0) || (a > 0 && b < 0))
      out.emplace_back(ax + a / (a - b) * (bx - ax), ay + a / (a - b) * (by - ay));
  }
  return out;
}

inline double area_of(const Corners& corners) {
  double twice = 0;
  for (std::size_t k = 0; k < corners.size(); ++k) {
    const auto [ax, ay] = corners[k];
    const auto [bx, by] = corners[(k + 1) % corners.size()];
    twice += ax * by - bx * ay;
  }
  return std::fabs(twice) / 2;
}

struct PolygonCells {
  std::vector<Cell> cells;        ///< [side,side]
  std::vector<double> magnitude;  ///< [side,side] sum of |flux| of the valid pixels' parts
  bool nonfinite = false;         ///< a pixel with a part in the field is not finite, and no mask says so
};

inline PolygonCells resample_by_polygons(const BandImage& image, const Grid& grid) {
  const std::size_t count = static_cast<std::size_t>(grid.side * grid.side);
  PolygonCells result{std::vector<Cell>(count), std::vector<double>(count), false};
  const auto& m = image.map.arcsec_per_pixel;
  const double area = std::fabs(m[0][0] * m[1][1] - m[0][1] * m[1][0]) / (grid.cell_arcsec * grid.cell_arcsec);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const std::ptrdiff_t at = y * image.stride() + x;
      const std::int32_t bits = image.mask ? image.mask[at] : 0;
      if (bits & image.no_data_mask) continue;
      const float value = image.pixels[at], variance = image.variance ? image.variance[at] : 1.0f;
      const bool finite = is_finite_number(value) && is_finite_number(variance);
      const bool masked = (bits & image.bad_mask) != 0 || (finite && variance <= 0);
      Corners pixel;
      double low[2] = {1e300, 1e300}, high[2] = {-1e300, -1e300};
      for (const auto& [a, b] : {std::pair{-0.5, -0.5}, {0.5, -0.5}, {0.5, 0.5}, {-0.5, 0.5}}) {
        const double px = x + a - image.map.centre_x, py = y + b - image.map.centre_y;
        const double place[2] = {grid.side / 2.0 - (m[0][0] * px + m[0][1] * py) / grid.cell_arcsec,
                                 grid.side / 2.0 + (m[1][0] * px + m[1][1] * py) / grid.cell_arcsec};
        pixel.emplace_back(place[0], place[1]);
        for (int axis : {0, 1}) {
          low[axis] = std::min(low[axis], place[axis]);
          high[axis] = std::max(high[axis], place[axis]);
        }
      }
      if (low[0] > grid.side || low[1] > grid.side || high[0] < 0 || high[1] < 0) continue;
      const auto first = [&](int axis) { return static_cast<int>(std::max(std::floor(low[axis]), 0.0)); };
      const auto last = [&](int axis) { return static_cast<int>(std::min(std::ceil(high[axis]), 1.0 * grid.side)); };
      for (int column = first(0); column < last(0); ++column) {
        const Corners strip = cut(cut(pixel, -1, 0, -column), 1, 0, column + 1);
        for (int line = first(1); line < last(1); ++line) {
          const double part = area_of(cut(cut(strip, 0, -1, -line), 0, 1, line + 1));
          const std::size_t k = static_cast<std::size_t>(line * grid.side + column);
          result.cells[k].seen += part;
          if (!finite && !masked && part > 1e-6 * std::min(area, 1.0)) result.nonfinite = true;
          if (!finite || masked) continue;
          result.cells[k].valid += part;
          result.cells[k].flux += part / area * static_cast<double>(value);
          result.magnitude[k] += part / area * std::fabs(static_cast<double>(value));
        }
      }
    }
  return result;
}

}  // namespace clustermass::support
