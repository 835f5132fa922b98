// SPDX-License-Identifier: BSD-3-Clause
// Area resampling of one band image onto a square grid, with flux conserved: each pixel's flux is shared among the
// cells its parallelogram overlaps, in proportion to the exact area of overlap. Knows no band and no network.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "clustermass/cutout.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// What one cell of the grid received.
struct Cell {
  double flux = 0;   ///< of valid pixels [nanomaggies]
  double seen = 0;   ///< area covered by the image, masked or not [cells]
  double valid = 0;  ///< area covered by valid pixels [cells]
};

/// A square grid of side x side cells around the cluster's centre: north up, east left (columns rise to the west, rows
/// to the north).
struct Grid {
  int side = 0;
  double cell_arcsec = 0;
};

/// Whether a number is finite, by its bits: -ffast-math in the host program cannot remove the test.
inline bool is_finite_number(float value) {
  return (std::bit_cast<std::uint32_t>(value) & 0x7f800000u) != 0x7f800000u;
}

namespace detail {

/// Fraction below t of the sum of two uniform numbers of full widths a >= b >= 0, centred on zero: the share of a
/// parallelogram on one side of a line.
inline double trapezoid_fraction(double t, double a, double b) {
  const double sum = (a + b) / 2, difference = (a - b) / 2;
  if (t <= -sum) return 0;
  if (t >= sum) return 1;
  if (std::fabs(t) <= difference) return 0.5 + t / a;
  const double tail = (sum - std::fabs(t)) * (sum - std::fabs(t)) / (2 * a * b);
  return t < 0 ? tail : 1 - tail;
}

/// A convex polygon of few corners.
struct Polygon {
  std::array<double, 16> x{}, y{};
  int count = 0;
  void add(double px, double py) {
    x[static_cast<std::size_t>(count)] = px;
    y[static_cast<std::size_t>(count++)] = py;
  }
  double area() const {
    double twice = 0;
    for (int k = 0; k < count; ++k) {
      const std::size_t a = static_cast<std::size_t>(k), b = static_cast<std::size_t>((k + 1) % count);
      twice += x[a] * y[b] - x[b] * y[a];
    }
    return std::fabs(twice) / 2;
  }
};

/// The part with sign * (coordinate - bound) >= 0; axis 0 is x (Sutherland & Hodgman 1974).
inline Polygon clip(const Polygon& in, int axis, double bound, double sign) {
  Polygon out;
  for (int k = 0; k < in.count; ++k) {
    const std::size_t a = static_cast<std::size_t>(k), b = static_cast<std::size_t>((k + 1) % in.count);
    const double da = sign * ((axis == 0 ? in.x[a] : in.y[a]) - bound);
    const double db = sign * ((axis == 0 ? in.x[b] : in.y[b]) - bound);
    if (da >= 0) out.add(in.x[a], in.y[a]);
    if ((da < 0) != (db < 0)) {
      const double t = da / (da - db);
      out.add(in.x[a] + t * (in.x[b] - in.x[a]), in.y[a] + t * (in.y[b] - in.y[a]));
    }
  }
  return out;
}

}  // namespace detail

/// Whether the map's matrix can be inverted with a sensible pixel size.
inline bool is_invertible(const AffineMap& map) {
  const auto& m = map.arcsec_per_pixel;
  const double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
  const double largest = std::max({std::fabs(m[0][0]), std::fabs(m[0][1]), std::fabs(m[1][0]), std::fabs(m[1][1])});
  return std::isfinite(determinant) && std::isfinite(map.centre_x) && std::isfinite(map.centre_y) && largest > 1e-6 &&
         largest < 1e6 && std::fabs(determinant) > 1e-6 * largest * largest;
}

