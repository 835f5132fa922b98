// SPDX-License-Identifier: BSD-3-Clause
// What a red-sequence matched filter that knows the truth of the mock sky would count each galaxy for: the probability
// that a galaxy of its magnitude, colours and radius is a member. The yardstick for a network's attribution to
// galaxies.
//
//   w = lambda u(R) phi(i) rho(chi2) / [lambda u(R) phi(i) rho(chi2) + b(i, chi2)]
//
// Source  Rykoff et al. 2014, arXiv:1303.3562, eq. 1
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "clustermass/baselines/filter_tables.hpp"
#include "clustermass/baselines/truth_catalogue.hpp"
#include "clustermass/mock/cluster.hpp"
#include "clustermass/mock/field.hpp"
#include "clustermass/model/prepare.hpp"  // stretch_scale

class FilterWeight {
 public:
  explicit FilterWeight(const clustermass::mock::SkyParameters& sky) : sky_(sky), satellites_(sky) {
    using namespace clustermass;
    constexpr int draws = 3000;
    for (std::size_t j = 0; j < nodes; ++j) {
      const mock::Epoch epoch(z_min + z_step * static_cast<double>(j), sky);
      const RidgeDistance ridge(epoch.red);
      RidgeContamination& table = field_.emplace_back();
      Random random(0, j, 77);
      for (std::size_t row = 0; row < RidgeContamination::magnitudes; ++row)
        for (int n = 0; n < draws; ++n) {
          const double i =
              RidgeContamination::i_min + RidgeContamination::i_step * (static_cast<double>(row) + random.uniform());
          mock::PerBand flux = mock::fluxes(i, mock::FieldColours::draw(i, random).colours), error{};
          for (std::size_t b = 0; b < flux.size(); ++b) {
            error[b] = flux_error_pixels(i, b) * noise(b);
            flux[b] += error[b] * random.normal();
          }
          table.add(i, ridge.chi2(flux, error), 1.0 / draws);
        }
    }
  }

  /// One galaxy of a scene.
  struct Weighed {
    double weight = 0;           ///< w
    double flux_i = 0;           ///< as it is, dereddened [nMgy]
    double east = 0, north = 0;  ///< [arcsec]
  };

  /// All galaxies of the scene brighter than i = 20.9 within 1 Mpc of the cutout's centre, with true fluxes.
  std::vector<Weighed> operator()(const clustermass::mock::Scene& scene) const {
    using namespace clustermass;
    using enum mock::SourceKind;
    const mock::Epoch epoch(scene.redshift, sky_);
    const RidgeDistance ridge(epoch.red);
    const double at = std::clamp((scene.redshift - z_min) / z_step, 0.0, nodes - 1.0);
    const RidgeContamination& contamination = field_[static_cast<std::size_t>(std::lround(at))];
    const auto enclosed = satellites_.enclosed(scene.r200c_mpc);
    const double inside = SatelliteGrid::within(enclosed, mock::richness_radius_mpc(scene.lambda_int));
    const double deg2_per_mpc2 = std::pow(epoch.arcsec_per_mpc / 3600, 2), pogson = 0.4 * std::numbers::ln10;
    std::vector<Weighed> galaxies;
    for (const mock::Source& source : scene.sources) {
      if (source.kind == star || source.kind == icl || source.kind == bcg) continue;
      mock::PerBand flux = source.flux, error{};
      for (std::size_t b = 0; b < flux.size(); ++b)
        flux[b] *= mock::exp10(0.4 * mock::extinction_per_ebv[b] * scene.ebv);
      const double i = mock::magnitude(flux[3]), radius = std::hypot(source.east, source.north) / epoch.arcsec_per_mpc;
      if (!(i < 20.9) || !(radius < 1)) continue;
      for (std::size_t b = 0; b < flux.size(); ++b) error[b] = flux_error_pixels(i, b) * noise(b);
      const double chi2 = ridge.chi2(flux, error), ln_x = pogson * (epoch.mstar - i);
      const double phi =
          pogson / mock::schechter_count(sky_.lf_alpha, 0.2) * std::exp((sky_.lf_alpha + 1) * ln_x - std::exp(ln_x));
      const std::size_t ring = static_cast<std::size_t>(radius / SatelliteGrid::step_mpc);
      const double area = std::numbers::pi * std::pow(SatelliteGrid::step_mpc, 2) * static_cast<double>(2 * ring + 1);
      const double u = (enclosed[ring + 1] - enclosed[ring]) / inside / area;
      const double member = scene.lambda_int * u * phi * 0.25 * chi2 * std::exp(-0.5 * chi2);
      const double counts = (mock::FieldCounts::cumulative(i + 0.05) - mock::FieldCounts::cumulative(i - 0.05)) / 0.1;
      const double field = counts * sky_.field_scale * deg2_per_mpc2 * (chi2 < 20 ? contamination(i, chi2) : 1);
      galaxies.push_back({chi2 < 20 ? member / (member + field + 1e-12) : 0, flux[3], source.east, source.north});
    }
    return galaxies;
  }

 private:
  static constexpr std::size_t nodes = 12;
  static constexpr double z_min = 0.05, z_step = 0.05;

  /// Noise of a native pixel of the survey's median sky. [nMgy]
  static double noise(std::size_t b) { return clustermass::stretch_scale[b] / clustermass::stretch_pixels; }

  clustermass::mock::SkyParameters sky_;
  clustermass::SatelliteGrid satellites_;
  std::vector<clustermass::RidgeContamination> field_;
};
