// SPDX-License-Identifier: BSD-3-Clause
// The network in training on a device: parameters, gradient, moments and every map of a few samples. Calls queue work
// on one stream; what the work is on lies in a TrainingSlot.
#pragma once

#include <array>
#include <cmath>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "clustermass/gpu/engine.hpp"
#include "clustermass/gpu/training_slot.hpp"
#include "clustermass/model/trained_network.hpp"
#include "clustermass/nn/plan.hpp"
#include "clustermass/train/stage.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

template <class Arch>
class TrainingWalk {
 public:
  using E = CudaEngine<float>;
  using Map = CudaMap<float>;
  using Features = typename Arch::Features;
  using BandHead = typename Arch::BandHead;
  using MassHead = typename Arch::MassHead;
  using Stage = train::Stage;

  /// For at most `capacity` samples at a time. The device must be current as long as the object lives.
  ///
  /// Throws  DeviceMemoryError if the device has no room for so many
  TrainingWalk(std::shared_ptr<const CudaDevice> device, const TrainedNetwork<Arch>& network, int capacity)
      : context_(std::move(device)),
        engine_(context_),
        capacity_(capacity),
        heads_count_(network.mass.size()),
        parameters_(head_begin(heads_count_)),
        gradient_(parameters_.size()),
        first_(parameters_.size()),
        second_(parameters_.size()),
        input_{band_count * capacity, 1, field_side, field_side},
        features_(upload(network).first(Features::parameter_count), input_, Walk::recorded, engine_),
        band_(slice(Features::parameter_count, BandHead::parameter_count), features_.output_shape(), Walk::recorded,
              engine_) {
    const Shape f = features_.output_shape();
    joined_ = {capacity, f.c * band_count, f.h, f.w};
    for (std::size_t h = 0; h < heads_count_; ++h)
      heads_.emplace_back(head_parameters(h), joined_, Walk::recorded, engine_);
    for (auto& slot : slots_) slot = std::make_unique<TrainingSlot>(capacity, heads_count_);
    const std::size_t n = static_cast<std::size_t>(capacity);
    x_ = DeviceArena<float>(input_.size());
    arena_ = DeviceArena<float>(features_.arena_size());
    gradient_arena_ = DeviceArena<float>(features_.gradient_arena_size());
    band_arena_ = DeviceArena<float>(band_.arena_size());
    band_gradient_arena_ = DeviceArena<float>(band_.gradient_arena_size());
    head_arena_ = DeviceArena<float>(heads_[0].arena_size());
    head_gradient_arena_ = DeviceArena<float>(heads_[0].gradient_arena_size());
    for (auto* map : {&frozen_, &gathered_, &d_part_, &d_joined_, &d_features_})
      *map = DeviceArena<float>(joined_.size());
    losses_ = DeviceArena<float>(slots_[0]->losses.size());
    output_ = DeviceArena<float>(slots_[0]->outputs.size());
    d_output_ = DeviceArena<float>(n * std::max(2, band_count * band_count));
    squares_ = DeviceArena<double>(square_parts);
    // Once for nothing: brings every workspace to its size, so that a lack of memory shows here.
    bring(*slots_[0], false);
    begin_gradient();
    add_gradient(*slots_[0], Stage::all, {}, 1);
    context_.synchronize();
  }
  TrainingWalk(const TrainingWalk&) = delete;
  TrainingWalk& operator=(const TrainingWalk&) = delete;

  int capacity() const { return capacity_; }
  Shape features_shape() const { return features_.output_shape(); }
  TrainingSlot& slot(int k) { return *slots_[static_cast<std::size_t>(k)]; }
  void wait() const { context_.synchronize(); }