/// Adds the image's flux and areas to the grid's cells [side, side]. Returns whether a pixel inside the field was not
/// finite and not masked. The map must be invertible.
inline bool resample(const BandImage& image, const Grid& grid, Cell* cells) {
  constexpr double tolerance = 1e-6;  // of a cell: an overlap thinner than this is rounding
  const auto& m = image.map.arcsec_per_pixel;
  const double s = grid.cell_arcsec, half = grid.side / 2.0;
  const double gxx = -m[0][0] / s, gxy = -m[0][1] / s, gyx = m[1][0] / s, gyy = m[1][1] / s;  // cells per pixel
  const double reach_x = (std::fabs(gxx) + std::fabs(gxy)) / 2, reach_y = (std::fabs(gyx) + std::fabs(gyy)) / 2;
  const double pixel_area = std::fabs(gxx * gyy - gxy * gyx);
  const double wide_x = std::max(std::fabs(gxx), std::fabs(gxy)), thin_x = std::min(std::fabs(gxx), std::fabs(gxy));
  const double wide_y = std::max(std::fabs(gyx), std::fabs(gyy)), thin_y = std::min(std::fabs(gyx), std::fabs(gyy));
  bool found_nonfinite = false;

  for (int y = 0; y < image.height; ++y) {
    const double dy = y - image.map.centre_y;
    // Columns whose pixel can touch the field: both coordinates are linear in x.
    double low = 0, high = image.width - 1;
    for (const auto& [slope, start, reach] : {std::array{gxx, gxy * dy + half, reach_x},
                                              std::array{gyx, gyy * dy + half, reach_y}}) {
      const double from = -reach - start, to = grid.side + reach - start;
      if (std::fabs(slope) < 1e-12) {
        if (from > 0 || to < 0) high = -1;
        continue;
      }
      const double a = from / slope + image.map.centre_x, b = to / slope + image.map.centre_x;
      low = std::max(low, std::min(a, b));
      high = std::min(high, std::max(a, b));
    }
    if (!(low <= high)) continue;
    const int first = static_cast<int>(std::ceil(low)), last = static_cast<int>(std::floor(high));
    const std::ptrdiff_t row = y * image.stride();
    for (int x = first; x <= last; ++x) {
      const std::int32_t bits = image.mask ? image.mask[row + x] : 0;
      if (bits & image.no_data_mask) continue;
      const float value = image.pixels[row + x];
      const float variance = image.variance ? image.variance[row + x] : 1.0f;
      const bool finite = is_finite_number(value) && is_finite_number(variance);
      const bool masked = (bits & image.bad_mask) != 0 || (finite && !(variance > 0));
      const bool valid = finite && !masked;

      const double dx = x - image.map.centre_x;
      const double cx = gxx * dx + gxy * dy + half, cy = gyx * dx + gyy * dy + half;
      const int x0 = static_cast<int>(std::floor(cx - reach_x + tolerance));
      const int x1 = static_cast<int>(std::floor(cx + reach_x - tolerance));
      const int y0 = static_cast<int>(std::floor(cy - reach_y + tolerance));
      const int y1 = static_cast<int>(std::floor(cy + reach_y - tolerance));
      const auto give = [&](int column, int line, double fraction) {
        if (column < 0 || column >= grid.side || line < 0 || line >= grid.side) return;
        Cell& cell = cells[line * grid.side + column];
        cell.seen += fraction * pixel_area;
        if (!valid) {
          found_nonfinite |= !finite && !masked;
          return;
        }
        cell.flux += fraction * static_cast<double>(value);
        cell.valid += fraction * pixel_area;
      };
      if (x0 >= x1 && y0 >= y1) {
        give(x0, y0, 1);
      } else if (y0 >= y1) {
        const int from = std::max(x0, 0), to = std::min(x1, grid.side - 1);
        double below = detail::trapezoid_fraction(from - cx, wide_x, thin_x);
        for (int column = from; column <= to; ++column) {
          const double upto = detail::trapezoid_fraction(column + 1 - cx, wide_x, thin_x);
          give(column, y0, upto - below);
          below = upto;
        }
      } else if (x0 >= x1) {
        const int from = std::max(y0, 0), to = std::min(y1, grid.side - 1);
        double below = detail::trapezoid_fraction(from - cy, wide_y, thin_y);
        for (int line = from; line <= to; ++line) {
          const double upto = detail::trapezoid_fraction(line + 1 - cy, wide_y, thin_y);
          give(x0, line, upto - below);
          below = upto;
        }
      } else {
        detail::Polygon pixel;
        for (const auto& [a, b] : {std::array{-0.5, -0.5}, std::array{0.5, -0.5}, std::array{0.5, 0.5},
                                   std::array{-0.5, 0.5}})
          pixel.add(cx + gxx * a + gxy * b, cy + gyx * a + gyy * b);
        for (int column = std::max(x0, 0); column <= std::min(x1, grid.side - 1); ++column) {
          const detail::Polygon strip = detail::clip(detail::clip(pixel, 0, column, 1), 0, column + 1, -1);
          for (int line = std::max(y0, 0); line <= std::min(y1, grid.side - 1); ++line)
            give(column, line, detail::clip(detail::clip(strip, 1, line, 1), 1, line + 1, -1).area() / pixel_area);
        }
      }
    }
  }
  return found_nonfinite;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
