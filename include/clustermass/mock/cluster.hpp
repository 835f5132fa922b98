// SPDX-License-Identifier: BSD-3-Clause
// What a halo puts on the sky: richness, satellites, brightest galaxy, intracluster light, its surroundings, and now
// and then a second halo in front or behind. Fluxes here are dereddened; sky.hpp reddens all at the end.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "clustermass/core/random.hpp"
#include "clustermass/mock/galaxy.hpp"
#include "clustermass/mock/mass.hpp"
#include "clustermass/mock/profile.hpp"
#include "clustermass/mock/scene.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Mean of ln lambda at a mass. Mass in Msun (500c).
inline double mean_ln_richness(double log10_m500c, double z, const SkyParameters& sky) {
  return std::log(sky.richness_norm) + sky.richness_slope * std::numbers::ln10 * (log10_m500c - std::log10(3e14)) +
         sky.richness_evolution * std::log(expansion(z) / expansion(0.25));
}

/// Appends the source if it lies within the field and its margin.
class FieldWindow {
 public:
  explicit FieldWindow(Scene& scene) : scene_(scene), limit_(scene.half_width_arcsec + margin_arcsec) {}

  bool holds(double east, double north) const { return std::fabs(east) < limit_ && std::fabs(north) < limit_; }
  void add(const Source& source) {
    if (holds(source.east, source.north)) scene_.sources.push_back(source);
  }
  double half_width() const { return limit_; }

  static constexpr double margin_arcsec = 15;  ///< light of sources outside that still reaches in

 private:
  Scene& scene_;
  double limit_;
};

/// Elliptical projected distribution of satellites about a centre.
struct SatelliteProfile {
  ProjectedNfw nfw;
  double scale_mpc;  ///< r_s
  double axis_ratio, position_angle;

  /// Offset east and north. [Mpc]
  struct Offset {
    double east, north;
  };
  Offset draw(Random& random) const {
    const double m = scale_mpc * nfw.radius(random.uniform()), phi = 2 * std::numbers::pi * random.uniform();
    const double major = m * std::cos(phi) / std::sqrt(axis_ratio), minor = m * std::sin(phi) * std::sqrt(axis_ratio);
    const double s = std::sin(position_angle), c = std::cos(position_angle);
    return {major * s + minor * c, major * c - minor * s};
  }

  /// Share of the satellites inside a circle: mean of the profile over the directions of the ellipse.
  double enclosed(double radius_mpc) const {
    constexpr int steps = 64;
    double sum = 0;
    for (int k = 0; k < steps; ++k) {
      const double phi = std::numbers::pi / 2 * (k + 0.5) / steps, c = std::cos(phi), s = std::sin(phi);
      sum += nfw.enclosed(radius_mpc / scale_mpc / std::sqrt(c * c / axis_ratio + s * s * axis_ratio));
    }
    return sum / steps;
  }
};

/// Satellites of a halo of radius R200c: core and limit as the parameters say.
inline SatelliteProfile satellite_profile(double r200c_mpc, double axis_ratio, double position_angle,
                                          const SkyParameters& sky) {
  const double scale = r200c_mpc / sky.satellite_concentration;
  return {ProjectedNfw(sky.satellite_core_mpc / scale, sky.satellite_limit_r200c * sky.satellite_concentration), scale,
          axis_ratio, position_angle};
}

/// A red-sequence galaxy of given magnitude at an offset from the cutout's centre. [arcsec]
inline Source red_galaxy(SourceKind kind, double east, double north, double i_magnitude, const Epoch& epoch,
                         const SkyParameters& sky, Random& random) {
  const Colours colours = epoch.red.draw(i_magnitude, random);
  Source source{kind, Profile::de_vaucouleurs, east, north, 0, 1, 0, fluxes(i_magnitude, colours)};
  source.radius = draw_radius(true, i_magnitude + epoch.red.mean(i_magnitude)[2], epoch, sky, random);
  source.axis_ratio = draw_axis_ratio(true, sky, random);
  source.position_angle = std::numbers::pi * random.uniform();
  return source;
}

/// Magnitude of the brightest galaxy of a halo, against redMaPPer's m*(z) whatever the satellites' knee is.
inline double draw_bcg_magnitude(double lambda, const Epoch& epoch, const SkyParameters& sky, Random& random) {
  return mstar_i(epoch.z) + sky.bcg_offset + sky.bcg_slope * std::log(lambda / 30) + random.normal(0, sky.bcg_rms);
}

