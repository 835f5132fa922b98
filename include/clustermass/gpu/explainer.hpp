// SPDX-License-Identifier: BSD-3-Clause
// CudaExplainer: the explainer of a CudaEstimator, its passes up and down the network on the device. What is between
// the passes (steps, sums, maps) is the explainer's own and the host's.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "clustermass/explain/explainer.hpp"
#include "clustermass/gpu/gpu.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

namespace gpu {

/// RecordedWalk on a device. Each memory has a stream, plans and maps of its own, so threads need one each.
template <class Arch>
class CudaRecordedWalk final : public RecordedWalk {
 public:
  using E = CudaEngine<float>;
  using Map = CudaMap<float>;

  /// The network must outlive the walk. Throws  InputError for half maps, which have no way down
  CudaRecordedWalk(std::shared_ptr<const CudaDevice> device, const TrainedNetwork<Arch>& network, int side)
      : device_(std::move(device)), network_(network), input_{band_count, 1, side, side} {
    if (device_->options().precision == Precision::fp16)
      detail::raise<InputError>("an explanation on half maps was asked for, expected Precision::fp32 or tf32");
    features_ = Arch::Features::output_shape(input_);
    joined_ = {1, features_.c * band_count, features_.h, features_.w};
  }

  std::unique_ptr<RecordedMemory> memory() const override {
    const CurrentDevice current(device_->options().device);
    return std::make_unique<Memory>(*this);
  }
  std::size_t memory_bytes() const override { return sizeof(Content); }
  Shape features_shape() const override { return features_; }

  void up_from_input(RecordedMemory& memory, Heads heads, const WalkConditions& conditions,
                     std::span<const float> input, std::span<float> features, WalkEnds& ends) const override {
    const Call call(*this, memory, conditions);
    Content& m = call.memory;
    m.engine.copy_in(View<const float>{input.data(), input_}, m.at(m.x, input_));
    const Map map = m.extractor.run(m.engine, m.extractor_arena.data(), m.per_band, m.at(m.x, input_));
    if (!features.empty()) m.engine.copy_out(map, View<float>{features.data(), features_});
    heads_up(m, heads, map, ends);
  }
  void up_from_features(RecordedMemory& memory, Heads heads, const WalkConditions& conditions,
                        std::span<const float> features, WalkEnds& ends) const override {
    const Call call(*this, memory, conditions);
    Content& m = call.memory;
    m.engine.copy_in(View<const float>{features.data(), features_}, m.at(m.point, features_));
    heads_up(m, heads, m.at(m.point, features_), ends);
  }
  void down_to_features(RecordedMemory& memory, Heads heads, const WalkConditions& conditions, const WalkEnds& d_ends,
                        std::span<float> d_features) const override {
    const Call call(*this, memory, conditions);
    heads_down(call.memory, heads, d_ends, d_features);
  }
  void down_to_input(RecordedMemory& memory, Heads heads, const WalkConditions& conditions, const WalkEnds& d_ends,
                     std::span<float> d_features, std::span<double> d_input) const override {
    const Call call(*this, memory, conditions);
    Content& m = call.memory;
    heads_down(m, heads, d_ends, d_features);
    m.extractor.backward(m.engine, m.extractor_arena.data(), m.extractor_gradient.data(), m.per_band, m.at(m.x, input_),
                         {}, m.at(m.d_features, features_), m.at(m.d_x, input_), nullptr);
    m.engine.copy_out(m.at(m.d_x, input_), View<double>{d_input.data(), input_});
  }

 private:
  struct Content {
    explicit Content(const CudaRecordedWalk& walk)
        : context(walk.device_),
          engine(context),
          extractor(walk.network_.features.values(), walk.input_, Walk::recorded, engine),
          band(walk.network_.band.values(), walk.features_, Walk::recorded, engine) {
      for (const auto& weights : walk.network_.mass)
        mass.emplace_back(weights.values(), walk.joined_, Walk::recorded, engine);
      const std::size_t cells = static_cast<std::size_t>(walk.joined_.h * walk.joined_.w);
      conditions = DeviceArena<float>((band_count + 1) * cells + context_count);
      for (auto* map : {&x, &d_x}) *map = DeviceArena<float>(walk.input_.size());
      for (auto* map : {&point, &d_features, &part}) *map = DeviceArena<float>(walk.features_.size());
      d_end = DeviceArena<float>(band_count * band_count);
      extractor_arena = DeviceArena<float>(extractor.arena_size());
      extractor_gradient = DeviceArena<float>(extractor.gradient_arena_size());
      for (const auto& head : mass) mass_arena.emplace_back(head.arena_size());
      mass_gradient = DeviceArena<float>(mass[0].gradient_arena_size());
      band_arena = DeviceArena<float>(band.arena_size());
      band_gradient = DeviceArena<float>(band.gradient_arena_size());
      const int h = walk.joined_.h, w = walk.joined_.w;
      const float* numbers = conditions.data();
      per_band.coverage = {numbers, {band_count, 1, h, w}};
      of_cutout.coverage = {numbers + band_count * cells, {1, 1, h, w}};
      of_cutout.context = {numbers + (band_count + 1) * cells, {1, context_count, 1, 1}};
      context.synchronize();
    }
    Map at(const DeviceArena<float>& arena, Shape shape) const { return {arena.data(), shape}; }

