// SPDX-License-Identifier: BSD-3-Clause
// Band naming on the detector's own pixels: 128 x 128 of them, 51 arcsec, instead of a field of 2 Mpc.
#pragma once

#include <cmath>

#include "clustermass/model/prepare.hpp"

/// What stands for the redshift of a patch, which has none.
inline constexpr double native_patch_redshift = 0.3;

/// Pixels that a patch needs about its place on every side.
inline constexpr double native_patch_margin = clustermass::field_side / 2 + 1;

/// The 128 x 128 pixels nearest the centre of each band as a cutout that goes through the front door: each pixel is a
/// cell of the field, and its noise is that of a cell at z = 0.3, where the stretch has its scale. Pixels beyond the
/// image are missing.
inline clustermass::CutoutBuffer native_patch(const clustermass::Cutout& whole) {
  using namespace clustermass;
  constexpr int side = field_side;
  CutoutBuffer patch;
  patch.redshift = native_patch_redshift;
  patch.ebv = whole.ebv;
  const double cell = field_width_arcsec(native_patch_redshift) / side;
  for (std::size_t b = 0; b < whole.bands.size(); ++b) {
    const BandImage& image = whole.bands[b];
    if (!image.present()) continue;
    CutoutBuffer::Plane& plane = patch.bands[b];
    plane.height = plane.width = side;
    plane.pixels.assign(std::size_t{side} * side, 0.0f);
    plane.mask.assign(plane.pixels.size(), mask_bit::no_data);
    plane.map = {{{{-cell, 0}, {0, cell}}}, (side - 1) / 2.0, (side - 1) / 2.0};
    const long left = std::lround(image.map.centre_x - plane.map.centre_x),
               low = std::lround(image.map.centre_y - plane.map.centre_y);
    for (int j = 0; j < side; ++j)
      for (int i = 0; i < side; ++i) {
        const long x = left + i, y = low + j;
        if (x < 0 || y < 0 || x >= image.width || y >= image.height) continue;
        const std::ptrdiff_t from = y * image.stride() + x;
        const std::size_t to = static_cast<std::size_t>(j * side + i);
        plane.pixels[to] = static_cast<float>(image.pixels[from] * stretch_pixels);
        plane.mask[to] = image.mask ? image.mask[from] : 0;
      }
  }
  return patch;
}
