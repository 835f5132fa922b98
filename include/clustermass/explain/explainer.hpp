// SPDX-License-Identifier: BSD-3-Clause
// Why did the network answer so: the explainer of an estimator. It walks the estimator's weights with all doors
// recorded on the same kind of engine. Immutable; what changes during a call lies in an ExplainerWorkspace, one per
// thread.
//
//   const clustermass::Explainer explainer(estimator);
//   const clustermass::Explanation why = explainer.explain(cutout);
//   const auto bands = clustermass::band_sums(why.joint);  // dex that the light of u g r i z adds
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "clustermass/estimator.hpp"
#include "clustermass/explain/class_activation.hpp"
#include "clustermass/explain/explainer_workspace.hpp"
#include "clustermass/explain/explanation.hpp"
#include "clustermass/explain/integrated_gradients.hpp"
#include "clustermass/explain/joint_map.hpp"
#include "clustermass/explain/noise_baseline.hpp"
#include "clustermass/explain/recorded_walk.hpp"
#include "clustermass/explain/target_function.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

template <class EngineChoice = CpuEngine, class Arch = Released>
class BasicExplainer {
 public:
  /// The estimator must outlive the explainer. Throws InputError for options that make no sense.
  explicit BasicExplainer(const BasicEstimator<EngineChoice, Arch>& estimator, ExplainOptions options = {})
      : estimator_(estimator), options_(options) {
    if (options.steps < 1 || options.steps > 65536)
      detail::raise<InputError>("an explanation in " + std::to_string(options.steps) +
                                " steps was asked for, expected 1 to 65536; 64 is usual");
    if (options.noise_baselines < 1 || options.noise_baselines > 65536)
      detail::raise<InputError>("an explanation over " + std::to_string(options.noise_baselines) +
                                " noise-only cutouts was asked for, expected 1 to 65536; 16 is usual");
    if constexpr (requires { make_recorded_walk(estimator.engine(), estimator.network(), field_side); })
      walk_ = make_recorded_walk(estimator.engine(), estimator.network(), field_side);  // gpu/explainer.hpp
    else
      walk_ = estimator.engine().with([&]<class E>(E) -> std::unique_ptr<const RecordedWalk> {
        return std::make_unique<const RecordedWalkOn<Arch, E>>(estimator.network(), field_side);
      });
  }

  ExplainerWorkspace workspace() const {
    return ExplainerWorkspace(estimator_.workspace(), walk_->memory(), walk_->features_shape().size());
  }
  const ExplainOptions& options() const { return options_; }

  /// Explains one answer. With NO_RESULT there is nothing to explain: the flags say why and the maps stay empty; a
  /// cutout that equals the baseline gives maps of zeros.
  ///
  /// Cost    for each baseline `steps` passes up and down the whole network and a quarter as many up and down the heads
  ///         alone; where a sum is not yet complete the steps are doubled, four times at most. Memory as for one
  ///         training example
  Explanation explain(const Cutout& cutout) const {
    ExplainerWorkspace memory = workspace();
    return explain(cutout, memory);
  }

  Explanation explain(const Cutout& cutout, ExplainerWorkspace& memory) const {
    check(memory);
    Explanation result = begin(cutout, memory);
    if (!result.mass.has_result()) return result;
    const PreparedView prepared = memory.estimate.prepared();
    const int count = options_.baseline == Baseline::zero ? 1 : options_.noise_baselines;
    Sums sums(*this);
    for (int k = 0; k < count; ++k) {
      fill_baseline(cutout, prepared.input, k, memory.baseline);
      add_baseline(prepared, 1.0 / count, memory, sums, result);
    }
    finish(memory, sums, result);
    return result;
  }

  /// Explains the difference of two answers: what the light that `other` lacks (or has) adds. Both cutouts must be of
  /// the same field: of the other one only the pixels are taken, redshift and coverage are the first one's.
  Explanation explain_difference(const Cutout& cutout, const Cutout& other, ExplainerWorkspace& memory) const {
    check(memory);
    PreparedView prepared = memory.estimate.prepared();
    Cutout same = other;
    same.redshift = cutout.redshift;
    if (cutout.redshift >= lowest_redshift && cutout.redshift <= highest_redshift)
      prepare(same, cutout.redshift, memory.estimate.cells, prepared);
    std::copy(prepared.input.begin(), prepared.input.end(), memory.baseline.begin());
    Explanation result = begin(cutout, memory);
    if (!result.mass.has_result()) return result;
    prepared = memory.estimate.prepared();
    for (std::size_t k = 0; k < memory.baseline.size(); ++k)
      if (prepared.input[k] == 0) memory.baseline[k] = 0;
    Sums sums(*this);
    add_baseline(prepared, 1, memory, sums, result);
    finish(memory, sums, result);
    return result;
  }

