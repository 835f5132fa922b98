// SPDX-License-Identifier: BSD-3-Clause
// Random numbers against published answers and exact distributions.
#include "clustermass/core/random.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "close_to.hpp"

using clustermass::philox4x32;
using clustermass::Random;

TEST_CASE("Philox4x32-10 gives the known answers of the Random123 distribution") {
  using Block = std::array<std::uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t ones = 0xffffffff;
  CHECK(philox4x32({ones, ones, ones, ones}, {ones, ones}) == Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a stream is a function of seed, stream and substream, and each of them matters") {
  const auto first = [](std::uint64_t seed, std::uint64_t stream, std::uint32_t substream) {
    return Random(seed, stream, substream).bits();
  };
  const std::uint32_t reference = first(1, 2, 3);
  CHECK(first(1, 2, 3) == reference);
  CHECK(first(2, 2, 3) != reference);
  CHECK(first(1, 3, 3) != reference);
  CHECK(first(1, 2, 4) != reference);
  CHECK(first(1 + (std::uint64_t{1} << 32), 2, 3) != reference);
  CHECK(first(1, 2 + (std::uint64_t{1} << 32), 3) != reference);

  Random a(5), copy = a;
  for (int k = 0; k < 7; ++k) a.bits();
  for (int k = 0; k < 7; ++k) copy.bits();
  CHECK(a.bits() == copy.bits());
}

TEST_CASE("uniform numbers fill (0, 1) evenly") {
  Random random(11);
  std::array<int, 20> bins{};
  constexpr int draws = 200000;
  double smallest = 1, largest = 0;
  for (int k = 0; k < draws; ++k) {
    const double u = random.uniform();
    smallest = std::fmin(smallest, u);
    largest = std::fmax(largest, u);
    ++bins[static_cast<std::size_t>(20 * u)];
  }
  CHECK(smallest > 0);
  CHECK(largest < 1);
  double chi2 = 0;
  for (const int n : bins) chi2 += (n - draws / 20.0) * (n - draws / 20.0) / (draws / 20.0);
  CHECK(chi2 < 43.8);  // 19 degrees of freedom, p = 0.001
}

TEST_CASE("normal numbers have the moments and the tail of a Gaussian") {
  Random random(12);
  constexpr int draws = 400000;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  int beyond2 = 0;
  for (int k = 0; k < draws; ++k) {
    const double x = random.normal();
    m1 += x, m2 += x * x, m3 += x * x * x, m4 += x * x * x * x;
    beyond2 += std::fabs(x) > 2;
  }
  CHECK(std::fabs(m1 / draws) < 5 / std::sqrt(draws));
  CHECK(m2 / draws == close_to(1, 0.01));
  CHECK(std::fabs(m3 / draws) < 0.03);
  CHECK(m4 / draws == close_to(3, 0.02));
  CHECK(beyond2 / double(draws) == close_to(0.0455003, 0.03));
}

TEST_CASE("Poisson counts follow the Poisson distribution on both sides of the change of method") {
  for (const double mean : {0.3, 4.0, 29.5, 30.5, 250.0}) {
    CAPTURE(mean);
    Random random(13);
    constexpr int draws = 100000;
    std::vector<int> histogram(600);
    double sum = 0;
    for (int k = 0; k < draws; ++k) {
      const int n = random.poisson(mean);
      REQUIRE(n >= 0);
      REQUIRE(n < 600);
      ++histogram[static_cast<std::size_t>(n)];
      sum += n;
    }
    CHECK(sum / draws == close_to(mean, 5 / std::sqrt(draws * mean)));
    double chi2 = 0, log_probability = -mean;
    int degrees = -1;
    for (std::size_t n = 0; n < histogram.size(); ++n) {
      if (n > 0) log_probability += std::log(mean / static_cast<double>(n));
      const double expected = draws * std::exp(log_probability);
      if (expected < 10) continue;
      chi2 += (histogram[n] - expected) * (histogram[n] - expected) / expected;
      ++degrees;
    }
    CHECK(chi2 < degrees + 4 * std::sqrt(2.0 * degrees) + 4);
  }
  Random random(14);
  CHECK(random.poisson(0) == 0);
  CHECK(random.poisson(-1) == 0);
}

TEST_CASE("below gives every integer of its range, and no other") {
  Random random(15);
  std::array<int, 7> counts{};
  for (int k = 0; k < 7000; ++k) {
    const std::uint32_t n = random.below(7);
    REQUIRE(n < 7);
    ++counts[n];
  }
  for (const int n : counts) CHECK(std::fabs(n - 1000) < 150);
}
