// SPDX-License-Identifier: BSD-3-Clause
// Five flat images with a blob in the middle, estimated with the embedded network.
#include <clustermass/pretrained.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

int main() {
  constexpr int side = 128;
  std::vector<float> pixels(side * side);
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < side; ++j)
      pixels[static_cast<std::size_t>(i * side + j)] =
          static_cast<float>(std::exp(-((i - 64.0) * (i - 64) + (j - 64.0) * (j - 64)) / 200));
  clustermass::Cutout cutout;
  for (auto& band : cutout.bands) {
    band.pixels = pixels.data();
    band.height = band.width = side;
    band.map = {{{{-3, 0}, {0, 3}}}, 63.5, 63.5};
  }
  cutout.redshift = 0.3;
  const clustermass::MassEstimate mass = clustermass::estimate_mass(cutout);
  std::printf("%.6f\n", mass.log10_m500c);
  return mass.has_result() && mass.log10_m500c > 12 && mass.log10_m500c < 17 ? 0 : 1;
}
