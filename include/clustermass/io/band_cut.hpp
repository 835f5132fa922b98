// SPDX-License-Identifier: BSD-3-Clause
// One band of a cutout: the field around a position cut from the band's frames, on the pixel grid of the nearest one.
// Bands are put together in mosaic.hpp. Part of clustermass::fits.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/io/pixel_link.hpp"
#include "clustermass/io/sdss_frame.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// How much is cut, and from what on grids count as the same.
struct CutOptions {
  double field_mpc = 2;           ///< side of the square field, which may lie at any angle
  int margin_pixels = 4;          ///< beyond the circle around the square
  int max_side_pixels = 8192;     ///< a cutout is never larger, however small the redshift
  double same_grid_pixel = 1e-3;  ///< frames whose shift is an integer to this are copied, others interpolated
  double same_strip_pixel =
      0.3;  ///< the same for frames of one run and camera column: they were cut from one strip, so
            ///< their shift is an integer, and what differs is the error of two astrometric fits
};

/// One band of a cutout, and which part of its filled pixels was interpolated.
struct BandCut {
  CutoutBuffer::Plane plane;
  double resampled_fraction = 0;
};

namespace detail {
/// The plane being filled; origin is the pixel of the reference frame at its first pixel.
struct Canvas {
  CutoutBuffer::Plane& plane;
  int x0, y0;

  /// Takes a value unless a good one is there: frames come nearest first, and the first good pixel stays.
  bool put(int x, int y, float value, float variance, std::int32_t mask) {
    const std::size_t k =
        static_cast<std::size_t>(y - y0) * static_cast<std::size_t>(plane.width) + static_cast<std::size_t>(x - x0);
    if (!finite_bits(value) || !finite_bits(variance)) mask |= mask_bit::bad_column;
    const bool better = (plane.mask[k] & mask_bit::no_data) != 0 || (plane.mask[k] != 0 && mask == 0);
    if (!better) return false;
    const bool usable = finite_bits(value) && finite_bits(variance);
    plane.pixels[k] = usable ? value : 0.0f;
    plane.variance[k] = usable ? variance : 0.0f;
    plane.mask[k] = mask;
    return true;
  }
};

inline std::int32_t mask_at(const SdssFrame& frame, int row, int column) {
  return frame.mask.empty() ? 0 : frame.mask[frame.index(row, column)];
}

/// Copies a frame that lies dx, dy pixels off the canvas's grid.
inline std::size_t paste(Canvas canvas, const SdssFrame& frame, PixelBox box, int dx, int dy) {
  const SdssCcd ccd = sdss_ccd(frame.run, frame.camcol, frame.band);
  std::size_t count = 0;
  box = box & PixelBox{-dx, -dy, frame.width - dx, frame.height - dy};
  for (int y = box.y0; y < box.y1; ++y)
    for (int x = box.x0; x < box.x1; ++x)
      count += canvas.put(x, y, frame.image[frame.index(y + dy, x + dx)], variance_at(frame, ccd, y + dy, x + dx),
                          mask_at(frame, y + dy, x + dx));
  return count;
}

/// Interpolates a frame bilinearly at the canvas's pixels; flux per pixel follows the pixel's area, the variance is
/// that of independent pixels (what the interpolation correlates is not kept), masks of the pixels used are joined.
inline std::size_t paste_interpolated(Canvas canvas, const SdssFrame& frame, PixelBox box, const PixelLink& link) {
  const SdssCcd ccd = sdss_ccd(frame.run, frame.camcol, frame.band);
  std::size_t count = 0;
  for (int y = box.y0; y < box.y1; ++y)
    for (int x = box.x0; x < box.x1; ++x) {
      const auto p = link({static_cast<double>(x), static_cast<double>(y)});
      if (!p || !(p->x >= 0 && p->y >= 0 && p->x <= frame.width - 1 && p->y <= frame.height - 1)) continue;
      const int column = static_cast<int>(p->x), row = static_cast<int>(p->y);
      const double fx = p->x - column, fy = p->y - row;
      const double area = link.area({static_cast<double>(x), static_cast<double>(y)});
      double value = 0, variance = 0;
      std::int32_t mask = 0;
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j) {
          const double weight = (i == 0 ? 1 - fy : fy) * (j == 0 ? 1 - fx : fx) * area;
          if (weight == 0) continue;
          value += weight * frame.image[frame.index(row + i, column + j)];
          variance += weight * weight * variance_at(frame, ccd, row + i, column + j);
          mask |= mask_at(frame, row + i, column + j);
        }
      count += canvas.put(x, y, static_cast<float>(value), static_cast<float>(variance), mask);
    }
  return count;
}

/// Half the diagonal of a frame. [arcsec]
inline double half_diagonal_arcsec(const SdssFrame& frame) {
  return std::hypot(frame.width, frame.height) / 2 * 3600 * std::sqrt(std::abs(frame.wcs.determinant()));
}

/// Radius of the circle around the field. [arcsec] A cutout without a redshift gets no answer, only its pixels; they
/// are cut as if it stood at z = 0.3.
inline double field_radius_arcsec(double redshift, const CutOptions& options) {
  const double z = redshift > 0 && redshift < 10 ? redshift : 0.3;
  return std::sqrt(2.0) / 2 * arcsec_of_mpc(options.field_mpc, z);
}
}  // namespace detail

