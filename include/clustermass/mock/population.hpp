// SPDX-License-Identifier: BSD-3-Clause
// Masses and redshifts of clusters under the prior of a sky. What a halo of that mass looks like is cluster.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/mock/mass_function.hpp"
#include "clustermass/mock/parameters.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Redshifts of clusters with an X-ray mass: quantiles 0, 0.1 ... 1 of the MCXC-II clusters inside the SDSS footprint
/// with 0.08 < z < 0.55 (tests/oracles/mock_sky/catalogue_space.py prints them).
inline constexpr std::array<double, 11> label_redshift_quantiles{0.080, 0.093, 0.116, 0.137, 0.163, 0.188,
                                                                 0.224, 0.258, 0.306, 0.387, 0.550};

/// Share of the label sources' clusters below z.
inline double label_redshift_share(double z) {
  const auto& q = label_redshift_quantiles;
  if (z <= q.front()) return 0;
  if (z >= q.back()) return 1;
  const auto above = std::upper_bound(q.begin(), q.end(), z);
  const auto k = static_cast<std::size_t>(above - q.begin()) - 1;
  return (static_cast<double>(k) + (z - q[k]) / (q[k + 1] - q[k])) / (q.size() - 1);
}
/// Its inverse, for a share in [0, 1].
inline double label_redshift_at(double share) {
  const double at = share * (label_redshift_quantiles.size() - 1);
  const std::size_t k = std::min(static_cast<std::size_t>(at), label_redshift_quantiles.size() - 2);
  return label_redshift_quantiles[k] +
         (at - static_cast<double>(k)) * (label_redshift_quantiles[k + 1] - label_redshift_quantiles[k]);
}

/// The survey prior: number of haloes in log10 M500c and z, tabulated once.
///
///   dN / dlogM dz dOmega = ln 10 dn/dlnM(M, z) dV/dz
class SurveyPrior {
 public:
  /// Throws  InputError if the sky's ranges of mass and redshift are empty or beyond the mass function's
  explicit SurveyPrior(const SkyParameters& sky)
      : mass_low_(sky.log10_m500c_min),
        mass_step_((sky.log10_m500c_max - sky.log10_m500c_min) / mass_bins),
        z_low_(sky.redshift_min),
        z_step_((sky.redshift_max - sky.redshift_min) / z_bins) {
    if (!(mass_low_ >= 12.5 && mass_step_ > 0 && sky.log10_m500c_max <= 16))
      detail::raise<InputError>("SurveyPrior: expected 12.5 <= log10_m500c_min < log10_m500c_max <= 16, found " +
                                std::to_string(sky.log10_m500c_min) + " and " + std::to_string(sky.log10_m500c_max));
    if (!(z_low_ >= 0.01 && z_step_ > 0 && sky.redshift_max <= 1))
      detail::raise<InputError>("SurveyPrior: expected 0.01 <= redshift_min < redshift_max <= 1, found " +
                                std::to_string(sky.redshift_min) + " and " + std::to_string(sky.redshift_max));
    const LinearMatter matter(sky.sigma_8, sky.spectral_index, sky.omega_b);
    // rows_[j]: cumulative in mass at redshift node j, of haloes per square degree and unit of redshift.
    rows_.resize((z_bins + 1) * (mass_bins + 1));
    columns_.resize(z_bins + 1);
    constexpr double degree = std::numbers::pi / 180;
    for (std::size_t j = 0; j <= z_bins; ++j) {
      const double z = z_low_ + z_step_ * static_cast<double>(j), volume = comoving_volume_element(z) * degree * degree;
      const double amplitude = growth(z), delta_m = 500 / omega_m_at(z);
      double* const row = rows_.data() + j * (mass_bins + 1);
      for (std::size_t k = 0; k < mass_bins; ++k) {
        const double mass = exp10(mass_low_ + mass_step_ * (static_cast<double>(k) + 0.5));
        const double density = halo_density(mass, z, matter, amplitude, delta_m);
        row[k + 1] = row[k] + volume * density * std::numbers::ln10 * mass_step_;
      }
      if (j > 0) columns_[j] = columns_[j - 1] + 0.5 * z_step_ * (row[mass_bins] + row[-1]);
    }
  }

  /// Haloes of the range per square degree.
  double per_square_degree() const { return columns_.back(); }

  /// Haloes per square degree, dex of mass and unit of redshift.
  double density(double log10_m500c, double z) const {
    const double at = (log10_m500c - mass_low_) / mass_step_;
    if (!(at >= 0 && at <= mass_bins)) return 0;
    const Row row(*this, z);
    // The bins' means belong to their middles.
    const double middle = std::clamp(at - 0.5, 0.0, mass_bins - 1.0);
    const std::size_t k = std::min(static_cast<std::size_t>(middle), mass_bins - 2);
    const double here = row(k + 1) - row(k), next = row(k + 2) - row(k + 1);
    return std::exp(std::log(here) + (middle - static_cast<double>(k)) * std::log(next / here)) / mass_step_;
  }

