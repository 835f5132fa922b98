// SPDX-License-Identifier: BSD-3-Clause
// Every number of the mock sky that a user may want to change, in one struct; the defaults are "mock sky A". Published
// calibration tables (red sequence, stellar locus, camera) stand beside the formulas that use them, not here.
//
// "Design" marks a choice without a published source. Where real SDSS frames and catalogues contradict a published
// number, the real ones stand here, and the comment says so ("measured").
#pragma once

#include <array>
#include <string>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Bands u g r i z.
using PerBand = std::array<double, 5>;

/// Accuracy of the renderers: what may be neglected, and when.
struct RenderAccuracy {
  double reach_sigma = 4;      ///< a Gaussian is drawn out to this many sigma (6e-5 of its light lies beyond)
  double merge_bright = 0.03;  ///< Gaussians that differ by less than this share of the PSF's and the cell's variance
  double merge_faint = 0.25;   ///< are merged: bright sources, and those below faint_flux
  double merge_bright_sum = 0.12;  ///< after the convolution with the PSF, Gaussians that differ by less than this
  double merge_faint_sum = 0.2;    ///< share of their own size are merged
  double faint_flux = 20;          ///< total flux below which a source counts as faint [noise of one pixel]
  double wing_peak = 0.003;        ///< the PSF's widest wing is left out where lower than this [noise of one pixel]
  double halo_peak = 0.005;        ///< sources whose halo is lower have none at any scale [noise of one native pixel]
  double spike_peak =
      0.05;                 ///< parts of the diffraction spikes are left out where lower than this [noise of one pixel]
  double shared_flux = 4;   ///< below this the five bands share one PSF [noise of one pixel]
  double wide_ratio = 20;   ///< a Gaussian of this many PSF variances is drawn once for the five bands
  double tilt_flux = 0.15;  ///< a tilted Gaussian is drawn upright if that moves less than this [noise of one pixel]
};

/// Where masses and redshifts come from (population.hpp).
enum class Prior {
  training,   ///< flat in log10 M500c and in redshift
  survey,     ///< Tinker 2008 mass function times comoving volume: clusters as a volume of sky holds them
  label_like  ///< Gaussian in log10 M500c, redshifts of clusters with an X-ray mass
};

/// Radial shape of the point-spread function.
enum class PsfShape {
  sdss,          ///< core, wings and halo of the stars of real frames (measured)
  moffat,        ///< beta = 4
  two_gaussians  ///< core and wing: sigma ratio 2, amplitude ratio 0.1
};

/// Parameters of one simulated sky.
struct SkyParameters {
  std::string name = "mock sky A";

  // Population: prior, and its range.
  Prior prior = Prior::training;
  double log10_m500c_min = 13.7, log10_m500c_max = 15.2;
  double redshift_min = 0.08, redshift_max = 0.55;

  // Mass function of the survey prior: amplitude and tilt of the linear power, baryons. Label-like prior: Gaussian in
  // log10 M500c on the true scale, not cut at the range above.
  double sigma_8 = 0.78, spectral_index = 0.967, omega_b = 0.046;
  double label_log10_m500c_mean = 14.43, label_log10_m500c_rms = 0.32;

  // Richness: <ln lambda> = ln(norm) + slope ln(M500c / 3e14) + evolution ln[E(z)/E(0.25)], members brighter than 0.2
  // L* inside R_lambda = 1 Mpc/h (lambda/100)^0.2. Between Simet 2017 and McClintock 2019.
  double richness_norm = 52, richness_slope = 0.80, richness_evolution = 0, richness_scatter = 0.22;

  // Satellites: projected NFW with a flat core, to 2 R200c; elliptical (Shin 2018), rounder ones being richer
  // (triaxiality).
  double satellite_concentration = 3.0, satellite_core_mpc = 0.05, satellite_limit_r200c = 2.0;
  double axis_ratio_mean = 0.58, axis_ratio_rms = 0.12, axis_ratio_min = 0.3, axis_ratio_max = 1.0;
  double axis_ratio_richness_correlation = 0.3;  // design

  // Luminosities: Schechter function in i about redMaPPer's m*(z), to m* + depth or i = limit.
  double lf_alpha = -1.0, lf_mstar_offset = 0, lf_depth = 5.0, lf_faint_limit = 23.0;

