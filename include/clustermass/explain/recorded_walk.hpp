// SPDX-License-Identifier: BSD-3-Clause
// The whole network walked up and down on one engine with all doors recorded: from pixels or from features to the raw
// outputs, and from the outputs back. Immutable; what changes lies in a memory that each caller has of its own, of the
// size of one training example.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "clustermass/model/trained_network.hpp"
#include "clustermass/nn/plan.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// What the network is told besides pixels; held fixed while pixels are varied.
struct WalkConditions {
  std::span<const float> band_coverage, coverage, context;  ///< as in PreparedView
};

/// The small ends of the network, or derivatives with respect to them.
struct WalkEnds {
  std::vector<double> outputs;                           ///< [heads,2] raw outputs of the mass heads
  std::array<double, band_count * band_count> logits{};  ///< [5,5] of the band head, a row for each image
};

/// Which heads stand on the features.
enum class Heads { mass, band };

/// What one caller's walks work in.
class RecordedMemory {
 public:
  virtual ~RecordedMemory() = default;
  virtual std::size_t bytes() const = 0;
};

/// `up` leaves what `down` needs in the memory, which must be one of the same walk.
class RecordedWalk {
 public:
  virtual ~RecordedWalk() = default;
  virtual std::unique_ptr<RecordedMemory> memory() const = 0;
  virtual std::size_t memory_bytes() const = 0;
  virtual Shape features_shape() const = 0;  ///< [5,C,h,w]

  /// From the input [5,1,side,side]; features [5,C,h,w] are written unless empty.
  virtual void up_from_input(RecordedMemory& memory, Heads heads, const WalkConditions& conditions,
                             std::span<const float> input, std::span<float> features, WalkEnds& ends) const = 0;
  /// From features that take the place of the extractor's.
  virtual void up_from_features(RecordedMemory& memory, Heads heads, const WalkConditions& conditions,
                                std::span<const float> features, WalkEnds& ends) const = 0;
  /// After up_from_features: writes the derivatives with respect to the features.
  virtual void down_to_features(RecordedMemory& memory, Heads heads, const WalkConditions& conditions,
                                const WalkEnds& d_ends, std::span<float> d_features) const = 0;
  /// After up_from_input: writes the derivatives with respect to the features and the input.
  virtual void down_to_input(RecordedMemory& memory, Heads heads, const WalkConditions& conditions,
                             const WalkEnds& d_ends, std::span<float> d_features, std::span<double> d_input) const = 0;
};

template <class Arch, Engine E>
class RecordedWalkOn final : public RecordedWalk {
 public:
  using Scalar = typename E::Scalar;
  using Map = typename E::Map;
  static_assert(std::is_same_v<typename E::Space, Host>, "RecordedWalkOn: the arena and its sums are the host's");

  RecordedWalkOn(const TrainedNetwork<Arch>& network, int side)
      : input_{band_count, 1, side, side},
        extractor_(network.features.values(), input_, Walk::recorded),
        features_(extractor_.output_shape()),
        band_(network.band.values(), features_, Walk::recorded),
        joined_{1, features_.c * band_count, features_.h, features_.w} {
    for (const auto& weights : network.mass) mass_.emplace_back(weights.values(), joined_, Walk::recorded);
    const auto map = [&](Shape shape, Form form) { return layout_.place<Scalar>(E::map_size(shape, form)); };
    x_ = map(input_, Form::map);
    d_x_ = map(input_, Form::map);
    point_ = map(features_, Form::map);
    d_features_ = map(features_, Form::map);
    part_ = map(features_, Form::map);
    d_end_ = map({band_count, band_count, 1, 1}, Form::vector);
    extractor_arena_ = layout_.place<Scalar>(extractor_.arena_size());
    extractor_gradient_ = layout_.place<Scalar>(extractor_.gradient_arena_size());
    for (std::size_t k = 0; k < mass_.size(); ++k) mass_arena_.push_back(layout_.place<Scalar>(mass_[k].arena_size()));
    mass_gradient_ = layout_.place<Scalar>(mass_[0].gradient_arena_size());
    band_arena_ = layout_.place<Scalar>(band_.arena_size());
    band_gradient_ = layout_.place<Scalar>(band_.gradient_arena_size());
    scratch_ =
        layout_.place<Scalar>(std::max({extractor_.scratch_size(), band_.scratch_size(), mass_[0].scratch_size()}));
    conditions_ =
        layout_.place<Scalar>(static_cast<std::size_t>((band_count + 1) * joined_.h * joined_.w) + context_count);
  }

  std::unique_ptr<RecordedMemory> memory() const override { return std::make_unique<HostMemory>(layout_.end()); }
  std::size_t memory_bytes() const override { return layout_.end() * sizeof(Scalar); }
  Shape features_shape() const override { return features_; }

  void up_from_input(RecordedMemory& memory, Heads heads, const WalkConditions& conditions,
                     std::span<const float> input, std::span<float> features, WalkEnds& ends) const override {
    Call call(*this, memory, conditions);
    const Map x = call.at(x_, input_, Form::map);
    call.engine.copy_in(View<const float>{input.data(), input_}, x);
    const Map map = extractor_.run(call.engine, call.memory + extractor_arena_, call.per_band, x);
    if (!features.empty()) call.engine.copy_out(map, View<float>{features.data(), features_});
    heads_up(call, heads, map, ends);
  }

  void up_from_features(RecordedMemory& memory, Heads heads, const WalkConditions& conditions,
                        std::span<const float> features, WalkEnds& ends) const override {
    Call call(*this, memory, conditions);
    const Map map = call.at(point_, features_, Form::map);
    call.engine.copy_in(View<const float>{features.data(), features_}, map);
    heads_up(call, heads, map, ends);
  }

