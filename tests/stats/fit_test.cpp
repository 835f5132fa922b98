// SPDX-License-Identifier: BSD-3-Clause
// Fits of a target on features: exact relations come back, leave-one-out errors are those of refits, and the small
// network learns what a polynomial cannot.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/stats/least_squares.hpp"
#include "clustermass/stats/small_network.hpp"

using namespace clustermass;

namespace {
struct Sample {
  std::vector<double> rows, targets;
};
/// Two features and a target of both, with noise.
template <class Function>
Sample sample(std::size_t count, double noise, std::uint64_t seed, Function&& f) {
  Random random(seed);
  Sample s;
  for (std::size_t k = 0; k < count; ++k) {
    const double a = random.uniform(2, 5), b = random.normal();
    s.rows.insert(s.rows.end(), {a, b});
    s.targets.push_back(f(a, b) + noise * random.normal());
  }
  return s;
}
}  // namespace

TEST_CASE("a relation of second degree is recovered exactly without damping") {
  const auto relation = [](double a, double b) { return 3 - 0.5 * a + 0.1 * a * a + 0.7 * a * b - 0.2 * b * b; };
  const Sample s = sample(40, 0, 1, relation);
  const stats::PolynomialFit fit(s.rows, 2, s.targets, {.damping = 0});
  for (const double a : {2.5, 3.0, 4.5})
    for (const double b : {-1.0, 1.0}) CHECK(fit(std::vector<double>{a, b}) == close_to(relation(a, b), 1e-8));
  CHECK(fit.error() < 1e-8);
}

TEST_CASE("outside the training range a relation of second degree goes on as it ends, a straight one goes on") {
  const auto bent = [](double a, double b) { return a * a - b; };
  const Sample s = sample(40, 0, 7, bent);
  double most = 0, least = 9;
  for (std::size_t k = 0; k < s.rows.size(); k += 2)
    most = std::max(most, s.rows[k]), least = std::min(least, s.rows[k]);
  const stats::PolynomialFit fit(s.rows, 2, s.targets, {.damping = 0});
  CHECK(fit(std::vector<double>{50, 0}) == close_to(most * most, 1e-8));
  CHECK(fit(std::vector<double>{-50, 0}) == close_to(least * least, 1e-8));
  const Sample line = sample(40, 0, 8, [](double a, double b) { return 2 * a - b; });
  const stats::PolynomialFit straight(line.rows, 2, line.targets, {.products = false, .damping = 0});
  CHECK(straight(std::vector<double>{50, 0}) == close_to(100, 1e-8));
}

TEST_CASE("the error of a fit is the rms of what refits without each sample miss") {
  const Sample s = sample(30, 0.3, 2, [](double a, double b) { return a - b; });
  const stats::PolynomialFit fit(s.rows, 2, s.targets, {.products = false, .damping = 0});
  double squares = 0;
  for (std::size_t left = 0; left < s.targets.size(); ++left) {
    Sample others = s;
    others.targets.erase(others.targets.begin() + static_cast<std::ptrdiff_t>(left));
    others.rows.erase(others.rows.begin() + static_cast<std::ptrdiff_t>(2 * left),
                      others.rows.begin() + static_cast<std::ptrdiff_t>(2 * left + 2));
    const stats::PolynomialFit refit(others.rows, 2, others.targets, {.products = false, .damping = 0});
    squares += std::pow(refit(std::span(s.rows).subspan(2 * left, 2)) - s.targets[left], 2);
  }
  CHECK(fit.error() == close_to(std::sqrt(squares / 30), 1e-8));
}

TEST_CASE("a feature that is not finite counts as the mean of the others") {
  Sample s = sample(50, 0, 3, [](double a, double) { return 2 * a; });
  const stats::PolynomialFit whole(s.rows, 2, s.targets, {.products = false, .damping = 0});
  double mean = 0;
  for (std::size_t k = 0; k < s.rows.size(); k += 2) mean += s.rows[k] / 50;
  CHECK(whole(std::vector<double>{NAN, 0}) == close_to(2 * mean, 1e-8));
  s.rows[0] = NAN;
  CHECK(std::isfinite(stats::PolynomialFit(s.rows, 2, s.targets)(std::vector<double>{3, 0})));
}

TEST_CASE("too few samples and rows of another width are refused") {
  const Sample s = sample(5, 0, 4, [](double a, double) { return a; });
  CHECK_THROWS_AS(stats::PolynomialFit(s.rows, 2, s.targets), InputError);  // six coefficients
  CHECK_THROWS_AS(stats::PolynomialFit(s.rows, 3, s.targets), InputError);
  CHECK_THROWS_AS(stats::SmallNetwork(s.rows, 2, s.targets), InputError);
}

TEST_CASE("the small network learns a step that a polynomial cannot, the same one for the same seed") {
  const auto step = [](double a, double b) { return 14 + std::tanh(6 * (a - 3.5)) + 0.3 * std::sin(2 * b); };
  const Sample s = sample(1500, 0.05, 5, step), fresh = sample(400, 0, 6, step);
  const stats::SmallNetwork network(s.rows, 2, s.targets, {.members = 1});
  const stats::PolynomialFit polynomial(s.rows, 2, s.targets);
  double of_network = 0, of_polynomial = 0;
  for (std::size_t k = 0; k < fresh.targets.size(); ++k) {
    const auto features = std::span(fresh.rows).subspan(2 * k, 2);
    of_network += std::pow(network(features) - fresh.targets[k], 2) / 400;
    of_polynomial += std::pow(polynomial(features) - fresh.targets[k], 2) / 400;
  }
  CHECK(std::sqrt(of_network) < 0.05);
  CHECK(std::sqrt(of_polynomial) > 0.15);
  CHECK(network.error() == close_to(std::hypot(0.05, std::sqrt(of_network)), 0.2));
  const stats::SmallNetwork again(s.rows, 2, s.targets, {.members = 1});
  CHECK(network(std::vector<double>{3, 1}) == again(std::vector<double>{3, 1}));
}
