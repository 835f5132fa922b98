// SPDX-License-Identifier: BSD-3-Clause
// The numbers of a sky as a table: name, place in SkyParameters, the range that a sky can have, and the ingredient that
// moves it. check.hpp reads the ranges, skies.hpp the ingredients; a parameter has one line here.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <variant>

#include "clustermass/mock/parameters.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// What sky B has otherwise than sky A; each can be switched by itself.
enum class Ingredient {
  richness,      ///< mass-richness relation and its scatter
  luminosity,    ///< slope and knee of the luminosity function
  satellites,    ///< concentration and core of the satellites
  red_sequence,  ///< colour of the ridge and its scatter
  blue_members,  ///< blue-to-red ratio
  bcg,           ///< magnitude of the brightest galaxy
  icl,           ///< share of the intracluster light
  centring,      ///< share of miscentred clusters
  field,         ///< counts and clustering of field galaxies
  psf,           ///< shape and width
  noise,         ///< level and correlation
  stars,         ///< galactic latitude
  sizes          ///< half-light radii
};
inline constexpr std::size_t ingredient_count = 13;

/// One number of Parameters, or an array of them, and the range it must lie in, limits included.
template <class Parameters>
struct ParameterField {
  using Member = std::variant<double Parameters::*, PerBand Parameters::*, std::array<double, 4> Parameters::*>;

  const char* name;
  Member member;
  double low, high;
  std::optional<Ingredient> ingredient{};

  template <class P>  // const or not
  auto values(P& parameters) const {
    using Number = std::conditional_t<std::is_const_v<P>, const double, double>;
    return std::visit(
        [&parameters](auto place) {
          auto& found = parameters.*place;
          if constexpr (requires { found.size(); })
            return std::span<Number>(found);
          else
            return std::span<Number>(&found, 1);
        },
        member);
  }
};

