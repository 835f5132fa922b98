// SPDX-License-Identifier: BSD-3-Clause
// Galaxies at one redshift: red-sequence colours, sizes, magnitudes to fluxes. The clusters and fields they live in are
// cluster.hpp and field.hpp.
//
// Colours stand in the order u-g, g-r, r-i, i-z; magnitudes are dereddened SDSS magnitudes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/mock/parameters.hpp"
#include "clustermass/mock/profile.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

using Colours = std::array<double, 4>;

/// 10^x.
inline double exp10(double x) { return std::exp(x * std::numbers::ln10); }

/// Natural cubic spline through N points; linear beyond the ends.
template <std::size_t N>
class CubicSpline {
 public:
  CubicSpline(const std::array<double, N>& x, const std::array<double, N>& y) : x_(x), y_(y) {
    std::array<double, N> u{};
    for (std::size_t i = 1; i + 1 < N; ++i) {
      const double share = (x[i] - x[i - 1]) / (x[i + 1] - x[i - 1]), p = share * second_[i - 1] + 2;
      second_[i] = (share - 1) / p;
      const double bend = (y[i + 1] - y[i]) / (x[i + 1] - x[i]) - (y[i] - y[i - 1]) / (x[i] - x[i - 1]);
      u[i] = (6 * bend / (x[i + 1] - x[i - 1]) - share * u[i - 1]) / p;
    }
    second_[N - 1] = 0;
    for (std::size_t i = N - 1; i-- > 0;) second_[i] = second_[i] * second_[i + 1] + u[i];
  }

  double operator()(double x) const {
    std::size_t k = 0;
    while (k + 2 < N && x > x_[k + 1]) ++k;
    const double h = x_[k + 1] - x_[k];
    const double t = std::clamp(x, x_.front(), x_.back());
    const double a = (x_[k + 1] - t) / h, b = (t - x_[k]) / h;
    const double value =
        a * y_[k] + b * y_[k + 1] + ((a * a * a - a) * second_[k] + (b * b * b - b) * second_[k + 1]) * h * h / 6;
    if (t == x) return value;
    const double slope =
        (y_[k + 1] - y_[k]) / h - ((3 * a * a - 1) * second_[k] - (3 * b * b - 1) * second_[k + 1]) * h / 6;
    return value + slope * (x - t);
  }

 private:
  std::array<double, N> x_, y_, second_{};
};

/// Straight lines through N points, constant beyond the ends.
template <std::size_t N>
double interpolate(const std::array<double, N>& x, const std::array<double, N>& y, double at) {
  if (at <= x.front()) return y.front();
  std::size_t k = 0;
  while (k + 2 < N && at > x[k + 1]) ++k;
  const double t = std::min(1.0, (at - x[k]) / (x[k + 1] - x[k]));
  return y[k] + t * (y[k + 1] - y[k]);
}

/// The red sequence at one redshift: colour = ridge + slope (i - pivot), with correlated intrinsic scatter.
struct RedSequence {
  Colours ridge{}, slope{};
  double pivot_i = 0;
  Colours scatter{};
  double correlation_gr_ri = 0, correlation_ri_iz = 0, correlation_gr_iz = 0;

  Colours mean(double i_magnitude) const {
    Colours colours = ridge;
    for (std::size_t k = 0; k < colours.size(); ++k) colours[k] += slope[k] * (i_magnitude - pivot_i);
    return colours;
  }

  /// Adds the intrinsic scatter. The factor of the correlation matrix is written out; u-g scatters on its own.
  Colours draw(double i_magnitude, Random& random) const {
    Colours colours = mean(i_magnitude);
    const double n0 = random.normal(), n1 = random.normal(), n2 = random.normal(), n3 = random.normal();
    const double a = correlation_gr_ri, b = std::sqrt(1 - a * a);
    const double c = correlation_gr_iz, d = (correlation_ri_iz - a * c) / b;
    colours[0] += scatter[0] * n0;
    colours[1] += scatter[1] * n1;
    colours[2] += scatter[2] * (a * n1 + b * n2);
    colours[3] += scatter[3] * (c * n1 + d * n2 + std::sqrt(std::max(0.0, 1 - c * c - d * d)) * n3);
    return colours;
  }
};

