// SPDX-License-Identifier: BSD-3-Clause
// The point-spread function: a Moffat profile of beta = 4, drawn as three Gaussians, or two Gaussians. No pixels here.
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
  PsfShape shape = PsfShape::moffat;           ///< the same in all bands
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

/// A PSF of FWHM 1 as Gaussians, variances in squared FWHM.
inline GaussianMixture psf_mixture(PsfShape shape) {
  return shape == PsfShape::moffat ? moffat_mixture() : two_gaussian_mixture();
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
