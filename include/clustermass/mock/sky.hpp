// SPDX-License-Identifier: BSD-3-Clause
// The mock sky: draws a scene as a pure function of (parameters, seed, index, options), the same on any machine order,
// thread count or batch. Images of it: working.hpp and native.hpp.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>
#include <string>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/core/error.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/mock/check.hpp"
#include "clustermass/mock/cluster.hpp"
#include "clustermass/mock/field.hpp"
#include "clustermass/mock/noise.hpp"
#include "clustermass/mock/population.hpp"
#include "clustermass/mock/scene.hpp"
#include "clustermass/mock/survey.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// What to draw. Left as it is: a cluster of the training prior in a 2 Mpc cutout, half of them cut by a frame's edge.
struct SceneOptions {
  std::optional<double> log10_m500c{};                 ///< fixed mass; else drawn from the sky's prior
  std::optional<double> redshift{};                    ///< fixed redshift in [0.05, 0.60]; else drawn from the prior
  bool cluster = true;                                 ///< false: a blank field (its redshift still sets the width)
  bool miscentring = true;                             ///< false: the cutout is centred on the cluster
  double half_width_arcsec = 0;                        ///< of the square that is filled; 0: 1 Mpc at the redshift
  double footprint_probability = 0.5;                  ///< share of the cutouts that end at a frame's edge
  std::optional<std::array<double, 2>> frame_pixel{};  ///< x, y of the centre in the frame; else anywhere in it
  Conditions conditions{};                             ///< seeing, sky and camera of a given night
};

/// One stream of random numbers per ingredient, so that switching one off leaves the others as they are.
enum class Stream : std::uint32_t {
  population,
  richness,
  shape,
  centring,
  red_members,
  blue_members,
  bcg,
  structure,
  projection,
  field,
  stars,
  extinction,
  psf,
  camera,
  footprint,
  missing_band,
  calibration,
  sky_mesh,
  psf_drift = 24,
  spikes = 25,
  noise = 32,         ///< + band, at working scale
  native_noise = 40,  ///< + band
  cosmic_rays = 48,   ///< + band
  bad_columns = 53,   ///< + band
  row_noise = 68,     ///< + band
  labels = 60,        ///< + source
  mixture = 64,
  catalogue = 65,
};

/// An ingredient's stream in one scene; `band` for those that have one in each band.
inline Random stream_of(std::uint64_t seed, std::uint64_t index, Stream stream, std::size_t band = 0) {
  return Random(seed, index, static_cast<std::uint32_t>(stream) + static_cast<std::uint32_t>(band));
}
inline NormalStream noise_of(const Scene& scene, Stream stream, std::size_t band) {
  return NormalStream(scene.seed, scene.index, static_cast<std::uint32_t>(stream) + static_cast<std::uint32_t>(band));
}

/// Row noise of one band in nMgy per native pixel. The flicker belongs to the dark noise, the drift to the whole.
inline RowNoise row_noise_of(const Scene& scene, std::size_t band, const SkyParameters& sky) {
  const CameraBand& camera = scene.camera[band];
  return {sky.row_flicker * camera.nmgy_per_count * std::sqrt(camera.dark_variance),
          sky.row_drift[band] * camera.noise(), noise_of(scene, Stream::row_noise, band)};
}

/// Mass, richness, shape and centre; then the halo's light.
inline void add_cluster(Scene& scene, const SkyParameters& sky, const SceneOptions& options) {
  const auto stream = [&scene](Stream name) { return stream_of(scene.seed, scene.index, name); };
  const Epoch epoch(scene.redshift, sky);
  const double mass = exp10(scene.log10_m500c), z = scene.redshift;
  scene.r500c_mpc = halo_radius_mpc(mass, MassDefinition::c500, z);
  scene.r200c_mpc = halo_radius_mpc(m200c_of_m500c(mass, z), MassDefinition::c200, z);

  Random richness = stream(Stream::richness);
  const double deviate = richness.normal();
  scene.lambda_int = std::exp(mean_ln_richness(scene.log10_m500c, z, sky) + sky.richness_scatter * deviate);

  // A halo stretched along the line of sight looks rounder and richer.
  Random shape = stream(Stream::shape);
  const double rho = sky.axis_ratio_richness_correlation;
  const double q =
      sky.axis_ratio_mean + sky.axis_ratio_rms * (rho * deviate + std::sqrt(1 - rho * rho) * shape.normal());
  scene.axis_ratio = std::clamp(q, sky.axis_ratio_min, sky.axis_ratio_max);
  scene.position_angle = std::numbers::pi * shape.uniform();

  if (options.miscentring) {
    Random centring = stream(Stream::centring);
    const double offset = draw_miscentring_mpc(scene.lambda_int, sky, centring) * epoch.arcsec_per_mpc;
    const double direction = 2 * std::numbers::pi * centring.uniform();
    scene.cluster_east = offset * std::sin(direction);
    scene.cluster_north = offset * std::cos(direction);
  }

  const SatelliteProfile profile = satellite_profile(scene.r200c_mpc, scene.axis_ratio, scene.position_angle, sky);
  Random bcg = stream(Stream::bcg), red = stream(Stream::red_members), blue = stream(Stream::blue_members);
  const double bcg_i = draw_bcg_magnitude(scene.lambda_int, epoch, sky, bcg);
  const bool dominant = bcg.uniform() < sky.bcg_dominant_share;
  FieldWindow(scene).add(bcg_source(scene, bcg_i, epoch, sky, bcg));
  double light = exp10(0.4 * (22.5 - bcg_i));
  light += add_red_members(scene, profile, dominant ? bcg_i : epoch.mstar - 4.5, epoch, sky, red);
  light += add_blue_members(scene, profile, epoch, sky, blue);
  if (sky.icl_fraction > 0) scene.sources.push_back(icl_source(scene, light, bcg_i, epoch, sky));

  Random structure = stream(Stream::structure), projection = stream(Stream::projection);
  add_structure(scene, epoch, sky, structure);
  add_projection(scene, epoch, sky, projection);
}

