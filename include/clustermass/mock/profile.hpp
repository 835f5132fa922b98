// SPDX-License-Identifier: BSD-3-Clause
// Shapes as immutable values: light profiles of galaxies as sums of Gaussians, the projected NFW profile of satellites,
// the Schechter function. No pixels and no random state live here.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "clustermass/core/random.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Radial profile of a source's light.
enum class Profile : int { point, exponential, de_vaucouleurs };

/// A round profile as a sum of Gaussians, narrowest first: weights of sum 1, variances in squared half-light radii.
struct GaussianMixture {
  int size = 0;
  std::array<double, 8> weight{}, variance{};
};

/// SDSS's truncated exponential and de Vaucouleurs profiles, rescaled so that half the light lies within radius 1.
///
/// Source  Hogg & Lang 2013, PASP 125, 719, tables 1 and 2 ("lux" and "luv"); half-light radii of those sums 0.986,
/// 0.915
inline GaussianMixture profile_mixture(Profile profile) {
  constexpr std::array<double, 6> exp_weight{.00234853813, .0307995260, .223364214, 1.17949102, 4.33873750, 5.99820770};
  constexpr std::array<double, 6> exp_variance{.00120078965, .00884526493, .0391463084,
                                               .139976817,   .460962500,   1.50159566};
  constexpr std::array<double, 8> dev_weight{.0426347652, .240127183, .685907632, 1.51937350,
                                             2.83627243,  4.46467501, 5.72440830, 5.60989349};
  constexpr std::array<double, 8> dev_variance{.000223759216, .00100220099, .00418731126, .0169432589,
                                               .0684850479,   .287207080,   1.33320254,   8.40215071};
  constexpr double exp_half_light = 0.98615363, dev_half_light = 0.91545832;

  GaussianMixture mixture;
  const auto fill = [&mixture](const auto& weight, const auto& variance, double half_light) {
    double sum = 0;
    for (const double w : weight) sum += w;
    mixture.size = static_cast<int>(weight.size());
    for (std::size_t k = 0; k < weight.size(); ++k) {
      mixture.weight[k] = weight[k] / sum;
      mixture.variance[k] = variance[k] / (half_light * half_light);
    }
  };
  if (profile == Profile::exponential) fill(exp_weight, exp_variance, exp_half_light);
  if (profile == Profile::de_vaucouleurs) fill(dev_weight, dev_variance, dev_half_light);
  if (profile == Profile::point) {
    mixture.size = 1;
    mixture.weight[0] = 1;
  }
  return mixture;
}

/// Joins neighbouring Gaussians whose variances differ by less than `tolerance`; weight and mean variance are kept.
inline GaussianMixture merged(const GaussianMixture& mixture, double tolerance) {
  GaussianMixture result;
  double first = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(mixture.size); ++k) {
    const double weight = mixture.weight[k], variance = mixture.variance[k];
    if (result.size > 0 && variance - first < tolerance) {
      const auto last = static_cast<std::size_t>(result.size - 1);
      const double sum = result.weight[last] + weight;
      result.variance[last] = (result.weight[last] * result.variance[last] + weight * variance) / sum;
      result.weight[last] = sum;
    } else {
      const auto next = static_cast<std::size_t>(result.size++);
      result.weight[next] = weight;
      result.variance[next] = first = variance;
    }
  }
  return result;
}

/// Projected NFW profile with a flat core, cut at a radius: satellites of a halo. Radii in units of r_s.
///
///   Sigma(x) ~ (1/(x^2-1)) [1 - (2/sqrt(1-x^2)) artanh sqrt((1-x)/(1+x))],   constant inside the core
///
/// Source  Bartelmann 1996, A&A 313, 697; Wright & Brainerd 2000, ApJ 534, 34
class ProjectedNfw {
 public:
  /// Core and outer limit in units of r_s, 0 < core < limit.
  ProjectedNfw(double core, double limit) : core_(core), limit_(limit) {
    core_density_ = density(core_);
    core_mass_ = 0.5 * core_ * core_ * core_density_ - cylinder_mass(core_);
    total_ = mass(limit_);
    // Knots at equal steps of the square root of the enclosed share: the cumulative profile is close to a straight line
    // in that variable at small radii, where the density is flat, and smooth beyond.
    double x = core_;
    for (std::size_t k = 0; k <= knots; ++k) {
      const double root = static_cast<double>(k) / knots;
      radius_[k] = k == knots ? limit_ : radius_of(root * root * total_, x);
      x = std::max(radius_[k], core_);
    }
  }

