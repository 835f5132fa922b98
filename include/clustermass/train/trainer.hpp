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
#include "clustermass/train/batch_gradient.hpp"
#include "clustermass/train/stage.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

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

  /// One pass over the samples. `epoch` counts within the task; `go_on(done, total)` is called after each batch: if it
  /// says no, the epoch ends there and the network is to be thrown away.
  EpochReport run_epoch(Stage stage, int epoch, const StageOptions& options, const Selection& part, Adam& adam,
                        const std::function<bool(std::size_t, std::size_t)>& go_on) {
    const std::vector<std::size_t> order = shuffled(part.which.size(), Random(seed_, stream_of(options, epoch), 1));
    const std::size_t batch = static_cast<std::size_t>(options.batch);
    const std::size_t batches = (order.size() + batch - 1) / batch;
    const Schedule schedule{options.rate, 0.01 * options.rate, options.warmup_steps,
                            static_cast<int>(batches) * options.epochs};
    if (!gradient_ || gradient_stage_ != stage || gradient_batch_ != batch) {
      gradient_ = std::make_unique<BatchGradient>(parameter_count(stage), batch);
      gradient_stage_ = stage;
      gradient_batch_ = batch;
    }
    refresh();

    std::vector<Outcome> outcomes(order.size());
    EpochReport report;
    for (std::size_t b = 0; b < batches; ++b) {
      const std::span<const std::size_t> places =
          std::span(order).subspan(b * batch, std::min(batch, order.size() - b * batch));
      report.loss += gradient_->run(team_, places, [&](std::size_t place, int member, std::span<float> gradient) {
        const std::size_t k = part.which[place];
        Random random = sample_draws(seed_, options, epoch, k);
        Member& m = *members_[static_cast<std::size_t>(member)];
        return stage == Stage::bands ? m.bands(part, k, options, random, gradient, outcomes[place])
                                     : m.mass(part, k, stage, options,
                                              hides_filter(seed_, stream_of(options, epoch), k, options.filter_drop),
                                              random, gradient, outcomes[place]);
      });
      step(stage, options, schedule.rate(adam.step), adam);
      if (!go_on(b + 1, batches)) {
        report.interrupted = true;
        return report;
      }
    }
    for (const Outcome& outcome : outcomes) {
      report.accuracy += outcome.right;
      report.mae += outcome.error;
    }
    const double n = static_cast<double>(order.size());
    report.loss /= n;
    report.accuracy /= n * band_count;
    report.mae /= n;
    return report;
  }

  /// Raw outputs [which,heads,2] of the network for samples as they are; with `frozen`, from the frozen features.
  std::vector<double> outputs(const Selection& part, bool frozen = false) {
    refresh();
    const std::size_t heads = heads_.size();
    std::vector<double> all(part.which.size() * 2 * heads);
    team_.run(part.which.size(), [&](std::size_t place, int member) {
      members_[static_cast<std::size_t>(member)]->outputs(part, part.which[place], frozen,
                                                          std::span(all).subspan(place * 2 * heads, 2 * heads));
    });
    return all;
  }

  /// Share of the bands of the samples that are named rightly, in images made as the stage makes them.
  double band_accuracy(const Selection& part, const StageOptions& options) {
    refresh();
    std::vector<Outcome> outcomes(part.which.size());
    team_.run(part.which.size(), [&](std::size_t place, int member) {
      Random random = sample_draws(seed_, options, held_out_epoch, part.which[place]);
      members_[static_cast<std::size_t>(member)]->bands(part, part.which[place], options, random, {}, outcomes[place]);
    });
    double right = 0;
    for (const Outcome& outcome : outcomes) right += outcome.right;
    return right / static_cast<double>(part.which.size() * band_count);
  }

  /// Bytes of the features of one sample: floats [5,C,8,8], and the coverage [5,8,8] that they were made with.
  std::size_t feature_bytes() const { return feature_count() * sizeof(float); }

  /// Features of the extractor as it is, for the samples in their order. append(bytes) is called from this thread.
  template <class Append>
  void make_features(const Selection& part, Append&& append) {
    refresh();
    constexpr std::size_t chunk = 64;
    const std::size_t size = feature_count();
    std::vector<float> numbers(chunk * size);
    for (std::size_t begin = 0; begin < part.which.size(); begin += chunk) {
      const std::size_t count = std::min(chunk, part.which.size() - begin);
      team_.run(count, [&](std::size_t n, int member) {
        Member& m = *members_[static_cast<std::size_t>(member)];
        part.set->unpack(part.which[begin + n], m.buffer);
        const Map features = features_.run(m.engine, m.arena.data(), m.per_band(), m.input());
        m.engine.copy_out(features, View<float>{numbers.data() + n * size, features.shape});
        std::copy(m.buffer.band_coverage.begin(), m.buffer.band_coverage.end(),
                  numbers.data() + n * size + features.shape.size());
      });
      for (std::size_t n = 0; n < count; ++n) append(std::as_bytes(std::span(numbers).subspan(n * size, size)));
    }
  }

  /// The features that the stage of the heads reads: record n belongs to sample which[n] of the set.
  void use_features(std::shared_ptr<const Records> features, const Selection& part) {
    if (features->record_bytes() != feature_bytes() || features->size() != part.which.size())
      detail::raise<InputError>("the features are those of another network or of other samples");
    frozen_ = std::move(features);
    frozen_place_.assign(part.set->size(), part.which.size());
    for (std::size_t n = 0; n < part.which.size(); ++n) frozen_place_[part.which[n]] = n;
  }

 private:
  static constexpr Shape input_shape{band_count, 1, field_side, field_side};

  std::size_t feature_count() const { return features_.output_shape().size() + band_count * coarse_cells; }

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
          record(t.feature_count()),
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

    /// Loss of the naming of one sample's bands; adds to the gradient unless it is empty.
    double bands(const Selection& part, std::size_t index, const StageOptions& options, Random& random,
                 std::span<float> gradient, Outcome& outcome) {
      part.set->unpack(index, buffer);
      make_pretext(buffer, part.set->info(index), options, random);
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
      if (gradient.empty()) return loss;
      const Map d_logits = E::map_at(d_output.data(), logits.shape, Form::vector);
      engine.copy_in(View<const float>{d_numbers.data(), logits.shape}, d_logits);
      const Map d = map_of(d_features);
      trainer.band_.backward(engine, band_arena.data(), band_gradient.data(), per_band(), features, {}, d_logits, d,
                             gradient.data() + Features::parameter_count);
      trainer.features_.backward(engine, arena.data(), gradient_arena.data(), per_band(), x, {}, d, {},
                                 gradient.data());
      return loss;
    }

    /// Features of a sample as it is: computed, or read where they are frozen.
    Map plain_features(const Selection& part, std::size_t k, bool from_records) {
      if (!from_records) {
        part.set->unpack(k, buffer);
        return trainer.features_.run(engine, arena.data(), per_band(), input());
      }
      trainer.frozen_->read(trainer.frozen_place_[k], std::as_writable_bytes(std::span(record)));
      const Map features = map_of(frozen);
      engine.copy_in(View<const float>{record.data(), features.shape}, features);
      std::copy_n(record.data() + features.shape.size(), buffer.band_coverage.size(), buffer.band_coverage.begin());
      buffer.update(part.set->info(k));
      return features;
    }

    void outputs(const Selection& part, std::size_t k, bool from_records, std::span<double> numbers) {
      const Map joined = E::joined(plain_features(part, k, from_records), band_count);
      for (std::size_t h = 0; h < trainer.heads_.size(); ++h) {
        const Map output = trainer.heads_[h].run(engine, head_arena.data(), of_cutout(), joined);
        engine.copy_out(output, View<double>{numbers.data() + 2 * h, output.shape});
      }
    }

    double mass(const Selection& part, std::size_t index, Stage stage, const StageOptions& options, bool hide,
                Random& random, std::span<float> gradient, Outcome& outcome) {
      Map x{}, features{};
      if (stage == Stage::all) {
        part.set->unpack(index, buffer);
        augment(buffer, part.set->info(index), options.augment, random);
        x = input();
        features = trainer.features_.run(engine, arena.data(), per_band(), x);
      } else {
        features = plain_features(part, index, true);
      }
      if (hide) hide_filter(buffer.context);
      const Label& label = part.labels[index];
      const Map joined = E::joined(features, band_count), d = map_of(d_features), d_head_map = map_of(d_part);
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
        loss += mass_loss({numbers[0], numbers[1]}, label.log10_mass, label.error, options.loss, d_head) /
                static_cast<double>(heads);
        if (heads > 1 && index % heads == h) continue;  // each head leaves out its own share of the samples
        const std::array<float, 2> d_numbers{static_cast<float>(d_head.mean), static_cast<float>(d_head.log_variance)};
        const Map d_y = E::map_at(d_output.data(), output.shape, Form::vector);
        engine.copy_in(View<const float>{d_numbers.data(), output.shape}, d_y);
        const bool downwards = stage == Stage::all;
        trainer.heads_[h].backward(engine, head_arena.data(), head_gradient.data(), of_cutout(), joined, {}, d_y,
                                   downwards ? E::joined(d_head_map, band_count) : Map{},
                                   gradient.data() + first + h * MassHead::parameter_count);
        // The extractor learns from the mean of its heads.
        if (downwards)
          for (std::size_t k = 0; k < d_features.size(); ++k)
            d_features.data()[k] += d_part.data()[k] / static_cast<Scalar>(heads);
      }
      outcome.error = std::fabs(MassScale::centre + MassScale::width * mean - label.log10_mass);
      if (stage == Stage::all)
        trainer.features_.backward(engine, arena.data(), gradient_arena.data(), per_band(), x, {}, d, {},
                                   gradient.data());
      return loss;
    }

    const Trainer& trainer;
    E engine;
    PreparedBuffer buffer;
    Arena<Scalar> arena, gradient_arena, x_memory, d_features, d_part, frozen;
    std::vector<float> record;
    Arena<Scalar> band_arena, band_gradient, head_arena, head_gradient, d_output, scratch;
  };

  /// Prepares all kernels again from the network's present numbers.
  void refresh() {
    team_.run(2 + heads_.size(), [&](std::size_t k, int) {
      if (k == 0) features_.refresh(network_.features.values());
      if (k == 1) band_.refresh(network_.band.values());
      if (k >= 2) heads_[k - 2].refresh(network_.mass[k - 2].values());
    });
  }

  void step(Stage stage, const StageOptions& options, double rate, Adam& adam) {
    const std::span<const float> gradient = gradient_->mean();
    const double factor = clip_factor(gradient_->norm(), options.adam.clip_norm);
    std::size_t offset = 0;
    const auto slice = [&](std::span<float> parameters, double slice_rate) {
      constexpr std::size_t chunk = BatchGradient::chunk;
      team_.run((parameters.size() + chunk - 1) / chunk, [&](std::size_t c, int) {
        const std::size_t begin = c * chunk, count = std::min(chunk, parameters.size() - begin);
        adam_step(parameters.subspan(begin, count), gradient.subspan(offset + begin, count), adam, offset + begin,
                  slice_rate, factor, options.adam);
      });
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
  std::shared_ptr<const Records> frozen_;
  std::vector<std::size_t> frozen_place_;  ///< record of each sample of the set
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
