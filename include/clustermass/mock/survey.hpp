// SPDX-License-Identifier: BSD-3-Clause
// The survey: what telescope, camera and atmosphere do to a field. Only their parameters are drawn here; pixels are
// made by working.hpp and native.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>

#include "clustermass/core/error.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/mock/scene.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Camera columns 1-6: gain [electrons/count] and dark variance [counts^2] of the SDSS data model for runs above 1500,
/// and flux per count [nMgy], the medians of the measured real frames.
inline constexpr std::array<PerBand, 6> camera_gain{{{1.62, 3.32, 4.71, 5.165, 4.745},
                                                     {1.825, 3.855, 4.6, 6.565, 5.155},
                                                     {1.59, 3.845, 4.72, 4.86, 4.885},
                                                     {1.6, 3.995, 4.76, 4.885, 4.775},
                                                     {1.47, 4.05, 4.725, 4.64, 3.48},
                                                     {2.17, 4.035, 4.895, 4.76, 4.69}}};
inline constexpr std::array<PerBand, 6> camera_dark_variance{{{9.61, 15.6025, 1.8225, 7.84, 0.81},
                                                              {12.6025, 1.44, 1.00, 6.25, 1.0},
                                                              {8.7025, 1.3225, 1.3225, 4.6225, 1.0},
                                                              {12.6025, 1.96, 1.3225, 7.5625, 12.6025},
                                                              {9.3025, 1.1025, 0.81, 7.84, 2.1025},
                                                              {7.0225, 1.8225, 0.9025, 5.0625, 1.21}}};
inline constexpr std::array<PerBand, 6> camera_nmgy_per_count{{{.00720, .00318, .00476, .00665, .0306},
                                                               {.01012, .00388, .00507, .00708, .0327},
                                                               {.00956, .00385, .00513, .00657, .0364},
                                                               {.00977, .00365, .00513, .00630, .0365},
                                                               {.00669, .00376, .00473, .00666, .0234},
                                                               {.01180, .00370, .00499, .00675, .0329}}};

/// Half the difference between the noise of the left and of the right half of a CCD, as a share of the noise: measured
/// on 26 real frames of columns 2, 3, 4 and 6 (the last in i only). 0 where it is below 0.01 or not measured.
inline constexpr std::array<PerBand, 6> camera_amplifier{{{0, 0, 0, 0, 0},
                                                          {.159, 0, 0, .055, 0},
                                                          {0, 0, 0, .060, 0},
                                                          {-.025, 0, .015, .060, -.053},
                                                          {0, 0, 0, 0, 0},
                                                          {0, 0, 0, .049, 0}}};

/// Galactic extinction per E(B-V) on the SFD scale. [mag]
///
/// Source  Schlafly & Finkbeiner 2011, ApJ 737, 103, R_V = 3.1
inline constexpr PerBand extinction_per_ebv{4.239, 3.303, 2.285, 1.698, 1.263};

inline double draw_ebv(const SkyParameters& sky, Random& random) {
  return sky.ebv_median * std::exp(sky.ebv_rms_ln * random.normal());
}

/// A night that is given instead of drawn: what the headers and stars of real frames tell. 0 leaves a number to the
/// draw.
struct Conditions {
  int camera_column = 0;     ///< 1 to 6
  PerBand fwhm_arcsec{};     ///< of the PSF
  PerBand sky_counts{};      ///< per pixel
  PerBand nmgy_per_count{};  ///< flux of one count [nMgy]
};

/// Throws InputError if a number is not one that a frame of this camera can have.
inline void check_conditions(const Conditions& conditions) {
  if (conditions.camera_column < 0 || conditions.camera_column > 6)
    detail::raise<InputError>("draw_scene: expected a camera column from 1 to 6, found " +
                              std::to_string(conditions.camera_column));
  const auto check = [](const PerBand& values, double least, double most, const char* what) {
    for (const double value : values)
      if (value != 0 && !(value >= least && value <= most))
        detail::raise<InputError>(std::string("draw_scene: expected ") + what + ", found " + std::to_string(value));
  };
  check(conditions.fwhm_arcsec, 0.5, 5, "a FWHM in [0.5, 5] arcsec");
  check(conditions.sky_counts, 1, 10000, "a sky in [1, 10000] counts");
  check(conditions.nmgy_per_count, 1e-4, 1, "a calibration in [0.0001, 1] nMgy per count");
}

/// PSFs of the five bands: one seeing factor for all, a little scatter of each, a common direction of the ellipticity.
inline std::array<Psf, 5> draw_psf(const SkyParameters& sky, const Conditions& given, Random& random) {
  const double seeing = sky.seeing_rms_ln * random.normal(), direction = std::numbers::pi * random.uniform();
  std::array<Psf, 5> psf;
  for (std::size_t b = 0; b < psf.size(); ++b) {
    psf[b].fwhm_arcsec = sky.psf_fwhm_arcsec[b] * std::exp(seeing + sky.seeing_band_rms_ln * random.normal());
    if (given.fwhm_arcsec[b] > 0) psf[b].fwhm_arcsec = given.fwhm_arcsec[b];
    psf[b].ellipticity = sky.psf_ellipticity_max * random.uniform();
    psf[b].position_angle = direction;
    psf[b].shape = sky.psf_shape;
    psf[b].band = b;
    psf[b].halo = sky.psf_halo_scale;
  }
  return psf;
}

