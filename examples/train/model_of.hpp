// SPDX-License-Identifier: BSD-3-Clause
// A Model of one architecture with the trainer of one kind of engine, train::Trainer or gpu::CudaTrainer. Each
// architecture is instantiated in a file of its own, and in one more for CUDA.
#pragma once

#include <algorithm>

#include "clustermass/cpu/reference.hpp"
#include "clustermass/estimator.hpp"
#include "clustermass/nn/initialise.hpp"
#include "clustermass/train/read_out.hpp"
#include "clustermass/train/trainer.hpp"
#include "model.hpp"

template <class Arch, class Trainer>
class ModelOf final : public Model {
 public:
  using MakeWalk =
      std::function<std::unique_ptr<const clustermass::NetworkWalk>(const clustermass::TrainedNetwork<Arch>& network)>;

  /// The trainer trains the network; the walk is of the same engine.
  ModelOf(std::unique_ptr<clustermass::TrainedNetwork<Arch>> network, std::string engine,
          std::unique_ptr<Trainer> trainer, MakeWalk make_walk)
      : network_(std::move(network)),
        engine_(std::move(engine)),
        trainer_(std::move(trainer)),
        make_walk_(std::move(make_walk)) {}

  std::string arch() const override { return Arch::name(); }
  std::string engine() const override { return engine_; }
  int heads() const override { return static_cast<int>(network_->mass.size()); }
  std::size_t parameter_count(clustermass::train::Stage stage) const override {
    return trainer_->parameter_count(stage);
  }
  std::vector<clustermass::TensorSlice> tensors() override {
    return network_->tensors();
  }

  void initialise(std::uint64_t seed, bool heads_only) override {
    if (!heads_only) {
      clustermass::initialise(network_->features, seed, 100);
      clustermass::initialise(network_->band, seed, 101);
    }
    for (std::size_t h = 0; h < network_->mass.size(); ++h) {
      clustermass::initialise(network_->mass[h], seed, 110 + h);
      // What the filter says counts for nothing until something is learned of it; then it has a short way: two hidden
      // units carry its mass above and below the middle, so that the last layer need only say how much of it counts.
      network_->mass[h].for_each_tensor("", [](const std::string&, const clustermass::Parameter& p, auto values) {
        if (p.rank != 2 || p.shape.c != Arch::pooled) return;
        for (auto row = values; !row.empty(); row = row.subspan(Arch::pooled))
          clustermass::hide_filter(row.first(Arch::pooled));
        std::ranges::fill(values.first(2 * Arch::pooled), 0.0f);
        values[Arch::pooled - 2] = 1;
        values[2 * Arch::pooled - 2] = -1;
      });
    }
  }

  clustermass::train::EpochReport run_epoch(clustermass::train::Stage stage, int epoch,
                                            const clustermass::train::StageOptions& options,
                                            const clustermass::train::Selection& part, clustermass::train::Adam& adam,
                                            const GoOn& go_on) override {
    return trainer_->run_epoch(stage, epoch, options, part, adam, go_on);
  }
  std::vector<double> outputs(const clustermass::train::Selection& part, bool frozen) override {
    return trainer_->outputs(part, frozen);
  }
  double band_accuracy(const clustermass::train::Selection& part,
                       const clustermass::train::StageOptions& options) override {
    return trainer_->band_accuracy(part, options);
  }
  std::size_t feature_bytes() const override { return trainer_->feature_bytes(); }
  void make_features(const clustermass::train::Selection& part,
                     const std::function<void(std::span<const std::byte>)>& append) override {
    trainer_->make_features(part, append);
  }
  void use_features(std::shared_ptr<const clustermass::train::Records> features,
                    const clustermass::train::Selection& part) override {
    trainer_->use_features(std::move(features), part);
  }
  std::optional<double> fit_read_out(const clustermass::train::Selection& part) override {
    return clustermass::train::fit_read_out(*network_, part, [&] { return trainer_->outputs(part, true); });
  }

