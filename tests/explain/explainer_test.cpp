// SPDX-License-Identifier: BSD-3-Clause
// Promises of the explainer on networks of random weights: gradients are right on every engine, maps are complete and
// zero where nothing was seen, symmetric where the network is, moved where the field is, and useless inputs get an
// answer that is defined.
#include "clustermass/explain/explainer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "support/cutouts.hpp"
#include "support/instruction_sets.hpp"
#include "support/random_network.hpp"

using namespace clustermass;
using namespace clustermass::support;

namespace {

const TrainedNetwork<>& network() {
  static const TrainedNetwork<> made = random_network(3);
  return made;
}
Estimator estimator_of(TrainedNetwork<> weights) {
  return Estimator(std::move(weights), "memory", {.replay_probe = false, .redshift_response = false});
}
const Estimator& estimator() {
  static const Estimator made = estimator_of(network());
  return made;
}

double sum_of(std::span<const float> map) {
  double sum = 0;
  for (const float value : map) sum += static_cast<double>(value);
  return sum;
}
double largest(std::span<const float> map) {
  double most = 0;
  for (const float value : map) most = std::max(most, std::fabs(static_cast<double>(value)));
  return most;
}
double largest_difference(std::span<const float> a, std::span<const float> b) {
  double most = 0;
  for (std::size_t k = 0; k < a.size(); ++k) most = std::max(most, std::fabs(static_cast<double>(a[k] - b[k])));
  return most;
}

/// Masks a rectangle of one band.
void mask(CutoutBuffer& cutout, std::size_t band, int top, int bottom, int left, int right) {
  CutoutBuffer::Plane& plane = cutout.bands[band];
  if (plane.mask.empty()) plane.mask.assign(plane.pixels.size(), 0);
  for (int i = top; i < bottom; ++i)
    for (int j = left; j < right; ++j) plane.mask[static_cast<std::size_t>(i * plane.width + j)] = mask_bit::bad_column;
}

/// What a recorded walk of 32 x 32 cells is told.
struct SmallField {
  std::vector<float> input = std::vector<float>(5 * 32 * 32), band_coverage = std::vector<float>(5 * 4, 0.75f),
                     coverage = std::vector<float>(4, 0.75f), context = std::vector<float>(context_count, 0.5f);
  SmallField() {
    Random random(12);
    for (float& value : input) value = static_cast<float>(random.normal());
    band_coverage[7] = 0;
  }
  WalkConditions conditions() const { return {band_coverage, coverage, context}; }
};

/// Derivatives of <ends, r> by one engine.
struct Gradients {
  WalkEnds ends;
  std::vector<float> d_features, features;
  std::vector<double> d_input;
};
template <Engine E>
Gradients gradients_by(E, Heads heads, const SmallField& field, bool from_features = false) {
  const RecordedWalkOn<Released, E> walk(network(), 32);
  const std::unique_ptr<RecordedMemory> memory = walk.memory();
  Gradients result;
  result.features.resize(walk.features_shape().size());
  result.d_features.resize(result.features.size());
  result.d_input.resize(field.input.size());
  walk.up_from_input(*memory, heads, field.conditions(), field.input, result.features, result.ends);
  WalkEnds d_ends;
  for (std::size_t k = 0; k < result.ends.outputs.size(); ++k) d_ends.outputs.push_back(std::sin(1.0 + double(k)));
  for (std::size_t k = 0; k < d_ends.logits.size(); ++k) d_ends.logits[k] = std::cos(double(k));
  if (from_features) {
    walk.up_from_features(*memory, heads, field.conditions(), result.features, result.ends);
    walk.down_to_features(*memory, heads, field.conditions(), d_ends, result.d_features);
  } else {
    walk.down_to_input(*memory, heads, field.conditions(), d_ends, result.d_features, result.d_input);
  }
  return result;
}

}  // namespace

TEST_CASE("Gradients to the input and to the features are the reference's on every instruction set") {
  const SmallField field;
  for (const Heads heads : {Heads::mass, Heads::band}) {
    const Gradients exact = gradients_by(Reference<double>{}, heads, field);
    const Gradients features = gradients_by(Reference<double>{}, heads, field, true);
    CHECK(largest_difference(exact.d_features, features.d_features) == 0);
    double most = 0;
    for (const double d : exact.d_input) most = std::max(most, std::fabs(d));
    REQUIRE(most > 1e-4);
    for (const cpu::InstructionSet set : instruction_sets()) {
      INFO(std::string(cpu::name_of(set)));
      const Gradients found = cpu::with_engine(set, [&](auto engine) { return gradients_by(engine, heads, field); });
      double worst = 0;
      for (std::size_t k = 0; k < exact.d_input.size(); ++k)
        worst = std::max(worst, std::fabs(found.d_input[k] - exact.d_input[k]));
      CHECK(worst < 1e-4 * most);
      CHECK(largest_difference(found.d_features, exact.d_features) < 1e-4 * largest(exact.d_features));
    }
  }
}

