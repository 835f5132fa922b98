// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/stats/calibration.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/stats/whitening.hpp"

using namespace clustermass;

namespace {
std::vector<Prediction> predictions(std::size_t count, double true_factor, double label_error, std::uint64_t seed) {
  Random random(seed);
  std::vector<Prediction> list;
  for (std::size_t k = 0; k < count; ++k) {
    const double sigma = random.uniform(0.05, 0.3), truth = 14 + true_factor * sigma * random.normal();
    list.push_back({14, sigma, truth + label_error * random.normal(), label_error});
  }
  return list;
}
}  // namespace

TEST_CASE("the temperature undoes a wrong sigma, with the label's error counted once") {
  CHECK(fit_temperature(predictions(20000, 1.6, 0, 1)) == close_to(1.6, 0.02));
  CHECK(fit_temperature(predictions(20000, 0.7, 0.13, 2)) == close_to(0.7, 0.03));
}

TEST_CASE("the conformal quantile is the rank of Lei et al. and covers as it says") {
  std::vector<Prediction> nine;
  for (int k = 1; k <= 9; ++k) nine.push_back({0, 1, static_cast<double>(k), 0});
  CHECK(conformal_quantile(nine, 1, 0.10) == 9.0);  // ceil(10 * 0.9) = 9th
  CHECK(conformal_quantile(nine, 1, 0.20) == 8.0);
  CHECK(std::isinf(conformal_quantile(nine, 1, 0.05)));
  const double q = conformal_quantile(predictions(4000, 1, 0, 3), 1, 0.10);
  std::size_t inside = 0;
  const auto fresh = predictions(20000, 1, 0, 4);
  for (const Prediction& p : fresh) inside += std::fabs(p.label - p.mean) <= q * p.sigma;
  CHECK(static_cast<double>(inside) / 20000 == close_to(0.90, 0.015));
}

TEST_CASE("whitened distances are those of Mahalanobis, with the asked share within one") {
  // Two correlated numbers: covariance [[4, 1.2], [1.2, 1]].
  Random random(5);
  std::vector<double> rows;
  for (int k = 0; k < 20000; ++k) {
    const double a = random.normal(), b = random.normal();
    rows.push_back(3 + 2 * a);
    rows.push_back(-1 + 0.6 * a + 0.8 * b);
  }
  const Whitening w = fit_whitening(rows, 2, 0.995);
  const auto distance = [&](double x, double y) {
    const double dx = x - static_cast<double>(w.mean[0]), dy = y - static_cast<double>(w.mean[1]);
    const double p = static_cast<double>(w.matrix[0]) * dx + static_cast<double>(w.matrix[1]) * dy;
    const double q = static_cast<double>(w.matrix[2]) * dx + static_cast<double>(w.matrix[3]) * dy;
    return std::hypot(p, q);
  };
  CHECK(w.mean[0] == close_to(3, 0.02));
  // Inverse covariance by hand: [[1, -1.2], [-1.2, 4]] / 2.56. The 99.5 % quantile of chi^2 with two degrees is 10.597.
  const double by_hand = std::sqrt((1.0 * 9 - 2 * 1.2 * 3 * 1 + 4.0 * 1) / 2.56 / 10.597);
  CHECK(distance(6, 0) == close_to(by_hand, 0.03));
  std::size_t inside = 0;
  for (std::size_t k = 0; k < rows.size(); k += 2) inside += distance(rows[k], rows[k + 1]) <= 1.0001;
  CHECK(static_cast<double>(inside) / 20000 == close_to(0.995, 0.0005));
}

TEST_CASE("a feature that never varied flags a change without breaking the fit") {
  std::vector<double> rows;
  Random random(6);
  for (int k = 0; k < 500; ++k) {
    rows.push_back(random.normal());
    rows.push_back(2.0);
  }
  const Whitening w = fit_whitening(rows, 2, 0.995);
  for (float value : w.matrix) CHECK(std::isfinite(value));
}
