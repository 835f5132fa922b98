// SPDX-License-Identifier: BSD-3-Clause
// A training step on a device: samples, parameters, gradients and moments stay there; what crosses is what was drawn
// for the batch, its conditions and labels, and the losses on the way back. Schedules, epochs and files are the
// trainer's.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "clustermass/gpu/engine.hpp"
#include "clustermass/model/trained_network.hpp"
#include "clustermass/nn/plan.hpp"
#include "clustermass/train/augment.hpp"
#include "clustermass/train/optimizer.hpp"
#include "clustermass/train/sample.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// What is drawn for one image; the same numbers in the same order as the kernels' text has them.
struct Draw {
  long long image = 0;
  int orientation = 0, top = 0, left = 0, bottom = 0, right = 0;
  float gain = 0;
};

/// Augmentations that the device does: of train::augment those that need no neighbour and no new noise.
struct CudaAugment {
  bool orient = true;       ///< one of the eight flips and quarter turns
  double band_drop = 0.05;  ///< probability of losing one band
  double mask_patch = 0.2;  ///< probability of a masked rectangle
  double gain_rms = 0.02;   ///< calibration error common to the bands [ln]
};

/// What is drawn for the five images of a sample, and the coverage and context that the masks leave.
inline std::array<Draw, band_count> draw_augmentation(const train::Sample& sample, std::size_t position,
                                                      const CudaAugment& options, Random& random,
                                                      train::PreparedBuffer& conditions) {
  std::array<Draw, band_count> draws{};
  std::copy(sample.band_coverage.begin(), sample.band_coverage.end(), conditions.band_coverage.begin());
  const std::uint32_t which = options.orient ? random.below(8) : (random.below(8), 0u);
  for (std::size_t b = 0; b < band_count; ++b) {
    draws[b].image = static_cast<long long>(position * band_count + b);
    draws[b].orientation = static_cast<int>(which);
    train::orient(std::span(conditions.band_coverage).subspan(b * coarse_cells, coarse_cells), coarse_side, which);
  }
  const auto mask = [&](std::size_t b, int top, int left, int height, int width) {
    draws[b].top = top;
    draws[b].left = left;
    draws[b].bottom = std::min(top + height, field_side);
    draws[b].right = std::min(left + width, field_side);
    train::mask_rectangle(conditions, b, top, left, height, width);
  };
  if (random.uniform() < options.mask_patch) {
    const int height = 4 + static_cast<int>(random.below(29)), width = 4 + static_cast<int>(random.below(29));
    const int top = static_cast<int>(random.below(field_side)), left = static_cast<int>(random.below(field_side));
    for (std::size_t b = 0; b < band_count; ++b) mask(b, top, left, height, width);
  }
  if (random.uniform() < options.band_drop) mask(random.below(band_count), 0, 0, field_side, field_side);
  const float gain = static_cast<float>(options.gain_rms * random.normal());
  for (Draw& draw : draws) draw.gain = gain;
  conditions.update(sample.info.redshift);
  return draws;
}

/// Steps of the last stage, extractor and mass heads together, by the loss MassLoss::beta, for batches of one size.
template <class Arch>
class CudaTraining {
 public:
  using E = CudaEngine<float>;
  using Map = CudaMap<float>;
  using Features = typename Arch::Features;
  using MassHead = typename Arch::MassHead;

