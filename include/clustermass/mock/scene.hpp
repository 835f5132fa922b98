// SPDX-License-Identifier: BSD-3-Clause
// A scene: one field as it is, before any pixel. It keeps the truth (members, richness, centre) beside what the camera
// adds (PSF, noise, frame). How it is drawn: sky.hpp. How it becomes an image: working.hpp and native.hpp.
//
// Positions are offsets east and north of the cutout's centre in the tangent plane [arcsec]; position angles run from
// north through east [rad].
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/mock/parameters.hpp"
#include "clustermass/mock/psf.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// What a source is. `structure` is a red galaxy at the cluster's redshift outside the halo, `projected` belongs to a
/// second halo in the line of sight.
enum class SourceKind : int { red_member, blue_member, bcg, icl, structure, projected, field, star };

/// One source. The radius encloses half the light and is the geometric mean of the two half axes.
struct Source {
  SourceKind kind = SourceKind::field;
  Profile profile = Profile::point;
  double east = 0, north = 0;                 ///< [arcsec]
  double radius = 0;                          ///< [arcsec]
  double axis_ratio = 1, position_angle = 0;  ///< of the major axis [rad]
  PerBand flux{};                             ///< as it reaches the telescope, reddened [nMgy]
};

/// Magnitude of a flux.
inline double magnitude(double flux_nmgy) { return 22.5 - 2.5 * std::log10(flux_nmgy); }

/// What the sky subtraction left, on a square grid of nodes about the cutout's centre and linear between them; 0 where
/// there are no nodes.
struct SkyMesh {
  double spacing_arcsec = 0;
  int side = 0;             ///< nodes along each axis
  std::vector<float> node;  ///< [side,side], rows from south to north [nMgy per pixel]

  double at(double east, double north) const {
    if (node.empty()) return 0;
    const double most = side - 1.001, half = 0.5 * (side - 1);
    const double x = std::clamp(east / spacing_arcsec + half, 0.0, most),
                 y = std::clamp(north / spacing_arcsec + half, 0.0, most);
    const int i = static_cast<int>(x), j = static_cast<int>(y);
    const double s = x - i, t = y - j;
    const float* const low = node.data() + static_cast<std::ptrdiff_t>(j) * side + i;
    const float* const high = low + side;
    return (1 - t) * ((1 - s) * static_cast<double>(low[0]) + s * static_cast<double>(low[1])) +
           t * ((1 - s) * static_cast<double>(high[0]) + s * static_cast<double>(high[1]));
  }
};

/// One CCD and its sky: variance of a pixel = calib^2 (counts / gain + dark), counts = sky + flux / calib.
struct CameraBand {
  double nmgy_per_count = 0, gain = 0, dark_variance = 0;        ///< gain in electrons per count, dark in counts^2
  double sky_counts = 0;                                         ///< per pixel
  double amplifier = 0;                                          ///< excess of the noise of the left half of the CCD
  double sky_offset = 0, gradient_east = 0, gradient_north = 0;  ///< residual after sky subtraction [nMgy, nMgy/arcsec]

  SkyMesh mesh{};

  /// Noise of a native pixel of blank sky. [nMgy]
  double noise() const { return nmgy_per_count * std::sqrt(sky_counts / gain + dark_variance); }
  /// Noise at column x of the frame over `noise()`: each half of the CCD has an amplifier of its own.
  double noise_factor(double x) const { return x < 1023.5 ? 1 + amplifier : 1 - amplifier; }
  double residual(double east, double north) const {
    return sky_offset + gradient_east * east + gradient_north * north + mesh.at(east, north);
  }
};

/// The frame that holds the field: per band the pixel of the cutout's centre and the direction of the x axis.
struct Footprint {
  static constexpr int width = 2048, height = 1489;
  static constexpr double pixel_arcsec = 0.396;

  bool limited = false;  ///< false: the cutout sees beyond the frame, as in a mosaic
  std::array<double, 5> centre_x{}, centre_y{}, position_angle{};

  /// Pixels to arcsec from the cutout's centre, in the sky's parity (x to the west if y points north).
  AffineMap map(std::size_t band) const {
    const double s = pixel_arcsec * std::sin(position_angle[band]), c = pixel_arcsec * std::cos(position_angle[band]);
    return {{{{s, c}, {c, -s}}}, centre_x[band], centre_y[band]};
  }
  static bool holds(double x, double y) { return x >= -0.5 && x < width - 0.5 && y >= -0.5 && y < height - 0.5; }
};

/// One field of the mock sky. Without a cluster the mass is NaN and lambda_int 0.
struct Scene {
  std::uint64_t seed = 0, index = 0;
  double log10_m500c = std::numeric_limits<double>::quiet_NaN();
  double redshift = 0;
  double lambda_int = 0;  ///< the halo's expected number of members, intrinsic scatter included
  double r500c_mpc = 0, r200c_mpc = 0;
  double cluster_east = 0, cluster_north = 0;  ///< the true centre [arcsec]
  double axis_ratio = 1, position_angle = 0;   ///< of the satellites
  double ebv = 0;
  double half_width_arcsec = 0;  ///< sources fill the square of this half width, and a margin
  int camera_column = 1;
  int missing_band = -1;     ///< index of a band without an image, or -1
  std::array<Psf, 5> psf{};  ///< in the middle of the CCD
  PsfDrift psf_drift{};      ///< of all bands
  std::array<CameraBand, 5> camera{};
  Footprint footprint{};
  std::vector<Source> sources;
};

/// The PSF of a band at an offset from the cutout's centre. [arcsec]
inline Psf psf_at(const Scene& scene, std::size_t band, double east, double north) {
  Psf psf = scene.psf[band];
  psf.fwhm_arcsec *= scene.psf_drift.factor(east, north);
  return psf;
}

/// Radius in which richness is counted, 1 Mpc/h (lambda/100)^0.2. [Mpc]
inline double richness_radius_mpc(double lambda) { return std::pow(lambda / 100, 0.2) / hubble_h; }

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