  /// Queues the way of a filled slot's images and conditions to the device, or of its features.
  void bring(TrainingSlot& slot, bool frozen) {
    copy(slot.device.data(), slot.host.data(), slot.host.size());
    const std::size_t count = slot.places.size();
    if (frozen) {
      const Shape f = features_.output_shape();
      const std::size_t numbers = f.size() / static_cast<std::size_t>(capacity_) * count;
      copy(x_.data(), slot.pixels.data(), numbers * sizeof(float));
      context_.launch(kernel_index("copy_in"), numbers, cp(x_.data()), frozen_.data(), f.c, f.h * f.w);
      return;
    }
    const Draw* draws = slot.on_host().draws;
    for (std::size_t n = 0; n < count; ++n)
      if (slot.ways[n] == TrainingSlot::Way::to_cache)
        copy(const_cast<std::int16_t*>(draws[n * band_count].image), slot.pixels.data() + n * SampleCache::images,
             SampleCache::images * sizeof(std::int16_t));
    context_.launch(kernel_index("augment"), input_.size(), static_cast<const Draw*>(slot.on_device().draws), x_.data(),
                    field_side, train::input_step);
    for (std::size_t n = 0; n < count; ++n)
      if (slot.ways[n] == TrainingSlot::Way::made)
        copy(x_.data() + n * SampleCache::images, slot.pixels.data() + n * SampleCache::images,
             SampleCache::images * sizeof(float));
  }

  void begin_gradient() { zero(gradient_); }

  /// Queues forward and backward of what was brought; adds the gradient of the sum of losses, times `scale`.
  void add_gradient(TrainingSlot& slot, Stage stage, const train::StageOptions& options, float scale) {
    zero(d_output_);
    if (stage == Stage::bands)
      add_band_gradient(slot, options, scale);
    else
      add_mass_gradient(slot, stage, options, scale);
    copy(slot.losses.data(), losses_.data(), losses_.size() * sizeof(float));
    copy(slot.outputs.data(), output_.data(), output_.size() * sizeof(float));
  }

  /// Queues the heads' or the band head's outputs for what was brought.
  void forward(TrainingSlot& slot, bool bands, bool frozen) {
    const Conditions<float, Device> per_band = conditions_of(slot).first, of_cutout = conditions_of(slot).second;
    const Map features = this->features(per_band, frozen);
    if (bands) {
      band_.run(engine_, band_arena_.data(), per_band, features, logits());
    } else {
      const Map joined = engine_.gathered_into(E::joined(features, band_count), gathered_.data());
      for (std::size_t h = 0; h < heads_count_; ++h)
        heads_[h].run(engine_, head_arena_.data(), of_cutout, joined, output_of(h));
    }
    copy(slot.outputs.data(), output_.data(), output_.size() * sizeof(float));
  }

  /// The features [capacity * 5,C,8,8] of what was brought; waits for them.
  void features_out(TrainingSlot& slot, std::span<float> numbers) {
    const Map map = features(conditions_of(slot).first, false);
    engine_.copy_out(map, View<float>{numbers.data(), map.shape});
  }

  /// Queues a step of AdamW on what the stage changes, and prepares its kernels again.
  void step(Stage stage, const train::StageOptions& options, double rate, int steps_done) {
    const train::AdamOptions& adam = options.adam;
    context_.launch(kernel_index("square_sums"), std::size_t{square_parts}, cp(gradient_.data()), squares_.data(),
                    static_cast<int>(gradient_.size()));
    for (const Slice& s : slices(stage, options.extractor_factor))
      context_.launch(kernel_index("adam"), s.count, parameters_.data() + s.begin, cp(gradient_.data() + s.begin),
                      first_.data() + s.begin, second_.data() + s.begin, static_cast<const double*>(squares_.data()),
                      static_cast<int>(square_parts), rate * s.rate_factor, adam.beta1, adam.beta2,
                      1 - std::pow(adam.beta1, steps_done + 1), 1 - std::pow(adam.beta2, steps_done + 1), adam.epsilon,
                      adam.weight_decay, adam.clip_norm);
    refresh(stage);
  }

