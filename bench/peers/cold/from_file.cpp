// SPDX-License-Identifier: BSD-3-Clause
// One estimate by the network of a weight file, probe included.
#include <clustermass/clustermass.hpp>

#include "estimate_cutout.hpp"
#include "maps.hpp"

static float pixels[128 * 128];

int main(int, char** argv) {
  const auto estimator = clustermass::Estimator::from_file(argv[1]);
  return finish(static_cast<float>(estimator.estimate_mass(blank_cutout(pixels)).log10_m500c));
}
