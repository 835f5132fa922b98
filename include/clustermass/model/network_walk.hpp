// SPDX-License-Identifier: BSD-3-Clause
// The whole network on one engine, from prepared input to raw outputs: extractor, pooled features, ensemble of heads.
// Immutable; the caller brings the memory. The engine is hidden behind one virtual call per cutout.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "clustermass/model/trained_network.hpp"
#include "clustermass/nn/plan.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// What a walk reads and writes. side: cells across the input, a multiple of coarse_factor.
struct WalkIo {
  std::span<const float> input, band_coverage, coverage, context;  ///< as in PreparedView
  std::span<double> outputs;                                       ///< [heads,2] raw outputs of the mass heads
  std::span<double> pooled;                                        ///< [240] mean features of each band; may be empty
};

class NetworkWalk {
 public:
  virtual ~NetworkWalk() = default;
  /// Zeroed memory of one walk by so many members of a crew.
  virtual std::size_t arena_bytes(int members = 1) const = 0;
  /// With a crew every member calls it with its own number. Engines that cannot share leave the work to member 0.
  virtual void run(std::byte* arena, const WalkIo& io, Crew* crew = nullptr, int member = 0) const = 0;

  /// The same network for inputs of another size.
  virtual std::unique_ptr<const NetworkWalk> at_side(int side) const = 0;

  /// How many cutouts are best walked together: 1 on a CPU, where each stays in the cache.
  virtual int batch() const { return 1; }
  virtual void run_many(std::byte* arena, std::span<const WalkIo> cutouts) const {
    for (const WalkIo& io : cutouts) run(arena, io);
  }
};

template <class Arch, Engine E>
class NetworkWalkOn final : public NetworkWalk {
 public:
  using Scalar = typename E::Scalar;
  using Map = typename E::Map;

  NetworkWalkOn(const TrainedNetwork<Arch>& network, int side, E engine = E())
      : engine_(engine),
        input_{band_count, 1, side, side},
        features_(network.features.values(), input_, Walk::inference, engine) {
    joined_ = joined(features_.output_shape());
    for (const auto& weights : network.mass) heads_.emplace_back(weights.values(), joined_, Walk::inference, engine);
    place();
  }

  std::unique_ptr<const NetworkWalk> at_side(int side) const override {
    auto walk = std::make_unique<NetworkWalkOn>(*this);
    walk->input_.h = walk->input_.w = side;
    walk->features_.resize(walk->input_);
    walk->joined_ = joined(walk->features_.output_shape());
    for (auto& head : walk->heads_) head.resize(walk->joined_);
    walk->place();
    return walk;
  }

  std::size_t arena_bytes(int members) const override {
    return (layout_.end() + static_cast<std::size_t>(members - 1) * member_.end()) * sizeof(Scalar);
  }

  void run(std::byte* bytes, const WalkIo& io, Crew* crew, int member) const override {
    E engine = engine_;
    Scalar* arena = reinterpret_cast<Scalar*>(bytes);
    engine.use_scratch(arena + scratch_place_);
    if (crew) {
      if constexpr (SharedEngine<E>) {
        Scalar* const own = arena + layout_.end() + static_cast<std::size_t>(std::max(member - 1, 0)) * member_.end();
        if (member > 0) engine.use_scratch(own + member_scratch_);
        engine.join(crew, member, own + member_own_);
      } else if (member > 0) {
        return;
      }
    }
    const bool first = member == 0;
    const Map x = E::map_at(arena + input_place_, input_, Form::map);
    if (first) engine.copy_in(View<const float>{io.input.data(), input_}, x);

    Scalar* numbers = arena + conditions_place_;
    const auto copy = [&](std::span<const float> values) {
      Scalar* const begin = std::exchange(numbers, numbers + values.size());
      if (first)
        for (std::size_t k = 0; k < values.size(); ++k) begin[k] = static_cast<Scalar>(values[k]);
      return static_cast<const Scalar*>(begin);
    };
    const Shape grid{1, 1, joined_.h, joined_.w};
    const ConditionsOf<E> per_band{{copy(io.band_coverage), {band_count, 1, grid.h, grid.w}}, {}};
    ConditionsOf<E> of_cutout{{copy(io.coverage), grid}, {}};
    of_cutout.context = {copy(io.context), {1, context_count, 1, 1}};
    if constexpr (SharedEngine<E>) engine.meet();

    const Map features = features_.run(engine, arena + features_place_, per_band, x);
    if (!io.pooled.empty()) {
      const Map pooled = E::map_at(arena + pooled_place_, pooled_, Form::vector);
      engine.pool(features, per_band, 0, pooled);
      if (first) engine.copy_out(pooled, View<double>{io.pooled.data(), pooled_});
    }
    for (std::size_t k = 0; k < heads_.size(); ++k) {
      const Map output = heads_[k].run(engine, arena + head_place_, of_cutout, E::joined(features, band_count));
      if (first) engine.copy_out(output, View<double>{io.outputs.data() + 2 * k, {1, 2, 1, 1}});
    }
  }

 private:
  static Shape joined(Shape features) { return {1, features.c * band_count, features.h, features.w}; }

  void place() {
    const Shape features = features_.output_shape();
    pooled_ = {band_count, features.c, 1, 1};
    cells_ = features.h * features.w;
    const std::size_t scratch = std::max(features_.scratch_size(), heads_[0].scratch_size());
    layout_ = member_ = {};
    input_place_ = layout_.place<Scalar>(E::map_size(input_, Form::map));
    features_place_ = layout_.place<Scalar>(features_.arena_size());
    head_place_ = layout_.place<Scalar>(heads_[0].arena_size());
    pooled_place_ = layout_.place<Scalar>(E::map_size(pooled_, Form::vector));
    scratch_place_ = layout_.place<Scalar>(scratch);
    conditions_place_ = layout_.place<Scalar>(static_cast<std::size_t>((band_count + 1) * cells_ + context_count));
    member_own_ = member_.place<Scalar>(features_.own_memory_size());
    member_scratch_ = member_.place<Scalar>(scratch);
  }

  E engine_;
  Shape input_, joined_, pooled_;
  Plan<typename Arch::Features, E> features_;
  std::vector<Plan<typename Arch::MassHead, E>> heads_;
  Layout layout_, member_;  // of the first member and all, of each further member
  std::size_t member_own_ = 0, member_scratch_ = 0;
  std::size_t input_place_ = 0, features_place_ = 0, head_place_ = 0, pooled_place_ = 0, scratch_place_ = 0,
              conditions_place_ = 0;
  int cells_ = 0;
};

/// Outputs [heads,2] of the network on its probe: fully covered, at z = 0.3.
inline std::vector<double> walk_probe(const NetworkWalk& walk, std::span<const float> probe, int heads) {
  const int side = [&] {
    int s = coarse_factor;
    while (static_cast<std::size_t>(band_count * s * s) < probe.size()) s += coarse_factor;
    return s / coarse_factor;
  }();
  const std::size_t cells = static_cast<std::size_t>(side * side);
  const std::vector<float> coverage(cells * band_count, 1.0f);
  std::vector<float> context(context_count);
  fill_context(0.3, {}, std::span(coverage).first(cells), side, {true, true, true, true, true}, context);
  std::vector<double> outputs(static_cast<std::size_t>(2 * heads));
  Arena<std::byte> arena(walk.arena_bytes());
  walk.run(arena.data(), {probe, coverage, std::span(coverage).first(cells), context, outputs, {}});
  return outputs;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