  /// From and to the host: the network's numbers, and the moments in the order of the trainer on the CPU.
  void upload(const train::Adam& adam, Stage stage) {
    if (adam.first.size() != adam.second.size() || adam.first.size() != parameter_count(stage))
      detail::raise<InputError>("the optimiser has moments of " + std::to_string(adam.first.size()) +
                                " parameters, the stage changes " + std::to_string(parameter_count(stage)));
    std::size_t from = 0;
    for (const Slice& s : slices(stage, 1)) {
      copy(first_.data() + s.begin, adam.first.data() + from, s.count * sizeof(float));
      copy(second_.data() + s.begin, adam.second.data() + from, s.count * sizeof(float));
      from += s.count;
    }
  }
  std::span<const float> upload(const TrainedNetwork<Arch>& network) {
    float* to = parameters_.data();
    const auto bring = [&](std::span<const float> values) {
      copy(to, values.data(), values.size() * sizeof(float));
      to += values.size();
    };
    bring(network.features.values());
    bring(network.band.values());
    for (const auto& head : network.mass) bring(head.values());
    return {parameters_.data(), parameters_.size()};
  }
  void download(TrainedNetwork<Arch>& network, train::Adam& adam, Stage stage) {
    const float* from = parameters_.data();
    const auto fetch = [&](std::span<float> values) {
      copy(values.data(), from, values.size() * sizeof(float));
      from += values.size();
    };
    fetch(network.features.values());
    fetch(network.band.values());
    for (auto& head : network.mass) fetch(head.values());
    std::size_t to = 0;
    for (const Slice& s : slices(stage, 1)) {
      copy(adam.first.data() + to, first_.data() + s.begin, s.count * sizeof(float));
      copy(adam.second.data() + to, second_.data() + s.begin, s.count * sizeof(float));
      to += s.count;
    }
    wait();
  }
  /// Prepares all kernels again, after an upload.
  void refresh() {
    refresh(Stage::bands);
    refresh(Stage::heads);
  }

  std::size_t parameter_count(Stage stage) const {
    std::size_t count = 0;
    for (const Slice& s : slices(stage, 1)) count += s.count;
    return count;
  }

 private:
  static constexpr std::size_t square_parts = 256;

  /// A stretch of the parameters, which lie in the order extractor, band head, mass heads.
  struct Slice {
    std::size_t begin, count;
    double rate_factor;
  };
  std::vector<Slice> slices(Stage stage, double extractor_factor) const {
    std::vector<Slice> result;
    if (stage != Stage::heads)
      result.push_back({0, Features::parameter_count, stage == Stage::all ? extractor_factor : 1});
    if (stage == Stage::bands)
      result.push_back({Features::parameter_count, BandHead::parameter_count, 1});
    else
      result.push_back({head_begin(0), heads_count_ * MassHead::parameter_count, 1});
    return result;
  }
  static constexpr std::size_t head_begin(std::size_t h) {
    return Features::parameter_count + BandHead::parameter_count + h * MassHead::parameter_count;
  }
  std::span<const float> slice(std::size_t begin, std::size_t count) const {
    return {parameters_.data() + begin, count};
  }
  std::span<const float> head_parameters(std::size_t h) const {
    return slice(head_begin(h), MassHead::parameter_count);
  }
  void refresh(Stage stage) {
    if (stage != Stage::heads) features_.refresh(slice(0, Features::parameter_count), engine_);
    if (stage == Stage::bands)
      band_.refresh(slice(Features::parameter_count, BandHead::parameter_count), engine_);
    else
      for (std::size_t h = 0; h < heads_count_; ++h) heads_[h].refresh(head_parameters(h), engine_);
  }

  std::pair<Conditions<float, Device>, Conditions<float, Device>> conditions_of(const TrainingSlot& slot) const {
    const TrainingSlot::Parts parts = slot.on_device();
    return {{{parts.per_band, {band_count * capacity_, 1, coarse_side, coarse_side}}, {}},
            {{parts.coverage, {capacity_, 1, coarse_side, coarse_side}},
             {parts.context, {capacity_, context_count, 1, 1}}}};
  }
  Map features(const Conditions<float, Device>& per_band, bool frozen) {
    if (frozen) return {frozen_.data(), features_.output_shape()};
    return features_.run(engine_, arena_.data(), per_band, {x_.data(), input_});
  }
  Map logits() const { return {output_.data(), {band_count * capacity_, band_count, 1, 1}}; }
  Map output_of(std::size_t h) const {
    return {output_.data() + h * static_cast<std::size_t>(2 * capacity_), {capacity_, 2, 1, 1}};
  }

