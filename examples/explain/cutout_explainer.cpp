// SPDX-License-Identifier: BSD-3-Clause
#include "cutout_explainer.hpp"

#include "../common/device.hpp"
#include "../common/weights.hpp"
#include "clustermass/io/sha256.hpp"
#include "instance.hpp"

using namespace clustermass;

#ifndef CLUSTERMASS_CUDA
std::unique_ptr<CutoutExplainer> open_cuda(TrainedNetwork<>, const std::string&, bool, const std::string& device,
                                           const ExplainOptions&) {
  tool::refuse_cuda("--device " + device);
}
#endif

std::unique_ptr<CutoutExplainer> open_explainer(const std::string& weights, const std::string& device,
                                                const ExplainOptions& options) {
  const tool::WeightBytes source = tool::open_weights(weights);
  const bool replay_probe = !source.file.empty();
  TrainedNetwork<> network = read_network(source.bytes, source.origin);
  std::unique_ptr<CutoutExplainer> explainer;
  if (device == "cpu")
    explainer = std::make_unique<CutoutExplainerOn<CpuEngine>>(
        Estimator(std::move(network), source.origin, {.replay_probe = replay_probe}), options);
  else
    explainer = open_cuda(std::move(network), source.origin, replay_probe, device, options);
  explainer->sha256 = sha256_hex(source.bytes);
  return explainer;
}
