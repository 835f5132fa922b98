// SPDX-License-Identifier: BSD-3-Clause
// Red-sequence matched filter on a catalogue of galaxies: the likelihood of the richness by an extended Poisson
// process. It knows the recipe of the sky it is built for, as an information floor should; no mass and no prior here.
//
//   ln L(lambda) = sum over galaxies of ln[lambda s(R, i, chi2) + b(i, chi2)] - lambda integral of s
//
// Legend: s density of members per unit of richness, b of field galaxies [Mpc^-2 mag^-1 per chi2]; u(R) profile,
// phi(i) luminosity function.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "clustermass/baselines/filter_contamination.hpp"
#include "clustermass/baselines/filter_tables.hpp"
#include "clustermass/baselines/truth_catalogue.hpp"
#include "clustermass/core/cosmology.hpp"
#include "clustermass/mock/cluster.hpp"
#include "clustermass/mock/field.hpp"
#include "clustermass/mock/mass.hpp"
#include "clustermass/mock/scene.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// The likelihood of ln lambda on a grid, and its summary.
struct RichnessLikelihood {
  static constexpr std::size_t nodes = 52;
  static constexpr double ln_min = 0, ln_step = 0.13;  // lambda 1 to 757

  std::array<double, nodes> ln_likelihood{};  ///< 0 at the best node
  double lambda = 0;                          ///< of the maximum, 1 if there is no excess of galaxies at all
  double ln_lambda_error = 0;                 ///< from the curvature there
  double coverage = 0;                        ///< share of the members inside 1 Mpc that the field holds
  std::size_t galaxies = 0;

  static double ln_lambda(std::size_t k) { return ln_min + ln_step * static_cast<double>(k); }
};

/// Galaxies to filter, and what of the field was searched for them.
struct FilterField {
  static constexpr std::size_t rings = SatelliteGrid::radii;

  std::vector<CatalogueGalaxy> galaxies;
  std::array<double, rings> seen{};  ///< share of each ring of SatelliteGrid::step_mpc that was searched
  double redshift = 0;
  double relative_noise = 1;  ///< noise against the sky's median
};

/// The filter for all redshifts of one sky; building it takes about a second, using it some 0.3 ms. Immutable.
///
/// Source  Rykoff et al. 2014, ApJ 785, 104 (the filter); Barlow 1990, NIM A 297, 496 (extended likelihood)
class MatchedFilter {
 public:
  explicit MatchedFilter(const mock::SkyParameters& sky, const FilterPhotometry& photometry = {})
      : sky_(sky), satellites_(sky), contamination_(sky, photometry) {
    tabulate_sizes();
  }

  /// On the true galaxies of a scene, as far as its cutout holds them.
  RichnessLikelihood operator()(const mock::Scene& scene, const CatalogueOptions& options = {}) const {
    return (*this)(
        {truth_catalogue(scene, sky_, options), seen_share(scene, options), scene.redshift, relative_noise_of(scene)},
        options);
  }

