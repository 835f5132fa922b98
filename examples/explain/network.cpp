// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

#include "../common/weights.hpp"
#include "clustermass/io/sha256.hpp"

using namespace clustermass;

Network open_network(const std::string& weights) {
  const tool::WeightBytes source = tool::open_weights(weights);
  const EstimatorOptions options{.replay_probe = !source.file.empty(), .redshift_response = false};
  return {Estimator(read_network(source.bytes, source.origin), source.origin, options), sha256_hex(source.bytes)};
}
