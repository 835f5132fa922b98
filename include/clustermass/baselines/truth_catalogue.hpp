// SPDX-License-Identifier: BSD-3-Clause
// A galaxy catalogue of a mock scene as SDSS would measure it: true positions, fluxes with the survey's errors, the
// distance from the red sequence. It is made from the truth; the pixels are never looked at.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/mock/galaxy.hpp"
#include "clustermass/mock/scene.hpp"
#include "clustermass/mock/sky.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Error of a galaxy's flux in units of the noise of one native pixel: the square root of an effective number of pixels
/// that shrinks with the galaxy.
///
/// Source  median errors of the model magnitudes of 14,449 SDSS DR8 galaxies, dereddening taken out
inline double flux_error_pixels(double i_magnitude, std::size_t band) {
  static constexpr std::array<double, 5> magnitude{16.5, 17.5, 18.5, 19.5, 20.45}, pixels{750, 350, 195, 130, 92};
  const double count = std::exp(mock::interpolate(
      magnitude,
      [] {
        std::array<double, 5> logs{};
        for (std::size_t k = 0; k < logs.size(); ++k) logs[k] = std::log(pixels[k]);
        return logs;
      }(),
      i_magnitude));
  return std::sqrt(band == 0 ? 0.65 * count : count);
}

/// How far a galaxy's colours are from the ridge at one redshift: chi^2 of the four colours, intrinsic scatter and
/// photometric errors together. Of a red-sequence galaxy it is distributed as chi^2 with 4 degrees of freedom.
class RidgeDistance {
 public:
  explicit RidgeDistance(const mock::RedSequence& red) : red_(red) {
    const auto& s = red.scatter;
    const std::array<std::array<double, 4>, 4> correlation{{{1, 0, 0, 0},
                                                            {0, 1, red.correlation_gr_ri, red.correlation_gr_iz},
                                                            {0, red.correlation_gr_ri, 1, red.correlation_ri_iz},
                                                            {0, red.correlation_gr_iz, red.correlation_ri_iz, 1}}};
    for (std::size_t k = 0; k < 4; ++k)
      for (std::size_t l = 0; l < 4; ++l) intrinsic_[k][l] = correlation[k][l] * s[k] * s[l];
  }

  /// Dereddened fluxes and their errors. [nMgy]
  double chi2(const mock::PerBand& flux, const mock::PerBand& error) const {
    const double i = mock::magnitude(flux[3]);
    const mock::PerBand ridge = mock::fluxes(i, red_.mean(i));
    // Linear in the fluxes, as those of the u band are often negative: m - m_ridge ~ -1.0857 (f / f_ridge - 1).
    constexpr double pogson = 2.5 / std::numbers::ln10;
    std::array<double, 5> residual, variance;
    for (std::size_t b = 0; b < 5; ++b) {
      residual[b] = -pogson * (flux[b] / ridge[b] - 1);
      variance[b] = std::pow(pogson * error[b] / ridge[b], 2);
    }
    auto c = intrinsic_;
    std::array<double, 4> x;
    for (std::size_t k = 0; k < 4; ++k) {
      x[k] = residual[k] - residual[k + 1];
      c[k][k] += variance[k] + variance[k + 1];
      if (k < 3) c[k + 1][k] -= variance[k + 1];
    }
    return squared_length(c, x);
  }

 private:
  /// x^T C^-1 x by Cholesky; reads the lower half of C.
  static double squared_length(std::array<std::array<double, 4>, 4>& c, std::array<double, 4>& x) {
    double sum = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      for (std::size_t l = 0; l < k; ++l) {
        for (std::size_t n = 0; n < l; ++n) c[k][l] -= c[k][n] * c[l][n];
        c[k][l] /= c[l][l];
        c[k][k] -= c[k][l] * c[k][l];
        x[k] -= c[k][l] * x[l];
      }
      c[k][k] = std::sqrt(c[k][k]);
      x[k] /= c[k][k];
      sum += x[k] * x[k];
    }
    return sum;
  }

  mock::RedSequence red_;
  std::array<std::array<double, 4>, 4> intrinsic_{};
};

