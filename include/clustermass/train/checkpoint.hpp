// SPDX-License-Identifier: BSD-3-Clause
// A training run on disk between two epochs: the network, the optimiser's moments, where the run stands. Written whole
// or not at all, in the weight-file format.
#pragma once

#include <charconv>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/io/weight_file.hpp"
#include "clustermass/io/weight_writer.hpp"
#include "clustermass/model/trained_network.hpp"
#include "clustermass/train/optimizer.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// Where a run stands: epochs done in the present task, all tasks before it being complete, and the best epoch of it.
struct Position {
  int task = 0, epochs_done = 0;
  int best_epoch = 0;                                         ///< 0: before the first one
  double best_nll = std::numeric_limits<double>::infinity();  ///< of the validation sample then; infinite: none yet

  bool has_best() const { return std::isfinite(best_nll); }
};

inline std::vector<TensorToWrite> tensors_to_write(std::span<const TensorSlice> network) {
  std::vector<TensorToWrite> tensors;
  for (const TensorSlice& tensor : network) tensors.push_back({tensor.name, tensor.shape, tensor.values});
  return tensors;
}

/// config: what the run was started with; a checkpoint of another configuration is refused. log: figures so far.
///
/// Throws  WeightError if it cannot be written or holds a number that is not finite
inline void write_checkpoint(const std::string& path, std::span<const TensorSlice> network, const Adam& adam,
                             const Position& position, const std::string& config, const std::string& log) {
  std::vector<TensorToWrite> tensors = tensors_to_write(network);
  const auto count = static_cast<std::int64_t>(adam.first.size());
  tensors.push_back({"adam.first", {count}, adam.first});
  tensors.push_back({"adam.second", {count}, adam.second});
  char nll[40];
  const auto end = std::to_chars(nll, nll + sizeof nll, position.best_nll).ptr;
  write_weight_file(path,
                    {{"format", "clustermass checkpoint"},
                     {"task", std::to_string(position.task)},
                     {"epochs_done", std::to_string(position.epochs_done)},
                     {"best_epoch", std::to_string(position.best_epoch)},
                     {"best_nll", std::string(nll, end)},
                     {"step", std::to_string(adam.step)},
                     {"config", config},
                     {"log", log}},
                    tensors);
}

/// The first line in which two texts differ, as "expected 'x', found 'y'".
inline std::string first_difference(std::string_view expected, std::string_view found) {
  const auto line = [](std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view result = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return result;
  };
  while (!expected.empty() || !found.empty()) {
    const std::string_view a = line(expected), b = line(found);
    if (a != b) return "expected '" + std::string(a) + "', found '" + std::string(b) + "'";
  }
  return "no difference";
}

/// Restores what write_checkpoint wrote; returns the log. The network must have its final number of heads.
///
/// Throws  WeightError if the file is broken or belongs to another configuration
inline std::string read_checkpoint(const std::string& path, std::span<const TensorSlice> network, Adam& adam,
                                   Position& position, const std::string& config) {
  const std::vector<std::byte> bytes = read_file(path);
  const WeightFile file = WeightFile::parse(bytes, path);
  const auto text = [&](const char* key) {
    const auto value = file.metadata(key);
    if (!value) detail::raise<WeightError>(path + ": the metadata has no '" + key + "', expected a checkpoint");
    return std::string(*value);
  };
  const auto number = [&]<class T>(const char* key, T value) {
    const std::string digits = text(key);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size())
      detail::raise<WeightError>(path + ": '" + key + "' is '" + digits + "', expected a number");
    return value;
  };
  if (const std::string found = text("config"); found != config)
    detail::raise<WeightError>(path + ": the checkpoint was made with other options, " +
                               first_difference(config, found) +
                               "; start anew in another folder, or give the same options");
  for (const TensorSlice& tensor : network) file.read(tensor.name, tensor.values);
  position = {number("task", 0), number("epochs_done", 0), number("best_epoch", 0), number("best_nll", 0.0)};
  const TensorInfo* moments = file.find("adam.first");
  adam = Adam(moments && moments->shape.size() == 1 ? static_cast<std::size_t>(moments->shape[0]) : 0);
  file.read("adam.first", adam.first);
  file.read("adam.second", adam.second);
  adam.step = number("step", 0);
  return text("log");
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