  /// F of an input of the network [5,1,128,128] under the redshift and coverage that are prepared in the workspace, as
  /// explain left them: one pass up, for occlusion and other trials.
  double value_of(std::span<const float> input, ExplainerWorkspace& memory) const {
    check(memory);
    WalkEnds ends, ignored;
    walk_->up_from_input(*memory.walk, heads(), conditions_of(memory.estimate.prepared()), input, {}, ends);
    return function(ends, ignored);
  }

  /// The same with dF/d(input) [5,1,128,128]: one pass up and down.
  double gradient_of(std::span<const float> input, ExplainerWorkspace& memory, std::span<double> d_input) const {
    check(memory);
    const WalkConditions conditions = conditions_of(memory.estimate.prepared());
    WalkEnds ends, d_ends;
    walk_->up_from_input(*memory.walk, heads(), conditions, input, {}, ends);
    const double value = function(ends, d_ends);
    walk_->down_to_input(*memory.walk, heads(), conditions, d_ends, memory.d_features, d_input);
    return value;
  }

 private:
  /// Sums over the baselines, in double.
  struct Sums {
    explicit Sums(const BasicExplainer& e)
        : cells(e.cell_count()), grad_cam(e.cell_count()), integrated(e.cell_count()), activation(e.cell_count()) {}
    std::vector<double> cells, grad_cam, integrated, activation;
  };

  std::size_t cell_count() const {
    const Shape f = walk_->features_shape();
    return band_count * static_cast<std::size_t>(f.h) * static_cast<std::size_t>(f.w);
  }
  Heads heads() const { return options_.target == Target::band ? Heads::band : Heads::mass; }
  static WalkConditions conditions_of(const PreparedView& p) { return {p.band_coverage, p.coverage, p.context}; }

  void check(const ExplainerWorkspace& memory) const {
    if (memory.walk->bytes() != walk_->memory_bytes())
      detail::raise<InputError>("explain got a workspace of " + std::to_string(memory.walk->bytes()) +
                                " bytes, expected one of " + std::to_string(walk_->memory_bytes()) +
                                "; take it from workspace() of the same explainer");
  }

  /// The estimate, then the cutout prepared at its own redshift.
  Explanation begin(const Cutout& cutout, ExplainerWorkspace& memory) const {
    Explanation result;
    result.target = options_.target;
    result.redshift = cutout.redshift;
    result.mass = estimator_.estimate_mass(cutout, memory.estimate);
    if (!result.mass.has_result()) return result;
    const PreparedView prepared = memory.estimate.prepared();
    estimator_.prepare_for(cutout, cutout.redshift, memory.estimate);
    result.grid = field_grid(cutout.redshift);
    result.baseline_value = 0;
    for (std::size_t k = 0; k < memory.valid.size(); ++k) memory.valid[k] = prepared.input[k] != 0;
    std::fill(memory.gradients.begin(), memory.gradients.end(), 0.0);
    return result;
  }

  void fill_baseline(const Cutout& cutout, std::span<const float> input, int k, std::span<float> baseline) const {
    if (options_.baseline == Baseline::noise)
      fill_noise_baseline(input, cutout.redshift, cutout.ebv, options_.seed, k, baseline);
    else
      std::fill(baseline.begin(), baseline.end(), 0.0f);
  }

  double function(const WalkEnds& ends, WalkEnds& d_ends) const {
    return target_function(options_.target, static_cast<double>(estimator_.network().calibration_scale.values[0]), ends,
                           d_ends);
  }

