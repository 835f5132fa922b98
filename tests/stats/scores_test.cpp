// SPDX-License-Identifier: BSD-3-Clause
// Scores against numpy and scipy (tests/data/stats, written by tests/oracles/record_scores.py) and cases worked by
// hand.
#include "clustermass/stats/scores.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "close_to.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/io/csv.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/stats/bootstrap.hpp"
#include "clustermass/stats/conditional_bias.hpp"
#include "clustermass/stats/posterior_scores.hpp"

using namespace clustermass;

namespace {

std::vector<std::vector<std::string>> rows_of(const std::string& name) {
  const std::string path = CLUSTERMASS_SOURCE_DIR "/tests/data/stats/" + name;
  const std::vector<std::byte> bytes = read_file<InputError>(path);
  CsvReader reader({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
  std::vector<std::vector<std::string>> rows;
  for (CsvRow row; reader.next(row);) rows.push_back(row.fields);
  rows.erase(rows.begin());  // the names
  return rows;
}

struct Recorded {
  std::vector<Prediction> predictions;
  std::vector<int> fold;
  std::map<std::string, double> score;

  Recorded() {
    const auto number = [](const std::string& text) { return std::strtod(text.c_str(), nullptr); };
    for (const auto& f : rows_of("predictions.csv")) {
      predictions.push_back({number(f[0]), number(f[1]), number(f[2]), number(f[3])});
      fold.push_back(std::atoi(f[4].c_str()));
    }
    for (const auto& f : rows_of("scores.csv")) score[f[0]] = number(f[1]);
  }
};

const Recorded& recorded() {
  static const Recorded sample;
  return sample;
}

/// Posteriors that are right: the truth is drawn from its prior, the mean from what the data say of it.
std::vector<Prediction> calibrated(std::size_t count, double prior_sigma, double data_sigma, double label_error) {
  Random random(11);
  std::vector<Prediction> list;
  const double weight = prior_sigma * prior_sigma / (prior_sigma * prior_sigma + data_sigma * data_sigma);
  for (std::size_t k = 0; k < count; ++k) {
    const double truth = random.normal(14.4, prior_sigma), seen = truth + data_sigma * random.normal();
    list.push_back({14.4 + weight * (seen - 14.4), std::sqrt(weight) * data_sigma,
                    truth + label_error * random.normal(), label_error});
  }
  return list;
}

}  // namespace

TEST_CASE("scores of point estimates are those of numpy and scipy") {
  const Recorded& r = recorded();
  const stats::PointScores s = stats::point_scores(r.predictions);
  CHECK(s.n == static_cast<std::size_t>(r.score.at("n")));
  CHECK(s.mae == close_to(r.score.at("mae"), 1e-10));
  CHECK(s.rms == close_to(r.score.at("rms"), 1e-10));
  CHECK(s.bias == close_to(r.score.at("bias"), 1e-10));
  CHECK(s.median_bias == close_to(r.score.at("median_bias"), 1e-10));
  CHECK(s.nmad == close_to(r.score.at("nmad"), 1e-10));
  CHECK(s.outliers == close_to(r.score.at("outliers"), 1e-10));
  CHECK(s.spearman == close_to(r.score.at("spearman"), 1e-10));
  const std::vector<double> error = stats::errors(r.predictions);
  CHECK(stats::standard_deviation(error) == close_to(r.score.at("sd_error"), 1e-10));
  CHECK(stats::quantile(error, 0.16) == close_to(r.score.at("quantile_0.16"), 1e-10));
  CHECK(stats::quantile(error, 0.975) == close_to(r.score.at("quantile_0.975"), 1e-10));
}

TEST_CASE("scores over folds are those of numpy, whatever the folds are called") {
  const Recorded& r = recorded();
  const stats::FoldScores s = stats::fold_scores(r.predictions, r.fold);
  CHECK(s.mae.size() == 4);
  CHECK(s.mean == close_to(r.score.at("fold_mean"), 1e-10));
  CHECK(s.sd == close_to(r.score.at("fold_sd"), 1e-10));
  CHECK(s.best == close_to(r.score.at("fold_best"), 1e-10));
  CHECK_THROWS_AS(stats::fold_scores(r.predictions, std::vector<int>{1, 2}), InputError);
}

TEST_CASE("scores of predicted errors are those of scipy; the CRPS was integrated from its definition") {
  const Recorded& r = recorded();
  const stats::PosteriorScores s = stats::posterior_scores(r.predictions);
  CHECK(s.coverage50 == close_to(r.score.at("coverage_0.50"), 1e-10));
  CHECK(s.coverage68 == close_to(r.score.at("coverage_0.68"), 1e-10));
  CHECK(s.coverage90 == close_to(r.score.at("coverage_0.90"), 1e-10));
  CHECK(s.coverage95 == close_to(r.score.at("coverage_0.95"), 1e-10));
  CHECK(stats::interval_width(r.predictions, 0.90) == close_to(r.score.at("width_0.90"), 1e-8));
  CHECK(s.width68 == close_to(r.score.at("width_0.68"), 1e-8));
  CHECK(s.crps == close_to(r.score.at("crps"), 1e-8));
  CHECK(s.nll == close_to(r.score.at("nll"), 1e-10));
  CHECK(s.pit.distance == close_to(r.score.at("ks_distance"), 1e-8));
  CHECK(s.pit.p_value == close_to(r.score.at("ks_p_value"), 0.003));
}

TEST_CASE("the p-value of Kolmogorov and Smirnov is the exact one within what its docstring says") {
  for (const int n : {20, 200, 2000})
    for (const std::string x : {"0.4", "0.7", "1.0", "1.36", "2.0"}) {
      const double exact = recorded().score.at("ks_" + std::to_string(n) + "_" + x);
      const double found = stats::kolmogorov_p_value(std::atof(x.c_str()) / std::sqrt(static_cast<double>(n)),
                                                     static_cast<std::size_t>(n));
      CAPTURE(n);
      CAPTURE(x);
      CHECK(std::fabs(found - exact) < 0.001);
    }
  CHECK(stats::kolmogorov_p_value(0, 100) == 1);
  CHECK(stats::uniformity_test(std::vector<double>{0.5}).distance == 0.5);
}

TEST_CASE("posteriors that are right are found right, against truth and against noisy labels") {
  for (const double label_error : {0.0, 0.13}) {
    CAPTURE(label_error);
    const auto predictions = calibrated(20000, 0.35, 0.2, label_error);
    const stats::PosteriorScores s = stats::posterior_scores(predictions);
    CHECK(s.coverage68 == close_to(0.68, 0.015));
    CHECK(s.coverage90 == close_to(0.90, 0.01));
    CHECK(s.pit.p_value > 0.01);
    // For a normal distribution the expected CRPS is sigma / sqrt(pi).
    CHECK(s.crps == close_to(stats::expected_spread(predictions[0]) / std::sqrt(std::numbers::pi), 0.02));
  }
  auto narrow = calibrated(20000, 0.35, 0.2, 0);
  for (Prediction& p : narrow) p.sigma *= 0.8;
  CHECK(stats::posterior_scores(narrow).pit.p_value < 1e-6);
  CHECK(stats::coverage(narrow, 0.90) == close_to(std::erf(0.8 * 1.644854 / std::sqrt(2.0)), 0.01));
}

TEST_CASE("both conditional biases of a posterior mean: none at given prediction, shrinkage at given truth") {
  const auto predictions = calibrated(40000, 0.35, 0.2, 0);
  const std::array edges{13.9, 14.2, 14.6, 14.9};
  const stats::ConditionalBias calibration = stats::calibration_bias(predictions, edges);
  CHECK(calibration.line.slope == close_to(1, 0.02));
  for (const stats::BiasBin& bin : calibration.bins) CHECK(std::fabs(bin.bias) < 4 * bin.error);
  const stats::ConditionalBias shrinkage = stats::shrinkage_bias(predictions, edges);
  const double weight = 0.35 * 0.35 / (0.35 * 0.35 + 0.2 * 0.2);
  CHECK(shrinkage.line.slope == close_to(weight, 0.01));
  CHECK(shrinkage.bins.front().bias > 0.05);
  CHECK(shrinkage.bins.back().bias < -0.05);

  const Recorded& r = recorded();
  CHECK(stats::shrinkage_bias(r.predictions, edges).line.slope == close_to(r.score.at("slope_mean_on_label"), 1e-8));
  const stats::Line line = stats::calibration_bias(r.predictions, edges).line;
  CHECK(line.slope == close_to(r.score.at("slope_label_on_mean"), 1e-8));
  CHECK(line.intercept == close_to(r.score.at("intercept_label_on_mean"), 1e-8));
}

TEST_CASE("without its prior an estimate is unbiased at given truth, with the width of the likelihood") {
  auto predictions = calibrated(40000, 0.35, 0.2, 0);
  for (Prediction& p : predictions) p = stats::without_prior(p, {14.4, 0.35});
  CHECK(predictions[0].sigma == close_to(0.2, 1e-10));
  CHECK(stats::shrinkage_bias(predictions, std::array{14.0, 15.0}).line.slope == close_to(1, 0.01));
  CHECK(std::isnan(stats::without_prior({14.0, 0.4, 0, 0}, {14.4, 0.35}).mean));
}

TEST_CASE("the bootstrap error of the MAE is numpy's, and its interval covers as it says") {
  const Recorded& r = recorded();
  std::vector<double> cost = stats::errors(r.predictions);
  for (double& c : cost) c = std::fabs(c);
  const stats::BootstrapResult mae = stats::bootstrap_mean(cost, {.draws = 4000});
  CHECK(mae.value == close_to(r.score.at("mae"), 1e-10));
  CHECK(mae.error == close_to(r.score.at("bootstrap_mae_error"), 0.04));
  CHECK(mae.low95 < mae.value);
  CHECK(stats::bootstrap_mean(cost, {.seed = 3}).low95 == stats::bootstrap_mean(cost, {.seed = 3}).low95);
  CHECK(stats::bootstrap_mean(cost, {.seed = 3}).low95 != stats::bootstrap_mean(cost, {.seed = 4}).low95);

  Random random(2);
  int covered = 0;
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<double> sample;
    for (int k = 0; k < 100; ++k) sample.push_back(random.normal());
    const stats::BootstrapResult m = stats::bootstrap_mean(sample, {.draws = 200, .seed = 7});
    covered += m.low95 < 0 && m.high95 > 0 ? 1 : 0;
  }
  CHECK(covered >= 269);  // 95 % of 300 is 285, four sigma of the count is 15
}

TEST_CASE("the paired bootstrap sees a difference that two single ones cannot") {
  Random random(9);
  std::vector<double> a, b;
  for (int k = 0; k < 400; ++k) {
    const double cluster = std::fabs(random.normal());  // some clusters are hard for every method
    a.push_back(cluster + 0.05 * random.normal());
    b.push_back(cluster + 0.02 + 0.05 * random.normal());
  }
  const stats::PairedResult pair = stats::paired_bootstrap(a, b);
  CHECK(pair.difference.value == close_to(stats::mean(a) - stats::mean(b), 1e-9));
  CHECK(pair.difference.error == close_to(0.05 * std::sqrt(2.0 / 400), 0.1));
  CHECK(pair.first_better > 0.99);
  CHECK(stats::paired_bootstrap(b, a).first_better < 0.01);
  CHECK(stats::bootstrap_mean(a).error > 5 * pair.difference.error);
  CHECK_THROWS_AS(stats::paired_bootstrap(a, std::vector<double>{1}), InputError);
}

TEST_CASE("bins hold their lower edge, the last one both, and nobody from outside") {
  const std::vector<double> values{0, 0.5, 1, 1.5, 2, 2.1, NAN, -0.1};
  const auto bins = stats::bin_members(values, std::array{0.0, 1.0, 2.0});
  REQUIRE(bins.size() == 2);
  CHECK(bins[0].members == std::vector<std::size_t>{0, 1});
  CHECK(bins[1].members == std::vector<std::size_t>{2, 3, 4});
  CHECK(stats::take(std::span<const double>(values), bins[1].members) == std::vector<double>{1, 1.5, 2});
}

TEST_CASE("skill and attained fraction at their ends, and an empty sample") {
  CHECK(stats::skill(0.3, 0.3) == 0);
  CHECK(stats::skill(0.0, 0.3) == 1);
  CHECK(stats::attained_fraction(0.3, 0.3, 0.1) == 0);
  CHECK(stats::attained_fraction(0.1, 0.3, 0.1) == 1);
  CHECK(stats::attained_fraction(0.2, 0.3, 0.1) == close_to(0.5));
  CHECK(stats::central_half_width(0.6826894921370859) == close_to(1, 1e-9));
  const stats::PointScores none = stats::point_scores({});
  CHECK(none.n == 0);
  CHECK(std::isnan(none.mae));
  CHECK(std::isnan(none.spearman));
  CHECK(std::isnan(stats::posterior_scores({}).coverage68));
  CHECK(std::isnan(stats::bootstrap_mean({}).error));
}
