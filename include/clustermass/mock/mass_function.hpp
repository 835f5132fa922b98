// SPDX-License-Identifier: BSD-3-Clause
// How many haloes of each mass a volume of sky holds: linear power spectrum, its growth, and the Tinker mass function.
// Not a population to draw from (population.hpp).
//
// Legend: k wavenumber [h/Mpc, comoving]; R comoving radius of the sphere that holds M at the mean density [Mpc/h];
// W = 3 (sin x - x cos x) / x^3 with x = k R.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/mock/galaxy.hpp"  // CubicSpline
#include "clustermass/mock/parameters.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Share of the critical density that is matter at z.
inline double omega_m_at(double z) {
  const double e = expansion(z);
  return omega_m * (1 + z) * (1 + z) * (1 + z) / (e * e);
}

/// Comoving volume per steradian and unit of redshift, c/H0 D_C^2 / E. [Mpc^3]
inline double comoving_volume_element(double z) {
  const double distance = comoving_distance_mpc(z);
  return hubble_distance_mpc * distance * distance / expansion(z);
}

/// Amplitude of linear density fluctuations at z, 1 today: D ~ E(z) times the integral of (1+z)/E^3 to infinity.
///
/// Source  Heath 1977, MNRAS 179, 351
inline double growth(double z) {
  // In the scale factor a the integral of (a E)^-3 da from 0; the integrand ~ a^1.5 at small a, so s = a^2.5 is used.
  const auto unnormalised = [](double at) {
    constexpr int steps = 200;
    const double high = std::pow(1 / (1 + at), 2.5);
    double sum = 0;
    for (int k = 0; k < steps; ++k) {
      const double a = std::pow(high * (k + 0.5) / steps, 0.4), ae = a * expansion(1 / a - 1);
      sum += 0.4 / (a * std::sqrt(a)) / (ae * ae * ae);
    }
    return expansion(at) * sum * high / steps;
  };
  return unnormalised(z) / unnormalised(0);
}

/// Linear matter fluctuations today.
///
/// Source  Eisenstein & Hu 1998, ApJ 496, 605, eqs. 26 and 28-31 (without baryon wiggles), T_CMB = 2.7255 K
class LinearMatter {
 public:
  LinearMatter(double sigma_8, double spectral_index, double omega_b) : spectral_index_(spectral_index) {
    const double matter = omega_m * hubble_h * hubble_h, baryons = omega_b * hubble_h * hubble_h;
    const double share = omega_b / omega_m;
    sound_horizon_ = 44.5 * std::log(9.83 / matter) / std::sqrt(1 + 10 * std::pow(baryons, 0.75)) * hubble_h;
    alpha_ = 1 - 0.328 * std::log(431 * matter) * share + 0.38 * std::log(22.3 * matter) * share * share;
    norm_ = 1;
    norm_ = sigma_8 / moments(8).sigma;
    for (std::size_t j = 0; j < nodes; ++j) {
      const Moments m = moments(radius_of(exp10(log10_mass_min + step * static_cast<double>(j))));
      ln_sigma_[j] = std::log(m.sigma);
      slope_[j] = m.slope / 3;
    }
  }

  /// Transfer function at k. [h/Mpc]
  double transfer(double k) const {
    constexpr double theta = 2.7255 / 2.7;
    const double t = 0.43 * k * sound_horizon_;
    const double gamma = omega_m * hubble_h * (alpha_ + (1 - alpha_) / (1 + t * t * t * t));
    const double q = k * theta * theta / gamma, l = std::log(2 * std::numbers::e + 1.8 * q);
    return l / (l + (14.2 + 731 / (1 + 62.5 * q)) * q * q);
  }

  /// rms of the density in spheres of mean mass M today. Mass in [10^12, 10^16.5] Msun, beyond it extrapolated.
  double sigma(double mass) const {
    const Position p(mass);
    // Cubic Hermite: values and slopes are known at the nodes.
    constexpr double h = step * std::numbers::ln10;
    const double t = p.t, a = ln_sigma_[p.j], b = ln_sigma_[p.j + 1], da = h * slope_[p.j], db = h * slope_[p.j + 1];
    return std::exp(a + t * (da + t * (3 * (b - a) - 2 * da - db + t * (2 * (a - b) + da + db))));
  }
  /// d ln sigma / d ln M, negative.
  double slope(double mass) const {
    const Position p(mass);
    return slope_[p.j] + p.t * (slope_[p.j + 1] - slope_[p.j]);
  }

