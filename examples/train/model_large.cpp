// SPDX-License-Identifier: BSD-3-Clause
#include "model_of.hpp"

std::unique_ptr<Model> make_large_model(int heads, clustermass::Team& team, std::uint64_t seed) {
  return make_model_of<clustermass::Architecture<16, 32, 64, 128, 64>>(heads, team, seed);
}
