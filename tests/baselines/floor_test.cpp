// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/baselines/floor.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "close_to.hpp"
#include "clustermass/core/random.hpp"

using namespace clustermass;

TEST_CASE("inside the prior the oracle inverts the richness relation, and is drawn inwards at its ends") {
  const mock::SkyParameters sky;
  // lambda = 40 at M500c = 2.16e14 (the relation's own statement).
  CHECK(oracle_richness(40, 0.25, sky) == close_to(std::log10(2.16e14), 0.0005));
  CHECK(oracle_richness(1, 0.25, sky) > 13.7);
  CHECK(oracle_richness(2000, 0.25, sky) < 15.2);
}

TEST_CASE("its mean absolute error on the training prior is the scatter of mass at given richness") {
  const mock::SkyParameters sky;
  Random random(1);
  double sum = 0;
  constexpr int count = 20000;
  for (int k = 0; k < count; ++k) {
    const double mass = random.uniform(13.7, 15.2);
    const double ln_lambda = std::log(52) + 0.80 * (mass - std::log10(3e14)) * std::log(10.0) + 0.22 * random.normal();
    sum += std::fabs(oracle_richness(std::exp(ln_lambda), 0.3, sky) - mass);
  }
  // 0.798 * 0.22 / (0.80 ln 10) = 0.095 dex away from the ends; the prior's ends lower it (scout: 0.088).
  CHECK(sum / count == close_to(0.091, 0.04));
}
