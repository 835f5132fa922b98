// SPDX-License-Identifier: BSD-3-Clause
// train::Trainer on a device: the same stages, draws, losses and optimiser, so that a run can go on on the other one.
// Samples, parameters, gradients and moments stay on the device during an epoch; the host draws the augmentation of a
// batch, and makes the images whose noise is drawn pixel by pixel, while the device works on the batch before.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "clustermass/gpu/training_walk.hpp"
#include "clustermass/train/batch_gradient.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// Trains one network on one device with a team of the host's threads. `Team` as for train::Trainer.
template <class Arch, class Team>
class CudaTrainer {
 public:
  using Stage = train::Stage;

  /// Batches go to the device in parts of at most CudaOptions::batch samples; a device without room gets smaller ones.
  ///
  /// Throws  DeviceError
  CudaTrainer(std::shared_ptr<const CudaDevice> device, TrainedNetwork<Arch>& network, Team& team, std::uint64_t seed)
      : device_(std::move(device)),
        network_(network),
        team_(team),
        seed_(seed),
        buffers_(static_cast<std::size_t>(team.size())) {
    if (device_->options().precision == Precision::fp16)
      detail::raise<InputError>("training on half maps was asked for, expected Precision::fp32 or tf32");
    const CurrentDevice current(device_->options().device);
    for (int capacity = std::max(1, device_->options().batch);; capacity /= 2) try {
        walk_ = std::make_unique<TrainingWalk<Arch>>(device_, network_, capacity);
        return;
      } catch (const DeviceMemoryError&) {
        if (capacity == 1) throw;
      }
  }
  ~CudaTrainer() {
    const CleanupDevice current(device_->options().device);
    walk_.reset();
    cache_ = SampleCache();
  }
  CudaTrainer(const CudaTrainer&) = delete;
  CudaTrainer& operator=(const CudaTrainer&) = delete;

  /// Samples that are on the device at a time.
  int batch() const { return walk_->capacity(); }

  /// Samples whose images are kept on the device.
  std::size_t kept() const { return cache_.size(); }

  std::size_t parameter_count(Stage stage) const { return walk_->parameter_count(stage); }

  train::EpochReport run_epoch(Stage stage, int epoch, const train::StageOptions& options, const train::Selection& part,
                               train::Adam& adam, const std::function<bool(std::size_t, std::size_t)>& go_on) {
    const CurrentDevice current(device_->options().device);
    start();
    const std::uint64_t stream = std::uint64_t{options.stream} * 1000 + static_cast<std::uint64_t>(epoch);
    const std::vector<std::size_t> order = train::shuffled(part.which.size(), Random(seed_, stream, 1));
    const std::size_t batch = static_cast<std::size_t>(options.batch);
    const std::size_t batches = (order.size() + batch - 1) / batch;
    const train::Schedule schedule{options.rate, 0.01 * options.rate, options.warmup_steps,
                                   static_cast<int>(batches) * options.epochs};
    const Images images = stage == Stage::heads                         ? Images::frozen
                          : stage == Stage::all                         ? Images::augmented
                          : options.pretext == train::Pretext::hardened ? Images::hardened
                                                                        : Images::plain;
    walk_->upload(adam, stage);
    train::EpochReport report;
    const auto collect = [&](const TrainingSlot& slot) { count(stage, slot, part, report); };
    for (std::size_t b = 0; b < batches; ++b) {
      const std::span<const std::size_t> places =
          std::span<const std::size_t>(order).subspan(b * batch, std::min(batch, order.size() - b * batch));
      bool first = true;
      each_part(places, part, images, options, stream, collect, [&](TrainingSlot& slot) {
        if (std::exchange(first, false)) walk_->begin_gradient();
        walk_->add_gradient(slot, stage, options, 1.0f / static_cast<float>(places.size()));
      });
      walk_->step(stage, options, schedule.rate(adam.step), adam.step);
      ++adam.step;
      if (!go_on(b + 1, batches)) {
        finish(collect);
        report.interrupted = true;
        return report;
      }
    }
    finish(collect);
    walk_->download(network_, adam, stage);
    const double n = static_cast<double>(order.size());
    report.loss /= n;
    report.accuracy /= n * band_count;
    report.mae /= n;
    return report;
  }