/// One band: the field around a position, cut from one or several frames of that band. Thread-safe; the frames are
/// read.
///
/// The grid is that of the frame whose centre is nearest. The box holds the circle around the field as far as frames
/// reach; pixels that no frame covers have mask_bit::no_data, pixels that are NaN mask_bit::bad_column; both are 0 with
/// variance 0. Where frames overlap the nearest one with a good pixel wins: neighbours of a run hold the very same
/// photons there, so a mean would promise less noise than there is. Throws InputError if no frame covers the field.
inline BandCut cut_band(std::span<const SdssFrame* const> frames, SkyPosition position, double redshift,
                        const CutOptions& options = {}) {
  if (frames.empty()) detail::raise<InputError>("a band is cut from at least one frame, none was given");
  std::vector<const SdssFrame*> order(frames.begin(), frames.end());
  std::stable_sort(order.begin(), order.end(), [&](const SdssFrame* a, const SdssFrame* b) {
    return separation_arcsec(a->centre(), position) < separation_arcsec(b->centre(), position);
  });
  const SdssFrame& nearest = *order.front();
  const std::optional<AffineMap> map = nearest.wcs.local_map(position);
  const double radius = detail::field_radius_arcsec(redshift, options);
  detail::PixelBox box;
  if (map) {
    // half extents of the ellipse that the circle makes on the grid: radius times the rows of the inverse matrix
    const auto& m = map->arcsec_per_pixel;
    const double scale = radius / std::abs(m[0][0] * m[1][1] - m[0][1] * m[1][0]);
    const double limit = options.max_side_pixels / 2.0 - 1;
    const double dx = std::min(scale * std::hypot(m[1][1], m[0][1]) + options.margin_pixels, limit);
    const double dy = std::min(scale * std::hypot(m[1][0], m[0][0]) + options.margin_pixels, limit);
    const double x = map->centre_x, y = map->centre_y;
    const detail::PixelBox wanted =
        detail::box_around({{{x - dx, y - dy}, {x + dx, y - dy}, {x - dx, y + dy}, {x + dx, y + dy}}});
    detail::PixelBox covered = wanted & detail::footprint(nearest, nearest.wcs);
    for (const SdssFrame* frame : order) {
      const detail::PixelBox part = wanted & detail::footprint(*frame, nearest.wcs);
      if (!part.empty()) covered = covered.empty() ? part : covered | part;
    }
    box = covered;
  }
  if (box.empty())
    detail::raise<InputError>("no frame of band " + std::string(1, detail::band_letter(nearest.band)) +
                              " covers any part of the field");

  BandCut cut;
  CutoutBuffer::Plane& plane = cut.plane;
  plane.width = box.x1 - box.x0;
  plane.height = box.y1 - box.y0;
  plane.map = *map;
  plane.map.centre_x -= box.x0;
  plane.map.centre_y -= box.y0;
  const std::size_t size = static_cast<std::size_t>(plane.width) * static_cast<std::size_t>(plane.height);
  plane.pixels.assign(size, 0.0f);
  plane.variance.assign(size, 0.0f);
  plane.mask.assign(size, mask_bit::no_data);

  const detail::Canvas canvas{plane, box.x0, box.y0};
  std::size_t copied = 0, interpolated = 0;
  for (const SdssFrame* frame : order) {
    const detail::PixelBox part = box & detail::footprint(*frame, nearest.wcs);
    if (part.empty()) continue;
    const detail::PixelLink link(nearest.wcs, frame->wcs);
    const bool same_strip = frame->run == nearest.run && frame->camcol == nearest.camcol;
    const double tolerance = same_strip ? options.same_strip_pixel : options.same_grid_pixel;
    double shift_x = 0, shift_y = 0, worst = 0;
    const std::array<PixelPosition, 5> samples{{{(part.x0 + part.x1) / 2.0, (part.y0 + part.y1) / 2.0},
                                                {static_cast<double>(part.x0), static_cast<double>(part.y0)},
                                                {static_cast<double>(part.x1), static_cast<double>(part.y0)},
                                                {static_cast<double>(part.x0), static_cast<double>(part.y1)},
                                                {static_cast<double>(part.x1), static_cast<double>(part.y1)}}};
    for (std::size_t k = 0; k < samples.size(); ++k) {
      const auto image = link(samples[k]);
      const double dx = image ? image->x - samples[k].x : 1e9, dy = image ? image->y - samples[k].y : 1e9;
      if (k == 0) {
        shift_x = std::round(dx);
        shift_y = std::round(dy);
      }
      worst = std::max({worst, std::abs(dx - shift_x), std::abs(dy - shift_y)});
    }
    if (worst <= tolerance)
      copied += detail::paste(canvas, *frame, part, static_cast<int>(shift_x), static_cast<int>(shift_y));
    else
      interpolated += detail::paste_interpolated(canvas, *frame, part, link);
  }
  if (interpolated > 0)
    cut.resampled_fraction = static_cast<double>(interpolated) / static_cast<double>(copied + interpolated);
  return cut;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