/// Red satellites. Returns their i-band light inside the aperture of the intracluster light. [nMgy]
inline double add_red_members(Scene& scene, const SatelliteProfile& profile, double brightest_i, const Epoch& epoch,
                              const SkyParameters& sky, Random& random) {
  FieldWindow window(scene);
  const double x_min = epoch.luminosity(epoch.faint_limit(sky)), x_max = epoch.luminosity(brightest_i);
  const double inside = profile.enclosed(richness_radius_mpc(scene.lambda_int));
  const int count = random.poisson(scene.lambda_int / inside * count_ratio(sky.lf_alpha, x_min));
  double light = 0;
  for (int k = 0; k < count; ++k) {
    const auto offset = profile.draw(random);
    const double i = epoch.mstar - 2.5 * std::log10(draw_schechter(sky.lf_alpha, x_min, x_max, random));
    if (std::hypot(offset.east, offset.north) < sky.icl_aperture_mpc) light += exp10(0.4 * (22.5 - i));
    const double east = scene.cluster_east + offset.east * epoch.arcsec_per_mpc;
    const double north = scene.cluster_north + offset.north * epoch.arcsec_per_mpc;
    if (window.holds(east, north)) window.add(red_galaxy(SourceKind::red_member, east, north, i, epoch, sky, random));
  }
  return light;
}

/// Blue satellites, added on top of lambda: the red ones' profile, thinned by the blue-to-red ratio at each radius.
/// Returns their i-band light as add_red_members does.
inline double add_blue_members(Scene& scene, const SatelliteProfile& profile, const Epoch& epoch,
                               const SkyParameters& sky, Random& random) {
  FieldWindow window(scene);
  const double mstar = epoch.mstar + sky.blue_mstar_offset;
  const double x_min = exp10(0.4 * (mstar - epoch.faint_limit(sky))),
               x_reference = 0.2 * exp10(0.4 * (mstar - epoch.mstar));
  const double inside = profile.enclosed(richness_radius_mpc(scene.lambda_int));
  const double boost = std::max(1.0, sky.blue_faint_boost);
  const int count = random.poisson(boost * scene.lambda_int / inside * count_ratio(sky.blue_alpha, x_min, x_reference));
  double light = 0;
  for (int k = 0; k < count; ++k) {
    const auto offset = profile.draw(random);
    const double i = mstar - 2.5 * std::log10(draw_schechter(sky.blue_alpha, x_min, 60, random));
    const double radius = std::hypot(offset.east, offset.north), growth = (1 + scene.redshift) / 1.2;
    const double ratio =
        std::clamp(sky.blue_norm * growth * growth * std::sqrt(radius / scene.r500c_mpc), sky.blue_min, 1.0);
    const double weight = epoch.luminosity(i) < 0.1 ? sky.blue_faint_boost : 1.0;
    if (random.uniform() * boost > ratio * weight) continue;
    if (radius < sky.icl_aperture_mpc) light += exp10(0.4 * (22.5 - i));
    const double east = scene.cluster_east + offset.east * epoch.arcsec_per_mpc;
    const double north = scene.cluster_north + offset.north * epoch.arcsec_per_mpc;
    if (!window.holds(east, north)) continue;
    Colours colours = epoch.red.mean(i);
    for (std::size_t c = 0; c < colours.size(); ++c)
      colours[c] += sky.blue_shift[c] + sky.blue_scatter[c] * random.normal();
    Source source{SourceKind::blue_member, Profile::exponential, east, north, 0, 1, 0, fluxes(i, colours)};
    source.radius = draw_radius(false, i + colours[2], epoch, sky, random);
    source.axis_ratio = draw_axis_ratio(false, sky, random);
    source.position_angle = std::numbers::pi * random.uniform();
    window.add(source);
  }
  return light;
}

/// The brightest galaxy at the true centre, aligned with the cluster up to a misalignment.
inline Source bcg_source(const Scene& scene, double i_magnitude, const Epoch& epoch, const SkyParameters& sky,
                         Random& random) {
  Source bcg = red_galaxy(SourceKind::bcg, scene.cluster_east, scene.cluster_north, i_magnitude, epoch, sky, random);
  bcg.radius *= sky.bcg_size_scale;
  bcg.position_angle = scene.position_angle + random.normal(0, sky.bcg_misalignment_deg * std::numbers::pi / 180);
  return bcg;
}

