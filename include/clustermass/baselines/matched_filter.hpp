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
#include <functional>
#include <numbers>
#include <vector>

#include "clustermass/baselines/filter_tables.hpp"
#include "clustermass/baselines/truth_catalogue.hpp"
#include "clustermass/core/cosmology.hpp"
#include "clustermass/core/random.hpp"
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

/// How the photometry of a catalogue scatters, for the filter's tables.
struct FilterPhotometry {
  /// Error of the flux of a galaxy of an i magnitude, in a band. [noise of one native pixel]
  double (*error)(double i_magnitude, std::size_t band) = flux_error_pixels;
  /// Times this at a redshift.
  std::function<double(double redshift)> scale = [](double) { return 1.0; };
  double model_error = 0;  ///< share of the flux, added in quadrature
  bool stars = false;      ///< the catalogue does not tell stars from galaxies
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
      : sky_(sky), photometry_(photometry), satellites_(sky) {
    tabulate_sizes();
    tabulate_contamination();
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

  /// Noise of a dereddened native pixel in each band against the sky's median: mean over the bands, weighted by what
  /// their colours tell. A band without an image has infinite noise and does not count.
  double relative_noise(const mock::PerBand& noise) const {
    constexpr mock::PerBand weight{0, 0.4, 0.3, 0.2, 0.1};
    double sum = 0, all = 0;
    for (std::size_t b = 1; b < noise.size(); ++b) {
      if (!std::isfinite(noise[b])) continue;
      sum += weight[b] * std::log(noise[b] / median_noise(b));
      all += weight[b];
    }
    return all > 0 ? std::exp(sum / all) : 1;
  }

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
  static constexpr std::size_t z_nodes = 23, size_nodes = 9, noise_nodes = 3;
  static constexpr double ln_noise_min = -0.3, ln_noise_step = 0.3;  // of the noise against its median
  static constexpr double z_min = 0.05, z_step = 0.025, pogson = 0.4 * std::numbers::ln10;

  /// Density of chi^2 with four degrees of freedom.
  static double chi2_density(double x) { return 0.25 * x * std::exp(-0.5 * x); }

  struct Between {
    std::size_t k;
    double t;
    Between(double at, std::size_t count) {
      const double inside = std::clamp(at, 0.0, static_cast<double>(count - 1));
      k = std::min(static_cast<std::size_t>(inside), count - 2);
      t = inside - static_cast<double>(k);
    }
  };

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
    Between z, noise;

    Epoch(const MatchedFilter& filter_, double redshift, double relative_noise, const CatalogueOptions& options)
        : filter(filter_),
          z((redshift - z_min) / z_step, z_nodes),
          noise((std::log(relative_noise) - ln_noise_min) / ln_noise_step, noise_nodes) {
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
        blue_total += di * blue_all(i) * mean(filter.blue_, [&](const auto& table) { return table.share(i, limit); });
      }
    }
    double red(double i) const {
      const double ln_x = pogson * (mstar - i);
      return red_norm * std::exp((filter.sky_.lf_alpha + 1) * ln_x - std::exp(ln_x));
    }
    double blue(double i, double chi2) const {
      return blue_all(i) * mean(filter.blue_, [&](const auto& table) { return table(i, chi2); });
    }
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
      const auto at = [&](const auto& table) { return table(i, chi2); };
      const double galaxies = field_counts(i) * filter.sky_.field_scale * mean(filter.field_, at);
      return deg2_per_mpc2 * (galaxies + (filter.stars_.empty() ? 0 : mean(filter.stars_, at)));
    }
    /// Between the tables' redshifts and noise levels.
    template <class Value>
    double mean(const std::vector<RidgeContamination>& tables, Value&& value) const {
      const auto at = [&](std::size_t j, std::size_t k) { return value(tables[j * noise_nodes + k]); };
      const auto row = [&](std::size_t j) { return (1 - noise.t) * at(j, noise.k) + noise.t * at(j, noise.k + 1); };
      return (1 - z.t) * row(z.k) + z.t * row(z.k + 1);
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
    const Between x(ln_lambda / size_step, size_nodes),
        y((z - z_min) / (z_nodes - 1) / z_step * (size_nodes - 1), size_nodes);
    const auto row = [&](std::size_t j) { return (1 - x.t) * ln_r200c_[j][x.k] + x.t * ln_r200c_[j][x.k + 1]; };
    return std::exp((1 - y.t) * row(y.k) + y.t * row(y.k + 1));
  }
  void tabulate_sizes() {
    for (std::size_t j = 0; j < size_nodes; ++j)
      for (std::size_t k = 0; k < size_nodes; ++k) {
        const double z = z_min + (z_nodes - 1) * z_step * static_cast<double>(j) / (size_nodes - 1);
        const double ln_mass =
            std::log(3e14) + (size_step * static_cast<double>(k) - std::log(sky_.richness_norm)) / sky_.richness_slope;
        const double m200c = mock::m200c_of_m500c(std::exp(ln_mass), z);
        ln_r200c_[j][k] = std::log(mock::halo_radius_mpc(m200c, mock::MassDefinition::c200, z));
      }
  }

  /// Draws galaxies at every magnitude, observes them under the sky's median noise and a third less or more, and asks
  /// each redshift's ridge.
  void tabulate_contamination() {
    constexpr int field_draws = 5000, blue_draws = 800;
    field_.resize(z_nodes * noise_nodes);
    blue_.resize(z_nodes * noise_nodes);
    std::array<mock::PerBand, noise_nodes> noise;
    for (std::size_t k = 0; k < noise_nodes; ++k)
      for (std::size_t b = 0; b < 5; ++b)
        noise[k][b] = median_noise(b) * std::exp(ln_noise_min + ln_noise_step * static_cast<double>(k));
    std::vector<mock::Epoch> epochs;
    std::vector<RidgeDistance> ridges;
    for (std::size_t j = 0; j < z_nodes; ++j) {
      epochs.emplace_back(z_min + z_step * static_cast<double>(j), sky_);
      ridges.emplace_back(epochs.back().red);
    }
    Random random(0, 0, static_cast<std::uint32_t>(mock::Stream::catalogue));
    std::array<double, z_nodes> scale;
    for (std::size_t j = 0; j < z_nodes; ++j) scale[j] = photometry_.scale(z_min + z_step * static_cast<double>(j));
    // One galaxy under every noise level, at a redshift's ridge.
    const auto add = [&](std::vector<RidgeContamination>& tables, std::size_t j, const Draw& draw, double weight) {
      for (std::size_t k = 0; k < noise_nodes; ++k) {
        mock::PerBand flux, error;
        for (std::size_t b = 0; b < flux.size(); ++b) {
          error[b] = std::hypot(draw.error_pixels[b] * scale[j] * noise[k][b], photometry_.model_error * draw.flux[b]);
          flux[b] = draw.flux[b] + draw.unit[b] * error[b];
        }
        tables[j * noise_nodes + k].add(draw.i, ridges[j].chi2(flux, error), weight);
      }
    };
    for (std::size_t row = 0; row < RidgeContamination::magnitudes; ++row) {
      const auto draw_i = [&] {
        return RidgeContamination::i_min + RidgeContamination::i_step * (static_cast<double>(row) + random.uniform());
      };
      for (int n = 0; n < field_draws; ++n) {
        const double i = draw_i();
        const mock::PerBand flux = mock::fluxes(i, mock::FieldColours::draw(i, random).colours);
        const Draw draw(i, flux, photometry_, random);
        for (std::size_t j = 0; j < z_nodes; ++j) add(field_, j, draw, 1.0 / field_draws);
      }
      for (std::size_t j = 0; j < z_nodes; ++j)
        for (int n = 0; n < blue_draws; ++n) {
          const double i = draw_i();
          mock::Colours colours = epochs[j].red.mean(i);
          for (std::size_t c = 0; c < colours.size(); ++c)
            colours[c] += sky_.blue_shift[c] + sky_.blue_scatter[c] * random.normal();
          add(blue_, j, Draw(i, mock::fluxes(i, colours), photometry_, random), 1.0 / blue_draws);
        }
    }
    if (!photometry_.stars) return;
    // Stars of many fields at the sky's own latitudes, as they are drawn into scenes.
    constexpr int fields = 300;
    stars_.resize(z_nodes * noise_nodes);
    mock::Scene scene;
    scene.half_width_arcsec = 150;
    const double width = (2 * (scene.half_width_arcsec + mock::FieldWindow::margin_arcsec)) / 3600;
    const double weight = 1 / (fields * width * width * RidgeContamination::i_step);
    for (int n = 0; n < fields; ++n) mock::add_stars(scene, sky_, random);
    for (const mock::Source& star : scene.sources) {
      const double i = mock::magnitude(star.flux[3]);
      if (i < RidgeContamination::i_min || i >= RidgeContamination::i_max) continue;
      const Draw draw(i, star.flux, photometry_, random);
      for (std::size_t j = 0; j < z_nodes; ++j) add(stars_, j, draw, weight);
    }
  }
  /// A source with the deviates of its five fluxes.
  struct Draw {
    double i;
    mock::PerBand flux, error_pixels, unit;
    Draw(double i_magnitude, const mock::PerBand& true_flux, const FilterPhotometry& photometry, Random& random)
        : i(i_magnitude), flux(true_flux) {
      for (std::size_t b = 0; b < flux.size(); ++b) {
        error_pixels[b] = photometry.error(i, b);
        unit[b] = random.normal();
      }
    }
  };
  double relative_noise_of(const mock::Scene& scene) const {
    mock::PerBand noise;
    for (std::size_t b = 0; b < noise.size(); ++b)
      noise[b] = scene.camera[b].noise() * mock::exp10(0.4 * mock::extinction_per_ebv[b] * scene.ebv);
    return relative_noise(noise);
  }
  /// Noise of a dereddened native pixel: median over the camera columns at the median sky and extinction. [nMgy]
  double median_noise(std::size_t band) const {
    std::array<double, 6> columns;
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const double calibration = mock::camera_nmgy_per_count[k][band];
      const double counts = sky_.sky_nmgy_arcsec2[band] * std::pow(mock::Footprint::pixel_arcsec, 2) / calibration;
      columns[k] = calibration * std::sqrt(counts / mock::camera_gain[k][band] + mock::camera_dark_variance[k][band]);
    }
    std::sort(columns.begin(), columns.end());
    return sky_.noise_scale * 0.5 * (columns[2] + columns[3]) *
           mock::exp10(0.4 * mock::extinction_per_ebv[band] * sky_.ebv_median);
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
  FilterPhotometry photometry_;
  SatelliteGrid satellites_;
  std::array<std::array<double, size_nodes>, size_nodes> ln_r200c_{};  // [z][ln lambda]
  std::vector<RidgeContamination> field_, blue_, stars_;               // [z][noise]; stars in deg^-2 mag^-1
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