  std::vector<double> outputs(const train::Selection& part, bool frozen = false) {
    const CurrentDevice current(device_->options().device);
    start();
    const std::vector<std::size_t> places = in_order(part);
    const std::size_t heads = network_.mass.size(), capacity = static_cast<std::size_t>(batch());
    std::vector<double> all(part.which.size() * 2 * heads);
    const auto collect = [&](const TrainingSlot& slot) {
      for (std::size_t n = 0; n < slot.places.size(); ++n)
        for (std::size_t h = 0; h < heads; ++h)
          for (std::size_t k = 0; k < 2; ++k)
            all[2 * (slot.places[n] * heads + h) + k] =
                static_cast<double>(slot.outputs.data()[2 * (h * capacity + n) + k]);
    };
    each_part(places, part, frozen ? Images::frozen : Images::as_they_are, {}, 0, collect,
              [&](TrainingSlot& slot) { walk_->forward(slot, false, frozen); });
    finish(collect);
    return all;
  }

  double band_accuracy(const train::Selection& part, const train::StageOptions& options) {
    const CurrentDevice current(device_->options().device);
    start();
    const std::vector<std::size_t> places = in_order(part);
    double right = 0;
    const auto collect = [&](const TrainingSlot& slot) { right += rightly_named(slot); };
    each_part(places, part, options.pretext == train::Pretext::hardened ? Images::hardened : Images::plain, options,
              std::uint64_t{options.stream} * 1000 + 999, collect,
              [&](TrainingSlot& slot) { walk_->forward(slot, true, false); });
    finish(collect);
    return right / static_cast<double>(part.which.size() * band_count);
  }

  std::size_t feature_bytes() const { return (feature_count() + SampleCache::coverages) * sizeof(float); }

  template <class Append>
  void make_features(const train::Selection& part, Append&& append) {
    const CurrentDevice current(device_->options().device);
    start();
    const std::vector<std::size_t> places = in_order(part);
    const std::size_t size = feature_count();
    std::vector<float> features(size * static_cast<std::size_t>(batch())), record(size + SampleCache::coverages);
    const auto nothing = [](const TrainingSlot&) {};
    each_part(places, part, Images::as_they_are, {}, 0, nothing, [&](TrainingSlot& slot) {
      walk_->features_out(slot, features);
      for (std::size_t n = 0; n < slot.places.size(); ++n) {
        std::copy_n(features.data() + n * size, size, record.data());
        std::copy_n(slot.on_host().per_band + n * SampleCache::coverages, SampleCache::coverages, record.data() + size);
        append(std::as_bytes(std::span(record)));
      }
    });
    finish(nothing);
  }

  void use_features(std::shared_ptr<const train::Records> features, const train::Selection& part) {
    if (features->record_bytes() != feature_bytes() || features->size() != part.which.size())
      detail::raise<InputError>("the features are those of another network or of other samples");
    frozen_ = std::move(features);
    frozen_place_.assign(part.set->size(), part.which.size());
    for (std::size_t n = 0; n < part.which.size(); ++n) frozen_place_[part.which[n]] = n;
  }

 private:
  using Way = TrainingSlot::Way;
  enum class Images : int { as_they_are, plain, hardened, augmented, frozen };

  std::size_t feature_count() const {
    return walk_->features_shape().size() / static_cast<std::size_t>(walk_->capacity());
  }
  static std::vector<std::size_t> in_order(const train::Selection& part) {
    std::vector<std::size_t> places(part.which.size());
    for (std::size_t k = 0; k < places.size(); ++k) places[k] = k;
    return places;
  }
  /// Begins a call with the network's present numbers; what an exception left at work is waited for and forgotten.
  void start() {
    walk_->wait();
    at_work_ = nullptr;
    walk_->upload(network_);
    walk_->refresh();
  }