  /// Samples are copied to the device in 16 bits. The device must be current as long as the object is used.
  CudaTraining(std::shared_ptr<const CudaDevice> device, const TrainedNetwork<Arch>& network,
               std::span<const train::Sample> samples, int batch)
      : context_(std::move(device)),
        engine_(context_),
        samples_(samples),
        batch_(batch),
        heads_count_(network.mass.size()),
        parameters_(Features::parameter_count + heads_count_ * MassHead::parameter_count),
        gradient_(parameters_.size()),
        first_(parameters_.size()),
        second_(parameters_.size()),
        input_{band_count * batch, 1, field_side, field_side},
        features_(upload(network), input_, Walk::recorded, engine_) {
    const Shape f = features_.output_shape();
    joined_ = {batch, f.c * band_count, f.h, f.w};
    for (std::size_t h = 0; h < heads_count_; ++h)
      heads_.emplace_back(head_parameters(h), joined_, Walk::recorded, engine_);
    const std::size_t n = static_cast<std::size_t>(batch),
                      floats = n * ((band_count + 1) * coarse_cells + context_count + 2);
    staged_ = PinnedArena<std::byte>(floats * sizeof(float) + n * sizeof(int) + n * band_count * sizeof(Draw) + 64);
    device_staged_ = DeviceArena<std::byte>(staged_.size());
    losses_ = DeviceArena<float>(n * heads_count_);
    host_losses_ = PinnedArena<float>(losses_.size());
    x_ = DeviceArena<float>(input_.size());
    arena_ = DeviceArena<float>(features_.arena_size());
    gradient_arena_ = DeviceArena<float>(features_.gradient_arena_size());
    head_arena_ = DeviceArena<float>(heads_[0].arena_size());
    head_gradient_arena_ = DeviceArena<float>(heads_[0].gradient_arena_size());
    for (auto* map : {&gathered_, &d_part_, &d_joined_, &d_features_}) *map = DeviceArena<float>(joined_.size());
    output_ = DeviceArena<float>(2 * n);
    d_output_ = DeviceArena<float>(2 * n);
    squares_ = DeviceArena<double>(square_parts);
    cache_samples();
    context_.synchronize();
  }

  /// One step on `chosen` samples (as many as the batch); draws come from random_of(sample). Returns the mean loss.
  template <class RandomOf>
  double step(std::span<const std::size_t> chosen, const CudaAugment& augment, double beta, double rate,
              double extractor_factor, const train::AdamOptions& adam, RandomOf&& random_of) {
    const double loss = gradient_of(chosen, augment, beta, random_of);
    context_.launch(kernel_index("square_sums"), std::size_t{square_parts}, cp(gradient_.data()), squares_.data(),
                    static_cast<int>(gradient_.size()));
    ++steps_;
    const auto slice = [&](std::size_t begin, std::size_t end, double slice_rate) {
      context_.launch(kernel_index("adam"), end - begin, parameters_.data() + begin, cp(gradient_.data() + begin),
                      first_.data() + begin, second_.data() + begin, static_cast<const double*>(squares_.data()),
                      static_cast<int>(square_parts), slice_rate, adam.beta1, adam.beta2,
                      1 - std::pow(adam.beta1, steps_), 1 - std::pow(adam.beta2, steps_), adam.epsilon,
                      adam.weight_decay, adam.clip_norm);
    };
    slice(0, Features::parameter_count, rate * extractor_factor);
    slice(Features::parameter_count, parameters_.size(), rate);
    features_.refresh(std::span<const float>(parameters_.data(), Features::parameter_count), engine_);
    for (std::size_t h = 0; h < heads_count_; ++h) heads_[h].refresh(head_parameters(h), engine_);
    context_.synchronize();
    return loss;
  }