TEST_CASE("The reference's gradient to the input is that of finite differences") {
  SmallField field;
  const Gradients exact = gradients_by(Reference<double>{}, Heads::mass, field);
  const auto value = [&] {
    const Gradients g = gradients_by(Reference<double>{}, Heads::mass, field);
    double sum = 0;
    for (std::size_t k = 0; k < g.ends.outputs.size(); ++k) sum += std::sin(1.0 + double(k)) * g.ends.outputs[k];
    return sum;
  };
  const double here = value();
  int smooth = 0;
  for (const std::size_t k : {5u, 700u, 1500u, 2222u, 3333u, 5000u}) {
    const float keep = field.input[k], step = 1.0f / 65536;
    field.input[k] = keep + step;
    const double right = (value() - here) / static_cast<double>(field.input[k] - keep);
    field.input[k] = keep - step;
    const double left = (value() - here) / static_cast<double>(field.input[k] - keep);
    field.input[k] = keep;
    if (std::fabs(right - left) > 1e-3 * std::fabs(right)) continue;  // a kink of a ReLU lies in the step
    ++smooth;
    CHECK(exact.d_input[k] == doctest::Approx(right).epsilon(2e-3));
  }
  CHECK(smooth >= 3);
}

TEST_CASE("The value explained is the estimate, and all complete maps sum to the difference") {
  const CutoutBuffer cutout = noisy_grid_cutout(0.3, 1);
  for (const Target target : {Target::mass, Target::log_variance, Target::band}) {
    const Explainer explainer(estimator(), {.target = target, .steps = 16});
    const Explanation why = explainer.explain(cutout);
    REQUIRE(why.has_result());
    CHECK(why.complete());
    const double limit = completeness_limit(why.difference());
    CHECK(std::fabs(sum_of(why.joint) - why.difference()) < limit);
    CHECK(std::fabs(sum_of(why.gradients) - why.difference()) < limit);
    CHECK(std::fabs(sum_of(why.cells) - why.difference()) < limit);
    if (target == Target::band) CHECK(std::fabs(sum_of(why.class_activation) - why.difference()) < limit);
    CHECK(largest(why.gradients) > 0);
    if (target == Target::mass) CHECK(why.value == doctest::Approx(why.mass.log10_m500c).epsilon(1e-12));
    if (target == Target::log_variance)
      CHECK(why.value == doctest::Approx(2 * std::log(why.mass.log10_m500c_error)).epsilon(1e-9));
  }
}

TEST_CASE("The maps of a network that is told the filter's answer are complete at that answer") {
  TrainedNetwork<> taught = random_network(3);
  taught.metadata.emplace_back("filter", "a recipe");
  const Estimator told = estimator_of(std::move(taught));
  const Explainer explainer(told, {.steps = 16});
  CutoutBuffer cutout = noisy_grid_cutout(0.3, 1);
  const Explanation without = explainer.explain(cutout);
  cutout.filter_mass = {14.9, 0.15};
  const Explanation why = explainer.explain(cutout);
  CHECK(why.complete());
  CHECK(std::fabs(sum_of(why.joint) - why.difference()) < completeness_limit(why.difference()));
  CHECK(why.value == doctest::Approx(why.mass.log10_m500c).epsilon(1e-12));
  // Field and baseline are told the same.
  CHECK(std::fabs(why.value - without.value) > 1e-3);
  CHECK(std::fabs(why.baseline_value - without.baseline_value) > 1e-3);
}

TEST_CASE("For the band head the cells of the joint map are the class activation") {
  const Explainer explainer(estimator(), {.target = Target::band, .steps = 4});
  const Explanation why = explainer.explain(noisy_grid_cutout(0.3, 2));
  CHECK(largest_difference(why.cells, why.class_activation) < 1e-4 * largest(why.class_activation));
}

TEST_CASE("Pixels that are masked, and bands that are missing, get exactly zero in every fine map") {
  CutoutBuffer cutout = noisy_grid_cutout(0.3, 3);
  for (const std::size_t b : {0u, 2u}) mask(cutout, b, 10, 70, 5, 90);  // whole coarse cells among it
  cutout.bands[4].pixels.clear();
  for (const Baseline baseline : {Baseline::zero, Baseline::noise}) {
    const Explainer explainer(estimator(), {.baseline = baseline, .noise_baselines = 2, .steps = 8});
    ExplainerWorkspace memory = explainer.workspace();
    const Explanation why = explainer.explain(cutout, memory);
    REQUIRE(why.has_result());
    const std::span<const float> input = memory.estimate.prepared().input;
    std::size_t invalid = 0, wrong = 0;
    for (std::size_t k = 0; k < input.size(); ++k) {
      if (input[k] != 0) continue;
      ++invalid;
      wrong += why.joint[k] != 0 || why.gradients[k] != 0 || why.product[k] != 0;
    }
    CHECK(invalid >= field_cells + 2 * 60 * 85);
    CHECK(wrong == 0);
    CHECK(band_sums(why.joint)[4] == 0);
    CHECK(why.complete());
  }
}

