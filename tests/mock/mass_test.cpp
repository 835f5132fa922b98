// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/mock/mass.hpp"

#include <doctest/doctest.h>

#include "close_to.hpp"

using namespace clustermass;
using namespace clustermass::mock;
using enum MassDefinition;

TEST_CASE("masses convert as in the verification table") {
  {
    const double c = duffy_concentration(2e14, c200, 0.2);
    CHECK(std::fabs(c - 3.668) < 0.0005);
    CHECK(std::fabs(convert_mass(2e14, c, c200, c500, 0.2) / 1e14 - 1.3586) < 0.00005);
    CHECK(std::fabs(convert_mass(2e14, c, c200, m200, 0.2) / 1e14 - 2.6724) < 0.00005);
  }
  {
    const double c = duffy_concentration(5e14, c200, 0.2);
    CHECK(std::fabs(c - 3.396) < 0.0005);
    CHECK(std::fabs(convert_mass(5e14, c, c200, c500, 0.2) / 1e14 - 3.3386) < 0.00005);
  }
  {
    const double c = duffy_concentration(3.081e14, m200, 0.35);
    CHECK(std::fabs(c - 5.13) < 0.005);
    CHECK(std::fabs(convert_mass(3.081e14, c, m200, c500, 0.35) / 1e14 - 1.682) < 0.0005);
    CHECK(std::fabs(convert_mass(3.081e14, c, m200, c200, 0.35) / 1e14 - 2.456) < 0.0005);
  }
}

TEST_CASE("there and back again is the same mass") {
  for (const double z : {0.08, 0.3, 0.55})
    for (const double mass : {3e13, 2e14, 2e15})
      for (const MassDefinition from : {c200, c500, m200})
        for (const MassDefinition to : {c200, c500, m200}) {
          const double c = 4.2, there = convert_mass(mass, c, from, to, z);
          const double scale = halo_radius_mpc(mass, from, z) / c;
          const double back = convert_mass(there, halo_radius_mpc(there, to, z) / scale, to, from, z);
          CHECK(back == close_to(mass, 1e-10));
        }
  CHECK(convert_mass(m200c_of_m500c(2e14, 0.3), duffy_concentration(m200c_of_m500c(2e14, 0.3), c200, 0.3), c200, c500,
                     0.3) == close_to(2e14, 1e-10));
}

TEST_CASE("a radius holds its mass at its density") {
  const double r = halo_radius_mpc(3e14, c500, 0.3);
  CHECK(4.0 / 3 * 3.14159265358979 * r * r * r * 500 * critical_density(0.3) == close_to(3e14, 1e-12));
}

TEST_CASE("a concentration of 500c is refused, because the paper gives none") {
  CHECK_THROWS_AS(duffy_concentration(1e14, c500, 0.2), InputError);
}