  /// Fills and queues part by part; collect(slot) is called for each part when the next one is filled, or in finish().
  template <class Collect, class Work>
  void each_part(std::span<const std::size_t> places, const train::Selection& part, Images images,
                 const train::StageOptions& options, std::uint64_t stream, Collect&& collect, Work&& work) {
    const std::size_t capacity = static_cast<std::size_t>(batch());
    for (std::size_t begin = 0; begin < places.size(); begin += capacity) {
      TrainingSlot& slot = walk_->slot(turn_ = 1 - turn_);
      slot.places = places.subspan(begin, std::min(capacity, places.size() - begin));
      fill(slot, part, images, options, stream);
      finish(collect);
      walk_->bring(slot, images == Images::frozen);
      work(slot);
      for (std::size_t n = 0; n < slot.places.size(); ++n)
        if (slot.ways[n] == Way::to_cache) cache_.filled(part.which[slot.places[n]]);
      at_work_ = &slot;
    }
  }
  template <class Collect>
  void finish(Collect&& collect) {
    if (!at_work_) return;
    walk_->wait();
    collect(*std::exchange(at_work_, nullptr));
  }

  /// The host's share: what is drawn, what the masks leave of the coverage, the labels, and some of the images.
  void fill(TrainingSlot& slot, const train::Selection& part, Images images, const train::StageOptions& options,
            std::uint64_t stream) {
    cache_.use(*part.set);
    const bool cached = images != Images::frozen && images != Images::hardened;
    std::vector<bool> has_place(slot.places.size());
    for (std::size_t n = 0; cached && n < slot.places.size(); ++n)
      has_place[n] = cache_.reserve(part.which[slot.places[n]]);
    std::fill_n(slot.host.data(), slot.host.size(), std::byte{});
    team_.run(slot.places.size(), [&](std::size_t n, int member) {
      train::PreparedBuffer& buffer = buffers_[static_cast<std::size_t>(member)];
      const TrainingSlot::Parts to = slot.on_host();
      const std::size_t k = part.which[slot.places[n]];
      slot.ways[n] = images == Images::frozen ? read_features(slot, n, k, buffer)
                     : has_place[n]           ? draw(slot, n, k, part, images, options, stream, buffer)
                                              : make(slot, n, k, part, images, options, stream, buffer);
      buffer.update(part.set->info(k));
      if ((images == Images::frozen || images == Images::augmented) &&
          train::hides_filter(seed_, stream, k, options.filter_drop))
        hide_filter(buffer.context);
      std::ranges::copy(buffer.band_coverage, to.per_band + n * buffer.band_coverage.size());
      std::ranges::copy(buffer.coverage, to.coverage + n * buffer.coverage.size());
      std::ranges::copy(buffer.context, to.context + n * buffer.context.size());
      to.sample[n] = static_cast<int>(k);
      if (part.labels.empty()) return;
      to.target[n] = static_cast<float>((part.labels[k].log10_mass - MassScale::centre) / MassScale::width);
      to.label_error[n] = static_cast<float>(part.labels[k].error / MassScale::width);
    });
  }

  Random random_of(std::uint64_t stream, std::size_t sample) const {
    return Random(seed_, stream, static_cast<std::uint32_t>(sample) + 16);
  }