  /// Both ways from memory.baseline to what is prepared, times `weight`.
  void add_baseline(const PreparedView& prepared, double weight, ExplainerWorkspace& memory, Sums& sums,
                    Explanation& result) const {
    const WalkConditions conditions = conditions_of(prepared);
    const Shape shape = walk_->features_shape();
    RecordedMemory& arena = *memory.walk;
    WalkEnds ends, d_ends;
    const auto up = [&](std::span<const float> input, std::span<float> features) {
      walk_->up_from_input(arena, heads(), conditions, input, features, ends);
      ++result.forward_passes;
      return function(ends, d_ends);
    };
    const double start = up(memory.baseline, memory.features_baseline);
    result.baseline_value += weight * start;

    result.value = up(prepared.input, memory.features);
    const double difference = result.value - start, limit = completeness_limit(difference);

    // From pixels. On the way: integrated Grad-CAM, whose features move with the pixels.
    std::vector<double> integrated(cell_count());
    until_complete(options_.steps, difference, limit, memory.sum, [&](int steps) {
      std::fill(integrated.begin(), integrated.end(), 0.0);
      integrate_gradients<float>(prepared.input, memory.baseline, steps, memory.point, memory.sum,
                                 [&](std::span<const float> point, std::span<double> sum) {
                                   up(point, memory.features);
                                   walk_->down_to_input(arena, heads(), conditions, d_ends, memory.d_features,
                                                        memory.d_input);
                                   ++result.backward_passes;
                                   for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += memory.d_input[k];
                                   add_grad_cam(memory.features, memory.features_baseline, memory.d_features, shape,
                                                weight / steps, integrated);
                                 });
    });
    for (std::size_t k = 0; k < memory.gradients.size(); ++k) memory.gradients[k] += weight * memory.sum[k];
    for (std::size_t c = 0; c < integrated.size(); ++c) sums.integrated[c] += integrated[c];

    // From features, along their own straight way: fewer steps, for the heads are closer to linear.
    up(prepared.input, memory.features);
    until_complete((options_.steps + 3) / 4, difference, 0.5 * limit, memory.feature_sum, [&](int steps) {
      integrate_gradients<float>(memory.features, memory.features_baseline, steps, memory.features_point,
                                 memory.feature_sum, [&](std::span<const float> point, std::span<double> sum) {
                                   at_features(point, conditions, memory, ends, d_ends);
                                   ++result.head_passes;
                                   for (std::size_t k = 0; k < sum.size(); ++k)
                                     sum[k] += static_cast<double>(memory.d_features[k]);
                                 });
    });
    for (double& value : memory.feature_sum) value *= weight;
    add_cell_sums<double>(memory.feature_sum, shape, sums.cells);

    // Grad-CAM at the end of the way.
    at_features(memory.features, conditions, memory, ends, d_ends);
    ++result.head_passes;
    add_grad_cam(memory.features, {}, memory.d_features, shape, weight, sums.grad_cam);
    if (options_.target == Target::band) {
      const std::size_t count = static_cast<std::size_t>(shape.h) * static_cast<std::size_t>(shape.w);
      const auto dense = estimator_.network().band.values();
      const auto cam = [&](std::span<const float> features) {
        return class_activation(features, shape, prepared.band_coverage,
                                dense.first(band_count * static_cast<std::size_t>(shape.c)), d_ends.logits);
      };
      const std::vector<double> here = cam(memory.features), there = cam(memory.features_baseline);
      for (std::size_t c = 0; c < band_count * count; ++c) sums.activation[c] += weight * (here[c] - there[c]);
    }
  }

  /// integrate(steps), then with twice as many, until the sum is off by `limit` at most; sixteen times as many at last.
  template <class Integrate>
  static void until_complete(int steps, double difference, double limit, std::span<const double> sum,
                             Integrate&& integrate) {
    for (int last = 16 * steps; steps <= last; steps *= 2) {
      integrate(steps);
      double total = 0;
      for (const double value : sum) total += value;
      if (std::fabs(total - difference) <= limit) break;
    }
  }

  void at_features(std::span<const float> point, const WalkConditions& conditions, ExplainerWorkspace& memory,
                   WalkEnds& ends, WalkEnds& d_ends) const {
    walk_->up_from_features(*memory.walk, heads(), conditions, point, ends);
    function(ends, d_ends);
    walk_->down_to_features(*memory.walk, heads(), conditions, d_ends, memory.d_features);
  }

  /// The maps from the sums.
  void finish(ExplainerWorkspace& memory, const Sums& sums, Explanation& result) const {
    const auto narrow = [](std::span<const double> values) { return std::vector<float>(values.begin(), values.end()); };
    const std::size_t cells = cell_count() / band_count;
    const CellWeights weights(field_side, walk_->features_shape().h);
    double joint_sum = 0, gradient_sum = 0;
    std::vector<double>& plane = memory.sum;
    for (std::size_t b = 0; b < band_count; ++b)
      spread_cells(weights, std::span(sums.cells).subspan(b * cells, cells),
                   std::span(memory.gradients).subspan(b * field_cells, field_cells),
                   std::span(memory.valid).subspan(b * field_cells, field_cells),
                   std::span(plane).subspan(b * field_cells, field_cells));
    for (const double value : plane) joint_sum += value;
    for (const double value : memory.gradients) gradient_sum += value;
    result.joint = narrow(plane);
    result.gradients = narrow(memory.gradients);
    for (std::size_t b = 0; b < band_count; ++b)
      product_of(weights, std::span(sums.cells).subspan(b * cells, cells),
                 std::span(memory.gradients).subspan(b * field_cells, field_cells),
                 std::span(plane).subspan(b * field_cells, field_cells));
    result.product = narrow(plane);
    result.cells = narrow(sums.cells);
    result.grad_cam = narrow(sums.grad_cam);
    result.integrated_grad_cam = narrow(sums.integrated);
    if (options_.target == Target::band) result.class_activation = narrow(sums.activation);
    result.joint_residual = joint_sum - result.difference();
    result.gradients_residual = gradient_sum - result.difference();
  }

  const BasicEstimator<EngineChoice, Arch>& estimator_;
  ExplainOptions options_;
  std::unique_ptr<const RecordedWalk> walk_;
};

using Explainer = BasicExplainer<>;

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
