// SPDX-License-Identifier: BSD-3-Clause
// A network with random weights, complete enough to be written, read and run: metadata, statistics, calibration and a
// probe answered by Reference<double>. It knows nothing of clusters.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "clustermass/cpu/reference.hpp"
#include "clustermass/io/weight_writer.hpp"
#include "clustermass/model/network_walk.hpp"
#include "clustermass/model/trained_network.hpp"
#include "clustermass/network_file.hpp"
#include "clustermass/nn/initialise.hpp"

namespace clustermass::support {

template <class Net>
void fill_at_random(Weights<Net>& weights, std::uint64_t seed, std::uint64_t stream) {
  initialise(weights, seed, stream);
  Random random(seed, 1000 + stream);
  // Biases and last layers too, so that nothing is left untried; a head's last layer as if it had been taught.
  weights.for_each_tensor("", [&](const std::string&, const Parameter& parameter, std::span<float> values) {
    if (parameter.initial == Initial::he) return;
    const double sigma = parameter.rank == 2 ? std::sqrt(2.0 / static_cast<double>(parameter.fan_in())) : 0.02;
    for (float& value : values) value = static_cast<float>(sigma * random.normal());
  });
}

inline TrainedNetwork<> random_network(std::uint64_t seed = 1, int heads = 2, int probe_side = 32) {
  TrainedNetwork<> network(heads, 3, probe_side);
  fill_at_random(network.features, seed, 0);
  fill_at_random(network.band, seed, 1);
  for (std::size_t k = 0; k < network.mass.size(); ++k) fill_at_random(network.mass[k], seed, 2 + k);
  Random random(seed, 2000);
  for (float& value : network.ood_mean.values) value = static_cast<float>(0.1 * random.normal());
  for (float& value : network.ood_whitening.values) value = static_cast<float>(0.005 * random.normal());
  for (float& value : network.probe_input.values) value = static_cast<float>(random.normal());
  network.calibration_scale.values[0] = 1.25f;
  network.calibration_q90.values[0] = 1.75f;
  network.metadata = {{"format", "clustermass"},
                      {"format_version", std::string(weight_format_version)},
                      {"arch", Released::name()},
                      {"mass_definition", std::string(mass_definition_text)},
                      {"normalisation", normalisation_text()},
                      {"model_id", "random-test-network"},
                      {"training_set", "none: random numbers"},
                      {"z_range", "0.08 0.55"},
                      {"logm_range", "10 20"}};
  const NetworkWalkOn<Released, Reference<double>> walk(network, probe_side);
  const std::vector<double> answer = walk_probe(walk, network.probe_input.values, heads);
  for (std::size_t k = 0; k < answer.size(); ++k) network.probe_output.values[k] = static_cast<float>(answer[k]);
  return network;
}

inline std::vector<std::byte> encoded(TrainedNetwork<> network) {
  std::vector<TensorToWrite> tensors;
  network.for_each_tensor(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
        tensors.push_back({name, shape, values, Dtype::f32});
      });
  return encode_weight_file(network.metadata, tensors);
}

}  // namespace clustermass::support
