// SPDX-License-Identifier: BSD-3-Clause
// Distances against a table computed independently (flat LCDM, h = 0.7, Om = 0.3, no radiation).
#include "clustermass/core/cosmology.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "close_to.hpp"

using namespace clustermass;

TEST_CASE("distances agree with the verification table to its digits") {
  const struct {
    double z, d_a, d_l, modulus, kpc_per_arcsec;
  } rows[] = {{0.10, 380.41, 460.30, 38.315, 1.8443},   {0.20, 680.60, 980.07, 39.956, 3.2997},
              {0.30, 918.77, 1552.72, 40.955, 4.4543},  {0.40, 1108.25, 2172.16, 41.684, 5.3729},
              {0.50, 1259.08, 2832.94, 42.261, 6.1042}, {0.55, 1322.49, 3177.28, 42.510, 6.4116}};
  for (const auto& row : rows) {
    CAPTURE(row.z);
    CHECK(std::fabs(angular_distance_mpc(row.z) - row.d_a) < 0.0051);
    CHECK(std::fabs(comoving_distance_mpc(row.z) * (1 + row.z) - row.d_l) < 0.0051);
    CHECK(std::fabs(distance_modulus(row.z) - row.modulus) < 0.00051);
    CHECK(std::fabs(1000 / arcsec_of_mpc(1, row.z) - row.kpc_per_arcsec) < 0.000051);
  }
}

TEST_CASE("the comoving distance agrees with a fine midpoint sum") {
  for (const double z : {0.05, 0.3, 0.6, 1.5}) {
    double sum = 0;
    constexpr int steps = 200000;
    for (int k = 0; k < steps; ++k) sum += 1 / expansion(z * (k + 0.5) / steps);
    CHECK(comoving_distance_mpc(z) == close_to(hubble_distance_mpc * z / steps * sum, 1e-9));
  }
}

TEST_CASE("the characteristic magnitude follows redMaPPer's table") {
  const double z[] = {.08, .10, .15, .20, .25, .30, .35, .40, .45, .50, .55};
  const double m[] = {15.77, 16.27, 17.18, 17.85, 18.39, 18.85, 19.26, 19.62, 19.95, 20.26, 20.54};
  for (int k = 0; k < 11; ++k) {
    CAPTURE(z[k]);
    CHECK(std::fabs(mstar_i(z[k]) - m[k]) < 0.0055);
  }
}
