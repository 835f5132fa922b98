// SPDX-License-Identifier: BSD-3-Clause
// Tables of the matched filter: how galaxies off the red sequence scatter into it, and where satellites are.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "clustermass/mock/cluster.hpp"
#include "clustermass/mock/parameters.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// How a kind of galaxy that is not on the red sequence scatters in chi^2: density per unit of chi^2 at a magnitude,
/// tabulated by drawing galaxies with their photometric errors.
class RidgeContamination {
 public:
  static constexpr std::size_t bins = 10, magnitudes = 14;
  static constexpr double chi2_max = 20, i_min = 14, i_step = 0.5,
                          i_max = i_min + i_step * static_cast<double>(magnitudes);

  void add(double i, double chi2, double weight) {
    if (!(chi2 < chi2_max)) return;  // nor a number: a flux below zero in i has no magnitude
    const auto row = static_cast<std::size_t>((i - i_min) / i_step), bin = static_cast<std::size_t>(chi2 / width);
    density_[row][bin] += weight / width;
  }
  double operator()(double i, double chi2) const {
    const Place m((i - i_min) / i_step, magnitudes), x(chi2 / width, bins);
    const auto& low = density_[m.k];
    const auto& high = density_[m.k + 1];
    return (1 - m.t) * ((1 - x.t) * low[x.k] + x.t * low[x.k + 1]) +
           m.t * ((1 - x.t) * high[x.k] + x.t * high[x.k + 1]);
  }
  /// Share with chi^2 below a limit.
  double share(double i, double chi2_limit) const {
    constexpr int steps = 20;
    double sum = 0;
    for (int k = 0; k < steps; ++k) sum += (*this)(i, chi2_limit * (k + 0.5) / steps);
    return sum * chi2_limit / steps;
  }

 private:
  static constexpr double width = chi2_max / bins;

  /// Between the middles of two bins.
  struct Place {
    std::size_t k;
    double t;
    Place(double at, std::size_t count) {
      const double middle = std::clamp(at - 0.5, 0.0, static_cast<double>(count - 1));
      k = std::min(static_cast<std::size_t>(middle), count - 2);
      t = middle - static_cast<double>(k);
    }
  };
  std::array<std::array<double, bins>, magnitudes> density_{};
};

/// Radial distribution of satellites on a grid of halo sizes and radii.
class SatelliteGrid {
 public:
  static constexpr std::size_t radii = 120;
  static constexpr double step_mpc = 0.025;

  explicit SatelliteGrid(const mock::SkyParameters& sky) {
    for (std::size_t j = 0; j < sizes; ++j) {
      const double r200c = std::exp(ln_min + ln_step * static_cast<double>(j));
      const mock::SatelliteProfile profile = mock::satellite_profile(r200c, sky.axis_ratio_mean, 0, sky);
      for (std::size_t k = 0; k <= radii; ++k) enclosed_[j][k] = profile.enclosed(step_mpc * static_cast<double>(k));
    }
  }
  /// Share of the satellites within each radius k * step, for one halo size.
  std::array<double, radii + 1> enclosed(double r200c_mpc) const {
    const double at = std::clamp((std::log(r200c_mpc) - ln_min) / ln_step, 0.0, static_cast<double>(sizes - 1));
    const std::size_t j = std::min(static_cast<std::size_t>(at), sizes - 2);
    const double t = at - static_cast<double>(j);
    std::array<double, radii + 1> row;
    for (std::size_t k = 0; k <= radii; ++k) row[k] = (1 - t) * enclosed_[j][k] + t * enclosed_[j + 1][k];
    return row;
  }
  static double within(const std::array<double, radii + 1>& enclosed, double radius_mpc) {
    const double at = std::min(radius_mpc / step_mpc, static_cast<double>(radii));
    const std::size_t k = std::min(static_cast<std::size_t>(at), radii - 1);
    return enclosed[k] + (at - static_cast<double>(k)) * (enclosed[k + 1] - enclosed[k]);
  }

 private:
  static constexpr std::size_t sizes = 24;
  static constexpr double ln_min = -1.2, ln_step = 0.11;  // 0.30 to 3.8 Mpc
  std::array<std::array<double, radii + 1>, sizes> enclosed_{};
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
