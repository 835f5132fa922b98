// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/mock/noise.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "close_to.hpp"

using namespace clustermass::mock;

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

TEST_CASE("photons' noise has the third moment of a Poisson distribution") {
  NormalStream normal(3, 4, 5);
  double mean = 0, square = 0, cube = 0;
  constexpr int n = 400000;
  constexpr double skewness = 0.1;
  for (int k = 0; k < n; ++k) {
    const double x = skewed(static_cast<double>(normal()), skewness);
    mean += x / n, square += x * x / n, cube += x * x * x / n;
  }
  CHECK(std::fabs(mean) < 0.006);
  CHECK(square == close_to(1, 0.01));
  CHECK(cube == close_to(skewness, 0.2));
}

TEST_CASE("rows flicker by amplifier and drift together; windows of rows are their means, mirrored beyond the frame") {
  const RowNoise rows(0.5, 2.0, NormalStream(7, 8, 9));
  double left = 0, both = 0, next = 0;
  for (int j = 0; j + 1 < RowNoise::rows; ++j) {
    const auto l = static_cast<double>(rows.at(3, j)), r = static_cast<double>(rows.at(1024, j));
    CHECK(rows.at(3, j) == rows.at(1023, j));
    left += l * l, both += l * r, next += l * static_cast<double>(rows.at(1500, j + 1));
  }
  CHECK(left / RowNoise::rows == close_to(4.25, 0.3));
  CHECK(both / left == close_to(4 / 4.25, 0.05));
  CHECK(next / left == close_to(0.8 * 4 / 4.25, 0.1));

  const RowMeans means(rows, 4, -4.0 * RowNoise::rows, 4.0 * RowNoise::rows);
  const RowMeans halfway(rows, 4, 11.5, 11.5);
  const auto between = [&](int j) {  // exact at whole rows: half of the outer rows
    return 0.25 * (0.5 * static_cast<double>(rows.at(0, j - 2)) + static_cast<double>(rows.at(0, j - 1)) +
                   static_cast<double>(rows.at(0, j)) + static_cast<double>(rows.at(0, j + 1)) +
                   0.5 * static_cast<double>(rows.at(0, j + 2)));
  };
  CHECK(static_cast<double>(means.at(0, 11)) == close_to(between(11), 1e-4));
  CHECK(static_cast<double>(means.at(0, 11.5)) == close_to(0.5 * (between(11) + between(12)), 1e-4));
  CHECK(halfway.at(0, 11.5) == means.at(0, 11.5));
  CHECK(means.at(0, -5) == close_to(means.at(0, 4), 1e-5));  // row -1 is row 0 again
  CHECK(means.at(0, 2 * RowNoise::rows + 20) == close_to(means.at(0, 20), 1e-5));
  CHECK(RowNoise(0, 0, NormalStream(7, 8, 9)).none());
}