  /// Redshift below which a share u of the haloes lies.
  double redshift_at(double u) const {
    const double target = u * columns_.back();
    const std::size_t j = below(columns_.data(), columns_.size(), target);
    return z_low_ + z_step_ * (static_cast<double>(j) + (target - columns_[j]) / (columns_[j + 1] - columns_[j]));
  }

  /// log10 M500c below which a share u of the haloes at z lies.
  double mass_at(double u, double z) const {
    const Row row(*this, z);
    const double target = u * row(mass_bins);
    std::size_t low = 0, high = mass_bins;
    while (high - low > 1) {
      const std::size_t middle = (low + high) / 2;
      (row(middle) <= target ? low : high) = middle;
    }
    return mass_low_ + mass_step_ * (static_cast<double>(low) + (target - row(low)) / (row(low + 1) - row(low)));
  }

 private:
  static constexpr std::size_t mass_bins = 300, z_bins = 120;

  /// Cumulative in mass at a redshift, between two nodes.
  struct Row {
    const double *low, *high;
    double t;
    Row(const SurveyPrior& prior, double z) {
      const double at = std::clamp((z - prior.z_low_) / prior.z_step_, 0.0, static_cast<double>(z_bins));
      const std::size_t j = std::min(static_cast<std::size_t>(at), z_bins - 1);
      low = prior.rows_.data() + j * (mass_bins + 1);
      high = low + mass_bins + 1;
      t = at - static_cast<double>(j);
    }
    double operator()(std::size_t k) const { return low[k] + t * (high[k] - low[k]); }
  };

  static std::size_t below(const double* table, std::size_t size, double target) {
    const auto above = std::upper_bound(table, table + size, target);
    return std::clamp<std::size_t>(static_cast<std::size_t>(above - table), 1, size - 1) - 1;
  }

  double mass_low_, mass_step_, z_low_, z_step_;
  std::vector<double> rows_, columns_;
};

/// The survey prior of a sky. A thread keeps the last one it asked for, since the table takes some milliseconds.
inline std::shared_ptr<const SurveyPrior> survey_prior(const SkyParameters& sky) {
  struct Kept {
    std::array<double, 7> key{};
    std::shared_ptr<const SurveyPrior> prior;
  };
  thread_local Kept kept;
  const std::array<double, 7> key{sky.log10_m500c_min, sky.log10_m500c_max, sky.redshift_min, sky.redshift_max,
                                  sky.sigma_8,         sky.spectral_index,  sky.omega_b};
  if (!kept.prior || kept.key != key) kept = {key, std::make_shared<const SurveyPrior>(sky)};
  return kept.prior;
}

/// Mass and redshift of one cluster.
struct PopulationDraw {
  double log10_m500c, redshift;
};

/// Draws a cluster of the sky's prior. At a fixed redshift the mass is drawn as the prior has it there.
///
/// Throws  InputError if the sky's ranges are impossible
inline PopulationDraw draw_population(const SkyParameters& sky, std::optional<double> fixed_redshift, Random& random) {
  if (sky.prior == Prior::training) {
    const double mass = random.uniform(sky.log10_m500c_min, sky.log10_m500c_max);
    const double redshift = random.uniform(sky.redshift_min, sky.redshift_max);
    return {mass, fixed_redshift.value_or(redshift)};
  }
  const double u_mass = random.uniform(), u_redshift = random.uniform();
  if (sky.prior == Prior::survey) {
    const auto prior = survey_prior(sky);
    const double z = fixed_redshift.value_or(prior->redshift_at(u_redshift));
    return {prior->mass_at(u_mass, z), z};
  }
  const double low = label_redshift_share(sky.redshift_min), high = label_redshift_share(sky.redshift_max);
  const double z = label_redshift_at(low + (high - low) * u_redshift);
  const double mass = random.normal(sky.label_log10_m500c_mean, sky.label_log10_m500c_rms);
  return {std::clamp(mass, 12.5, 16.0), fixed_redshift.value_or(z)};
}

/// Density of the prior in log10 M500c at a redshift, up to a factor that does not depend on the mass; and the range
/// outside of which it vanishes or is negligible. For posteriors.
class MassPrior {
 public:
  MassPrior(const SkyParameters& sky, double redshift) : sky_(sky), redshift_(redshift) {
    if (sky.prior == Prior::survey) survey_ = survey_prior(sky);
  }
  double low() const { return gaussian() ? sky_.label_log10_m500c_mean - reach() : sky_.log10_m500c_min; }
  double high() const { return gaussian() ? sky_.label_log10_m500c_mean + reach() : sky_.log10_m500c_max; }
  double operator()(double log10_m500c) const {
    if (survey_) return survey_->density(log10_m500c, redshift_);
    if (!gaussian()) return 1;
    const double t = (log10_m500c - sky_.label_log10_m500c_mean) / sky_.label_log10_m500c_rms;
    return std::exp(-0.5 * t * t);
  }

 private:
  bool gaussian() const { return sky_.prior == Prior::label_like; }
  double reach() const { return 5 * sky_.label_log10_m500c_rms; }

  const SkyParameters& sky_;
  double redshift_;
  std::shared_ptr<const SurveyPrior> survey_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
