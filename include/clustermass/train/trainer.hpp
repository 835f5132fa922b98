// SPDX-License-Identifier: BSD-3-Clause
// The two stages: one epoch of each, forward and backward over the library's own network types. What is trained lies in
// TrainedNetwork; who calls decides about data, schedule and files.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/model/trained_network.hpp"
#include "clustermass/nn/plan.hpp"
#include "clustermass/train/augment.hpp"
#include "clustermass/train/batch_gradient.hpp"
#include "clustermass/train/loss.hpp"
#include "clustermass/train/optimizer.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// What is trained, in this order: the extractor to name bands; the mass heads on the frozen extractor; all together.
enum class Stage : int { bands, heads, all };
inline constexpr const char* stage_names[] = {"bands", "heads", "all"};

struct StageOptions {
  int epochs = 1;
  int batch = 64;
  double rate = 1e-3;             ///< peak learning rate
  double extractor_factor = 1;    ///< of the rate, for the extractor
  double label_smoothing = 0.05;  ///< bands
  double beta = 0.5;              ///< beta-NLL of the mass stages
  AugmentOptions augment{};
  AdamOptions adam{};
};

/// Figures of one epoch.
struct EpochReport {
  double loss = 0;      ///< mean over the samples
  double accuracy = 0;  ///< bands: share named rightly
  double mae = 0;       ///< mass stages: mean |mu - label| of the ensemble [dex]
};

/// Trains one network on one engine with a team. `Team` needs size() and run(count, task(index, member)).
template <class Arch, Engine E, class Team>
class Trainer {
 public:
  using Scalar = typename E::Scalar;
  using Map = typename E::Map;
  using Features = typename Arch::Features;
  using BandHead = typename Arch::BandHead;
  using MassHead = typename Arch::MassHead;

  Trainer(TrainedNetwork<Arch>& network, Team& team, std::uint64_t seed)
      : network_(network),
        team_(team),
        seed_(seed),
        features_(network.features.values(), input_shape, Walk::recorded),
        band_(network.band.values(), features_.output_shape(), Walk::recorded) {
    const Shape f = features_.output_shape();
    joined_ = {1, f.c * band_count, f.h, f.w};
    for (const auto& head : network.mass) heads_.emplace_back(head.values(), joined_, Walk::recorded);
    for (int member = 0; member < team.size(); ++member) members_.push_back(std::make_unique<Member>(*this));
  }

  /// Parameters a stage changes, in the order extractor, band head or mass heads.
  std::size_t parameter_count(Stage stage) const {
    const std::size_t heads = network_.mass.size() * MassHead::parameter_count;
    if (stage == Stage::bands) return Features::parameter_count + BandHead::parameter_count;
    return stage == Stage::heads ? heads : Features::parameter_count + heads;
  }

  /// One pass over the samples. `epoch` counts within the stage; `progress(done, total)` is called after each batch.
  EpochReport run_epoch(Stage stage, int epoch, const StageOptions& options, std::span<const Sample> samples,
                        Adam& adam, const std::function<void(std::size_t, std::size_t)>& progress) {
    const std::uint64_t stream = static_cast<std::uint64_t>(stage) * 1000 + static_cast<std::uint64_t>(epoch);
    const std::vector<std::size_t> order = shuffled(samples.size(), Random(seed_, stream, 1));
    const std::size_t batch = static_cast<std::size_t>(options.batch);
    const std::size_t batches = (samples.size() + batch - 1) / batch;
    const Schedule schedule{options.rate, 0.01 * options.rate, 100, static_cast<int>(batches) * options.epochs};
    if (!gradient_ || gradient_stage_ != stage || gradient_batch_ != batch) {
      gradient_ = std::make_unique<BatchGradient>(parameter_count(stage), batch);
      gradient_stage_ = stage;
      gradient_batch_ = batch;
    }
    if (stage == Stage::heads && cache_.empty()) cache_features(samples);
    if (stage != Stage::heads) cache_.clear();
    refresh();

    std::vector<Outcome> outcomes(samples.size());
    EpochReport report;
    for (std::size_t b = 0; b < batches; ++b) {
      const std::span<const std::size_t> part =
          std::span(order).subspan(b * batch, std::min(batch, order.size() - b * batch));
      report.loss += gradient_->run(team_, part, [&](std::size_t k, int member, std::span<float> gradient) {
        Random random(seed_, stream, static_cast<std::uint32_t>(k) + 16);
        Member& m = *members_[static_cast<std::size_t>(member)];
        return stage == Stage::bands ? m.bands(samples[k], options, random, gradient, outcomes[k])
                                     : m.mass(samples[k], k, stage, options, random, gradient, outcomes[k]);
      });
      step(stage, options, schedule.rate(adam.step), adam);
      progress(b + 1, batches);
    }
    for (const Outcome& outcome : outcomes) {
      report.accuracy += outcome.right;
      report.mae += outcome.error;
    }
    const double n = static_cast<double>(samples.size());
    report.loss /= n;
    report.accuracy /= n * band_count;
    report.mae /= n;
    return report;
  }

