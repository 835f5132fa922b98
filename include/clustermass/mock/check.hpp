// SPDX-License-Identifier: BSD-3-Clause
// Refuses parameters of a sky that no sky can have, by name, before anything is drawn.
#pragma once

#include <locale>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/mock/parameters.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// A parameter of the sky and the range it must lie in, limits included.
struct ParameterRange {
  const char* name;
  std::span<const double> values;
  double low, high;
};

namespace parameter_check {
inline std::string text(double value) {
  std::ostringstream stream;
  stream.imbue(std::locale::classic());
  stream << value;
  return stream.str();
}
inline std::span<const double> one(const double& value) { return {&value, 1}; }

/// Chances and shares.
inline std::vector<ParameterRange> shares(const SkyParameters& sky) {
  return {{"satellite_core_mpc", one(sky.satellite_core_mpc), 1e-4, 1},
          {"axis_ratio_mean", one(sky.axis_ratio_mean), 0.05, 1},
          {"axis_ratio_min", one(sky.axis_ratio_min), 0.05, 1},
          {"axis_ratio_max", one(sky.axis_ratio_max), 0.05, 1},
          {"axis_ratio_richness_correlation", one(sky.axis_ratio_richness_correlation), -1, 1},
          {"blue_min", one(sky.blue_min), 0, 1},
          {"bcg_dominant_share", one(sky.bcg_dominant_share), 0, 1},
          {"icl_fraction", one(sky.icl_fraction), 0, 0.9},
          {"well_centred_fraction", one(sky.well_centred_fraction), 0, 1},
          {"projection_probability", one(sky.projection_probability), 0, 1},
          {"clump_variance_share", one(sky.clump_variance_share), 0, 1},
          {"clump_most", one(sky.clump_most), 0, 1},
          {"early_axis_ratio", one(sky.early_axis_ratio), 0.05, 1},
          {"late_axis_ratio_min", one(sky.late_axis_ratio_min), 0.05, 1},
          {"psf_ellipticity_max", one(sky.psf_ellipticity_max), 0, 0.9},
          {"psf_drift_max", one(sky.psf_drift_max), 0, 1},
          {"spike_scale", one(sky.spike_scale), 0, 5},
          {"spike_tilt_deg", one(sky.spike_tilt_deg), 0, 45},
          {"psf_halo_scale", one(sky.psf_halo_scale), 0, 5},
          {"over_subtraction", one(sky.over_subtraction), 0, 1},
          {"cosmic_ray_missed_share", one(sky.cosmic_ray_missed_share), 0, 1},
          {"bad_column_share", one(sky.bad_column_share), 0, 1},
          {"missing_band_probability", one(sky.missing_band_probability), 0, 1}};
}

/// Numbers, rates and scatters that cannot be negative.
inline std::vector<ParameterRange> amounts(const SkyParameters& sky) {
  return {{"richness_norm", one(sky.richness_norm), 1e-3, 1e4},
          {"richness_scatter", one(sky.richness_scatter), 0, 3},
          {"satellite_concentration", one(sky.satellite_concentration), 0.1, 100},
          {"satellite_limit_r200c", one(sky.satellite_limit_r200c), 0.1, 20},
          {"axis_ratio_rms", one(sky.axis_ratio_rms), 0, 1},
          {"lf_depth", one(sky.lf_depth), 0, 12},
          {"ridge_scatter_scale", one(sky.ridge_scatter_scale), 0, 10},
          {"blue_norm", one(sky.blue_norm), 0, 10},
          {"blue_faint_boost", one(sky.blue_faint_boost), 0, 10},
          {"blue_scatter", sky.blue_scatter, 0, 3},
          {"bcg_rms", one(sky.bcg_rms), 0, 3},
          {"bcg_size_scale", one(sky.bcg_size_scale), 0.01, 100},
          {"bcg_misalignment_deg", one(sky.bcg_misalignment_deg), 0, 360},
          {"icl_scale_r200c", one(sky.icl_scale_r200c), 1e-3, 10},
          {"icl_aperture_mpc", one(sky.icl_aperture_mpc), 1e-3, 10},
          {"well_centred_rms_mpc", one(sky.well_centred_rms_mpc), 0, 2},
          {"miscentred_tau", one(sky.miscentred_tau), 0, 2},
          {"structure_fraction", one(sky.structure_fraction), 0, 10},
          {"structure_rms", one(sky.structure_rms), 0, 3},
          {"projection_min", one(sky.projection_min), 0, 10},
          {"projection_max", one(sky.projection_max), 0, 10},
          {"projection_max_dz", one(sky.projection_max_dz), 0, 1},
          {"field_scale", one(sky.field_scale), 0, 100},
          {"field_rms_10arcmin", one(sky.field_rms_10arcmin), 0, 2},
          {"clump_rms_mpc", one(sky.clump_rms_mpc), 0, 10},
          {"size_scale", one(sky.size_scale), 0.01, 100},
          {"field_size_arcsec", one(sky.field_size_arcsec), 0.01, 60},
          {"field_size_rms_dex", one(sky.field_size_rms_dex), 0, 1},
          {"early_axis_ratio_rms", one(sky.early_axis_ratio_rms), 0, 1},
          {"star_scale", one(sky.star_scale), 0, 1000},
          {"galactic_latitude_rms_deg", one(sky.galactic_latitude_rms_deg), 0, 90},
          {"ebv_median", one(sky.ebv_median), 0, 10},
          {"ebv_rms_ln", one(sky.ebv_rms_ln), 0, 3},
          {"psf_fwhm_arcsec", sky.psf_fwhm_arcsec, 0.1, 20},
          {"seeing_rms_ln", one(sky.seeing_rms_ln), 0, 1},
          {"seeing_band_rms_ln", one(sky.seeing_band_rms_ln), 0, 1},
          {"sky_nmgy_arcsec2", sky.sky_nmgy_arcsec2, 1e-3, 1e4},
          {"sky_rms_ln", one(sky.sky_rms_ln), 0, 2},
          {"sky_band_rms_ln", sky.sky_band_rms_ln, 0, 2},
          {"noise_scale", one(sky.noise_scale), 1e-3, 100},
          {"row_flicker", one(sky.row_flicker), 0, 10},
          {"row_drift", sky.row_drift, 0, 10},
          {"noise_correlation_pixels", one(sky.noise_correlation_pixels), 0, 10},
          {"sky_offset_rms", one(sky.sky_offset_rms), 0, 100},
          {"sky_gradient_rms", one(sky.sky_gradient_rms), 0, 100},
          {"sky_mesh_rms", sky.sky_mesh_rms, 0, 100},
          {"sky_mesh_arcsec", one(sky.sky_mesh_arcsec), 1, 1e5},
          {"amplifier_scale", one(sky.amplifier_scale), 0, 5},
          {"over_subtraction_radius_arcsec", one(sky.over_subtraction_radius_arcsec), 0.1, 3600},
          {"saturation_radius_arcsec", one(sky.saturation_radius_arcsec), 0, 3600},
          {"full_well_counts", one(sky.full_well_counts), 0, 65535},
          {"cosmic_rays_per_mpix", one(sky.cosmic_rays_per_mpix), 0, 1e5},
          {"band_shift_x_pixels", one(sky.band_shift_x_pixels), 0, 1000},
          {"band_shift_y_pixels", one(sky.band_shift_y_pixels), 0, 1000},
          {"band_rotation_rms_deg", one(sky.band_rotation_rms_deg), 0, 360}};
}

/// Positions, magnitudes, slopes: any sign, but within what the tables and formulas hold for.
inline std::vector<ParameterRange> places(const SkyParameters& sky) {
  return {{"log10_m500c_min", one(sky.log10_m500c_min), 12.5, 16},
          {"log10_m500c_max", one(sky.log10_m500c_max), 12.5, 16},
          {"redshift_min", one(sky.redshift_min), 0.05, 0.60},
          {"redshift_max", one(sky.redshift_max), 0.05, 0.60},
          {"richness_slope", one(sky.richness_slope), -5, 5},
          {"richness_evolution", one(sky.richness_evolution), -20, 20},
          {"lf_alpha", one(sky.lf_alpha), -1.9, 5},
          {"lf_mstar_offset", one(sky.lf_mstar_offset), -5, 5},
          {"lf_faint_limit", one(sky.lf_faint_limit), 10, 28},
          {"ridge_shift_gr", one(sky.ridge_shift_gr), -5, 5},
          {"ridge_shift_ri", one(sky.ridge_shift_ri), -5, 5},
          {"blue_alpha", one(sky.blue_alpha), -1.9, 5},
          {"blue_mstar_offset", one(sky.blue_mstar_offset), -5, 5},
          {"blue_shift", sky.blue_shift, -5, 5},
          {"bcg_offset", one(sky.bcg_offset), -10, 10},
          {"bcg_slope", one(sky.bcg_slope), -10, 10},
          {"field_bright_limit", one(sky.field_bright_limit), 0, 28},
          {"field_faint_limit", one(sky.field_faint_limit), 0, 28},
          {"clump_limit", one(sky.clump_limit), 0, 28},
          {"clump_redshift_min", one(sky.clump_redshift_min), 0.05, 0.60},
          {"clump_redshift_max", one(sky.clump_redshift_max), 0.05, 0.60},
          {"field_size_slope", one(sky.field_size_slope), -2, 2},
          {"galactic_latitude_deg", one(sky.galactic_latitude_deg), 20, 90},
          {"galactic_longitude_min_deg", one(sky.galactic_longitude_min_deg), 0, 360},
          {"galactic_longitude_max_deg", one(sky.galactic_longitude_max_deg), 0, 360},
          {"star_bright_limit_v", one(sky.star_bright_limit_v), 0, 28},
          {"star_faint_limit_v", one(sky.star_faint_limit_v), 0, 28},
          {"sky_offset_mean", one(sky.sky_offset_mean), -100, 100},
          {"over_subtraction_limit_i", one(sky.over_subtraction_limit_i), -100, 40},
          {"saturation_magnitude", sky.saturation_magnitude, -100, 40},
          {"saturation_radius_slope", one(sky.saturation_radius_slope), -2, 2}};
}

/// What may be neglected: never negative.
inline std::vector<ParameterRange> accuracies(const RenderAccuracy& accuracy) {
  return {{"accuracy.reach_sigma", one(accuracy.reach_sigma), 1, 10},
          {"accuracy.merge_bright", one(accuracy.merge_bright), 0, 100},
          {"accuracy.merge_faint", one(accuracy.merge_faint), 0, 100},
          {"accuracy.merge_bright_sum", one(accuracy.merge_bright_sum), 0, 1},
          {"accuracy.merge_faint_sum", one(accuracy.merge_faint_sum), 0, 1},
          {"accuracy.faint_flux", one(accuracy.faint_flux), 0, 1e12},
          {"accuracy.wing_peak", one(accuracy.wing_peak), 0, 1e12},
          {"accuracy.halo_peak", one(accuracy.halo_peak), 0, 1e12},
          {"accuracy.spike_peak", one(accuracy.spike_peak), 0, 1e12},
          {"accuracy.shared_flux", one(accuracy.shared_flux), 0, 1e12},
          {"accuracy.wide_ratio", one(accuracy.wide_ratio), 0, 1e12},
          {"accuracy.tilt_flux", one(accuracy.tilt_flux), 0, 1e12}};
}

inline void check_order(const char* low_name, double low, const char* high_name, double high) {
  if (low > high)
    detail::raise<InputError>(std::string("sky parameters: ") + low_name + " = " + text(low) + " lies above " +
                              high_name + " = " + text(high));
}
}  // namespace parameter_check

