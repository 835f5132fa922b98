// SPDX-License-Identifier: BSD-3-Clause
// Area resampling of one band image onto a square grid, with flux conserved: each pixel's flux is shared among the
// cells its parallelogram overlaps, in proportion to the exact area of overlap. Knows no band and no network.
#pragma once

#include <algorithm>
#include <cmath>

#include "clustermass/cutout.hpp"
#include "clustermass/model/grid.hpp"
#include "clustermass/model/resample_aligned.hpp"
#include "clustermass/model/resample_turned.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Whether the map's matrix can be inverted with a sensible pixel size.
inline bool is_invertible(const AffineMap& map) {
  const auto& m = map.arcsec_per_pixel;
  const double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
  const double largest = std::max({std::fabs(m[0][0]), std::fabs(m[0][1]), std::fabs(m[1][0]), std::fabs(m[1][1])});
  return is_finite_number(determinant) && is_finite_number(map.centre_x) && is_finite_number(map.centre_y) &&
         largest > 1e-6 && largest < 1e6 && std::fabs(determinant) > 1e-6 * largest * largest;
}

/// Adds the image's flux and areas to the grid's cells [side, side]. A cell's flux is exact to 1e-6 of its own pixels'
/// |flux| and 1e-11 of the image's brightest pixel. Returns whether a pixel inside the field was not finite and not
/// masked. The map must be invertible.
inline bool resample(const BandImage& image, const Grid& grid, Cell* cells) {
  const detail::PixelToCell map(image.map, grid);
  const bool straight = detail::is_aligned(map, image, false), turned = detail::is_aligned(map, image, true);
  constexpr int columns = std::min(detail::ColumnSums::capacity, detail::RowSums::capacity);
  bool found_nonfinite = false;
  for (int from = 0; from < image.width; from += columns) {
    const int to = std::min(image.width - from, columns) + from;
    if (!straight && !turned) found_nonfinite |= detail::resample_turned(image, map, from, to, cells);
    if (!straight && !turned) continue;
    for (int cell = 0; cell < grid.side; cell += detail::most_cells)
      found_nonfinite |= detail::resample_aligned(image, map, turned, from, to, cell,
                                                  std::min(grid.side - cell, detail::most_cells), cells);
  }
  if (!image.mask && !image.variance && !found_nonfinite) return false;
  for (int k = 0; k < grid.side * grid.side; ++k) {  // what is left of an area after all of it was taken away
    constexpr double rounding = 1e-9;
    if (cells[k].seen < rounding) cells[k].seen = 0;
    if (cells[k].valid < rounding) cells[k].valid = 0;
  }
  return found_nonfinite;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