/// Intracluster light: an exponential of the cluster's shape and the brightest galaxy's ridge colours, holding its
/// share of all light inside the aperture.
inline Source icl_source(const Scene& scene, double galaxy_light, double bcg_i, const Epoch& epoch,
                         const SkyParameters& sky) {
  const double scale_mpc = sky.icl_scale_r200c * scene.r200c_mpc, q = scene.axis_ratio;
  double inside = 0;  // the aperture is a circle, the light an ellipse: mean over the directions
  constexpr int steps = 32;
  for (int k = 0; k < steps; ++k) {
    const double phi = std::numbers::pi / 2 * (k + 0.5) / steps, c = std::cos(phi), s = std::sin(phi);
    const double x = sky.icl_aperture_mpc / scale_mpc / std::sqrt(c * c / q + s * s * q);
    inside += (1 - (1 + x) * std::exp(-x)) / steps;
  }
  const double light = sky.icl_fraction / (1 - sky.icl_fraction) * galaxy_light / inside;
  constexpr double half_light = 1.67834699;  // of an exponential, in scale lengths
  return {SourceKind::icl,
          Profile::exponential,
          scene.cluster_east,
          scene.cluster_north,
          half_light * scale_mpc * epoch.arcsec_per_mpc,
          scene.axis_ratio,
          scene.position_angle,
          fluxes(22.5 - 2.5 * std::log10(light), epoch.red.mean(bcg_i))};
}

/// Red galaxies around the halo, uniform over the field.
inline void add_structure(Scene& scene, const Epoch& epoch, const SkyParameters& sky, Random& random) {
  FieldWindow window(scene);
  const double x_min = epoch.luminosity(epoch.faint_limit(sky)),
               width_mpc = 2 * window.half_width() / epoch.arcsec_per_mpc;
  const double s = sky.structure_rms;
  const double density = sky.structure_fraction * scene.lambda_int / 4 * std::exp(s * random.normal() - 0.5 * s * s);
  const int count = random.poisson(density * width_mpc * width_mpc * count_ratio(sky.lf_alpha, x_min));
  for (int k = 0; k < count; ++k) {
    const double east = random.uniform(-1, 1) * window.half_width(),
                 north = random.uniform(-1, 1) * window.half_width();
    const double i = epoch.mstar - 2.5 * std::log10(draw_schechter(sky.lf_alpha, x_min, 60, random));
    window.add(red_galaxy(SourceKind::structure, east, north, i, epoch, sky, random));
  }
}

/// A second halo near the line of sight: its red satellites and its brightest galaxy.
inline void add_projection(Scene& scene, const Epoch& cluster, const SkyParameters& sky, Random& random) {
  if (random.uniform() >= sky.projection_probability) return;
  const double lambda = scene.lambda_int * random.uniform(sky.projection_min, sky.projection_max);
  const double dz = random.uniform(-1, 1) * sky.projection_max_dz;
  const Epoch epoch(std::clamp(scene.redshift + dz, 0.05, 0.60), sky);
  const double distance = std::sqrt(random.uniform()) * cluster.arcsec_per_mpc;  // within 1 Mpc of the cluster
  const double direction = 2 * std::numbers::pi * random.uniform();
  const double east0 = scene.cluster_east + distance * std::sin(direction);
  const double north0 = scene.cluster_north + distance * std::cos(direction);

  // The mass of the mean relation: only its size is needed.
  const double m500c = 3e14 * std::pow(lambda / sky.richness_norm, 1 / sky.richness_slope);
  const double r200c = halo_radius_mpc(m200c_of_m500c(m500c, epoch.z), MassDefinition::c200, epoch.z);
  const double axis_ratio =
      std::clamp(random.normal(sky.axis_ratio_mean, sky.axis_ratio_rms), sky.axis_ratio_min, sky.axis_ratio_max);
  const SatelliteProfile profile = satellite_profile(r200c, axis_ratio, std::numbers::pi * random.uniform(), sky);

  FieldWindow window(scene);
  const double x_min = epoch.luminosity(epoch.faint_limit(sky));
  const int count =
      random.poisson(lambda / profile.enclosed(richness_radius_mpc(lambda)) * count_ratio(sky.lf_alpha, x_min));
  for (int k = 0; k < count; ++k) {
    const auto offset = profile.draw(random);
    const double i = epoch.mstar - 2.5 * std::log10(draw_schechter(sky.lf_alpha, x_min, 60, random));
    const double east = east0 + offset.east * epoch.arcsec_per_mpc,
                 north = north0 + offset.north * epoch.arcsec_per_mpc;
    if (window.holds(east, north)) window.add(red_galaxy(SourceKind::projected, east, north, i, epoch, sky, random));
  }
  Source bcg = red_galaxy(SourceKind::projected, east0, north0, draw_bcg_magnitude(lambda, epoch, sky, random), epoch,
                          sky, random);
  bcg.radius *= sky.bcg_size_scale;
  window.add(bcg);
}

/// Offset of a catalogue's centre from the true one. [Mpc]
inline double draw_miscentring_mpc(double lambda, const SkyParameters& sky, Random& random) {
  if (random.uniform() < sky.well_centred_fraction)
    return sky.well_centred_rms_mpc * std::sqrt(-2 * std::log(random.uniform()));
  // Gamma(2, tau) is the sum of two exponentials.
  return richness_radius_mpc(lambda) * -sky.miscentred_tau * std::log(random.uniform() * random.uniform());
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