/// Camera column and sky of one field.
inline void draw_camera(Scene& scene, const SkyParameters& sky, const Conditions& given, Random& random) {
  const std::size_t drawn = random.below(6);
  const std::size_t column = given.camera_column > 0 ? static_cast<std::size_t>(given.camera_column - 1) : drawn;
  scene.camera_column = static_cast<int>(column) + 1;
  const double common = sky.sky_rms_ln * random.normal();
  constexpr double pixel = Footprint::pixel_arcsec;
  for (std::size_t b = 0; b < scene.camera.size(); ++b) {
    CameraBand& camera = scene.camera[b];
    const double brightness = sky.sky_nmgy_arcsec2[b] * std::exp(common + sky.sky_band_rms_ln[b] * random.normal());
    camera.gain = camera_gain[column][b];
    camera.nmgy_per_count = given.nmgy_per_count[b] > 0 ? given.nmgy_per_count[b] : camera_nmgy_per_count[column][b];
    camera.sky_counts =
        given.sky_counts[b] > 0 ? given.sky_counts[b] : brightness * pixel * pixel / camera.nmgy_per_count;
    camera.sky_counts *= sky.noise_scale * sky.noise_scale;
    camera.dark_variance = camera_dark_variance[column][b] * sky.noise_scale * sky.noise_scale;
    camera.amplifier = sky.amplifier_scale * camera_amplifier[column][b];
    const double noise = camera.noise();
    camera.sky_offset = noise * (sky.sky_offset_mean + sky.sky_offset_rms * random.normal());
    camera.gradient_east = noise * sky.sky_gradient_rms / 600 * random.normal();  // per 10 arcmin
    camera.gradient_north = noise * sky.sky_gradient_rms / 600 * random.normal();
  }
}

/// Small-scale residual of the sky over the whole scene.
inline void draw_sky_mesh(Scene& scene, const SkyParameters& sky, Random& random) {
  const int half = 1 + static_cast<int>(scene.half_width_arcsec / sky.sky_mesh_arcsec);
  for (std::size_t b = 0; b < scene.camera.size(); ++b) {
    CameraBand& camera = scene.camera[b];
    if (!(sky.sky_mesh_rms[b] > 0)) continue;
    camera.mesh.spacing_arcsec = sky.sky_mesh_arcsec;
    camera.mesh.side = 2 * half + 1;
    camera.mesh.node.resize(static_cast<std::size_t>(camera.mesh.side) * static_cast<std::size_t>(camera.mesh.side));
    const double rms = sky.sky_mesh_rms[b] * camera.noise();
    for (float& node : camera.mesh.node) node = static_cast<float>(rms * random.normal());
  }
}

/// A frame about the cutout's centre: any orientation, the centre at a given pixel of its r band (0-based), the bands
/// shifted and turned against each other as in real frames.
inline Footprint frame_around(double x, double y, const SkyParameters& sky, Random& random) {
  Footprint footprint;
  const double angle = 2 * std::numbers::pi * random.uniform();
  for (std::size_t b = 0; b < footprint.centre_x.size(); ++b) {
    const bool reference = b == static_cast<std::size_t>(Band::r);
    const double dx = sky.band_shift_x_pixels * random.normal(), dy = sky.band_shift_y_pixels * random.normal();
    const double turn = sky.band_rotation_rms_deg * std::numbers::pi / 180 * random.normal();
    footprint.centre_x[b] = x + (reference ? 0 : std::clamp(dx, -6.0, 6.0));
    footprint.centre_y[b] = y + (reference ? 0 : std::clamp(dy, -12.0, 12.0));
    footprint.position_angle[b] = angle + (reference ? 0 : turn);
  }
  return footprint;
}

/// Diffraction spikes: the spider of the telescope as the CCD sees it that night.
inline void draw_spikes(Scene& scene, const SkyParameters& sky, Random& random) {
  const double tilt = sky.spike_tilt_deg * std::numbers::pi / 180 * random.uniform(-1, 1);
  for (Psf& psf : scene.psf) {
    psf.spikes = sky.spike_scale;
    psf.spike_angle = scene.footprint.position_angle[static_cast<std::size_t>(Band::r)] + tilt;
  }
}

/// Drift of the PSF across the frame, in any direction.
inline PsfDrift draw_psf_drift(const Footprint& footprint, const SkyParameters& sky, Random& random) {
  const double change = sky.psf_drift_max * random.uniform(), phi = 2 * std::numbers::pi * random.uniform();
  const double c = std::cos(phi), s = std::sin(phi), norm = std::fabs(c) + std::fabs(s);  // the corners' value
  const double per_x = change * c / (norm * Footprint::width), per_y = change * s / (norm * Footprint::height);
  const auto r = static_cast<std::size_t>(Band::r);
  const AffineMap map = footprint.map(r);
  const auto& m = map.arcsec_per_pixel;
  const double area = Footprint::pixel_arcsec * Footprint::pixel_arcsec;  // the matrix is its own inverse but for this
  PsfDrift drift;
  drift.most = change;
  drift.at_centre = 1 + per_x * (map.centre_x - 0.5 * (Footprint::width - 1)) +
                    per_y * (map.centre_y - 0.5 * (Footprint::height - 1));
  drift.per_arcsec_east = (per_x * m[0][0] + per_y * m[0][1]) / area;
  drift.per_arcsec_north = (per_x * m[1][0] + per_y * m[1][1]) / area;
  return drift;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
