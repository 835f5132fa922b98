// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/train/healpix.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "clustermass/core/random.hpp"

using namespace clustermass;
using train::healpix_ring;

TEST_CASE("the twelve base pixels lie where the paper has them") {
  const double polar = 41.81031489577862;  // sine 2/3
  for (std::uint64_t k = 0; k < 4; ++k) {
    const double longitude = 90.0 * static_cast<double>(k);
    CHECK(healpix_ring(longitude + 45, polar, 1) == k);
    CHECK(healpix_ring(longitude, 0, 1) == 4 + k);
    CHECK(healpix_ring(longitude + 45, -polar, 1) == 8 + k);
  }
  CHECK(healpix_ring(405, polar, 1) == 0);
  CHECK(healpix_ring(-315, polar, 1) == 0);
  CHECK(healpix_ring(10, 90, 4) == 0);
  CHECK(healpix_ring(359, -90, 4) == 191);
  CHECK(healpix_ring(360, 0, 4) == healpix_ring(0, 0, 4));
}

TEST_CASE("all 192 pixels of nside 4 have the same area") {
  std::vector<int> count(192, 0);
  Random random(4);
  for (int k = 0; k < 192 * 400; ++k) {
    const double latitude = std::asin(random.uniform(-1, 1)) * 180 / std::numbers::pi;
    const std::uint64_t pixel = healpix_ring(random.uniform(0, 360), latitude, 4);
    REQUIRE(pixel < 192);
    ++count[pixel];
  }
  for (const int n : count) CHECK(std::abs(n - 400) < 100);  // 5 sigma of Poisson's 20
}