  /// On any catalogue that reaches options.i_limit and options.chi2_limit.
  RichnessLikelihood operator()(const FilterField& field, const CatalogueOptions& options) const {
    const Epoch epoch(*this, field.redshift, field.relative_noise, options);
    const std::vector<CatalogueGalaxy>& galaxies = field.galaxies;
    const auto& seen = field.seen;

    // s = u(R) a + c: `a` per galaxy, u(R) per richness; c is the structure around the halo, flat over the field.
    const std::size_t n = galaxies.size();
    std::vector<double> a(n), c(n), b(n);
    std::vector<std::size_t> bin(n);
    for (std::size_t g = 0; g < n; ++g) {
      const CatalogueGalaxy& galaxy = galaxies[g];
      const double red = epoch.red(galaxy.i_magnitude) * chi2_density(galaxy.chi2);
      a[g] = red + epoch.blue_share(galaxy.radius_mpc) * epoch.blue(galaxy.i_magnitude, galaxy.chi2);
      c[g] = sky_.structure_fraction / 4 * red;
      b[g] = epoch.field(galaxy.i_magnitude, galaxy.chi2);
      bin[g] =
          std::min(static_cast<std::size_t>(galaxy.radius_mpc / SatelliteGrid::step_mpc), SatelliteGrid::radii - 1);
    }
    RichnessLikelihood result;
    result.galaxies = n;
    for (std::size_t k = 0; k < RichnessLikelihood::nodes; ++k) {
      const double ln_lambda = RichnessLikelihood::ln_lambda(k), lambda = std::exp(ln_lambda);
      const Profile profile(*this, ln_lambda, field.redshift);
      double sum = -lambda * epoch.expected(profile, seen);
      for (std::size_t g = 0; g < n; ++g)
        sum += std::log(lambda * (profile.density[bin[g]] * a[g] + c[g]) + b[g] + 1e-12);
      result.ln_likelihood[k] = sum;
    }
    summarise(result);
    double held = 0, all = 0;
    const Profile typical(*this, std::log(40.0), field.redshift);
    for (std::size_t j = 0; j < SatelliteGrid::radii && SatelliteGrid::step_mpc * static_cast<double>(j) < 1; ++j) {
      held += seen[j] * typical.ring(j);
      all += typical.ring(j);
    }
    result.coverage = held / all;
    return result;
  }

  /// Noise of a dereddened native pixel in each band against the sky's median; infinite noise does not count.
  double relative_noise(const mock::PerBand& noise) const { return contamination_.relative_noise(noise); }

  /// Expected error of ln lambda with everything seen inside the options' radius: 1 / sqrt of the Fisher information.
  double expected_error(double lambda, double redshift, double r200c_mpc, const CatalogueOptions& options = {}) const {
    const Epoch epoch(*this, redshift, 1, options);
    const Profile profile(*this, std::log(lambda), satellites_.enclosed(r200c_mpc));
    double information = 0;
    constexpr double di = 0.1, dx = 0.5;
    for (std::size_t j = 0; j < SatelliteGrid::radii; ++j) {
      const double radius = (static_cast<double>(j) + 0.5) * SatelliteGrid::step_mpc;
      if (radius > options.radius_mpc) break;
      const double area = 2 * std::numbers::pi * radius * SatelliteGrid::step_mpc;
      for (double i = RidgeContamination::i_min + di / 2; i < options.i_limit; i += di)
        for (double x = dx / 2; x < options.chi2_limit; x += dx) {
          const double red = epoch.red(i) * chi2_density(x);
          const double member = lambda * (profile.density[j] * (red + epoch.blue_share(radius) * epoch.blue(i, x)) +
                                          sky_.structure_fraction / 4 * red);
          const double field = epoch.field(i, x);
          if (member > 0) information += area * di * dx * member * member / (member + field);
        }
    }
    return 1 / std::sqrt(information);
  }

 private:
  static constexpr std::size_t size_nodes = 9;
  static constexpr double pogson = 0.4 * std::numbers::ln10;
  static constexpr double z_low = FilterContamination::z_min,
                          z_width = FilterContamination::z_step * (FilterContamination::z_nodes - 1);

  /// Density of chi^2 with four degrees of freedom.
  static double chi2_density(double x) { return 0.25 * x * std::exp(-0.5 * x); }

  /// u(R) of a halo of given richness, of unit integral inside R_lambda. [Mpc^-2]
  struct Profile {
    std::array<double, SatelliteGrid::radii> density;

    Profile(const MatchedFilter& filter, double ln_lambda, double z)
        : Profile(filter, ln_lambda, filter.satellites_.enclosed(filter.r200c(ln_lambda, z))) {}
    Profile(const MatchedFilter&, double ln_lambda, const std::array<double, SatelliteGrid::radii + 1>& enclosed) {
      const double norm = SatelliteGrid::within(enclosed, mock::richness_radius_mpc(std::exp(ln_lambda)));
      for (std::size_t j = 0; j < density.size(); ++j)
        density[j] = (enclosed[j + 1] - enclosed[j]) / norm / ring_area(j);
    }
    double ring(std::size_t j) const { return density[j] * ring_area(j); }
  };
  static double ring_area(std::size_t j) {
    constexpr double h = SatelliteGrid::step_mpc;
    return std::numbers::pi * h * h * static_cast<double>(2 * j + 1);
  }

