// SPDX-License-Identifier: BSD-3-Clause
// A network in training with its architecture and engine hidden, so that what drives a run is compiled once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/parallel.hpp"
#include "clustermass/train/checkpoint.hpp"
#include "clustermass/train/stage.hpp"
#include "settings.hpp"

/// Side of the probe's input.
inline constexpr int probe_cells = 64;

class Model {
 public:
  using GoOn = std::function<bool(std::size_t, std::size_t)>;
  virtual ~Model() = default;

  virtual std::string arch() const = 0;    ///< as it stands in the weight file, "16-16-32-48-64"
  virtual std::string engine() const = 0;  ///< "avx512", "cuda"
  virtual int heads() const = 0;
  virtual std::size_t parameter_count(clustermass::train::Stage stage) const = 0;

  /// All tensors of the weight file, viewing the network's numbers.
  virtual std::vector<clustermass::TensorSlice> tensors() = 0;
  /// Fills the parameters anew; only the heads', if so asked.
  virtual void initialise(std::uint64_t seed, bool heads_only) = 0;

  // As in train::Trainer.
  virtual clustermass::train::EpochReport run_epoch(clustermass::train::Stage stage, int epoch,
                                                    const clustermass::train::StageOptions& options,
                                                    const clustermass::train::Selection& part,
                                                    clustermass::train::Adam& adam, const GoOn& go_on) = 0;
  virtual std::vector<double> outputs(const clustermass::train::Selection& part, bool frozen) = 0;
  virtual double band_accuracy(const clustermass::train::Selection& part,
                               const clustermass::train::StageOptions& options) = 0;
  virtual std::size_t feature_bytes() const = 0;
  virtual void make_features(const clustermass::train::Selection& part,
                             const std::function<void(std::span<const std::byte>)>& append) = 0;
  virtual void use_features(std::shared_ptr<const clustermass::train::Records> features,
                            const clustermass::train::Selection& part) = 0;
  virtual std::optional<double> fit_read_out(const clustermass::train::Selection& part) = 0;  ///< on frozen features

  /// Mean features of each band [which,5*C], for the out-of-distribution statistics.
  virtual std::vector<double> pooled_features(const clustermass::train::Selection& part, clustermass::Team& team) = 0;
  /// The middle of a sample as the probe's input, and the network's answer to it.
  virtual void record_probe(const clustermass::train::SampleSet& set, std::size_t sample) = 0;
};

/// Names of the architectures and their channels after each halving and of the mass head.
inline constexpr std::pair<const char*, const char*> architectures[] = {
    {"small", "16-16-16-32-32"}, {"released", "16-16-32-48-64"}, {"large", "16-32-64-128-64"}};

std::unique_ptr<Model> make_small_model(int heads, clustermass::Team& team, std::uint64_t seed);
std::unique_ptr<Model> make_released_model(int heads, clustermass::Team& team, std::uint64_t seed);
std::unique_ptr<Model> make_large_model(int heads, clustermass::Team& team, std::uint64_t seed);

/// Any of them on a CUDA device, where the program was built with CUDA. Throws DeviceError.
std::unique_ptr<Model> make_cuda_model(const Settings& settings, clustermass::Team& team);

/// The model that the settings ask for, its parameters initialised from the seed. Throws DeviceError.
std::unique_ptr<Model> make_model(const Settings& settings, clustermass::Team& team);