/// Throws InputError, with the name of the parameter, its range and what was found, if a number is not finite or no sky
/// can have it: a negative rate or width, a share above 1, a mass or redshift outside the tables, limits crossed.
inline void check(const SkyParameters& sky) {
  namespace list = parameter_check;
  for (const auto& ranges : {list::shares(sky), list::amounts(sky), list::places(sky), list::accuracies(sky.accuracy)})
    for (const ParameterRange& range : ranges)
      for (const double value : range.values)
        if (!(value >= range.low && value <= range.high))
          detail::raise<InputError>(std::string("sky parameters: expected ") + range.name + " in [" +
                                    list::text(range.low) + ", " + list::text(range.high) + "], found " +
                                    list::text(value));
  list::check_order("log10_m500c_min", sky.log10_m500c_min, "log10_m500c_max", sky.log10_m500c_max);
  list::check_order("redshift_min", sky.redshift_min, "redshift_max", sky.redshift_max);
  list::check_order("axis_ratio_min", sky.axis_ratio_min, "axis_ratio_max", sky.axis_ratio_max);
  list::check_order("projection_min", sky.projection_min, "projection_max", sky.projection_max);
  list::check_order("field_bright_limit", sky.field_bright_limit, "field_faint_limit", sky.field_faint_limit);
  list::check_order("clump_redshift_min", sky.clump_redshift_min, "clump_redshift_max", sky.clump_redshift_max);
  list::check_order("galactic_longitude_min_deg", sky.galactic_longitude_min_deg, "galactic_longitude_max_deg",
                    sky.galactic_longitude_max_deg);
  list::check_order("star_bright_limit_v", sky.star_bright_limit_v, "star_faint_limit_v", sky.star_faint_limit_v);
  if (sky.clump_min < 1 || sky.clump_max < sky.clump_min || sky.clump_max > 10000)
    detail::raise<InputError>(
        "sky parameters: expected clumps of 1 <= clump_min <= clump_max <= 10000 galaxies, found " +
        std::to_string(sky.clump_min) + " and " + std::to_string(sky.clump_max));
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