  /// Everything of a redshift.
  struct Epoch {
    const MatchedFilter& filter;
    double mstar, growth, r500c_mpc, deg2_per_mpc2, red_norm, blue_norm;
    double red_total = 0, blue_total = 0;  // galaxies per unit of richness that pass the cuts
    FilterContamination::Place at;

    Epoch(const MatchedFilter& filter_, double redshift, double relative_noise, const CatalogueOptions& options)
        : filter(filter_), at(redshift, relative_noise) {
      const mock::SkyParameters& sky = filter.sky_;
      mstar = mstar_i(redshift) + sky.lf_mstar_offset;
      growth = (1 + redshift) / 1.2;
      r500c_mpc = mock::halo_radius_mpc(2e14, mock::MassDefinition::c500, redshift);
      const double degrees = arcsec_of_mpc(1, redshift) / 3600;
      deg2_per_mpc2 = degrees * degrees;
      red_norm = pogson / mock::schechter_count(sky.lf_alpha, 0.2);
      blue_norm = pogson / mock::schechter_count(sky.blue_alpha, 0.2 * std::exp(pogson * sky.blue_mstar_offset));
      const double limit = options.chi2_limit, kept = 1 - (1 + 0.5 * limit) * std::exp(-0.5 * limit);
      constexpr double di = 0.1;
      for (double i = options.i_limit - di / 2; i > RidgeContamination::i_min; i -= di) {
        red_total += di * red(i) * kept;
        blue_total += di * blue_all(i) * filter.contamination_.blue_share(at, i, limit);
      }
    }
    double red(double i) const {
      const double ln_x = pogson * (mstar - i);
      return red_norm * std::exp((filter.sky_.lf_alpha + 1) * ln_x - std::exp(ln_x));
    }
    double blue(double i, double chi2) const { return blue_all(i) * filter.contamination_.blue(at, i, chi2); }
    double blue_all(double i) const {
      const double ln_x = pogson * (mstar + filter.sky_.blue_mstar_offset - i);
      const double boost = pogson * (mstar - i) < std::log(0.1) ? filter.sky_.blue_faint_boost : 1;
      return boost * blue_norm * std::exp((filter.sky_.blue_alpha + 1) * ln_x - std::exp(ln_x));
    }
    /// Blue-to-red ratio at a radius of a halo of 2e14 Msun.
    double blue_share(double radius_mpc) const {
      const mock::SkyParameters& sky = filter.sky_;
      return std::clamp(sky.blue_norm * growth * growth * std::sqrt(radius_mpc / r500c_mpc), sky.blue_min, 1.0);
    }
    /// All that is not of the cluster. [Mpc^-2 mag^-1 per chi2]
    double field(double i, double chi2) const {
      return deg2_per_mpc2 * (field_counts(i) * filter.sky_.field_scale * filter.contamination_.field(at, i, chi2) +
                              filter.contamination_.stars(at, i, chi2));
    }
    /// Members per unit of richness that the filter should find, `seen` being the share of each ring.
    double expected(const Profile& profile, const std::array<double, SatelliteGrid::radii>& seen) const {
      double sum = 0;
      for (std::size_t j = 0; j < seen.size(); ++j) {
        if (seen[j] == 0) continue;
        const double radius = (static_cast<double>(j) + 0.5) * SatelliteGrid::step_mpc;
        sum += seen[j] * (profile.ring(j) * (red_total + blue_share(radius) * blue_total) +
                          ring_area(j) * filter.sky_.structure_fraction / 4 * red_total);
      }
      return sum;
    }
  };

  /// Field galaxies per square degree and magnitude.
  static double field_counts(double i) {
    return (mock::FieldCounts::cumulative(i + 0.05) - mock::FieldCounts::cumulative(i - 0.05)) / 0.1;
  }

