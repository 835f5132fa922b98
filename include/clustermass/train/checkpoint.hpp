// SPDX-License-Identifier: BSD-3-Clause
// A training run on disk between two epochs: the network, the optimiser's moments, where the run stands. Written whole
// or not at all, in the weight-file format.
#pragma once

#include <charconv>
#include <string>
#include <vector>

#include "clustermass/io/weight_file.hpp"
#include "clustermass/io/weight_writer.hpp"
#include "clustermass/model/trained_network.hpp"
#include "clustermass/train/optimizer.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// Where a run stands: epochs done in the present stage, all stages before it being complete.
struct Position {
  int stage = 0, epochs_done = 0;
};

/// The tensors of a network as the writer takes them; they view the network's numbers.
template <class Arch>
std::vector<TensorToWrite> tensors_to_write(TrainedNetwork<Arch>& network) {
  std::vector<TensorToWrite> tensors;
  network.for_each_tensor(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
        tensors.push_back({name, shape, values});
      });
  return tensors;
}

/// Writes a network as a released weight file.
///
/// Throws  WeightError if it cannot be written or holds a number that is not finite
template <class Arch>
void write_network(const std::string& path, TrainedNetwork<Arch>& network) {
  write_weight_file(path, network.metadata, tensors_to_write(network));
}

/// config: what the run was started with; a checkpoint of another configuration is refused. log: figures so far.
template <class Arch>
void write_checkpoint(const std::string& path, TrainedNetwork<Arch>& network, const Adam& adam, Position position,
                      const std::string& config, const std::string& log) {
  std::vector<TensorToWrite> tensors = tensors_to_write(network);
  const auto count = static_cast<std::int64_t>(adam.first.size());
  tensors.push_back({"adam.first", {count}, adam.first});
  tensors.push_back({"adam.second", {count}, adam.second});
  write_weight_file(path,
                    {{"format", "clustermass checkpoint"},
                     {"stage", std::to_string(position.stage)},
                     {"epochs_done", std::to_string(position.epochs_done)},
                     {"step", std::to_string(adam.step)},
                     {"config", config},
                     {"log", log}},
                    tensors);
}

/// Restores what write_checkpoint wrote; returns the log. The network must have its final number of heads.
///
/// Throws  WeightError if the file is broken or belongs to another configuration
template <class Arch>
std::string read_checkpoint(const std::string& path, TrainedNetwork<Arch>& network, Adam& adam, Position& position,
                            const std::string& config) {
  const std::vector<std::byte> bytes = read_file(path);
  const WeightFile file = WeightFile::parse(bytes, path);
  const auto text = [&](const char* key) {
    const auto value = file.metadata(key);
    if (!value) detail::raise<WeightError>(path + ": the metadata has no '" + key + "', expected a checkpoint");
    return std::string(*value);
  };
  const auto number = [&](const char* key) {
    const std::string digits = text(key);
    int value = -1;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (value < 0) detail::raise<WeightError>(path + ": '" + key + "' is '" + digits + "', expected a count");
    return value;
  };
  if (text("config") != config)
    detail::raise<WeightError>(path + ": the checkpoint was made with other options, expected\n" + config + "found\n" +
                               text("config") + "start anew in another folder, or give the same options");
  network.for_each_tensor([&](const std::string& name, const std::vector<std::int64_t>&, std::span<float> values) {
    file.read(name, values);
  });
  position = {number("stage"), number("epochs_done")};
  const TensorInfo* moments = file.find("adam.first");
  adam = Adam(moments && moments->shape.size() == 1 ? static_cast<std::size_t>(moments->shape[0]) : 0);
  file.read("adam.first", adam.first);
  file.read("adam.second", adam.second);
  adam.step = number("step");
  return text("log");
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