  /// Mean loss and, in gradient(), mean gradient of a batch.
  template <class RandomOf>
  double gradient_of(std::span<const std::size_t> chosen, const CudaAugment& augment, double beta,
                     RandomOf&& random_of) {
    if (chosen.size() != static_cast<std::size_t>(batch_))
      detail::raise<InputError>("a training step got " + std::to_string(chosen.size()) + " samples, expected " +
                                std::to_string(batch_));
    const Staged staged = stage(chosen, augment, random_of);
    const cudaStream_t stream = context_.stream();
    check(cudaMemcpyAsync(device_staged_.data(), staged_.data(), staged_.size(), cudaMemcpyHostToDevice, stream),
          "cudaMemcpyAsync");
    zero(gradient_);
    zero(d_joined_);
    context_.launch(kernel_index("augment"), input_.size(), static_cast<const short*>(cache_.data()), staged.draws,
                    x_.data(), field_side, train::input_step);

    const Map x{x_.data(), input_}, output{output_.data(), {batch_, 2, 1, 1}}, d_output{d_output_.data(), output.shape};
    const Map features = features_.run(engine_, arena_.data(), staged.per_band, x);
    const Map joined = engine_.gathered_into(E::joined(features, band_count), gathered_.data());
    const Map d_part{d_part_.data(), joined_};
    const float share = 1.0f / static_cast<float>(batch_);
    for (std::size_t h = 0; h < heads_count_; ++h) {
      heads_[h].run(engine_, head_arena_.data(), staged.of_cutout, joined, output);
      context_.launch(kernel_index("mass_loss"), static_cast<std::size_t>(batch_), cp(output_.data()), staged.target,
                      staged.label_error, d_output_.data(), losses_.data() + h * static_cast<std::size_t>(batch_),
                      static_cast<float>(beta), share, static_cast<int>(heads_count_), static_cast<int>(h),
                      staged.sample);
      heads_[h].backward(engine_, head_arena_.data(), head_gradient_arena_.data(), staged.of_cutout, joined, output,
                         d_output, d_part,
                         gradient_.data() + Features::parameter_count + h * MassHead::parameter_count);
      context_.launch(kernel_index("add_scaled"), joined_.size(), d_joined_.data(), cp(d_part_.data()),
                      1.0f / static_cast<float>(heads_count_));  // the extractor learns from the mean of its heads
    }
    const Map d_features{d_features_.data(), features.shape};
    context_.launch(kernel_index("scatter_bands"), joined_.size(), cp(d_joined_.data()), d_features_.data(),
                    int{band_count}, features.shape.c, features.shape.h * features.shape.w);
    features_.backward(engine_, arena_.data(), gradient_arena_.data(), staged.per_band, x, {}, d_features, {},
                       gradient_.data());
    check(cudaMemcpyAsync(host_losses_.data(), losses_.data(), losses_.size() * sizeof(float), cudaMemcpyDeviceToHost,
                          stream),
          "cudaMemcpyAsync");
    context_.synchronize();
    double sum = 0;
    for (std::size_t k = 0; k < host_losses_.size(); ++k) sum += static_cast<double>(host_losses_.data()[k]);
    return sum / static_cast<double>(host_losses_.size());
  }

  std::vector<float> gradient() { return read(gradient_.data(), gradient_.size()); }

  /// Copies the parameters back into the network.
  void download(TrainedNetwork<Arch>& network) {
    const std::vector<float> all = read(parameters_.data(), parameters_.size());
    auto from = all.begin();
    const auto put = [&](std::span<float> to) {
      std::copy_n(from, to.size(), to.begin());
      from += static_cast<std::ptrdiff_t>(to.size());
    };
    put(network.features.values());
    for (auto& head : network.mass) put(head.values());
  }

 private:
  static constexpr std::size_t square_parts = 256;
  static const float* cp(float* p) { return p; }

  /// Where the parts of one batch lie on the device.
  struct Staged {
    Conditions<float, Device> per_band, of_cutout;
    const float *target, *label_error;
    const int* sample;
    const Draw* draws;
  };