/// Red sequence at redshift z in [0.05, 0.60].
///
/// u-g is held at 1.85 beyond z = 0.30, where the fitted values are dominated by noise. The slopes at z = 0.05 and 0.15
/// are steeper than the calibration's (g-r -.005 and -.015, r-i -.004, i-z 0): those of the real members of clusters at
/// z 0.10 to 0.20 (docs/mock-sky.md). Source  redMaPPer, SDSS DR8 calibration (public code, Rykoff et al. 2014,
/// 1303.3562)
inline RedSequence red_sequence(double z, const SkyParameters& sky) {
  using Nodes = std::array<double, 12>;
  static constexpr Nodes node{.05, .10, .15, .20, .25, .30, .35, .40, .45, .50, .55, .60};
  static const CubicSpline<12> ug(node, {1.82, 1.87, 1.87, 1.83, 1.77, 1.79, 1.85, 1.85, 1.85, 1.85, 1.85, 1.85});
  static const CubicSpline<12> gr(node,
                                  {.812, .938, 1.076, 1.240, 1.392, 1.523, 1.621, 1.643, 1.645, 1.625, 1.603, 1.580});
  static const CubicSpline<12> ri(node, {.389, .407, .436, .479, .518, .551, .582, .638, .733, .850, .964, 1.062});
  static const CubicSpline<12> iz(node, {.296, .324, .332, .328, .332, .347, .367, .393, .420, .443, .467, .487});
  static constexpr std::array<double, 6> coarse{.05, .15, .25, .35, .45, .60};
  static const CubicSpline<6> pivot(coarse, {15.69, 17.98, 18.93, 19.67, 19.80, 20.12});
  static constexpr std::array<double, 5> wide{.05, .20, .35, .50, .60};
  static constexpr std::array<double, 3> ultraviolet{.05, .20, .35};

  RedSequence red;
  red.ridge = {ug(z), gr(z) + sky.ridge_shift_gr, ri(z) + sky.ridge_shift_ri, iz(z)};
  red.slope = {0, interpolate(coarse, {-.020, -.030, -.018, -.029, -.029, -.026}, z),
               interpolate(coarse, {-.004, -.007, -.003, -.006, -.008, -.050}, z),
               interpolate(coarse, {0, -.007, 0, 0, 0, 0}, z)};
  red.pivot_i = pivot(z);
  red.scatter = {interpolate(ultraviolet, {.107, .105, .150}, z), interpolate(wide, {.042, .057, .103, .072, .065}, z),
                 interpolate(wide, {.019, .022, .032, .085, .107}, z),
                 interpolate(wide, {.024, .021, .022, .018, .030}, z)};
  for (double& scatter : red.scatter) scatter *= sky.ridge_scatter_scale;
  red.correlation_gr_ri = interpolate(wide, {.78, .71, .90, .74, .55}, z);
  red.correlation_ri_iz = interpolate(wide, {.51, .45, .18, .15, .34}, z);
  red.correlation_gr_iz = interpolate(wide, {.31, .50, .18, .55, .00}, z);
  return red;
}

/// Fluxes u g r i z of an i magnitude and colours. [nMgy]
inline PerBand fluxes(double i_magnitude, const Colours& colours) {
  const double r = i_magnitude + colours[2], g = r + colours[1];
  const PerBand magnitude{g + colours[0], g, r, i_magnitude, i_magnitude - colours[3]};
  PerBand flux;
  for (std::size_t b = 0; b < flux.size(); ++b) flux[b] = exp10(0.4 * (22.5 - magnitude[b]));
  return flux;
}

/// Everything of a redshift that its galaxies share.
struct Epoch {
  double z, mstar, modulus, arcsec_per_mpc;
  RedSequence red;

  Epoch(double redshift, const SkyParameters& sky)
      : z(redshift),
        mstar(mstar_i(redshift) + sky.lf_mstar_offset),
        modulus(distance_modulus(redshift)),
        arcsec_per_mpc(arcsec_of_mpc(1, redshift)),
        red(red_sequence(redshift, sky)) {}

  /// L/L* of an i magnitude.
  double luminosity(double i_magnitude) const { return exp10(0.4 * (mstar - i_magnitude)); }
  /// Faintest i magnitude of a satellite that is drawn.
  double faint_limit(const SkyParameters& sky) const { return std::min(mstar + sky.lf_depth, sky.lf_faint_limit); }
};

/// Luminosity 0.2 L*: richness counts what is brighter. Ratio of counts above `x_min` to counts above 0.2 L*.
inline double count_ratio(double alpha, double x_min, double x_reference = 0.2) {
  return schechter_count(alpha, x_min) / schechter_count(alpha, x_reference);
}

/// Half-light radius, circularised, without its scatter. [kpc]
///
/// Source  Shen et al. 2003, MNRAS 343, 978, eqs. 14, 15 and table 1
inline double early_type_radius_kpc(double absolute_r) { return exp10(-0.4 * 0.60 * absolute_r - 4.63); }
inline double late_type_radius_kpc(double absolute_r) {
  return exp10(-0.4 * 0.21 * absolute_r + (0.53 - 0.21) * std::log10(1 + exp10(-0.4 * (absolute_r + 20.52))) - 1.31);
}
/// Scatter of ln R at an absolute r magnitude (Shen et al. 2003, eq. 16).
inline double size_scatter_ln(double absolute_r) {
  return 0.25 + (0.48 - 0.25) / (1 + exp10(-0.8 * (absolute_r + 20.52)));
}

/// Draws the half-light radius of a cluster galaxy from its apparent r magnitude. K correction 1.0 z (early), 0.5 z
/// (late). [arcsec]
inline double draw_radius(bool early, double r_magnitude, const Epoch& epoch, const SkyParameters& sky,
                          Random& random) {
  const double absolute = r_magnitude - epoch.modulus - (early ? 1.0 : 0.5) * epoch.z;
  const double kpc = early ? early_type_radius_kpc(absolute) : late_type_radius_kpc(absolute);
  return sky.size_scale * kpc * 1e-3 * epoch.arcsec_per_mpc * std::exp(size_scatter_ln(absolute) * random.normal());
}

/// Apparent axis ratio of an early or a late type.
inline double draw_axis_ratio(bool early, const SkyParameters& sky, Random& random) {
  if (!early) return random.uniform(sky.late_axis_ratio_min, 1.0);
  return std::clamp(random.normal(sky.early_axis_ratio, sky.early_axis_ratio_rms), 0.2, 1.0);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
