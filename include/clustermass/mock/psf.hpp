// SPDX-License-Identifier: BSD-3-Clause
// The point-spread function as a sum of Gaussians: the one of real SDSS stars, a Moffat profile, or two Gaussians. No
// pixels here.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "clustermass/mock/parameters.hpp"
#include "clustermass/mock/profile.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Shape of the PSF in one band. The ellipticity is (a^2 - b^2)/(a^2 + b^2) of its second moments.
struct Psf {
  double fwhm_arcsec = 1.3;
  double ellipticity = 0, position_angle = 0;  ///< position angle from north through east [rad]
  PsfShape shape = PsfShape::sdss;             ///< the same in all bands
  std::size_t band = 2;                        ///< u g r i z: whose wings and halo the shape `sdss` has
  double halo = 1;                             ///< scale of the halo of the shape `sdss`
  double spikes = 0, spike_angle = 0;          ///< scale of the diffraction spikes; position angle of one of them [rad]
};

/// Change of the FWHM over a CCD: linear in the place on the sky, at most a share `most` from side to side.
struct PsfDrift {
  double at_centre = 1;  ///< factor at the cutout's centre
  double per_arcsec_east = 0, per_arcsec_north = 0, most = 0;

  /// Factor on the FWHM at an offset from the cutout's centre [arcsec]; beyond the frame that of its edge.
  double factor(double east, double north) const {
    return std::clamp(at_centre + per_arcsec_east * east + per_arcsec_north * north, 1 - 0.5 * most, 1 + 0.5 * most);
  }
};

inline constexpr double moffat_beta = 4;

/// Scale a of I ~ [1 + (r/a)^2]^-beta.
inline double moffat_scale(double fwhm) { return fwhm / (2 * std::sqrt(std::exp2(1 / moffat_beta) - 1)); }

/// Surface brightness of the unit Moffat profile at radius r.
inline double moffat(double r, double fwhm) {
  const double a = moffat_scale(fwhm), t = r / a;
  return (moffat_beta - 1) / (std::numbers::pi * a * a) * std::pow(1 + t * t, -moffat_beta);
}

/// Share of a Moffat profile's light within radius r.
inline double moffat_enclosed(double r, double fwhm) {
  const double t = r / moffat_scale(fwhm);
  return 1 - std::pow(1 + t * t, 1 - moffat_beta);
}

/// The Moffat profile of FWHM 1 as three Gaussians, variances in squared FWHM. Least squares on profile and encircled
/// light out to 6 FWHM: both agree to 0.1 % of the peak and of the flux (tests/mock/psf_test.cpp).
inline GaussianMixture moffat_mixture() {
  constexpr std::array<double, 3> sigma{0.3462839, 0.54573307, 0.99767416};
  GaussianMixture mixture;
  mixture.size = 3;
  mixture.weight = {0.29037297, 0.59579826, 0.11382877};
  for (std::size_t k = 0; k < sigma.size(); ++k) mixture.variance[k] = sigma[k] * sigma[k];
  return mixture;
}

/// Two Gaussians of sum FWHM 1: sigma ratio 2, peak ratio 0.1, so that the wide one holds 0.4 / 1.4 of the light.
inline GaussianMixture two_gaussian_mixture() {
  constexpr double sigma = 0.405355657;  // exp(-x) + 0.1 exp(-x/4) = 0.55 at x = 1 / (8 sigma^2)
  GaussianMixture mixture;
  mixture.size = 2;
  mixture.weight = {1 / 1.4, 0.4 / 1.4};
  mixture.variance = {sigma * sigma, 4 * sigma * sigma};
  return mixture;
}