 private:
  static constexpr Shape input_shape{band_count, 1, field_side, field_side};

  struct Outcome {
    double right = 0, error = 0;
  };

  /// One member's memory and its walks.
  struct Member {
    explicit Member(const Trainer& t)
        : trainer(t),
          arena(t.features_.arena_size()),
          gradient_arena(t.features_.gradient_arena_size()),
          x_memory(E::map_size(input_shape, Form::map)),
          d_features(E::map_size(t.features_.output_shape(), Form::map)),
          d_part(E::map_size(t.features_.output_shape(), Form::map)),
          frozen(E::map_size(t.features_.output_shape(), Form::map)),
          band_arena(t.band_.arena_size()),
          band_gradient(t.band_.gradient_arena_size()),
          head_arena(t.heads_[0].arena_size()),
          head_gradient(t.heads_[0].gradient_arena_size()),
          d_output(E::map_size({band_count, band_count, 1, 1}, Form::vector)),
          scratch(std::max({t.features_.scratch_size(), t.band_.scratch_size(), t.heads_[0].scratch_size()})) {
      engine.use_scratch(scratch.data());
    }

    ConditionsOf<E> per_band() {
      return {{buffer.band_coverage.data(), {band_count, 1, coarse_side, coarse_side}}, {}};
    }
    ConditionsOf<E> of_cutout() {
      return {{buffer.coverage.data(), {1, 1, coarse_side, coarse_side}},
              {buffer.context.data(), {1, context_count, 1, 1}}};
    }
    Map input() {
      const Map x = E::map_at(x_memory.data(), input_shape, Form::map);
      engine.copy_in(View<const float>{buffer.input.data(), input_shape}, x);
      return x;
    }
    Map map_of(Arena<Scalar>& memory) const {
      return E::map_at(memory.data(), trainer.features_.output_shape(), Form::map);
    }

    double bands(const Sample& sample, const StageOptions& options, Random& random, std::span<float> gradient,
                 Outcome& outcome) {
      unpack(sample, buffer);
      harden(buffer, sample.redshift, random);
      const Map x = input();
      const Map features = trainer.features_.run(engine, arena.data(), per_band(), x);
      const Map logits = trainer.band_.run(engine, band_arena.data(), per_band(), features);
      std::array<double, band_count * band_count> numbers{};
      engine.copy_out(logits, View<double>{numbers.data(), logits.shape});
      std::array<float, band_count * band_count> d_numbers{};
      double loss = 0;
      for (std::size_t b = 0; b < band_count; ++b) {
        std::array<double, band_count> row{}, d_row{};
        for (std::size_t k = 0; k < row.size(); ++k) row[k] = numbers[b * band_count + k];
        loss += band_loss(row, b, options.label_smoothing, d_row) / band_count;
        for (std::size_t k = 0; k < row.size(); ++k)
          d_numbers[b * band_count + k] = static_cast<float>(d_row[k] / band_count);
        outcome.right +=
            std::max_element(row.begin(), row.end()) - row.begin() == static_cast<std::ptrdiff_t>(b) ? 1 : 0;
      }
      const Map d_logits = E::map_at(d_output.data(), logits.shape, Form::vector);
      engine.copy_in(View<const float>{d_numbers.data(), logits.shape}, d_logits);
      const Map d = map_of(d_features);
      trainer.band_.backward(engine, band_arena.data(), band_gradient.data(), per_band(), features, {}, d_logits, d,
                             gradient.data() + Features::parameter_count);
      trainer.features_.backward(engine, arena.data(), gradient_arena.data(), per_band(), x, {}, d, {},
                                 gradient.data());
      return loss;
    }