 private:
  static constexpr std::size_t nodes = 91;
  static constexpr double log10_mass_min = 12, step = 0.05;

  struct Position {
    std::size_t j;
    double t;
    explicit Position(double mass) {
      const double at = (std::log10(mass) - log10_mass_min) / step;
      j = static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(nodes - 2)));
      t = at - static_cast<double>(j);
    }
  };
  struct Moments {
    double sigma, slope;  // slope = d ln sigma / d ln R
  };

  static double radius_of(double mass) {
    const double mean_density = critical_density(0) * omega_m;
    return std::cbrt(3 * mass / (4 * std::numbers::pi * mean_density)) * hubble_h;
  }

  /// sigma^2 = integral of k^3 P W^2 / (2 pi^2) d ln k; its derivative by ln R puts 2 W x dW/dx in place of W^2.
  Moments moments(double radius) const {
    constexpr int steps = 600;  // in ln x; the integrand falls as x^4 below and as x^-4 above
    const double low = std::log(1e-3), width = (std::log(100.0) - low) / steps;
    double sum = 0, derivative = 0;
    for (int j = 0; j < steps; ++j) {
      const double x = std::exp(low + (j + 0.5) * width), k = x / radius, t = transfer(k);
      const double s = std::sin(x), c = std::cos(x);
      const double w = x < 0.02 ? 1 - x * x / 10 : 3 * (s - x * c) / (x * x * x);
      const double x_dw = x < 0.02 ? -x * x / 5 : 3 * s / x - 3 * w;
      const double power = std::pow(k, spectral_index_ + 3) * t * t;
      sum += power * w * w;
      derivative += 2 * power * w * x_dw;
    }
    return {norm_ * std::sqrt(sum * width), 0.5 * derivative / sum};
  }

  double spectral_index_, sound_horizon_ = 0, alpha_ = 0, norm_ = 1;
  std::array<double, nodes> ln_sigma_{}, slope_{};
};

/// Multiplicity function f(sigma) for haloes of mean density delta_m times the mean matter density, 200 <= delta_m <=
/// 3200. The parameters are natural cubic splines in log10 delta_m, as in the paper.
///
/// Source  Tinker et al. 2008, ApJ 688, 709, eqs. 3, 5-8, table 2
inline double tinker_multiplicity(double sigma, double delta_m, double z) {
  using Nodes = std::array<double, 9>;
  static const Nodes x = [] {
    Nodes deltas{200, 300, 400, 600, 800, 1200, 1600, 2400, 3200};
    for (double& delta : deltas) delta = std::log10(delta);
    return deltas;
  }();
  static const CubicSpline<9> norm(x, {.186, .200, .212, .218, .248, .255, .260, .260, .260});
  static const CubicSpline<9> power(x, {1.47, 1.52, 1.56, 1.61, 1.87, 2.13, 2.30, 2.53, 2.66});
  static const CubicSpline<9> scale(x, {2.57, 2.25, 2.05, 1.87, 1.59, 1.51, 1.46, 1.44, 1.41});
  static const CubicSpline<9> cut(x, {1.19, 1.27, 1.34, 1.45, 1.58, 1.80, 1.97, 2.24, 2.44});
  const double at = std::log10(delta_m), alpha = exp10(-std::pow(0.75 / std::log10(delta_m / 75), 1.2));
  const double a = power(at) * std::pow(1 + z, -0.06), b = scale(at) * std::pow(1 + z, -alpha);
  return norm(at) * std::pow(1 + z, -0.14) * (std::pow(sigma / b, -a) + 1) * std::exp(-cut(at) / (sigma * sigma));
}

/// Comoving number density of haloes per unit of ln M500c. Mass in Msun. [Mpc^-3]
///
///   dn/dlnM = f(sigma) rho_m / M |dln sigma / dln M|,  delta_m = 500 / Om(z)
///
/// `amplitude` and `delta_m` are growth(z) and 500 / omega_m_at(z), which many masses share.
inline double halo_density(double m500c, double z, const LinearMatter& matter, double amplitude, double delta_m) {
  const double mean_density = critical_density(0) * omega_m;
  return tinker_multiplicity(matter.sigma(m500c) * amplitude, delta_m, z) * mean_density / m500c * -matter.slope(m500c);
}
inline double halo_density(double m500c, double z, const LinearMatter& matter) {
  return halo_density(m500c, z, matter, growth(z), 500 / omega_m_at(z));
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