/// The PSF of real SDSS stars, FWHM 1: a core of two Gaussians that scales with the seeing; wings of two that do not,
/// from the telescope and the air; and a halo of two more, scattered light. After the fit of the stars of 25 real
/// frames (five fields, five bands) by tests/oracles/mock_sky/fit_psf.py, with 0.015 to 0.02 more in the narrow wing,
/// so that Moffat fits of mock stars have the beta of real ones, and the halo's shares in i and z between that fit and
/// one with brighter stars: beyond 10 arcsec they are known to a factor of 1.5. The core is scaled so that the sum has
/// the FWHM. Inside 7.4 arcsec, the aperture that SDSS magnitudes refer to, lies light 1; most of the halo comes on
/// top.
inline GaussianMixture sdss_mixture(double fwhm_arcsec, std::size_t band, double halo_scale) {
  constexpr double wide_share = 0.26, wide_ratio = 2.05;  // of the core
  constexpr std::array<double, 4> sigma_arcsec{1.45, 3.45, 8.3, 14.3};
  constexpr std::array<std::array<double, 4>, 5> share{{{.060, .025, .034, .012},
                                                        {.065, .029, .025, .001},
                                                        {.100, .029, .0235, .003},
                                                        {.118, .030, .042, .038},
                                                        {.095, .050, .055, .025}}};
  constexpr double aperture_arcsec = 7.4;
  GaussianMixture mixture;
  mixture.size = halo_scale > 0 ? 6 : 4;
  double rest = 1;  // of the light inside the aperture
  for (std::size_t k = 6; k-- > 2;) {
    const double sigma = sigma_arcsec[k - 2], x = aperture_arcsec / sigma;
    mixture.variance[k] = sigma * sigma / (fwhm_arcsec * fwhm_arcsec);
    mixture.weight[k] = share[band][k - 2] * (k < 4 ? rest : halo_scale);
    if (k >= 4) rest -= mixture.weight[k] * (1 - std::exp(-0.5 * x * x));
  }
  const double core = rest - mixture.weight[2] - mixture.weight[3];
  mixture.weight[0] = core * (1 - wide_share);
  mixture.weight[1] = core * wide_share;
  // Brightness at half the FWHM over half that at the centre falls as the core widens: 1 where the FWHM is right.
  double low = 0.2, high = 0.6;
  for (int step = 0; step < 40; ++step) {
    const double sigma = 0.5 * (low + high);
    mixture.variance[0] = sigma * sigma;
    mixture.variance[1] = wide_ratio * wide_ratio * sigma * sigma;
    double excess = 0;
    for (std::size_t k = 0; k < static_cast<std::size_t>(mixture.size); ++k)
      excess += mixture.weight[k] / mixture.variance[k] * (std::exp(-0.125 / mixture.variance[k]) - 0.5);
    (excess > 0 ? high : low) = sigma;
  }
  return mixture;
}

/// The PSF with FWHM 1 as Gaussians, narrowest first, variances in squared FWHM.
inline GaussianMixture psf_mixture(const Psf& psf) {
  if (psf.shape == PsfShape::sdss) return sdss_mixture(psf.fwhm_arcsec, psf.band, psf.halo);
  return psf.shape == PsfShape::moffat ? moffat_mixture() : two_gaussian_mixture();
}

/// Diffraction spikes: four at right angles, as two crossing lines, each a sum of Gaussians as narrow as the seeing.
/// Along a spike lies 0.0134 / r^2 of the star's light per arcsec, measured on the brightest stars of the five real
/// fields in g, r and i from 8 to 45 arcsec (to 30 %); this light comes on top of the rest.
struct DiffractionSpikes {
  static constexpr std::array<double, 3> weight{.0051, .0014, .0016}, sigma_arcsec{6, 13, 24};  ///< of one line
  static constexpr double width_fwhm = 0.45;                                                    ///< sigma across
};

/// What of the PSF may be left out for a source too faint to show it.
enum class PsfExtent : std::size_t { whole, without_halo, without_wings };

/// The mixture of the shape `sdss` without its halo, all light in the rest; then without its widest wing as well, whose
/// light goes to the next Gaussian. Other shapes have neither.
inline GaussianMixture reduced(GaussianMixture mixture, PsfExtent extent) {
  if (mixture.size < 4 || extent == PsfExtent::whole) return mixture;
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k) sum += mixture.weight[k];
  for (std::size_t k = 0; k < 4; ++k) mixture.weight[k] /= sum;
  mixture.size = 4;
  if (extent == PsfExtent::without_halo) return mixture;
  mixture.weight[2] += mixture.weight[3];
  mixture.size = 3;
  return mixture;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
