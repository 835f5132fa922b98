// SPDX-License-Identifier: BSD-3-Clause
// The explainer on a CUDA device. Compiled where clustermass::cuda is built.
#include "../common/device.hpp"
#include "clustermass/gpu/explainer.hpp"
#include "cutout_explainer.hpp"

using namespace clustermass;

std::unique_ptr<CutoutExplainer> open_cuda(TrainedNetwork<> network, const std::string& origin, bool replay_probe,
                                           const std::string& device, const ExplainOptions& options) {
  CudaOptions cuda;
  cuda.device = tool::device_number(device);
  cuda.batch = 3;  // one cutout: itself and two shifted redshifts
  return std::make_unique<CutoutExplainerOn<Cuda>>(
      CudaEstimator(std::move(network), origin, {.replay_probe = replay_probe}, Cuda(cuda)), options);
}
