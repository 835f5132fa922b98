// SPDX-License-Identifier: BSD-3-Clause
// What the matched filter takes for granted of galaxies that are not on the cluster's red sequence, and of stars: how
// they scatter in chi^2, by magnitude, redshift and noise. Drawn once per sky with the errors of a catalogue's
// photometry.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

#include "clustermass/baselines/filter_tables.hpp"
#include "clustermass/baselines/truth_catalogue.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/mock/field.hpp"
#include "clustermass/mock/scene.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// How the photometry of a catalogue scatters, for the filter's tables.
struct FilterPhotometry {
  /// Error of the flux of a galaxy of an i magnitude, in a band. [noise of one native pixel]
  double (*error)(double i_magnitude, std::size_t band) = flux_error_pixels;
  /// Times this at a redshift.
  std::function<double(double redshift)> scale = [](double) { return 1.0; };
  double model_error = 0;  ///< share of the flux, added in quadrature
  bool stars = false;      ///< the catalogue does not tell stars from galaxies
};

/// Between which nodes of a grid a place lies, and how far.
struct GridPlace {
  std::size_t k;
  double t;
  GridPlace(double at, std::size_t count) {
    const double inside = std::clamp(at, 0.0, static_cast<double>(count - 1));
    k = std::min(static_cast<std::size_t>(inside), count - 2);
    t = inside - static_cast<double>(k);
  }
};

/// The tables of one sky. Immutable.
class FilterContamination {
 public:
  static constexpr std::size_t z_nodes = 23, noise_nodes = 3;
  static constexpr double z_min = 0.05, z_step = 0.025;
  static constexpr double ln_noise_min = -0.3, ln_noise_step = 0.3;  ///< of the noise against its median

  FilterContamination(const mock::SkyParameters& sky, const FilterPhotometry& photometry) : sky_(sky) {
    tabulate(photometry);
  }

  /// A redshift and a noise level.
  struct Place {
    GridPlace z, noise;
    Place(double redshift, double relative_noise)
        : z((redshift - z_min) / z_step, z_nodes),
          noise((std::log(relative_noise) - ln_noise_min) / ln_noise_step, noise_nodes) {}
  };

  /// Field galaxies and blue members: density per unit of chi^2. Stars: per square degree and magnitude, too.
  double field(const Place& at, double i, double chi2) const { return density(field_, at, i, chi2); }
  double blue(const Place& at, double i, double chi2) const { return density(blue_, at, i, chi2); }
  double stars(const Place& at, double i, double chi2) const {
    return stars_.empty() ? 0 : density(stars_, at, i, chi2);
  }
  /// Share of the blue members below a limit of chi^2.
  double blue_share(const Place& at, double i, double limit) const {
    return mean(blue_, at, [&](const RidgeContamination& table) { return table.share(i, limit); });
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

 private:
  double density(const std::vector<RidgeContamination>& tables, const Place& at, double i, double chi2) const {
    return mean(tables, at, [&](const RidgeContamination& table) { return table(i, chi2); });
  }
  /// Between the tables' redshifts and noise levels.
  template <class Value>
  static double mean(const std::vector<RidgeContamination>& tables, const Place& p, Value&& value) {
    const auto at = [&](std::size_t j, std::size_t k) { return value(tables[j * noise_nodes + k]); };
    const auto row = [&](std::size_t j) {
      return (1 - p.noise.t) * at(j, p.noise.k) + p.noise.t * at(j, p.noise.k + 1);
    };
    return (1 - p.z.t) * row(p.z.k) + p.z.t * row(p.z.k + 1);
  }

  /// Draws galaxies at every magnitude, observes them under the sky's median noise and a third less or more, and asks
  /// each redshift's ridge.
  void tabulate(const FilterPhotometry& photometry) {
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
    for (std::size_t j = 0; j < z_nodes; ++j) scale[j] = photometry.scale(z_min + z_step * static_cast<double>(j));
    // One galaxy under every noise level, at a redshift's ridge.
    const auto add = [&](std::vector<RidgeContamination>& tables, std::size_t j, const Draw& draw, double weight) {
      for (std::size_t k = 0; k < noise_nodes; ++k) {
        mock::PerBand flux, error;
        for (std::size_t b = 0; b < flux.size(); ++b) {
          error[b] = std::hypot(draw.error_pixels[b] * scale[j] * noise[k][b], photometry.model_error * draw.flux[b]);
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
        const Draw draw(i, flux, photometry, random);
        for (std::size_t j = 0; j < z_nodes; ++j) add(field_, j, draw, 1.0 / field_draws);
      }
      for (std::size_t j = 0; j < z_nodes; ++j)
        for (int n = 0; n < blue_draws; ++n) {
          const double i = draw_i();
          mock::Colours colours = epochs[j].red.mean(i);
          for (std::size_t c = 0; c < colours.size(); ++c)
            colours[c] += sky_.blue_shift[c] + sky_.blue_scatter[c] * random.normal();
          add(blue_, j, Draw(i, mock::fluxes(i, colours), photometry, random), 1.0 / blue_draws);
        }
    }
    if (!photometry.stars) return;
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
      const Draw draw(i, star.flux, photometry, random);
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

  mock::SkyParameters sky_;
  std::vector<RidgeContamination> field_, blue_, stars_;  // [z][noise]
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