TEST_CASE("A cutout that equals its baseline gets maps of zeros") {
  const CutoutBuffer dark = grid_cutout(0.3, [](int, int, int) { return 0; });
  const Explainer explainer(estimator(), {.steps = 4});
  const Explanation why = explainer.explain(dark);
  REQUIRE(why.has_result());
  CHECK(why.difference() == 0);
  CHECK(largest(why.joint) == 0);
  CHECK(largest(why.gradients) == 0);
  CHECK(why.complete());
  const CutoutBuffer field = noisy_grid_cutout(0.3, 4);
  ExplainerWorkspace memory = explainer.workspace();
  const Explanation same = explainer.explain_difference(field, field, memory);
  REQUIRE(same.has_result());
  CHECK(same.difference() == 0);
  CHECK(largest(same.joint) == 0);
}

TEST_CASE("The difference of two cutouts is explained by the pixels in which they differ") {
  const CutoutBuffer field = noisy_grid_cutout(0.3, 5);
  CutoutBuffer other = field;
  for (std::size_t k = 4000; k < 4040; ++k) other.bands[2].pixels[k] += 30;
  const Explainer explainer(estimator(), {.steps = 16});
  ExplainerWorkspace memory = explainer.workspace();
  const Explanation why = explainer.explain_difference(field, other, memory);
  CHECK(why.value == doctest::Approx(estimator().estimate_mass(field).log10_m500c).epsilon(1e-12));
  CHECK(why.baseline_value == doctest::Approx(estimator().estimate_mass(other).log10_m500c).epsilon(1e-12));
  std::size_t outside = 0;
  for (std::size_t k = 0; k < why.gradients.size(); ++k)
    outside += why.gradients[k] != 0 && (k < 2 * field_cells + 4000 || k >= 2 * field_cells + 4040);
  CHECK(outside == 0);
  CHECK(why.complete());
}

TEST_CASE("Without an estimate there is no map, and the flags say why") {
  const Explainer explainer(estimator(), {.steps = 4});
  CutoutBuffer cutout = noisy_grid_cutout(0.3, 6);
  cutout.redshift = std::numeric_limits<double>::quiet_NaN();
  CHECK((explainer.explain(cutout).mass.flags & flag::z_missing) != 0);
  CHECK(!explainer.explain(cutout).has_result());
  cutout.redshift = 0.3;
  for (const std::size_t b : {0u, 1u, 2u}) cutout.bands[b].pixels.clear();
  const Explanation why = explainer.explain(cutout);
  CHECK((why.mass.flags & flag::no_result) != 0);
  CHECK(why.joint.empty());
}

TEST_CASE("Bands that the network treats alike get alike, and one it ignores gets nothing") {
  TrainedNetwork<> changed = network();
  constexpr std::size_t c = Released::feature_channels;
  for (auto& head : changed.mass) {  // first convolution [64,5*48,1,1]: r as g, z without weight
    const std::span<float> weight = head.values();
    for (std::size_t o = 0; o < 64; ++o)
      for (std::size_t k = 0; k < c; ++k) {
        weight[o * 5 * c + 2 * c + k] = weight[o * 5 * c + c + k];
        weight[o * 5 * c + 4 * c + k] = 0;
      }
  }
  const Estimator symmetric = estimator_of(std::move(changed));
  Random random(7);
  std::vector<double> values(5 * field_cells);
  for (double& value : values) value = 3 * random.normal();
  // Fluxes so that g and r read the same after the stretch.
  const CutoutBuffer cutout = grid_cutout(0.3, [&](int b, int i, int j) {
    const int plane = b == 2 ? 1 : b;
    return stretch_scale[static_cast<std::size_t>(b)] *
           values[static_cast<std::size_t>(plane) * field_cells + static_cast<std::size_t>(i * field_side + j)];
  });
  const Explanation why = Explainer(symmetric, {.steps = 8}).explain(cutout);
  for (const std::vector<float>* map : {&why.joint, &why.gradients}) {
    const std::span<const float> g = std::span(*map).subspan(field_cells, field_cells),
                                 r = std::span(*map).subspan(2 * field_cells, field_cells),
                                 z = std::span(*map).subspan(4 * field_cells, field_cells);
    CHECK(largest_difference(g, r) <= 2e-3 * largest(g));
    CHECK(largest(z) == 0);
  }
}

