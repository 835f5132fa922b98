// SPDX-License-Identifier: BSD-3-Clause
// Matching of two catalogues against a search through all pairs, and its limits one by one.
#include "../../examples/evaluate/match.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "clustermass/core/random.hpp"

namespace {

constexpr double radian = std::numbers::pi / 180;

/// Angle by the haversine formula. [deg]
double angle(const CatalogueCluster& a, const CatalogueCluster& b) {
  const double d =
      std::pow(std::sin((a.dec - b.dec) * radian / 2), 2) +
      std::cos(a.dec * radian) * std::cos(b.dec * radian) * std::pow(std::sin((a.ra - b.ra) * radian / 2), 2);
  return 2 * std::asin(std::sqrt(d)) / radian;
}

std::vector<CatalogueCluster> clusters(std::size_t count, std::uint64_t seed) {
  clustermass::Random random(seed);
  std::vector<CatalogueCluster> list;
  for (std::size_t k = 0; k < count; ++k)  // crowded, over the line ra = 0 and near a pole
    list.push_back({std::fmod(359.5 + random.uniform(), 360.0), 80 + random.uniform(), random.uniform(0.05, 0.5), 0});
  return list;
}

}  // namespace

TEST_CASE("pairs are the nearest ones within the limits, as a search through all pairs finds them") {
  const auto first = clusters(120, 1), second = clusters(150, 2);
  const MatchOptions options;
  std::vector<std::pair<std::size_t, std::size_t>> expected;
  std::vector<bool> used_a(first.size()), used_b(second.size());
  for (;;) {
    double best = 1e9;
    std::size_t a = 0, b = 0;
    for (std::size_t j = 0; j < first.size(); ++j)
      for (std::size_t k = 0; k < second.size(); ++k) {
        const double d = angle(first[j], second[k]);
        const double limit =
            std::max(1 / clustermass::angular_distance_mpc(first[j].redshift) / radian, options.radius_arcmin / 60);
        if (used_a[j] || used_b[k] || d > limit || d >= best) continue;
        if (std::fabs(first[j].redshift - second[k].redshift) > 0.05 * (1 + first[j].redshift)) continue;
        best = d, a = j, b = k;
      }
    if (best > 1e8) break;
    used_a[a] = used_b[b] = true;
    expected.emplace_back(a, b);
  }
  CHECK(expected.size() > 20);
  CHECK(match(first, second) == expected);
}

TEST_CASE("the larger of 1 Mpc and 3 arcmin counts, and the redshifts have to agree") {
  const CatalogueCluster near{10, 0, 0.1, 0}, far{10, 0, 0.5, 0};
  const auto matched = [](const CatalogueCluster& a, double dec, double z) {
    return match(std::vector{a}, std::vector{CatalogueCluster{a.ra, dec, z, 0}}).size();
  };
  CHECK(matched(near, 9.0 / 60, 0.1) == 1);  // 1 Mpc is 9.04 arcmin at z = 0.1
  CHECK(matched(near, 9.1 / 60, 0.1) == 0);
  CHECK(matched(far, 2.95 / 60, 0.5) == 1);  // and 2.73 arcmin at z = 0.5
  CHECK(matched(far, 3.05 / 60, 0.5) == 0);
  CHECK(matched(near, 0, 0.154) == 1);
  CHECK(matched(near, 0, 0.156) == 0);
}

TEST_CASE("a cluster is in one pair only: the closer one has it") {
  const std::vector<CatalogueCluster> first{{10, 0, 0.3, 0}, {10.01, 0, 0.3, 0}}, second{{10.012, 0, 0.3, 0}};
  const auto pairs = match(first, second);
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0] == std::pair<std::size_t, std::size_t>{1, 0});
}
