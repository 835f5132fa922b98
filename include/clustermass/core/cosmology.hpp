// SPDX-License-Identifier: BSD-3-Clause
// The one cosmology of the library: flat LCDM, h = 0.7, Om = 0.3, no radiation. Lengths in Mpc, masses in Msun.
#pragma once

#include <cmath>
#include <numbers>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

inline constexpr double hubble_h = 0.7;
inline constexpr double omega_m = 0.3;
inline constexpr double hubble_distance_mpc = 299792.458 / (100 * hubble_h);  // c / H0
inline constexpr double arcsec_per_radian = 180 * 3600 / std::numbers::pi;

/// E(z) = H(z) / H0.
inline double expansion(double z) {
  const double a = 1 + z;
  return std::sqrt(omega_m * a * a * a + 1 - omega_m);
}

/// Critical density at z. [Msun Mpc^-3, physical]
inline double critical_density(double z) {
  const double e = expansion(z);
  return 2.77536627e11 * hubble_h * hubble_h * e * e;
}

/// Line-of-sight comoving distance: c/H0 times the integral of 1/E, Gauss-Legendre of 8 points on four panels
/// (relative error below 1e-10 for z < 2). [Mpc]
inline double comoving_distance_mpc(double z) {
  constexpr double node[4] = {0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                              0.9602898564975363};
  constexpr double weight[4] = {0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                0.1012285362903763};
  const double half = z / 8;
  double sum = 0;
  for (int panel = 0; panel < 4; ++panel) {
    const double middle = (2 * panel + 1) * half;
    for (int k = 0; k < 4; ++k)
      sum += weight[k] * (1 / expansion(middle - half * node[k]) + 1 / expansion(middle + half * node[k]));
  }
  return hubble_distance_mpc * half * sum;
}

/// Angular-diameter distance. [Mpc]
inline double angular_distance_mpc(double z) { return comoving_distance_mpc(z) / (1 + z); }

/// Distance modulus 5 log10(D_L / 10 pc). [mag]
inline double distance_modulus(double z) {
  return 5 * std::log10(comoving_distance_mpc(z) * (1 + z)) + 25;
}

/// Angle under which a physical length is seen at z. [arcsec]
inline double arcsec_of_mpc(double length_mpc, double z) {
  return length_mpc / angular_distance_mpc(z) * arcsec_per_radian;
}

/// Apparent i magnitude of an L* red-sequence galaxy, dereddened (redMaPPer DR8; Rykoff et al. 2014, eq. 9). [mag]
inline double mstar_i(double z) {
  const double l = std::log(z);
  return 22.44 + 3.36 * l + 0.273 * l * l - 0.0618 * l * l * l - 0.0227 * l * l * l * l;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