  // Red sequence: shifts of the calibrated ridge and its scatter.
  double ridge_shift_gr = 0, ridge_shift_ri = 0, ridge_scatter_scale = 1;

  // Blue members: blue/red = norm ((1+z)/1.2)^2 (R/R500c)^0.5 in [min, 1] above 0.2 L*, doubled below 0.1 L* (after the
  // trends of Hansen 2009), with a steeper luminosity function; colours relative to the ridge.
  double blue_norm = 0.25, blue_min = 0.03, blue_faint_boost = 2, blue_alpha = -1.2, blue_mstar_offset = 0.3;
  std::array<double, 4> blue_shift{-0.60, -0.45, -0.14, -0.11}, blue_scatter{0.25, 0.20, 0.08, 0.08};  // ug gr ri iz

  // Brightest cluster galaxy: i = m* + offset + slope ln(lambda/30) + N(0, rms) (redMaPPer DR8 centring calibration).
  // In dominant_share of the clusters no satellite may outshine it, which makes it the brightest in 90 % of all.
  double bcg_offset = -1.395, bcg_slope = -0.293, bcg_rms = 0.382, bcg_dominant_share = 0.55;
  // Its radius is 3 times an early type's, some 28 kpc at 2e14 Msun (design; a de Vaucouleurs fit to the brightest
  // galaxy of a real cluster at z = 0.18 gives 31 kpc in i and 38 kpc in r): see the intracluster light.
  double bcg_size_scale = 3.0, bcg_misalignment_deg = 30;

  // Intracluster light: exponential, share of all light inside 500 kpc (10.9 +- 5.0 %, Zibetti 2005). Its scale and the
  // BCG's radius are set for the surface brightness of stacked clusters at z = 0.25: both together r = 27.4 and 29.9
  // mag/arcsec^2 at 100 and 300 kpc for 2e14 Msun, where Zibetti 2005 find 27.5 without the BCG at 100 and some 32 at
  // 700 kpc.
  double icl_fraction = 0.10, icl_scale_r200c = 0.10, icl_aperture_mpc = 0.5;

  // Miscentring of the cutout: a Gaussian offset, or R/R_lambda from a Gamma(2, tau).
  double well_centred_fraction = 0.85, well_centred_rms_mpc = 0.02, miscentred_tau = 0.17;

  // Correlated structure: density of red galaxies at the cluster's redshift over 2 x 2 Mpc, as a share of lambda.
  double structure_fraction = 0.10, structure_rms = 0.5;

  // Projections: a second halo within 1 Mpc on the sky.
  double projection_probability = 0.10, projection_min = 0.2, projection_max = 1.0, projection_max_dz = 0.10;

  // Field galaxies: counts (scale), limits in i, clustering rms on 10 arcmin falling as width^-0.4, and the share of
  // that variance which comes as clumps of red galaxies at a redshift of their own (design), with at most a share
  // clump_most of the galaxies brighter than the clump limit.
  double field_scale = 1, field_bright_limit = 14.0, field_faint_limit = 24.2;
  double field_rms_10arcmin = 0.15, clump_variance_share = 0.30, clump_limit = 21.0, clump_most = 0.10;
  int clump_min = 5, clump_max = 15;
  double clump_redshift_min = 0.05, clump_redshift_max = 0.60, clump_rms_mpc = 0.2;

  // Sizes. Cluster galaxies follow Shen 2003. Field: semi-major half-light radius 1.1" 10^(-0.09 (r-20)), 0.20 dex;
  // measured on the photoObj field 3900-6-0269 (the scatter and the r = 17-22 medians; 1.25" and -0.12 would be too
  // large there).
  double size_scale = 1;
  double field_size_arcsec = 1.1, field_size_slope = -0.09, field_size_rms_dex = 0.20;
  double early_axis_ratio = 0.70, early_axis_ratio_rms = 0.15, late_axis_ratio_min = 0.2;

  // Stars: Bahcall & Soneira counts at galactic latitude |b| ~ 60 deg, longitudes in the half away from the centre.
  double star_scale = 1, galactic_latitude_deg = 60, galactic_latitude_rms_deg = 8;
  double galactic_longitude_min_deg = 90, galactic_longitude_max_deg = 270;
  double star_bright_limit_v = 9, star_faint_limit_v = 23;

