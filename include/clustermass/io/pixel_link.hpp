// SPDX-License-Identifier: BSD-3-Clause
// Where the pixels of one image fall on another, and rectangles of pixels. Geometry only: no pixel value is touched.
// Part of clustermass::fits.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>

#include "clustermass/io/sdss_frame.hpp"
#include "clustermass/io/wcs.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

namespace detail {
/// Pixels of one gnomonic image to pixels of another: exactly a projective map, no trigonometry at a pixel.
struct PixelLink {
  std::array<std::array<double, 3>, 3> h{};  // (X, Y, W) = h (x, y, 1)

  PixelLink(const Wcs& from, const Wcs& to) {
    const SkyFrame a(from.reference), b(to.reference);
    constexpr double radian = std::numbers::pi / 180;
    const double det = to.determinant() * radian;
    for (std::size_t k = 0; k < 3; ++k) {  // direction = v0 + x vx + y vy, component k
      const double vx = radian * (from.cd[0][0] * a.e[k] + from.cd[1][0] * a.n[k]);
      const double vy = radian * (from.cd[0][1] * a.e[k] + from.cd[1][1] * a.n[k]);
      const double v0 = a.r[k] - from.reference_pixel.x * vx - from.reference_pixel.y * vy;
      const double to_x = (to.cd[1][1] * b.e[k] - to.cd[0][1] * b.n[k]) / det + to.reference_pixel.x * b.r[k];
      const double to_y = (to.cd[0][0] * b.n[k] - to.cd[1][0] * b.e[k]) / det + to.reference_pixel.y * b.r[k];
      const std::array<double, 3> column{vx, vy, v0}, row{to_x, to_y, b.r[k]};
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j) h[i][j] += row[i] * column[j];
    }
  }

  /// Position on the other image; nothing if it lies behind the other image's sky.
  std::optional<PixelPosition> operator()(PixelPosition p) const {
    const double w = h[2][0] * p.x + h[2][1] * p.y + h[2][2];
    if (!(w > 1e-6)) return std::nullopt;
    return PixelPosition{(h[0][0] * p.x + h[0][1] * p.y + h[0][2]) / w, (h[1][0] * p.x + h[1][1] * p.y + h[1][2]) / w};
  }

  /// Area of a pixel of the first image, in pixels of the other.
  double area(PixelPosition p) const {
    const double w = h[2][0] * p.x + h[2][1] * p.y + h[2][2];
    const double determinant = h[0][0] * (h[1][1] * h[2][2] - h[1][2] * h[2][1]) -
                               h[0][1] * (h[1][0] * h[2][2] - h[1][2] * h[2][0]) +
                               h[0][2] * (h[1][0] * h[2][1] - h[1][1] * h[2][0]);
    return std::abs(determinant / (w * w * w));
  }
};

/// Columns and rows of a rectangle of pixels, the ends not included.
struct PixelBox {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;

  bool empty() const { return x0 >= x1 || y0 >= y1; }
  PixelBox operator&(const PixelBox& o) const {
    return {std::max(x0, o.x0), std::max(y0, o.y0), std::min(x1, o.x1), std::min(y1, o.y1)};
  }
  PixelBox operator|(const PixelBox& o) const {
    return {std::min(x0, o.x0), std::min(y0, o.y0), std::max(x1, o.x1), std::max(y1, o.y1)};
  }
};

/// The smallest box of whole pixels around four corners, rounding errors forgiven, within +-2^24 so that it stays an
/// int.
inline PixelBox box_around(const std::array<PixelPosition, 4>& corners) {
  constexpr double limit = 1 << 24, tiny = 1e-3;
  const auto round = [&](double v) { return static_cast<int>(std::clamp(v, -limit, limit)); };
  PixelPosition low = corners[0], high = corners[0];
  for (const PixelPosition& c : corners) {
    low = {std::min(low.x, c.x), std::min(low.y, c.y)};
    high = {std::max(high.x, c.x), std::max(high.y, c.y)};
  }
  return {round(std::floor(low.x + tiny)), round(std::floor(low.y + tiny)), round(std::ceil(high.x - tiny) + 1),
          round(std::ceil(high.y - tiny) + 1)};
}

/// Footprint of a frame on another image's grid; empty if it lies on the other side of the sky.
inline PixelBox footprint(const SdssFrame& frame, const Wcs& grid) {
  const PixelLink link(frame.wcs, grid);
  const double right = frame.width - 1, top = frame.height - 1;
  std::array<PixelPosition, 4> corners{{{0, 0}, {right, 0}, {0, top}, {right, top}}};
  for (PixelPosition& corner : corners) {
    const auto image = link(corner);
    if (!image) return {};
    corner = *image;
  }
  return box_around(corners);
}
}  // namespace detail

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
