// SPDX-License-Identifier: BSD-3-Clause
#include <clustermass/pretrained.hpp>

#include <cstdio>
#include <vector>

int main() {
  // Your images: u g r i z, calibrated and sky-subtracted, in nanomaggies. Here: blank sky in pixels of 0.396 arcsec.
  const int side = 1000;
  const std::vector<float> pixels(side * side, 0.0f);

  clustermass::Cutout cutout;
  cutout.redshift = 0.40;
  for (clustermass::BandImage& band : cutout.bands) {
    band.pixels = pixels.data();  // a view: nothing is copied; mask, variance and row stride are optional
    band.height = band.width = side;
    band.map.arcsec_per_pixel = {{{-0.396, 0}, {0, 0.396}}};  // north up, east left
    band.map.centre_x = band.map.centre_y = side / 2;         // pixel of the cluster's centre
  }

  const clustermass::MassEstimate mass = clustermass::estimate_mass(cutout);
  std::printf("log10(M500c/Msun) = %.2f +- %.2f, flags %u\n", mass.log10_m500c, mass.log10_m500c_error, mass.flags);
}