  // Extinction: log-normal E(B-V).
  double ebv_median = 0.035, ebv_rms_ln = 0.6;

  // PSF. FWHM medians and scatter measured on the real frames (Moffat fits; ln rms 0.19 within a
  // band).
  PsfShape psf_shape = PsfShape::sdss;
  PerBand psf_fwhm_arcsec{1.50, 1.44, 1.27, 1.19, 1.25};
  double seeing_rms_ln = 0.18, seeing_band_rms_ln = 0.05, psf_ellipticity_max = 0.05;
  double psf_halo_scale = 1;   // of the light beyond some 7 arcsec (psf.hpp), 0 without; stars above all show it
  double spike_scale = 1;      // of the diffraction spikes of bright stars (psf.hpp), 0 without
  double spike_tilt_deg = 25;  // they lie along rows and columns of the CCD up to this, in the five real fields 8 to 24
  double psf_drift_max = 0.15;  // largest change of the FWHM from one side of a CCD to the other, as a share of it

  // Sky brightness, median and scatter in ln, measured on the real frames; the noise follows from it and the camera. In
  // z the median of all twelve measured frames: that of the nine at |b| > 33 deg alone, 22.97, would make the noise of
  // the six camera columns 8 % lower than it is in those frames.
  PerBand sky_nmgy_arcsec2{1.33, 1.86, 4.32, 7.53, 26.4};
  double sky_rms_ln = 0.18;
  PerBand sky_band_rms_ln{0.10, 0.08, 0.05, 0.20, 0.25};
  double noise_scale = 1;
  double amplifier_scale = 1;  ///< on the difference of the noise between the two halves of a CCD
  // Noise that whole rows share, measured on blank sky of the five real fields: each amplifier's flicker as a share of
  // the dark noise (0.05 to 0.1), and a drift common to both halves of a CCD as a share of the noise.
  double row_flicker = 0.07;
  PerBand row_drift{0, 0.027, 0, 0, 0.012};
  double noise_correlation_pixels = 0;  ///< FWHM of the kernel that resampling smoothed the noise with; 0: white

  // Sky residual, in units of the noise of a native pixel: mean and rms of a constant, rms of a slope per 10 arcmin,
  // and rms of the nodes of a mesh as wide as the one on which the survey measures its sky (128 pixels). Measured on
  // blank sky of the five real fields, which is too bright by 0.03 in every band, faint sources included; the mesh from
  // the power that bands do not share (in r nothing is left for it).
  double sky_offset_mean = 0.024, sky_offset_rms = 0.01, sky_gradient_rms = 0.05;
  PerBand sky_mesh_rms{0.04, 0.05, 0.01, 0.035, 0.04};
  double sky_mesh_arcsec = 50.7;

  // Over-subtraction of the sky: share of the flux of a source brighter than a limit in i, spread over a disc. Of a
  // saturated star only the flux at the limit of saturation counts.
  double over_subtraction = 0.02, over_subtraction_limit_i = 17, over_subtraction_radius_arcsec = 60;

  // Saturated stars: magnitude limit, and radius 20" 10^(-0.15 (m-12)) of the masked disc. Above the full well, charge
  // bleeds along the columns (the brightest pixels of the real frames hold 35 to 48 thousand counts; 0: no limit).
  PerBand saturation_magnitude{13, 14, 14, 14, 14};
  double saturation_radius_arcsec = 20, saturation_radius_slope = -0.15;
  double full_well_counts = 45000;

  // Cosmic rays of one exposure, and the share that the pipeline overlooks; what it finds it masks and interpolates.
  // 1 / (cm^2 minute) at sea level is 5.2 per million pixels of 24 um in 54 s. Bad columns, interpolated and masked.
  double cosmic_rays_per_mpix = 5, cosmic_ray_missed_share = 0.1, bad_column_share = 0.001;

  // Frames: shifts of the bands against each other and their rotation, as in the real frames.
  double missing_band_probability = 0.01;
  double band_shift_x_pixels = 3, band_shift_y_pixels = 6, band_rotation_rms_deg = 0.015;

  RenderAccuracy accuracy{};
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