/// The numbers of SkyParameters, in its order.
inline const auto& parameter_table() {
#define CLUSTERMASS_FIELD(name, ...) \
  ParameterField<SkyParameters> { #name, &SkyParameters::name, __VA_ARGS__ }
  static const std::array table{//
                                CLUSTERMASS_FIELD(log10_m500c_min, 12.5, 16),
                                CLUSTERMASS_FIELD(log10_m500c_max, 12.5, 16),
                                CLUSTERMASS_FIELD(redshift_min, 0.05, 0.60),
                                CLUSTERMASS_FIELD(redshift_max, 0.05, 0.60),
                                CLUSTERMASS_FIELD(sigma_8, 0.1, 2),
                                CLUSTERMASS_FIELD(spectral_index, 0.5, 1.5),
                                CLUSTERMASS_FIELD(omega_b, 0.001, 0.25),
                                CLUSTERMASS_FIELD(label_log10_m500c_mean, 12.5, 16),
                                CLUSTERMASS_FIELD(label_log10_m500c_rms, 0, 2),
                                CLUSTERMASS_FIELD(richness_norm, 1e-3, 1e4, Ingredient::richness),
                                CLUSTERMASS_FIELD(richness_slope, -5, 5, Ingredient::richness),
                                CLUSTERMASS_FIELD(richness_evolution, -20, 20, Ingredient::richness),
                                CLUSTERMASS_FIELD(richness_scatter, 0, 3, Ingredient::richness),
                                CLUSTERMASS_FIELD(satellite_concentration, 0.1, 100, Ingredient::satellites),
                                CLUSTERMASS_FIELD(satellite_core_mpc, 1e-4, 1, Ingredient::satellites),
                                CLUSTERMASS_FIELD(satellite_limit_r200c, 0.1, 20),
                                CLUSTERMASS_FIELD(axis_ratio_mean, 0.05, 1),
                                CLUSTERMASS_FIELD(axis_ratio_rms, 0, 1),
                                CLUSTERMASS_FIELD(axis_ratio_min, 0.05, 1),
                                CLUSTERMASS_FIELD(axis_ratio_max, 0.05, 1),
                                CLUSTERMASS_FIELD(axis_ratio_richness_correlation, -1, 1),
                                CLUSTERMASS_FIELD(lf_alpha, -1.9, 5, Ingredient::luminosity),
                                CLUSTERMASS_FIELD(lf_mstar_offset, -5, 5, Ingredient::luminosity),
                                CLUSTERMASS_FIELD(lf_depth, 0, 12),
                                CLUSTERMASS_FIELD(lf_faint_limit, 10, 28),
                                CLUSTERMASS_FIELD(ridge_shift_gr, -5, 5, Ingredient::red_sequence),
                                CLUSTERMASS_FIELD(ridge_shift_ri, -5, 5, Ingredient::red_sequence),
                                CLUSTERMASS_FIELD(ridge_scatter_scale, 0, 10, Ingredient::red_sequence),
                                CLUSTERMASS_FIELD(blue_norm, 0, 10, Ingredient::blue_members),
                                CLUSTERMASS_FIELD(blue_min, 0, 1),
                                CLUSTERMASS_FIELD(blue_faint_boost, 0, 10),
                                CLUSTERMASS_FIELD(blue_alpha, -1.9, 5),
                                CLUSTERMASS_FIELD(blue_mstar_offset, -5, 5),
                                CLUSTERMASS_FIELD(blue_shift, -5, 5),
                                CLUSTERMASS_FIELD(blue_scatter, 0, 3),
                                CLUSTERMASS_FIELD(bcg_offset, -10, 10, Ingredient::bcg),
                                CLUSTERMASS_FIELD(bcg_slope, -10, 10, Ingredient::bcg),
                                CLUSTERMASS_FIELD(bcg_rms, 0, 3, Ingredient::bcg),
                                CLUSTERMASS_FIELD(bcg_dominant_share, 0, 1),
                                CLUSTERMASS_FIELD(bcg_size_scale, 0.01, 100),
                                CLUSTERMASS_FIELD(bcg_misalignment_deg, 0, 360),
                                CLUSTERMASS_FIELD(icl_fraction, 0, 0.9, Ingredient::icl),
                                CLUSTERMASS_FIELD(icl_scale_r200c, 1e-3, 10),
                                CLUSTERMASS_FIELD(icl_aperture_mpc, 1e-3, 10),
                                CLUSTERMASS_FIELD(well_centred_fraction, 0, 1, Ingredient::centring),
                                CLUSTERMASS_FIELD(well_centred_rms_mpc, 0, 2),
                                CLUSTERMASS_FIELD(miscentred_tau, 0, 2),
                                CLUSTERMASS_FIELD(structure_fraction, 0, 10),
                                CLUSTERMASS_FIELD(structure_rms, 0, 3),
                                CLUSTERMASS_FIELD(projection_probability, 0, 1),
                                CLUSTERMASS_FIELD(projection_min, 0, 10),
                                CLUSTERMASS_FIELD(projection_max, 0, 10),
                                CLUSTERMASS_FIELD(projection_max_dz, 0, 1),
                                CLUSTERMASS_FIELD(field_scale, 0, 100, Ingredient::field),
                                CLUSTERMASS_FIELD(field_bright_limit, 0, 28),
                                CLUSTERMASS_FIELD(field_faint_limit, 0, 28),
                                CLUSTERMASS_FIELD(field_rms_10arcmin, 0, 2, Ingredient::field),
                                CLUSTERMASS_FIELD(clump_variance_share, 0, 1),
                                CLUSTERMASS_FIELD(clump_limit, 0, 28),
                                CLUSTERMASS_FIELD(clump_most, 0, 1),
                                CLUSTERMASS_FIELD(clump_redshift_min, 0.05, 0.60),
                                CLUSTERMASS_FIELD(clump_redshift_max, 0.05, 0.60),
                                CLUSTERMASS_FIELD(clump_rms_mpc, 0, 10),
                                CLUSTERMASS_FIELD(size_scale, 0.01, 100, Ingredient::sizes),
                                CLUSTERMASS_FIELD(field_size_arcsec, 0.01, 60),
                                CLUSTERMASS_FIELD(field_size_slope, -2, 2),
                                CLUSTERMASS_FIELD(field_size_rms_dex, 0, 1),
                                CLUSTERMASS_FIELD(early_axis_ratio, 0.05, 1),
                                CLUSTERMASS_FIELD(early_axis_ratio_rms, 0, 1),
                                CLUSTERMASS_FIELD(late_axis_ratio_min, 0.05, 1),
                                CLUSTERMASS_FIELD(star_scale, 0, 1000),
                                CLUSTERMASS_FIELD(galactic_latitude_deg, 20, 90, Ingredient::stars),
                                CLUSTERMASS_FIELD(galactic_latitude_rms_deg, 0, 90),
                                CLUSTERMASS_FIELD(galactic_longitude_min_deg, 0, 360),
                                CLUSTERMASS_FIELD(galactic_longitude_max_deg, 0, 360),
                                CLUSTERMASS_FIELD(star_bright_limit_v, 0, 28),
                                CLUSTERMASS_FIELD(star_faint_limit_v, 0, 28),
                                CLUSTERMASS_FIELD(ebv_median, 0, 10),
                                CLUSTERMASS_FIELD(ebv_rms_ln, 0, 3),
                                CLUSTERMASS_FIELD(psf_fwhm_arcsec, 0.1, 20, Ingredient::psf),
                                CLUSTERMASS_FIELD(seeing_rms_ln, 0, 1),
                                CLUSTERMASS_FIELD(seeing_band_rms_ln, 0, 1),
                                CLUSTERMASS_FIELD(psf_ellipticity_max, 0, 0.9),
                                CLUSTERMASS_FIELD(psf_halo_scale, 0, 5),
                                CLUSTERMASS_FIELD(spike_scale, 0, 5),
                                CLUSTERMASS_FIELD(spike_tilt_deg, 0, 45),
                                CLUSTERMASS_FIELD(psf_drift_max, 0, 1),
                                CLUSTERMASS_FIELD(sky_nmgy_arcsec2, 1e-3, 1e4),
                                CLUSTERMASS_FIELD(sky_rms_ln, 0, 2),
                                CLUSTERMASS_FIELD(sky_band_rms_ln, 0, 2),
                                CLUSTERMASS_FIELD(noise_scale, 1e-3, 100, Ingredient::noise),
                                CLUSTERMASS_FIELD(amplifier_scale, 0, 5),
                                CLUSTERMASS_FIELD(row_flicker, 0, 10),
                                CLUSTERMASS_FIELD(row_drift, 0, 10),
                                CLUSTERMASS_FIELD(noise_correlation_pixels, 0, 10, Ingredient::noise),
                                CLUSTERMASS_FIELD(sky_offset_mean, -100, 100),
                                CLUSTERMASS_FIELD(sky_offset_rms, 0, 100),
                                CLUSTERMASS_FIELD(sky_gradient_rms, 0, 100),
                                CLUSTERMASS_FIELD(sky_mesh_rms, 0, 100),
                                CLUSTERMASS_FIELD(sky_mesh_arcsec, 1, 1e5),
                                CLUSTERMASS_FIELD(over_subtraction, 0, 1),
                                CLUSTERMASS_FIELD(over_subtraction_limit_i, -100, 40),
                                CLUSTERMASS_FIELD(over_subtraction_radius_arcsec, 0.1, 3600),
                                CLUSTERMASS_FIELD(saturation_magnitude, -100, 40),
                                CLUSTERMASS_FIELD(saturation_radius_arcsec, 0, 3600),
                                CLUSTERMASS_FIELD(saturation_radius_slope, -2, 2),
                                CLUSTERMASS_FIELD(full_well_counts, 0, 65535),
                                CLUSTERMASS_FIELD(cosmic_rays_per_mpix, 0, 1e5),
                                CLUSTERMASS_FIELD(cosmic_ray_missed_share, 0, 1),
                                CLUSTERMASS_FIELD(bad_column_share, 0, 1),
                                CLUSTERMASS_FIELD(missing_band_probability, 0, 1),
                                CLUSTERMASS_FIELD(band_shift_x_pixels, 0, 1000),
                                CLUSTERMASS_FIELD(band_shift_y_pixels, 0, 1000),
                                CLUSTERMASS_FIELD(band_rotation_rms_deg, 0, 360)};
#undef CLUSTERMASS_FIELD
  return table;
}

/// The numbers of RenderAccuracy.
inline const auto& accuracy_table() {
#define CLUSTERMASS_FIELD(name, ...) \
  ParameterField<RenderAccuracy> { "accuracy." #name, &RenderAccuracy::name, __VA_ARGS__ }
  static const std::array table{//
                                CLUSTERMASS_FIELD(reach_sigma, 1, 10),    CLUSTERMASS_FIELD(merge_bright, 0, 100),
                                CLUSTERMASS_FIELD(merge_faint, 0, 100),   CLUSTERMASS_FIELD(merge_bright_sum, 0, 1),
                                CLUSTERMASS_FIELD(merge_faint_sum, 0, 1), CLUSTERMASS_FIELD(faint_flux, 0, 1e12),
                                CLUSTERMASS_FIELD(wing_peak, 0, 1e12),    CLUSTERMASS_FIELD(halo_peak, 0, 1e12),
                                CLUSTERMASS_FIELD(spike_peak, 0, 1e12),   CLUSTERMASS_FIELD(shared_flux, 0, 1e12),
                                CLUSTERMASS_FIELD(wide_ratio, 0, 1e12),   CLUSTERMASS_FIELD(tilt_flux, 0, 1e12)};
#undef CLUSTERMASS_FIELD
  return table;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
