// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

#include <vector>

#include "../common/weights.hpp"
#include "clustermass/estimator.hpp"
#include "clustermass/io/sha256.hpp"

using namespace clustermass;

struct Network::Parts {
  Estimator estimator;
  std::vector<Workspace> workspaces;
};

Network::Network(const std::string& weights, int members) {
  const tool::WeightBytes source = tool::open_weights(weights);
  // the probe of the embedded network is a test of the library, not a start-up cost
  parts_.reset(new Parts{
      Estimator(read_network(source.bytes, source.origin), source.origin, {.replay_probe = !source.file.empty()}), {}});
  for (int member = 0; member < members; ++member) parts_->workspaces.push_back(parts_->estimator.workspace());

  const auto text = [&](const char* key) {
    const std::string* value = parts_->estimator.network().find_metadata(key);
    return value ? *value : std::string();
  };
  info_ = {text("model_id"),
           text("training_set"),
           text("mass_definition"),
           text("prior"),
           text("h"),
           text("om0"),
           sha256_hex(source.bytes),
           metadata_range(text("z_range"), "z_range"),
           metadata_range(text("logm_range"), "logm_range")};
}

Network::~Network() = default;

MassEstimate Network::estimate(const Cutout& cutout, int member) const {
  return parts_->estimator.estimate_mass(cutout, parts_->workspaces[static_cast<std::size_t>(member)]);
}
