// SPDX-License-Identifier: BSD-3-Clause
// Masses of one NFW halo under several definitions. Not a fit to anything: only geometry and a mean concentration.
//
// Legend: x = r / r_s; mu(x) = mass inside x in units of 4 pi rho_s r_s^3; c = R_delta / r_s.
#pragma once

#include <cmath>
#include <numbers>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/core/error.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Overdensity against the critical or the mean matter density.
enum class MassDefinition : int { c200, c500, m200 };

/// Density that defines the halo's edge, Delta * rho. [Msun Mpc^-3]
inline double threshold_density(MassDefinition definition, double z) {
  const double a = 1 + z;
  switch (definition) {
    case MassDefinition::c200:
      return 200 * critical_density(z);
    case MassDefinition::c500:
      return 500 * critical_density(z);
    case MassDefinition::m200:
      break;
  }
  return 200 * critical_density(0) * omega_m * a * a * a;
}

/// R = (3 M / (4 pi Delta rho))^(1/3). [Mpc, physical]
inline double halo_radius_mpc(double mass, MassDefinition definition, double z) {
  return std::cbrt(3 * mass / (4 * std::numbers::pi * threshold_density(definition, z)));
}

/// mu(x) = ln(1 + x) - x / (1 + x).
inline double nfw_mu(double x) { return std::log1p(x) - x / (1 + x); }

/// Mass of the same NFW halo under another definition.
///
/// Source  Hu & Kravtsov 2003, ApJ 584, 702, appendix C
inline double convert_mass(double mass, double concentration, MassDefinition from, MassDefinition to, double z) {
  const double target = nfw_mu(concentration) / (concentration * concentration * concentration) *
                        threshold_density(to, z) / threshold_density(from, z);
  double low = 1e-4, high = 1e4;  // mu(x)/x^3 falls with x
  for (int step = 0; step < 200 && high / low > 1 + 1e-15; ++step) {
    const double middle = std::sqrt(low * high);
    (nfw_mu(middle) > target * middle * middle * middle ? low : high) = middle;
  }
  return mass * nfw_mu(std::sqrt(low * high)) / nfw_mu(concentration);
}

/// Mean concentration R_delta / r_s, for 200c or 200m: c = A (M h / 2e12)^B (1 + z)^C.
///
/// Throws  InputError for 500c, which that paper does not give
/// Source  Duffy et al. 2008, MNRAS 390, L64, table 1 (all haloes, NFW)
inline double duffy_concentration(double mass, MassDefinition definition, double z) {
  const double x = mass * hubble_h / 2e12;
  if (definition == MassDefinition::c200) return 5.71 * std::pow(x, -0.084) * std::pow(1 + z, -0.47);
  if (definition == MassDefinition::m200) return 10.14 * std::pow(x, -0.081) * std::pow(1 + z, -1.01);
  detail::raise<InputError>(
      "duffy_concentration: expected the definition 200c or 200m, found 500c; convert the mass with "
      "m200c_of_m500c first");
}

/// M200c of a halo of given M500c on Duffy's mean concentration, by bisection in ln M.
inline double m200c_of_m500c(double m500c, double z) {
  double low = m500c, high = 5 * m500c;
  for (int step = 0; step < 100 && high / low > 1 + 1e-14; ++step) {
    const double middle = std::sqrt(low * high);
    const double c = duffy_concentration(middle, MassDefinition::c200, z);
    (convert_mass(middle, c, MassDefinition::c200, MassDefinition::c500, z) < m500c ? low : high) = middle;
  }
  return std::sqrt(low * high);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
