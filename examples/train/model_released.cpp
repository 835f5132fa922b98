// SPDX-License-Identifier: BSD-3-Clause
#include "model_of.hpp"

std::unique_ptr<Model> make_released_model(int heads, clustermass::Team& team, std::uint64_t seed) {
  return make_model_of<clustermass::Released>(heads, team, seed);
}