  void down_to_features(RecordedMemory& memory, Heads heads, const WalkConditions& conditions, const WalkEnds& d_ends,
                        std::span<float> d_features) const override {
    Call call(*this, memory, conditions);
    heads_down(call, heads, call.at(point_, features_, Form::map), d_ends, d_features);
  }

  void down_to_input(RecordedMemory& memory, Heads heads, const WalkConditions& conditions, const WalkEnds& d_ends,
                     std::span<float> d_features, std::span<double> d_input) const override {
    Call call(*this, memory, conditions);
    // Without weight gradients the heads read their own doors only, so what lies in `point_` does not matter.
    heads_down(call, heads, call.at(point_, features_, Form::map), d_ends, d_features);
    const Map d = call.at(d_features_, features_, Form::map), d_x = call.at(d_x_, input_, Form::map);
    extractor_.backward(call.engine, call.memory + extractor_arena_, call.memory + extractor_gradient_, call.per_band,
                        call.at(x_, input_, Form::map), {}, d, d_x, nullptr);
    call.engine.copy_out(d_x, View<double>{d_input.data(), input_});
  }

 private:
  struct HostMemory final : RecordedMemory {
    explicit HostMemory(std::size_t numbers) : arena(numbers) {}
    std::size_t bytes() const override { return arena.size() * sizeof(Scalar); }
    Arena<Scalar> arena;
  };

  /// The engine of one call, and the conditions as it reads them.
  struct Call {
    E engine;
    Scalar* memory;
    ConditionsOf<E> per_band, of_cutout;

    Call(const RecordedWalkOn& walk, RecordedMemory& own, const WalkConditions& conditions)
        : memory(static_cast<HostMemory&>(own).arena.data()) {
      engine.use_scratch(memory + walk.scratch_);
      Scalar* numbers = memory + walk.conditions_;
      const auto copy = [&](std::span<const float> values) {
        const Scalar* begin = numbers;
        for (const float value : values) *numbers++ = static_cast<Scalar>(value);
        return begin;
      };
      const int h = walk.joined_.h, w = walk.joined_.w;
      per_band.coverage = {copy(conditions.band_coverage), {band_count, 1, h, w}};
      of_cutout.coverage = {copy(conditions.coverage), {1, 1, h, w}};
      of_cutout.context = {copy(conditions.context), {1, context_count, 1, 1}};
    }
    Map at(std::size_t place, Shape shape, Form form) const { return E::map_at(memory + place, shape, form); }
  };

  void heads_up(Call& call, Heads heads, const Map& features, WalkEnds& ends) const {
    if (heads == Heads::band) {
      const Map logits = band_.run(call.engine, call.memory + band_arena_, call.per_band, features);
      return call.engine.copy_out(logits, View<double>{ends.logits.data(), logits.shape});
    }
    ends.outputs.resize(2 * mass_.size());
    for (std::size_t k = 0; k < mass_.size(); ++k) {
      const Map output =
          mass_[k].run(call.engine, call.memory + mass_arena_[k], call.of_cutout, E::joined(features, band_count));
      call.engine.copy_out(output, View<double>{ends.outputs.data() + 2 * k, output.shape});
    }
  }

  void heads_down(Call& call, Heads heads, const Map& features, const WalkEnds& d_ends,
                  std::span<float> d_features) const {
    const Map d = call.at(d_features_, features_, Form::map);
    const auto end = [&](std::span<const double> numbers, Shape shape) {
      std::array<float, band_count * band_count> narrow{};
      std::copy(numbers.begin(), numbers.end(), narrow.begin());
      const Map d_y = call.at(d_end_, shape, Form::vector);
      call.engine.copy_in(View<const float>{narrow.data(), shape}, d_y);
      return d_y;
    };
    if (heads == Heads::band) {
      band_.backward(call.engine, call.memory + band_arena_, call.memory + band_gradient_, call.per_band, features, {},
                     end(d_ends.logits, band_.output_shape()), d, nullptr);
      return call.engine.copy_out(d, View<float>{d_features.data(), features_});
    }
    // Summed where they lie: all heads write maps of one layout.
    const Map part = call.at(part_, features_, Form::map);
    const std::size_t size = E::map_size(features_, Form::map);
    Scalar *sum = call.memory + d_features_, *one = call.memory + part_;
    for (std::size_t k = 0; k < mass_.size(); ++k) {
      mass_[k].backward(call.engine, call.memory + mass_arena_[k], call.memory + mass_gradient_, call.of_cutout,
                        E::joined(features, band_count), {},
                        end(std::span(d_ends.outputs).subspan(2 * k, 2), mass_[k].output_shape()),
                        E::joined(k == 0 ? d : part, band_count), nullptr);
      if (k > 0)
        for (std::size_t i = 0; i < size; ++i) sum[i] += one[i];
    }
    call.engine.copy_out(d, View<float>{d_features.data(), features_});
  }

  Shape input_;
  Plan<typename Arch::Features, E> extractor_;
  Shape features_;
  Plan<typename Arch::BandHead, E> band_;
  Shape joined_;
  std::vector<Plan<typename Arch::MassHead, E>> mass_;
  Layout layout_;
  std::size_t x_ = 0, d_x_ = 0, point_ = 0, d_features_ = 0, part_ = 0, d_end_ = 0, extractor_arena_ = 0,
              extractor_gradient_ = 0, mass_gradient_ = 0, band_arena_ = 0, band_gradient_ = 0, scratch_ = 0,
              conditions_ = 0;
  std::vector<std::size_t> mass_arena_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
