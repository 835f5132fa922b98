// SPDX-License-Identifier: BSD-3-Clause
#include "model.hpp"

#include "../common/device.hpp"

#ifndef CLUSTERMASS_CUDA
std::unique_ptr<Model> make_cuda_model(const Settings& settings, clustermass::Team&) {
  tool::refuse_cuda("device = " + settings.device);
}
#endif

std::unique_ptr<Model> make_model(const Settings& settings, clustermass::Team& team) {
  std::unique_ptr<Model> model = settings.device == "cuda"  ? make_cuda_model(settings, team)
                                 : settings.arch == "small" ? make_small_model(settings.heads, team, settings.seed)
                                 : settings.arch == "large" ? make_large_model(settings.heads, team, settings.seed)
                                                            : make_released_model(settings.heads, team, settings.seed);
  model->initialise(settings.seed, false);
  return model;
}