  std::vector<double> pooled_features(const clustermass::train::Selection& part, clustermass::Team& team) override {
    using namespace clustermass;
    const std::unique_ptr<const NetworkWalk> walk = make_walk_(*network_);
    constexpr std::size_t dims = TrainedNetwork<Arch>::pooled_features;
    std::vector<double> rows(part.which.size() * dims), outputs(part.which.size() * 2 * network_->mass.size());
    // As many at a time as are best walked together, on a CPU shared out one by one.
    const std::size_t together =
        walk->batch() > 1 ? static_cast<std::size_t>(walk->batch()) : 16 * static_cast<std::size_t>(team.size());
    std::vector<train::PreparedBuffer> buffers(std::min(together, part.which.size()));
    std::vector<Arena<std::byte>> arenas;
    for (int member = 0; member < team.size(); ++member) arenas.emplace_back(walk->arena_bytes());
    for (std::size_t begin = 0; begin < part.which.size(); begin += buffers.size()) {
      std::vector<WalkIo> ios(std::min(buffers.size(), part.which.size() - begin));
      team.run(ios.size(), [&](std::size_t n, int member) {
        const std::size_t k = begin + n, heads = 2 * network_->mass.size();
        train::PreparedBuffer& b = buffers[n];
        part.set->unpack(part.which[k], b);
        ios[n] = {b.input,
                  b.band_coverage,
                  b.coverage,
                  b.context,
                  std::span(outputs).subspan(k * heads, heads),
                  std::span(rows).subspan(k * dims, dims)};
        if (walk->batch() == 1) walk->run(arenas[static_cast<std::size_t>(member)].data(), ios[n]);
      });
      if (walk->batch() > 1) walk->run_many(arenas[0].data(), ios);
    }
    return rows;
  }

  void record_probe(const clustermass::train::SampleSet& set, std::size_t sample) override {
    using namespace clustermass;
    train::PreparedBuffer buffer;
    set.unpack(sample, buffer);
    constexpr int margin = (field_side - probe_cells) / 2;
    for (int b = 0; b < band_count; ++b)
      for (int i = 0; i < probe_cells; ++i)
        for (int j = 0; j < probe_cells; ++j)
          network_->probe_input.values[static_cast<std::size_t>((b * probe_cells + i) * probe_cells + j)] =
              buffer.input[static_cast<std::size_t>((b * field_side + i + margin) * field_side + j + margin)];
    const NetworkWalkOn<Arch, Reference<double>> walk(*network_, probe_cells);  // the specification is the oracle
    const std::vector<double> outputs = walk_probe(walk, network_->probe_input.values, heads());
    for (std::size_t k = 0; k < outputs.size(); ++k) network_->probe_output.values[k] = static_cast<float>(outputs[k]);
  }

 private:
  std::unique_ptr<clustermass::TrainedNetwork<Arch>> network_;  // the trainer refers to it
  std::string engine_;
  std::unique_ptr<Trainer> trainer_;
  MakeWalk make_walk_;
};

/// A network for the trainer to fill, with room for a probe.
template <class Arch>
std::unique_ptr<clustermass::TrainedNetwork<Arch>> empty_network(int heads) {
  using Network = clustermass::TrainedNetwork<Arch>;
  return std::make_unique<Network>(heads, static_cast<int>(Network::pooled_features), probe_cells);
}

template <class Arch>
std::unique_ptr<Model> make_model_of(int heads, clustermass::Team& team, std::uint64_t seed) {
  using namespace clustermass;
  const CpuEngine engine;
  return engine.with([&]<class E>(E) -> std::unique_ptr<Model> {
    using Trainer = train::Trainer<Arch, E, Team>;
    auto network = empty_network<Arch>(heads);
    auto trainer = std::make_unique<Trainer>(*network, team, seed);
    return std::make_unique<ModelOf<Arch, Trainer>>(
        std::move(network), cpu::name_of(engine.set), std::move(trainer), [](const TrainedNetwork<Arch>& trained) {
          return std::make_unique<const NetworkWalkOn<Arch, E>>(trained, field_side);
        });
  });
}