  template <class RandomOf>
  Staged stage(std::span<const std::size_t> chosen, const CudaAugment& augment, RandomOf& random_of) {
    const std::size_t n = chosen.size();
    std::size_t place = 0;
    const auto reserve = [&]<class T>(T, std::size_t count) {
      place = (place + 15) / 16 * 16;
      T* host = reinterpret_cast<T*>(staged_.data() + place);
      const T* device = reinterpret_cast<const T*>(device_staged_.data() + place);
      place += count * sizeof(T);
      return std::pair{host, device};
    };
    const auto [draws, d_draws] = reserve(Draw{}, n * band_count);
    const auto [bands, d_bands] = reserve(float{}, n * band_count * coarse_cells);
    const auto [coverage, d_coverage] = reserve(float{}, n * coarse_cells);
    const auto [context, d_context] = reserve(float{}, n * context_count);
    const auto [target, d_target] = reserve(float{}, n);
    const auto [error, d_error] = reserve(float{}, n);
    const auto [sample, d_sample] = reserve(int{}, n);
    for (std::size_t k = 0; k < n; ++k) {
      const train::Sample& one = samples_[chosen[k]];
      Random random = random_of(chosen[k]);
      const auto drawn = draw_augmentation(one, chosen[k], augment, random, buffer_);
      std::copy(drawn.begin(), drawn.end(), draws + k * band_count);
      std::copy(buffer_.band_coverage.begin(), buffer_.band_coverage.end(), bands + k * band_count * coarse_cells);
      std::copy(buffer_.coverage.begin(), buffer_.coverage.end(), coverage + k * coarse_cells);
      std::copy(buffer_.context.begin(), buffer_.context.end(), context + k * context_count);
      target[k] = static_cast<float>((one.info.log10_mass - MassScale::centre) / MassScale::width);
      error[k] = static_cast<float>(one.info.label_error / MassScale::width);
      sample[k] = static_cast<int>(chosen[k]);
    }
    const int count = static_cast<int>(n);
    return {{{d_bands, {band_count * count, 1, coarse_side, coarse_side}}, {}},
            {{d_coverage, {count, 1, coarse_side, coarse_side}}, {d_context, {count, context_count, 1, 1}}},
            d_target,
            d_error,
            d_sample,
            d_draws};
  }

  /// Brings the network's numbers to the device; returns the extractor's.
  std::span<const float> upload(const TrainedNetwork<Arch>& network) {
    float* to = parameters_.data();
    const auto bring = [&](std::span<const float> values) {
      check(
          cudaMemcpyAsync(to, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice, context_.stream()),
          "cudaMemcpyAsync");
      to += values.size();
    };
    bring(network.features.values());
    for (const auto& head : network.mass) bring(head.values());
    return {parameters_.data(), Features::parameter_count};
  }
  std::span<const float> head_parameters(std::size_t h) const {
    return {parameters_.data() + Features::parameter_count + h * MassHead::parameter_count, MassHead::parameter_count};
  }

  void cache_samples() {
    const std::size_t one = band_count * field_cells;
    cache_ = DeviceArena<short>(samples_.size() * one);
    for (std::size_t k = 0; k < samples_.size(); ++k)
      check(cudaMemcpyAsync(cache_.data() + k * one, samples_[k].input.data(), one * sizeof(short),
                            cudaMemcpyHostToDevice, context_.stream()),
            "cudaMemcpyAsync");
  }

  void zero(const DeviceArena<float>& arena) {
    check(cudaMemsetAsync(arena.data(), 0, arena.size() * sizeof(float), context_.stream()), "cudaMemsetAsync");
  }
  std::vector<float> read(const float* from, std::size_t count) {
    std::vector<float> values(count);
    check(cudaMemcpyAsync(values.data(), from, count * sizeof(float), cudaMemcpyDeviceToHost, context_.stream()),
          "cudaMemcpyAsync");
    context_.synchronize();
    return values;
  }

  CudaContext context_;
  E engine_;
  std::span<const train::Sample> samples_;
  int batch_;
  std::size_t heads_count_;
  DeviceArena<float> parameters_, gradient_, first_, second_;
  Shape input_, joined_{};
  Plan<Features, E> features_;
  std::vector<Plan<MassHead, E>> heads_;
  PinnedArena<std::byte> staged_;
  DeviceArena<std::byte> device_staged_;
  DeviceArena<short> cache_;
  DeviceArena<float> losses_, x_, arena_, gradient_arena_, head_arena_, head_gradient_arena_;
  DeviceArena<float> gathered_, d_part_, d_joined_, d_features_, output_, d_output_;
  DeviceArena<double> squares_;
  PinnedArena<float> host_losses_;
  train::PreparedBuffer buffer_;
  int steps_ = 0;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
