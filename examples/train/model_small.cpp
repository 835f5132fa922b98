// SPDX-License-Identifier: BSD-3-Clause
#include "model_of.hpp"

std::unique_ptr<Model> make_small_model(int heads, clustermass::Team& team, std::uint64_t seed) {
  return make_model_of<clustermass::Architecture<16, 16, 16, 32, 32>>(heads, team, seed);
}
