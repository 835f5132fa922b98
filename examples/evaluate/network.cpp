// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

#include <vector>

#include "../common/program.hpp"
#include "clustermass/estimator.hpp"
#include "clustermass/io/sha256.hpp"
#ifdef CLUSTERMASS_EMBEDDED_NETWORK
#include "clustermass/pretrained.hpp"
#endif

using namespace clustermass;

struct Network::Parts {
  Estimator estimator;
  std::vector<Workspace> workspaces;
};

Network::Network(const std::string& weights, int members) {
#ifdef CLUSTERMASS_EMBEDDED_NETWORK
  const std::string path = tool::find_weights(weights, true);
#else
  const std::string path = tool::find_weights(weights, false);
#endif
  std::vector<std::byte> bytes;
#ifdef CLUSTERMASS_EMBEDDED_NETWORK
  if (path.empty()) bytes.assign(pretrained_weights().begin(), pretrained_weights().end());
#endif
  if (!path.empty()) bytes = read_file(path);
  const std::string origin = path.empty() ? "the embedded network" : path;
  // Nothing that is scored needs the response to the redshift, which costs two walks more.
  parts_.reset(new Parts{Estimator(read_network(bytes, origin), origin, {.redshift_response = false}), {}});
  for (int member = 0; member < members; ++member) parts_->workspaces.push_back(parts_->estimator.workspace());
  const auto text = [&](const char* key) {
    const std::string* value = parts_->estimator.network().find_metadata(key);
    return value ? *value : std::string();
  };
  model_id = text("model_id");
  training_set = text("training_set");
  sha256 = sha256_hex(bytes);
}
Network::Network(Network&&) noexcept = default;
Network::~Network() = default;

MassEstimate Network::estimate(const Cutout& cutout, int member) const {
  return parts_->estimator.estimate_mass(cutout, parts_->workspaces[static_cast<std::size_t>(member)]);
}
