// SPDX-License-Identifier: BSD-3-Clause
// Ranks of one sample in another, against counting pairs and against the normal distribution.
#include "clustermass/stats/two_samples.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/core/random.hpp"

using namespace clustermass;

namespace {

double by_pairs(const std::vector<double>& first, const std::vector<double>& second) {
  double wins = 0;
  for (const double a : first)
    for (const double b : second) wins += a > b ? 1 : a == b ? 0.5 : 0;
  return wins / static_cast<double>(first.size() * second.size());
}

}  // namespace

TEST_CASE("the ROC area is the share of pairs in which the first is larger, ties counting half") {
  Random random(1);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<double> first, second;
    for (std::uint32_t k = 0; k < 1 + random.below(40); ++k) first.push_back(random.below(12));  // many ties
    for (std::uint32_t k = 0; k < 1 + random.below(40); ++k) second.push_back(random.below(8));
    CHECK(stats::roc_area(first, second) == close_to(by_pairs(first, second), 1e-12));
    CHECK(stats::roc_area(first, second) + stats::roc_area(second, first) == close_to(1, 1e-12));
  }
}

TEST_CASE("two normal distributions a distance d apart have the ROC area Phi(d / sqrt 2)") {
  Random random(2);
  std::vector<double> first, second;
  for (int k = 0; k < 20000; ++k) {
    first.push_back(random.normal(0.8, 1));
    second.push_back(random.normal());
  }
  CHECK(stats::roc_area(first, second) == close_to(0.5 * std::erfc(-0.8 / 2), 0.006));  // 2.5 sigma
}

TEST_CASE("the standing of a number in a sample") {
  const std::vector<double> sample{1, 2, 2, 4};
  CHECK(stats::standing(0, sample) == 0);
  CHECK(stats::standing(2, sample) == close_to(0.5, 1e-12));
  CHECK(stats::standing(3, sample) == close_to(0.75, 1e-12));
  CHECK(stats::standing(5, sample) == 1);
}

TEST_CASE("nothing to compare with gives no number") {
  const std::vector<double> none, some{1};
  CHECK(std::isnan(stats::standing(1, none)));
  CHECK(std::isnan(stats::standing(NAN, some)));
  CHECK(std::isnan(stats::roc_area(none, some)));
  CHECK(std::isnan(stats::roc_area(some, none)));
}