  /// Surface density without the core, in units of 2 rho_s r_s.
  static double density(double x) {
    if (std::fabs(x - 1) < 1e-4) return 1.0 / 3 - 0.4 * (x - 1);
    if (x < 1) return (1 - 2 / std::sqrt(1 - x * x) * std::atanh(std::sqrt((1 - x) / (1 + x)))) / (x * x - 1);
    return (1 - 2 / std::sqrt(x * x - 1) * std::atan(std::sqrt((x - 1) / (x + 1)))) / (x * x - 1);
  }

  /// Share of the satellites inside projected radius x.
  double enclosed(double x) const { return x >= limit_ ? 1 : mass(x) / total_; }

  /// Radius that encloses a share u in (0, 1) of the satellites.
  double radius(double u) const {
    const double position = std::sqrt(u) * knots;
    const auto k = std::min(static_cast<std::size_t>(position), knots - 1);
    return radius_[k] + (position - static_cast<double>(k)) * (radius_[k + 1] - radius_[k]);
  }

 private:
  static constexpr std::size_t knots = 256;

  /// Integral of x Sigma(x) without the core.
  static double cylinder_mass(double x) {
    if (std::fabs(x - 1) < 1e-6) return std::log(0.5) + 1;
    if (x < 1) return std::log(x / 2) + std::acosh(1 / x) / std::sqrt(1 - x * x);
    return std::log(x / 2) + std::acos(1 / x) / std::sqrt(x * x - 1);
  }
  /// Radius that encloses a mass, not below `from` outside the core: Newton's method kept between bounds.
  double radius_of(double target, double from) const {
    if (target <= 0.5 * core_ * core_ * core_density_) return std::sqrt(2 * target / core_density_);
    double low = from, high = limit_, x = from;
    for (int step = 0; step < 60; ++step) {
      const double excess = mass(x) - target;
      (excess < 0 ? low : high) = x;
      double next = x - excess / (x * density(x));
      if (!(next > low && next < high)) next = 0.5 * (low + high);
      if (std::fabs(next - x) < 1e-13 * x) return next;
      x = next;
    }
    return x;
  }
  double mass(double x) const { return x < core_ ? 0.5 * x * x * core_density_ : cylinder_mass(x) + core_mass_; }

  double core_, limit_, core_density_ = 0, core_mass_ = 0, total_ = 0;
  std::array<double, knots + 1> radius_{};
};

/// Number above a luminosity, in units of phi*: integral of x^alpha exp(-x) from x_min, x = L/L*. E1(x_min) for alpha =
/// -1.
inline double schechter_count(double alpha, double x_min) {
  // Simpson's rule in ln x up to x = 60, where exp(-x) is below 1e-26.
  const double low = std::log(x_min), high = std::log(std::max(60.0, 2 * x_min));
  constexpr int steps = 128;
  const double width = (high - low) / steps;
  double sum = 0;
  for (int k = 0; k <= steps; ++k) {
    const double t = low + k * width;
    const double weight = k == 0 || k == steps ? 1 : (k % 2 == 1 ? 4 : 2);
    sum += weight * std::exp((alpha + 1) * t - std::exp(t));
  }
  return sum * width / 3;
}

/// Draws x = L/L* from x^alpha exp(-x) on [x_min, x_max]: power law by inversion, exponential cut by rejection.
inline double draw_schechter(double alpha, double x_min, double x_max, Random& random) {
  x_max = std::min(x_max, x_min + 20);  // exp(-20) = 2e-9
  const double a = alpha + 1;
  const double low = a == 0 ? std::log(x_min) : std::pow(x_min, a),
               high = a == 0 ? std::log(x_max) : std::pow(x_max, a);
  for (;;) {
    const double t = low + (high - low) * random.uniform();
    const double x = a == 0 ? std::exp(t) : std::pow(t, 1 / a);
    if (random.uniform() < std::exp(x_min - x)) return x;
  }
}

/// b_n of a Sersic profile exp(-b_n (r/r_e)^(1/n)), good to 1e-5 for n > 0.5.
///
/// Source  Ciotti & Bertin 1999, A&A 352, 447
inline double sersic_b(double n) { return 2 * n - 1.0 / 3 + 4 / (405 * n) + 46 / (25515 * n * n); }

/// Total flux of a Sersic profile of unit surface brightness at the half-light radius r_e.
inline double sersic_flux(double n, double r_e, double axis_ratio) {
  const double b = sersic_b(n);
  return 2 * std::numbers::pi * n * r_e * r_e * axis_ratio * std::exp(b) * std::pow(b, -2 * n) * std::tgamma(2 * n);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
