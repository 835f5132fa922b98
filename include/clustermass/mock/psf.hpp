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

/// The PSF of real SDSS stars, FWHM 1: a core of two Gaussians that scales with the seeing, and wings of the telescope
/// and the air that do not, fitted to the stars of 25 real frames (five fields, five bands; rings out to 13 arcsec
/// agree to 0.1 dex; docs/mock-sky.md). The core is scaled so that the sum has the FWHM.
inline GaussianMixture sdss_mixture(double fwhm_arcsec) {
  constexpr double wide_share = 0.261, wide_ratio = 1.877;  // of the core
  constexpr std::array<double, 2> wing{0.118, 0.041}, wing_sigma_arcsec{1.22, 3.0};
  GaussianMixture mixture;
  mixture.size = 4;
  mixture.weight = {(1 - wing[0] - wing[1]) * (1 - wide_share), (1 - wing[0] - wing[1]) * wide_share, wing[0], wing[1]};
  for (std::size_t k = 0; k < 2; ++k)
    mixture.variance[2 + k] = wing_sigma_arcsec[k] * wing_sigma_arcsec[k] / (fwhm_arcsec * fwhm_arcsec);
  // Brightness at half the FWHM over half that at the centre falls as the core widens: 1 where the FWHM is right.
  double low = 0.2, high = 0.6;
  for (int step = 0; step < 40; ++step) {
    const double sigma = 0.5 * (low + high);
    mixture.variance[0] = sigma * sigma;
    mixture.variance[1] = wide_ratio * wide_ratio * sigma * sigma;
    double excess = 0;
    for (std::size_t k = 0; k < 4; ++k)
      excess += mixture.weight[k] / mixture.variance[k] * (std::exp(-0.125 / mixture.variance[k]) - 0.5);
    (excess > 0 ? high : low) = sigma;
  }
  return mixture;
}

/// The PSF with FWHM 1 as Gaussians, narrowest first, variances in squared FWHM.
inline GaussianMixture psf_mixture(const Psf& psf) {
  if (psf.shape == PsfShape::sdss) return sdss_mixture(psf.fwhm_arcsec);
  return psf.shape == PsfShape::moffat ? moffat_mixture() : two_gaussian_mixture();
}

/// The same without its widest Gaussian, whose light goes to the next: for sources so faint that it cannot be seen.
inline GaussianMixture without_wings(GaussianMixture mixture) {
  if (mixture.size < 4) return mixture;
  const auto last = static_cast<std::size_t>(--mixture.size);
  mixture.weight[last - 1] += mixture.weight[last];
  mixture.weight[last] = 0;
  return mixture;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