inline void check_options(const SceneOptions& options) {
  const auto outside = [](double value, double low, double high) { return !(value >= low && value <= high); };
  if (options.redshift && outside(*options.redshift, 0.05, 0.60))
    detail::raise<InputError>(
        "draw_scene: expected a redshift in [0.05, 0.60], where the red sequence is calibrated, found " +
        std::to_string(*options.redshift));
  if (options.log10_m500c && outside(*options.log10_m500c, 12.5, 16))
    detail::raise<InputError>("draw_scene: expected log10(M500c / Msun) in [12.5, 16], found " +
                              std::to_string(*options.log10_m500c));
  if (outside(options.half_width_arcsec, 0, 3600))
    detail::raise<InputError>("draw_scene: expected half_width_arcsec in [0, 3600], found " +
                              std::to_string(options.half_width_arcsec));
  if (outside(options.footprint_probability, 0, 1))
    detail::raise<InputError>("draw_scene: expected footprint_probability in [0, 1], found " +
                              std::to_string(options.footprint_probability));
  check_conditions(options.conditions);
  if (options.frame_pixel && (outside((*options.frame_pixel)[0], 0, Footprint::width - 1) ||
                              outside((*options.frame_pixel)[1], 0, Footprint::height - 1)))
    detail::raise<InputError>("draw_scene: expected frame_pixel inside the frame of 2048 x 1489 pixels, found (" +
                              std::to_string((*options.frame_pixel)[0]) + ", " +
                              std::to_string((*options.frame_pixel)[1]) + ")");
}

/// Scene number `index` of the sky `seed`.
///
/// Throws  InputError for parameters that no sky can have, a mass, redshift, width, frame position or night out of
/// range
inline Scene draw_scene(const SkyParameters& sky, std::uint64_t seed, std::uint64_t index,
                        const SceneOptions& options = {}) {
  check(sky);
  check_options(options);
  Scene scene;
  scene.seed = seed;
  scene.index = index;
  const auto stream = [&scene](Stream name) { return stream_of(scene.seed, scene.index, name); };

  Random population = stream(Stream::population);
  const PopulationDraw drawn = draw_population(sky, options.redshift, population);
  scene.redshift = drawn.redshift;
  scene.half_width_arcsec =
      options.half_width_arcsec > 0 ? options.half_width_arcsec : arcsec_of_mpc(1, scene.redshift);
  if (options.cluster) {
    scene.log10_m500c = options.log10_m500c.value_or(drawn.log10_m500c);
    add_cluster(scene, sky, options);
  }
  Random field = stream(Stream::field), stars = stream(Stream::stars);
  add_field_galaxies(scene, sky, field);
  add_stars(scene, sky, stars);

  Random extinction = stream(Stream::extinction);
  scene.ebv = draw_ebv(sky, extinction);
  PerBand dimming;
  for (std::size_t b = 0; b < dimming.size(); ++b) dimming[b] = exp10(-0.4 * extinction_per_ebv[b] * scene.ebv);
  for (Source& source : scene.sources)
    for (std::size_t b = 0; b < dimming.size(); ++b) source.flux[b] *= dimming[b];

  Random psf = stream(Stream::psf), camera = stream(Stream::camera);
  scene.psf = draw_psf(sky, options.conditions, psf);
  draw_camera(scene, sky, options.conditions, camera);
  Random mesh = stream(Stream::sky_mesh);
  draw_sky_mesh(scene, sky, mesh);

  Random frame = stream(Stream::footprint);
  const bool limited = frame.uniform() < options.footprint_probability;
  const double x = frame.uniform(0, Footprint::width - 1), y = frame.uniform(0, Footprint::height - 1);
  const auto pixel = options.frame_pixel.value_or(std::array<double, 2>{x, y});
  scene.footprint = frame_around(pixel[0], pixel[1], sky, frame);
  scene.footprint.limited = limited;

  Random drift = stream(Stream::psf_drift);
  scene.psf_drift = draw_psf_drift(scene.footprint, sky, drift);

  Random spikes = stream(Stream::spikes);
  draw_spikes(scene, sky, spikes);

  Random missing = stream(Stream::missing_band);
  if (missing.uniform() < sky.missing_band_probability) scene.missing_band = static_cast<int>(missing.below(5));
  return scene;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
