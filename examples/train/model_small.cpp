// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/model/architectures.hpp"
#include "model_of.hpp"

std::unique_ptr<Model> make_small_model(int heads, clustermass::Team& team, std::uint64_t seed) {
  return make_model_of<clustermass::SmallArchitecture>(heads, team, seed);
}
