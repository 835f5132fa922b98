// SPDX-License-Identifier: BSD-3-Clause
// Compiled once for each set of -m flags, as part NAME of one program: code of the library under this file's own tag,
// and the free function and plain data that all parts share.
#include <clustermass/clustermass.hpp>
#include <clustermass/core/random.hpp>
#include <clustermass/pretrained.hpp>

clustermass::MassEstimate NAME(const clustermass::Cutout& cutout, double& draw);
clustermass::MassEstimate NAME(const clustermass::Cutout& cutout, double& draw) {
  clustermass::Random random(7);
  draw = random.normal();
  return clustermass::estimate_mass(cutout);
}