TEST_CASE("An ensemble's integrated gradients are the mean of its heads'") {
  const auto alone = [](std::size_t head) {
    TrainedNetwork<> one = network();
    one.mass = {network().mass[head]};
    return estimator_of(std::move(one));
  };
  const CutoutBuffer cutout = noisy_grid_cutout(0.3, 8);
  const ExplainOptions options{.steps = 32};
  REQUIRE(network().mass.size() == 2);
  const Estimator first = alone(0), second = alone(1);
  const Explanation a = Explainer(first, options).explain(cutout), b = Explainer(second, options).explain(cutout),
                    both = Explainer(estimator(), options).explain(cutout);
  REQUIRE(a.backward_passes == both.backward_passes);  // none took more steps than the others
  REQUIRE(b.backward_passes == both.backward_passes);
  std::vector<float> mean(a.gradients.size());
  for (std::size_t k = 0; k < mean.size(); ++k) mean[k] = (a.gradients[k] + b.gradients[k]) / 2;
  CHECK(largest_difference(mean, both.gradients) < 1e-4 * largest(both.gradients));
}

TEST_CASE("The band head's map of a lone source moves with it by whole cells") {
  // Zero elsewhere, so that what differs from the baseline is the source alone. With residual blocks as they start, the
  // identity, the extractor reaches 15 pixels far, and the field's edges stay out of it.
  TrainedNetwork<> plain = network();
  initialise(plain.features, 5, 0);
  const Estimator starting = estimator_of(std::move(plain));
  const auto lone = [](int row, int column) {
    return grid_cutout(0.3, [=](int b, int i, int j) {
      const double r2 = (i - row) * (i - row) + (j - column) * (j - column);
      return r2 > 16 ? 0 : 20 * stretch_scale[static_cast<std::size_t>(b)] * std::exp(-r2 / 4);
    });
  };
  const Explainer explainer(starting, {.target = Target::band, .steps = 8});
  const Explanation here = explainer.explain(lone(56, 56)), there = explainer.explain(lone(56 + 16, 56));
  const auto compare = [](const std::vector<float>& a, const std::vector<float>& b, std::size_t side,
                          std::size_t shift) {
    std::vector<float> moved(a.size());
    const std::size_t plane = side * side;
    for (std::size_t k = 0; k < a.size(); ++k)
      if (k % plane + shift * side < plane) moved[k + shift * side] = a[k];
    CHECK(largest(b) > 0);
    CHECK(largest_difference(moved, b) < 1e-3 * largest(b));
  };
  compare(here.gradients, there.gradients, field_side, 16);
  compare(here.joint, there.joint, field_side, 16);
}

TEST_CASE("The same map for any workspace, used or fresh; a foreign workspace and senseless options are refused") {
  const Explainer explainer(estimator(), {.steps = 4});
  ExplainerWorkspace memory = explainer.workspace();
  const Explanation fresh = explainer.explain(noisy_grid_cutout(0.3, 9));
  explainer.explain(noisy_grid_cutout(0.5, 10), memory);
  const Explanation used = explainer.explain(noisy_grid_cutout(0.3, 9), memory);
  CHECK(used.joint == fresh.joint);
  CHECK(used.gradients == fresh.gradients);
  TrainedNetwork<> one = network();
  one.mass.resize(1);
  const Estimator other = estimator_of(std::move(one));
  ExplainerWorkspace foreign = Explainer(other).workspace();
  CHECK_THROWS_AS(explainer.explain(noisy_grid_cutout(0.3, 9), foreign), InputError);
  CHECK_THROWS_AS(Explainer(estimator(), {.steps = 0}), InputError);
  CHECK_THROWS_AS(Explainer(estimator(), {.baseline = Baseline::noise, .noise_baselines = 0}), InputError);
}

TEST_CASE("Noise baselines have the survey's noise and give another map with the same promises") {
  const CutoutBuffer cutout = noisy_grid_cutout(0.3, 11);
  const Explainer zero(estimator(), {.steps = 8}),
      noise(estimator(), {.baseline = Baseline::noise, .noise_baselines = 3, .steps = 8});
  const Explanation a = zero.explain(cutout), b = noise.explain(cutout);
  CHECK(b.complete());
  CHECK(b.baseline_value != a.baseline_value);
  CHECK(b.value == a.value);
  CHECK(largest_difference(a.gradients, b.gradients) > 1e-3 * largest(a.gradients));
  CHECK(noise.explain(cutout).gradients == b.gradients);
  CHECK(b.forward_passes > 3 * 8);
}