  void add_band_gradient(TrainingSlot& slot, const train::StageOptions& options, float scale) {
    const Conditions<float, Device> per_band = conditions_of(slot).first;
    const Map features = this->features(per_band, false), y = logits(), d_y{d_output_.data(), y.shape};
    band_.run(engine_, band_arena_.data(), per_band, features, y);
    context_.launch(kernel_index("band_loss"), slot.places.size() * band_count, cp(y.data), d_y.data, losses_.data(),
                    int{band_count}, static_cast<float>(options.label_smoothing), scale / band_count);
    const Map d_features{d_features_.data(), features.shape};
    band_.backward(engine_, band_arena_.data(), band_gradient_arena_.data(), per_band, features, y, d_y, d_features,
                   gradient_.data() + Features::parameter_count);
    features_.backward(engine_, arena_.data(), gradient_arena_.data(), per_band, {x_.data(), input_}, {}, d_features,
                       {}, gradient_.data());
  }

  void add_mass_gradient(TrainingSlot& slot, Stage stage, const train::StageOptions& options, float scale) {
    const auto [per_band, of_cutout] = conditions_of(slot);
    const bool downwards = stage == Stage::all;
    const Map features = this->features(per_band, !downwards);
    const Map joined = engine_.gathered_into(E::joined(features, band_count), gathered_.data());
    const Map d_part = downwards ? Map{d_part_.data(), joined_} : Map{};
    if (downwards) zero(d_joined_);
    const TrainingSlot::Parts parts = slot.on_device();
    const train::MassLossOptions& loss = options.loss;
    const float log_odds = static_cast<float>(std::log(loss.outlier_share / (1 - loss.outlier_share)));
    const float far = static_cast<float>(loss.outlier_rms / MassScale::width);
    for (std::size_t h = 0; h < heads_count_; ++h) {
      const Map y = output_of(h), d_y{d_output_.data(), y.shape};
      heads_[h].run(engine_, head_arena_.data(), of_cutout, joined, y);
      context_.launch(
          kernel_index("mass_loss"), slot.places.size(), cp(y.data), static_cast<const float*>(parts.target),
          static_cast<const float*>(parts.label_error), d_y.data,
          losses_.data() + h * static_cast<std::size_t>(capacity_), loss.kind == train::MassLoss::moment ? 1 : 0,
          loss.kind == train::MassLoss::beta ? static_cast<float>(loss.beta) : 0.0f, log_odds, far * far, scale,
          static_cast<int>(heads_count_), static_cast<int>(h), static_cast<const int*>(parts.sample));
      heads_[h].backward(engine_, head_arena_.data(), head_gradient_arena_.data(), of_cutout, joined, y, d_y, d_part,
                         gradient_.data() + head_begin(h));
      if (downwards)  // the extractor learns from the mean of its heads
        context_.launch(kernel_index("add_scaled"), joined_.size(), d_joined_.data(), cp(d_part_.data()),
                        1.0f / static_cast<float>(heads_count_));
    }
    if (!downwards) return;
    const Map d_features{d_features_.data(), features.shape};
    context_.launch(kernel_index("scatter_bands"), joined_.size(), cp(d_joined_.data()), d_features_.data(),
                    int{band_count}, features.shape.c, features.shape.h * features.shape.w);
    features_.backward(engine_, arena_.data(), gradient_arena_.data(), per_band, {x_.data(), input_}, {}, d_features,
                       {}, gradient_.data());
  }

  static const float* cp(float* p) { return p; }
  void copy(void* to, const void* from, std::size_t bytes) const {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, context_.stream()), "cudaMemcpyAsync");
  }
  void zero(const DeviceArena<float>& arena) const {
    check(cudaMemsetAsync(arena.data(), 0, arena.size() * sizeof(float), context_.stream()), "cudaMemsetAsync");
  }

  CudaContext context_;
  E engine_;
  int capacity_;
  std::size_t heads_count_;
  DeviceArena<float> parameters_, gradient_, first_, second_;
  Shape input_, joined_{};
  Plan<Features, E> features_;
  Plan<BandHead, E> band_;
  std::vector<Plan<MassHead, E>> heads_;
  std::array<std::unique_ptr<TrainingSlot>, 2> slots_;
  DeviceArena<float> x_, arena_, gradient_arena_, band_arena_, band_gradient_arena_, head_arena_, head_gradient_arena_;
  DeviceArena<float> frozen_, gathered_, d_part_, d_joined_, d_features_, losses_, output_, d_output_;
  DeviceArena<double> squares_;
  struct Finish {  // before any memory above goes, also when the constructor throws
    CudaContext& context;
    ~Finish() { cudaStreamSynchronize(context.stream()); }
  } finish_{context_};
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
