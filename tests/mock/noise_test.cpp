// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/mock/noise.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "close_to.hpp"

using clustermass::mock::NormalStream;

TEST_CASE("the fast normals follow the Gaussian in their bulk and far out in the tail") {
  NormalStream normal(21, 5, 7);
  constexpr int draws = 4000000;
  std::array<int, 64> bins{};
  double m1 = 0, m2 = 0, m4 = 0, lag = 0, previous = 0;
  int beyond4 = 0, beyond_last = 0;
  for (int k = 0; k < draws; ++k) {
    const double x = static_cast<double>(normal());
    m1 += x, m2 += x * x, m4 += x * x * x * x, lag += x * previous;
    previous = x;
    beyond4 += std::fabs(x) > 4;
    beyond_last += std::fabs(x) > 3.442619855899;
    const double u = 0.5 * std::erfc(-x / std::sqrt(2.0));
    ++bins[static_cast<std::size_t>(std::fmin(63, 64 * u))];
  }
  CHECK(std::fabs(m1 / draws) < 4 / std::sqrt(draws));
  CHECK(m2 / draws == close_to(1, 0.003));
  CHECK(m4 / draws == close_to(3, 0.006));
  CHECK(std::fabs(lag / draws) < 4 / std::sqrt(draws));
  CHECK(beyond4 == close_to(draws * 6.334e-5, 4 / std::sqrt(253.0)));
  CHECK(beyond_last == close_to(draws * 5.7610e-4, 4 / std::sqrt(2304.0)));
  double chi2 = 0;
  for (const int n : bins) chi2 += (n - draws / 64.0) * (n - draws / 64.0) / (draws / 64.0);
  CHECK(chi2 < 103.4);  // 63 degrees of freedom, p = 0.001
}

TEST_CASE("fast normals of other seeds, streams and substreams differ, the same ones repeat") {
  const auto first = [](std::uint64_t seed, std::uint64_t stream, std::uint32_t substream) {
    return NormalStream(seed, stream, substream)();
  };
  CHECK(first(1, 2, 3) == first(1, 2, 3));
  CHECK(first(2, 2, 3) != first(1, 2, 3));
  CHECK(first(1, 3, 3) != first(1, 2, 3));
  CHECK(first(1, 2, 4) != first(1, 2, 3));
}
