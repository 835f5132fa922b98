// SPDX-License-Identifier: BSD-3-Clause
// Fitted baselines: relations that are known come back, and on the mock sky they stand in the order of what they know.
#include "clustermass/baselines/mass_baselines.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/mock/working.hpp"

using namespace clustermass;

namespace {
/// Clusters whose mass is a known function of richness and redshift.
struct Known {
  std::vector<ClusterFeatures> features;
  std::vector<double> labels;

  explicit Known(std::size_t count, double noise = 0) {
    Random random(3);
    for (std::size_t k = 0; k < count; ++k) {
      ClusterFeatures f;
      f.redshift = random.uniform(0.1, 0.5);
      f.coverage = 1;
      f.masked = 0.02 * random.uniform();
      f.ln_lambda = random.uniform(2.5, 5);
      f.filter = f.catalogue = {14 + 0.5 * (f.ln_lambda - 3.5), 0.1};
      f.ln_light = f.ln_lambda - 1 + 0.3 * f.redshift;
      f.bcg = random.normal();
      f.gap = std::fabs(random.normal());
      f.concentration = random.uniform();
      f.blue_ratio = random.uniform();
      f.density = random.normal();
      features.push_back(f);
      labels.push_back(14 + 0.5 * (f.ln_lambda - 3.5) + noise * random.normal());
    }
  }
};
double mean_miss(const FittedBaseline& baseline, const Known& known) {
  double sum = 0;
  for (std::size_t k = 0; k < known.labels.size(); ++k)
    sum += std::fabs(baseline(known.features[k]).mean - known.labels[k]);
  return sum / static_cast<double>(known.labels.size());
}
}  // namespace

TEST_CASE("baselines that are told the answer find it, the others do not") {
  const Known known(600);
  const auto miss = [&](MassBaseline b) { return mean_miss(FittedBaseline(b, known.features, known.labels), known); };
  const double constant = miss(MassBaseline::constant);
  CHECK(constant == close_to(0.5 * 2.5 / 4, 0.06));  // uniform over 1.25 dex
  CHECK(miss(MassBaseline::redshift) > 0.95 * constant);
  CHECK(miss(MassBaseline::luminosity) < 0.01);
  CHECK(miss(MassBaseline::filter_pixels) < 0.01);
  CHECK(miss(MassBaseline::filter_catalogue) < 0.01);
  CHECK(miss(MassBaseline::abundance) < 0.002);
  CHECK(miss(MassBaseline::tabular) < 0.05);
}

TEST_CASE("their errors are the noise of the labels") {
  const Known known(2000, 0.15);
  for (const MassBaseline b : {MassBaseline::luminosity, MassBaseline::filter_pixels, MassBaseline::tabular}) {
    CAPTURE(static_cast<int>(b));
    CHECK(FittedBaseline(b, known.features, known.labels)(known.features[0]).sigma == close_to(0.15, 0.12));
  }
}

TEST_CASE("abundance matching keeps ranks and reaches no further than the training masses") {
  const Known known(101);
  const FittedBaseline match(MassBaseline::abundance, known.features, known.labels);
  ClusterFeatures f;
  f.ln_lambda = 0;
  const auto [low, high] = std::minmax_element(known.labels.begin(), known.labels.end());
  CHECK(match(f).mean == *low);
  f.ln_lambda = 9;
  CHECK(match(f).mean == *high);
  f.ln_lambda = NAN;
  CHECK(match(f).mean == stats::median(known.labels));
}

TEST_CASE("a list of labels of another length is refused") {
  const Known known(40);
  CHECK_THROWS_AS(FittedBaseline(MassBaseline::redshift, known.features, std::vector<double>{14.0}), InputError);
}

TEST_CASE("on the mock sky light beats a constant, richness beats light, and nobody beats the floor") {
  const mock::SkyParameters sky;
  const PixelFilter filter(sky);
  const FilterOracle oracle(sky);
  constexpr std::size_t count = 260, training = 160;
  std::vector<ClusterFeatures> features;
  std::vector<double> labels;
  double floor = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const mock::Scene scene = mock::draw_scene(sky, 5, k);
    features.push_back(features_of(filter(mock::render_working(scene, sky)), sky));
    features.back().catalogue = oracle(scene).mass;
    labels.push_back(scene.log10_m500c);
    if (k >= training)
      floor +=
          std::fabs(oracle_richness(scene.lambda_int, scene.redshift, sky) - scene.log10_m500c) / (count - training);
  }
  const auto mae = [&](MassBaseline b) {
    const FittedBaseline fitted(b, std::span(features).first(training), std::span(labels).first(training));
    double sum = 0;
    for (std::size_t k = training; k < count; ++k) sum += std::fabs(fitted(features[k]).mean - labels[k]);
    return sum / (count - training);
  };
  const double constant = mae(MassBaseline::constant), light = mae(MassBaseline::luminosity),
               pixels = mae(MassBaseline::filter_pixels), catalogue = mae(MassBaseline::filter_catalogue);
  CHECK(constant == close_to(0.375, 0.2));
  CHECK(light < 0.8 * constant);
  CHECK(pixels < 0.9 * light);
  CHECK(catalogue < 1.05 * pixels);
  for (const double found : {light, pixels, catalogue, mae(MassBaseline::abundance), mae(MassBaseline::tabular)})
    CHECK(found > floor);
  CHECK(mae(MassBaseline::abundance) < 0.8 * constant);
}
