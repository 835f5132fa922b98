// SPDX-License-Identifier: BSD-3-Clause
// A blank cutout on the very grid of the field at z = 0.3: as with the rivals, the pixels need no work.
#pragma once

#include <clustermass/core/cosmology.hpp>
#include <clustermass/cutout.hpp>

inline clustermass::Cutout blank_cutout(const float* pixels) {
  clustermass::Cutout cutout;
  cutout.redshift = 0.3;
  const double scale = clustermass::arcsec_of_mpc(2, cutout.redshift) / 128;
  for (clustermass::BandImage& band : cutout.bands) {
    band.pixels = pixels;
    band.height = band.width = 128;
    band.map.arcsec_per_pixel = {{{-scale, 0}, {0, scale}}};
    band.map.centre_x = band.map.centre_y = 63.5;
  }
  return cutout;
}