    CudaContext context;
    E engine;
    Plan<typename Arch::Features, E> extractor;
    Plan<typename Arch::BandHead, E> band;
    std::vector<Plan<typename Arch::MassHead, E>> mass;
    DeviceArena<float> conditions, x, d_x, point, d_features, part, d_end, extractor_arena, extractor_gradient,
        mass_gradient, band_arena, band_gradient;
    std::vector<DeviceArena<float>> mass_arena;
    Conditions<float, Device> per_band, of_cutout;
  };

  struct Memory final : RecordedMemory {
    explicit Memory(const CudaRecordedWalk& walk)
        : device(walk.device_->options().device), content(std::make_unique<Content>(walk)) {}
    ~Memory() override {
      const CleanupDevice current(device);
      content.reset();
    }
    std::size_t bytes() const override { return sizeof(Content); }
    int device;
    std::unique_ptr<Content> content;
  };

  /// The device made current, and the conditions on it.
  struct Call {
    CurrentDevice current;
    Content& memory;

    Call(const CudaRecordedWalk& walk, RecordedMemory& own, const WalkConditions& conditions)
        : current(walk.device_->options().device), memory(*static_cast<Memory&>(own).content) {
      std::vector<float> numbers(conditions.band_coverage.begin(), conditions.band_coverage.end());
      numbers.insert(numbers.end(), conditions.coverage.begin(), conditions.coverage.end());
      numbers.insert(numbers.end(), conditions.context.begin(), conditions.context.end());
      check(cudaMemcpyAsync(memory.conditions.data(), numbers.data(), numbers.size() * sizeof(float),
                            cudaMemcpyHostToDevice, memory.context.stream()),
            "cudaMemcpyAsync");
    }
  };

  void heads_up(Content& m, Heads heads, const Map& features, WalkEnds& ends) const {
    if (heads == Heads::band) {
      const Map logits = m.band.run(m.engine, m.band_arena.data(), m.per_band, features);
      return m.engine.copy_out(logits, View<double>{ends.logits.data(), logits.shape});
    }
    ends.outputs.resize(2 * m.mass.size());
    for (std::size_t k = 0; k < m.mass.size(); ++k) {
      const Map output = m.mass[k].run(m.engine, m.mass_arena[k].data(), m.of_cutout, E::joined(features, band_count));
      m.engine.copy_out(output, View<double>{ends.outputs.data() + 2 * k, output.shape});
    }
  }

  /// Without weight gradients the heads read their own doors only, so what lies in `point` does not matter.
  void heads_down(Content& m, Heads heads, const WalkEnds& d_ends, std::span<float> d_features) const {
    const Map features = m.at(m.point, features_), d = m.at(m.d_features, features_), part = m.at(m.part, features_);
    const auto end = [&](std::span<const double> numbers, Shape shape) {
      const std::vector<float> narrow(numbers.begin(), numbers.end());
      m.engine.copy_in(View<const float>{narrow.data(), shape}, m.at(m.d_end, shape));
      return m.at(m.d_end, shape);
    };
    if (heads == Heads::band)
      m.band.backward(m.engine, m.band_arena.data(), m.band_gradient.data(), m.per_band, features, {},
                      end(d_ends.logits, m.band.output_shape()), d, nullptr);
    else
      for (std::size_t k = 0; k < m.mass.size(); ++k) {
        m.mass[k].backward(m.engine, m.mass_arena[k].data(), m.mass_gradient.data(), m.of_cutout,
                           E::joined(features, band_count), {},
                           end(std::span(d_ends.outputs).subspan(2 * k, 2), m.mass[k].output_shape()),
                           E::joined(k == 0 ? d : part, band_count), nullptr);
        if (k > 0)
          m.context.launch(kernel_index("add_scaled"), features_.size(), d.data, static_cast<const float*>(part.data),
                           1.0f);
      }
    m.engine.copy_out(d, View<float>{d_features.data(), features_});
  }

  std::shared_ptr<const CudaDevice> device_;
  const TrainedNetwork<Arch>& network_;
  Shape input_, features_{}, joined_{};
};

}  // namespace gpu

/// What BasicExplainer looks for.
template <class Arch>
std::unique_ptr<const RecordedWalk> make_recorded_walk(const Cuda& cuda, const TrainedNetwork<Arch>& network,
                                                       int side) {
  return std::make_unique<const gpu::CudaRecordedWalk<Arch>>(cuda.device(), network, side);
}

/// The explainer on a device: the same maps to single precision, a thread's workspace being on the device.
using CudaExplainer = BasicExplainer<Cuda>;

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