    /// index: position of the sample, which says which head leaves it out.
    double mass(const Sample& sample, std::size_t index, Stage stage, const StageOptions& options, Random& random,
                std::span<float> gradient, Outcome& outcome) {
      unpack(sample, buffer);
      Map x{}, features{};
      if (stage == Stage::all) {
        augment(buffer, sample.redshift, options.augment, random);
        x = input();
        features = trainer.features_.run(engine, arena.data(), per_band(), x);
      } else {
        features = map_of(frozen);
        std::copy_n(trainer.cache_.data() + index * frozen.size(), frozen.size(), frozen.data());
      }
      const Map joined = E::joined(features, band_count), d = map_of(d_features), part = map_of(d_part);
      const std::size_t heads = trainer.heads_.size();
      const std::size_t first = stage == Stage::all ? Features::parameter_count : 0;
      std::fill_n(d_features.data(), d_features.size(), Scalar(0));
      double loss = 0, mean = 0;
      for (std::size_t h = 0; h < heads; ++h) {
        const Map output = trainer.heads_[h].run(engine, head_arena.data(), of_cutout(), joined);
        std::array<double, 2> numbers{};
        engine.copy_out(output, View<double>{numbers.data(), output.shape});
        mean += numbers[0] / static_cast<double>(heads);
        HeadOutput d_head;
        loss += mass_loss({numbers[0], numbers[1]}, sample.log10_mass, sample.label_error, options.beta, d_head) /
                static_cast<double>(heads);
        if (heads > 1 && index % heads == h) continue;  // each head leaves out its own share of the samples
        const std::array<float, 2> d_numbers{static_cast<float>(d_head.mean), static_cast<float>(d_head.log_variance)};
        const Map d_y = E::map_at(d_output.data(), output.shape, Form::vector);
        engine.copy_in(View<const float>{d_numbers.data(), output.shape}, d_y);
        const bool downwards = stage == Stage::all;
        trainer.heads_[h].backward(engine, head_arena.data(), head_gradient.data(), of_cutout(), joined, {}, d_y,
                                   downwards ? E::joined(part, band_count) : Map{},
                                   gradient.data() + first + h * MassHead::parameter_count);
        // The extractor learns from the mean of its heads.
        if (downwards)
          for (std::size_t k = 0; k < d_features.size(); ++k)
            d_features.data()[k] += d_part.data()[k] / static_cast<Scalar>(heads);
      }
      outcome.error = std::fabs(MassScale::centre + MassScale::width * mean - sample.log10_mass);
      if (stage == Stage::all)
        trainer.features_.backward(engine, arena.data(), gradient_arena.data(), per_band(), x, {}, d, {},
                                   gradient.data());
      return loss;
    }

    const Trainer& trainer;
    E engine;
    PreparedBuffer buffer;
    Arena<Scalar> arena, gradient_arena, x_memory, d_features, d_part, frozen;
    Arena<Scalar> band_arena, band_gradient, head_arena, head_gradient, d_output, scratch;
  };

  /// Prepares all kernels again from the network's present numbers.
  void refresh() {
    features_.refresh(network_.features.values());
    band_.refresh(network_.band.values());
    for (std::size_t h = 0; h < heads_.size(); ++h) heads_[h].refresh(network_.mass[h].values());
  }

  void step(Stage stage, const StageOptions& options, double rate, Adam& adam) {
    const std::span<const float> gradient = gradient_->mean();
    const double factor = clip_factor(gradient, options.adam.clip_norm);
    std::size_t offset = 0;
    const auto slice = [&](std::span<float> parameters, double slice_rate) {
      adam_step(parameters, gradient.subspan(offset, parameters.size()), adam, offset, slice_rate, factor,
                options.adam);
      offset += parameters.size();
    };
    if (stage != Stage::heads)
      slice(network_.features.values(), rate * (stage == Stage::all ? options.extractor_factor : 1));
    if (stage == Stage::bands)
      slice(network_.band.values(), rate);
    else
      for (auto& head : network_.mass) slice(head.values(), rate);
    ++adam.step;
    refresh();
  }

  /// Features of the frozen extractor for all samples, as they lie in the engine's memory.
  void cache_features(std::span<const Sample> samples) {
    refresh();
    const std::size_t size = members_[0]->frozen.size();
    cache_.resize(samples.size() * size);
    team_.run(samples.size(), [&](std::size_t k, int member) {
      Member& m = *members_[static_cast<std::size_t>(member)];
      unpack(samples[k], m.buffer);
      const Map x = m.input();
      features_.run(m.engine, m.arena.data(), m.per_band(), x, m.map_of(m.frozen));
      std::copy_n(m.frozen.data(), size, cache_.data() + k * size);
    });
  }

  TrainedNetwork<Arch>& network_;
  Team& team_;
  std::uint64_t seed_;
  Plan<Features, E> features_;
  Plan<BandHead, E> band_;
  std::vector<Plan<MassHead, E>> heads_;
  Shape joined_;
  std::vector<std::unique_ptr<Member>> members_;
  std::unique_ptr<BatchGradient> gradient_;
  Stage gradient_stage_ = Stage::bands;
  std::size_t gradient_batch_ = 0;
  std::vector<Scalar> cache_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