  /// R200c of a halo of given richness on the mean relation. [Mpc]
  double r200c(double ln_lambda, double z) const {
    const GridPlace x(ln_lambda / size_step, size_nodes), y((z - z_low) / z_width * (size_nodes - 1), size_nodes);
    const auto row = [&](std::size_t j) { return (1 - x.t) * ln_r200c_[j][x.k] + x.t * ln_r200c_[j][x.k + 1]; };
    return std::exp((1 - y.t) * row(y.k) + y.t * row(y.k + 1));
  }
  void tabulate_sizes() {
    for (std::size_t j = 0; j < size_nodes; ++j)
      for (std::size_t k = 0; k < size_nodes; ++k) {
        const double z = z_low + z_width * static_cast<double>(j) / (size_nodes - 1);
        const double ln_mass =
            std::log(3e14) + (size_step * static_cast<double>(k) - std::log(sky_.richness_norm)) / sky_.richness_slope;
        const double m200c = mock::m200c_of_m500c(std::exp(ln_mass), z);
        ln_r200c_[j][k] = std::log(mock::halo_radius_mpc(m200c, mock::MassDefinition::c200, z));
      }
  }

  double relative_noise_of(const mock::Scene& scene) const {
    mock::PerBand noise;
    for (std::size_t b = 0; b < noise.size(); ++b)
      noise[b] = scene.camera[b].noise() * mock::exp10(0.4 * mock::extinction_per_ebv[b] * scene.ebv);
    return relative_noise(noise);
  }
  /// Share of each ring about the assumed centre that the cutout holds.
  static std::array<double, SatelliteGrid::radii> seen_share(const mock::Scene& scene,
                                                             const CatalogueOptions& options) {
    constexpr int directions = 32;
    const SeenField field(scene);
    const double arcsec = arcsec_of_mpc(1, scene.redshift);
    const double east0 = options.true_centre ? scene.cluster_east : 0,
                 north0 = options.true_centre ? scene.cluster_north : 0;
    static const auto angles = [] {
      std::array<std::array<double, 2>, directions> table{};
      for (std::size_t d = 0; d < directions; ++d) {
        const double phi = 2 * std::numbers::pi * (static_cast<double>(d) + 0.5) / directions;
        table[d] = {std::sin(phi), std::cos(phi)};
      }
      return table;
    }();
    std::array<double, SatelliteGrid::radii> share{};
    for (std::size_t j = 0; j < share.size(); ++j) {
      const double radius_mpc = (static_cast<double>(j) + 0.5) * SatelliteGrid::step_mpc;
      if (radius_mpc > options.radius_mpc) break;
      int held = 0;
      for (const auto& [east, north] : angles)
        held += field.holds(east0 + radius_mpc * arcsec * east, north0 + radius_mpc * arcsec * north);
      share[j] = static_cast<double>(held) / directions;
    }
    return share;
  }

  /// Maximum by a parabola through the best node and its neighbours; the grid is set to 0 at the best node.
  static void summarise(RichnessLikelihood& result) {
    auto& l = result.ln_likelihood;
    const auto best = static_cast<std::size_t>(std::max_element(l.begin(), l.end()) - l.begin());
    const double top = l[best];
    for (double& value : l) value -= top;
    const std::size_t k = std::clamp<std::size_t>(best, 1, l.size() - 2);
    const double slope = 0.5 * (l[k + 1] - l[k - 1]), curvature = 2 * l[k] - l[k + 1] - l[k - 1];
    const double shift = curvature > 0 ? std::clamp(slope / curvature, -1.0, 1.0) : 0;
    result.lambda = best == 0 ? 1 : std::exp(RichnessLikelihood::ln_lambda(k) + shift * RichnessLikelihood::ln_step);
    result.ln_lambda_error = curvature > 0 ? RichnessLikelihood::ln_step / std::sqrt(curvature) : INFINITY;
  }

  static constexpr double size_step = 0.83;  // of ln lambda
  mock::SkyParameters sky_;
  SatelliteGrid satellites_;
  FilterContamination contamination_;
  std::array<std::array<double, size_nodes>, size_nodes> ln_r200c_{};  // [z][ln lambda]
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
