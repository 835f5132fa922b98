// SPDX-License-Identifier: BSD-3-Clause
// How an image's pixels lie on a grid of square cells, and which cells one pixel overlaps by how much, exactly.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "clustermass/cutout.hpp"
#include "clustermass/model/grid.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

namespace detail {

/// The place (column, line) on the grid of a place (u, t) in the image, in units of cells and pixels; u and t count
/// from the outer corner of the first pixel, so that pixel (x, y) is [x, x + 1] x [y, y + 1].
///
///   column = xu u + xt t + x0,   line = yu u + yt t + y0
struct PixelToCell {
  double xu, xt, x0, yu, yt, y0;
  int side;

  PixelToCell(const AffineMap& map, const Grid& grid) : side(grid.side) {
    const auto& m = map.arcsec_per_pixel;
    xu = -m[0][0] / grid.cell_arcsec, xt = -m[0][1] / grid.cell_arcsec;
    yu = m[1][0] / grid.cell_arcsec, yt = m[1][1] / grid.cell_arcsec;
    x0 = grid.side / 2.0 - xu * (map.centre_x + 0.5) - xt * (map.centre_y + 0.5);
    y0 = grid.side / 2.0 - yu * (map.centre_x + 0.5) - yt * (map.centre_y + 0.5);
  }
  double pixel_area() const { return std::fabs(xu * yt - xt * yu); }  ///< [cells]
};

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
[[gnu::noinline]] inline Polygon clip(const Polygon& in, int axis, double bound, double sign) {
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

/// Calls give(column, line, fraction) for every cell of the grid that the image's rectangle [u0, u1] x [t0, t1]
/// touches; fraction is the share of the rectangle's area.
template <class Give>
void share_rectangle(const PixelToCell& map, double u0, double u1, double t0, double t1, Give&& give) {
  constexpr double tolerance = 1e-6;  // of a cell: an overlap thinner than this is rounding
  const double u = (u0 + u1) / 2, t = (t0 + t1) / 2, width = u1 - u0, height = t1 - t0;
  const double cx = map.xu * u + map.xt * t + map.x0, cy = map.yu * u + map.yt * t + map.y0;
  const double xa = std::fabs(map.xu) * width, xb = std::fabs(map.xt) * height;
  const double ya = std::fabs(map.yu) * width, yb = std::fabs(map.yt) * height;
  const auto cell_of = [&](double at) { return static_cast<int>(std::floor(std::clamp(at, -1.0, map.side + 1.0))); };
  const int x0 = cell_of(cx - (xa + xb) / 2 + tolerance), x1 = cell_of(cx + (xa + xb) / 2 - tolerance);
  const int y0 = cell_of(cy - (ya + yb) / 2 + tolerance), y1 = cell_of(cy + (ya + yb) / 2 - tolerance);
  const int from_x = std::max(x0, 0), to_x = std::min(std::max(x0, x1), map.side - 1);
  const int from_y = std::max(y0, 0), to_y = std::min(std::max(y0, y1), map.side - 1);
  if (from_x > to_x || from_y > to_y) return;
  if (x0 >= x1 && y0 >= y1) {
    give(x0, y0, 1.0);
  } else if (y0 >= y1) {
    double below = trapezoid_fraction(from_x - cx, std::max(xa, xb), std::min(xa, xb));
    for (int column = from_x; column <= to_x; ++column) {
      const double upto = trapezoid_fraction(column + 1 - cx, std::max(xa, xb), std::min(xa, xb));
      give(column, y0, upto - below);
      below = upto;
    }
  } else if (x0 >= x1) {
    double below = trapezoid_fraction(from_y - cy, std::max(ya, yb), std::min(ya, yb));
    for (int line = from_y; line <= to_y; ++line) {
      const double upto = trapezoid_fraction(line + 1 - cy, std::max(ya, yb), std::min(ya, yb));
      give(x0, line, upto - below);
      below = upto;
    }
  } else {
    Polygon all;
    for (const auto& [a, b] :
         {std::array{-0.5, -0.5}, std::array{0.5, -0.5}, std::array{0.5, 0.5}, std::array{-0.5, 0.5}}) {
      const double du = a * width, dt = b * height;
      all.add(cx + map.xu * du + map.xt * dt, cy + map.yu * du + map.yt * dt);
    }
    const double area = map.pixel_area() * width * height;
    for (int column = from_x; column <= to_x; ++column) {
      const Polygon strip = clip(clip(all, 0, column, 1), 0, column + 1, -1);
      for (int line = from_y; line <= to_y; ++line)
        give(column, line, clip(clip(strip, 1, line, 1), 1, line + 1, -1).area() / area);
    }
  }
}

}  // namespace detail
}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
