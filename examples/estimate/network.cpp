// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

#include <vector>

#include "../common/device.hpp"
#include "../common/weights.hpp"
#include "backend.hpp"
#include "clustermass/io/sha256.hpp"

using namespace clustermass;

#ifndef CLUSTERMASS_CUDA
std::unique_ptr<Backend> open_cuda(TrainedNetwork<>, const std::string&, bool, const EstimateOptions& options, int) {
  tool::refuse_cuda("--device " + options.device);
}
#endif

Network::Network(const EstimateOptions& options, int members) {
  const tool::WeightBytes source = tool::open_weights(options.weights);
  // the probe of the embedded network is a test of the library, not a start-up cost
  const bool replay_probe = !source.file.empty();
  TrainedNetwork<> network = read_network(source.bytes, source.origin);
  const auto text = [&](const char* key) {
    const std::string* value = network.find_metadata(key);
    return value ? *value : std::string();
  };
  info_ = {text("model_id"),
           text("training_set"),
           text("mass_definition"),
           text("prior"),
           text("h"),
           text("om0"),
           sha256_hex(source.bytes),
           metadata_range(text("z_range"), {"z_range"}),
           metadata_range(text("logm_range"), {"logm_range"})};
  if (options.device == "cpu")
    backend_ = std::make_unique<BackendOn<Estimator>>(
        Estimator(std::move(network), source.origin, {.replay_probe = replay_probe}), members);
  else
    backend_ = open_cuda(std::move(network), source.origin, replay_probe, options, members);
}

Network::~Network() = default;

MassEstimate Network::estimate(const Cutout& cutout, int member) const { return backend_->estimate(cutout, member); }