  /// Images that the device makes of the stored ones.
  Way draw(TrainingSlot& slot, std::size_t n, std::size_t k, const train::Selection& part, Images images,
           const train::StageOptions& options, std::uint64_t stream, train::PreparedBuffer& buffer) {
    const bool there = cache_.has(k);
    const std::byte* stored = nullptr;
    if (there)
      std::ranges::copy(cache_.coverage(k), buffer.band_coverage.begin());
    else
      stored = part.set->read(k, buffer);
    const std::span<Draw, band_count> draws(slot.on_host().draws + n * band_count, band_count);
    const std::vector<float> coverage = buffer.band_coverage;
    DrawRecorder recorder{draws, buffer.band_coverage};
    Random random = random_of(stream, k);
    if (images == Images::plain) recorder.orient(random.below(8));
    if (images == Images::augmented) train::draw_augmentation(recorder, part.set->info(k), options.augment, random);
    if (recorder.on_host) {
      for (Draw& one : draws) one = Draw{};
      return make(slot, n, k, part, images, options, stream, buffer);
    }
    for (std::size_t b = 0; b < band_count; ++b) draws[b].image = cache_.at(k) + b * field_cells;
    if (there) return Way::there;
    std::ranges::copy(coverage, cache_.coverage(k).begin());
    std::memcpy(slot.pixels.data() + n * SampleCache::images, stored, SampleCache::images * sizeof(std::int16_t));
    return Way::to_cache;
  }

  /// Images that the host makes, as the trainer on the CPU does.
  Way make(TrainingSlot& slot, std::size_t n, std::size_t k, const train::Selection& part, Images images,
           const train::StageOptions& options, std::uint64_t stream, train::PreparedBuffer& buffer) const {
    part.set->unpack(k, buffer);
    Random random = random_of(stream, k);
    const train::SampleInfo& info = part.set->info(k);
    if (images == Images::hardened) train::harden(buffer, info, random);
    if (images == Images::plain) train::plain(buffer, info, random);
    if (images == Images::augmented) train::augment(buffer, info, options.augment, random);
    std::ranges::copy(buffer.input, slot.pixels.data() + n * buffer.input.size());
    return Way::made;
  }

  Way read_features(TrainingSlot& slot, std::size_t n, std::size_t k, train::PreparedBuffer& buffer) const {
    const std::size_t size = feature_count();
    std::vector<float> record(size + SampleCache::coverages);
    frozen_->read(frozen_place_[k], std::as_writable_bytes(std::span(record)));
    std::copy_n(record.data(), size, slot.pixels.data() + n * size);
    std::copy_n(record.data() + size, SampleCache::coverages, buffer.band_coverage.begin());
    return Way::made;
  }

  static double rightly_named(const TrainingSlot& slot) {
    double right = 0;
    for (std::size_t image = 0; image < slot.places.size() * band_count; ++image) {
      const float* row = slot.outputs.data() + image * band_count;
      right += std::max_element(row, row + band_count) - row == static_cast<std::ptrdiff_t>(image % band_count) ? 1 : 0;
    }
    return right;
  }

  /// Adds a part's losses and errors to the report.
  void count(Stage stage, const TrainingSlot& slot, const train::Selection& part, train::EpochReport& report) const {
    const std::size_t heads = network_.mass.size(), capacity = slot.ways.size();
    if (stage == Stage::bands) {
      report.accuracy += rightly_named(slot);
      for (std::size_t image = 0; image < slot.places.size() * band_count; ++image)
        report.loss += static_cast<double>(slot.losses.data()[image]) / band_count;
      return;
    }
    for (std::size_t n = 0; n < slot.places.size(); ++n) {
      double mean = 0;
      for (std::size_t h = 0; h < heads; ++h) {
        mean += static_cast<double>(slot.outputs.data()[2 * (h * capacity + n)]) / static_cast<double>(heads);
        report.loss += static_cast<double>(slot.losses.data()[h * capacity + n]) / static_cast<double>(heads);
      }
      report.mae +=
          std::fabs(MassScale::centre + MassScale::width * mean - part.labels[part.which[slot.places[n]]].log10_mass);
    }
  }

  std::shared_ptr<const CudaDevice> device_;
  TrainedNetwork<Arch>& network_;
  Team& team_;
  std::uint64_t seed_;
  std::vector<train::PreparedBuffer> buffers_;  ///< by member of the team
  SampleCache cache_;
  std::unique_ptr<TrainingWalk<Arch>> walk_;
  TrainingSlot* at_work_ = nullptr;
  int turn_ = 0;
  std::shared_ptr<const train::Records> frozen_;
  std::vector<std::size_t> frozen_place_;  ///< record of each sample of the set
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