/// One galaxy of the catalogue.
struct CatalogueGalaxy {
  double radius_mpc;   ///< from the assumed centre, at the cluster's redshift
  double i_magnitude;  ///< dereddened, as measured
  double chi2;         ///< distance from the red sequence at the cluster's redshift
};

/// What the catalogue is made of and how far it reaches.
struct CatalogueOptions {
  double i_limit = 20.9, chi2_limit = 20;
  double radius_mpc = 3;     ///< of the circle that is searched, as far as the cutout and the frame hold it
  bool true_centre = false;  ///< false: the cutout's centre, which is all that others are given
};

/// The part of the sky that a cutout sees: its square, cut by the i frame where the scene is limited by one.
class SeenField {
 public:
  explicit SeenField(const mock::Scene& scene)
      : half_width_(scene.half_width_arcsec), limited_(scene.footprint.limited) {
    constexpr std::size_t i_band = 3;
    centre_x_ = scene.footprint.centre_x[i_band];
    centre_y_ = scene.footprint.centre_y[i_band];
    s_ = std::sin(scene.footprint.position_angle[i_band]) / mock::Footprint::pixel_arcsec;
    c_ = std::cos(scene.footprint.position_angle[i_band]) / mock::Footprint::pixel_arcsec;
  }
  /// Offsets from the cutout's centre. [arcsec]
  bool holds(double east, double north) const {
    if (!(std::fabs(east) < half_width_ && std::fabs(north) < half_width_)) return false;
    // The inverse of Footprint::map, a rotation with a flip: its own transpose.
    return !limited_ || mock::Footprint::holds(centre_x_ + s_ * east + c_ * north, centre_y_ + c_ * east - s_ * north);
  }

 private:
  double half_width_, centre_x_ = 0, centre_y_ = 0, s_ = 0, c_ = 0;
  bool limited_;
};

/// Galaxies near the red sequence of the cluster's redshift inside the cutout, without the brightest cluster galaxy,
/// which richness does not count. A missing band or a mask over a bright star is not taken into account.
inline std::vector<CatalogueGalaxy> truth_catalogue(const mock::Scene& scene, const mock::SkyParameters& sky,
                                                    const CatalogueOptions& options = {}) {
  const mock::Epoch epoch(scene.redshift, sky);
  const RidgeDistance ridge(epoch.red);
  const SeenField seen(scene);
  const double east0 = options.true_centre ? scene.cluster_east : 0,
               north0 = options.true_centre ? scene.cluster_north : 0;
  mock::PerBand dereddening, pixel_noise;
  for (std::size_t b = 0; b < 5; ++b) {
    dereddening[b] = mock::exp10(0.4 * mock::extinction_per_ebv[b] * scene.ebv);
    pixel_noise[b] = scene.camera[b].noise() * dereddening[b];
  }
  Random random = mock::stream_of(scene.seed, scene.index, mock::Stream::catalogue);
  std::vector<CatalogueGalaxy> galaxies;
  for (const mock::Source& source : scene.sources) {
    using enum mock::SourceKind;
    if (source.kind == star || source.kind == icl || source.kind == bcg) continue;
    const double i_true = mock::magnitude(source.flux[3] * dereddening[3]);
    if (i_true > options.i_limit + 1) continue;  // 1 mag is 5 sigma of the magnitude at the limit
    mock::PerBand flux, error;
    for (std::size_t b = 0; b < 5; ++b) {
      error[b] = pixel_noise[b] * flux_error_pixels(i_true, b);
      flux[b] = source.flux[b] * dereddening[b] + error[b] * random.normal();
    }
    const double radius = std::hypot(source.east - east0, source.north - north0) / epoch.arcsec_per_mpc;
    if (!(flux[3] > 0) || radius > options.radius_mpc || !seen.holds(source.east, source.north)) continue;
    const double i = mock::magnitude(flux[3]);
    if (i > options.i_limit) continue;
    const double chi2 = ridge.chi2(flux, error);
    if (chi2 < options.chi2_limit) galaxies.push_back({radius, i, chi2});
  }
  return galaxies;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
