// SPDX-License-Identifier: BSD-3-Clause
// The answer. The mass definition is stated here and only here:
//   M500c, the mass inside the radius within which the mean density is 500 times the critical density at the cluster's
//   redshift, in solar masses, for flat LCDM with h = 0.7 and Om = 0.3 (never Msun/h).
#pragma once

#include <cstdint>
#include <limits>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_DATA_TAG {

/// Bits of MassEstimate::flags; the same numbers in C++, Python, JSON and FITS.
namespace flag {
inline constexpr std::uint32_t edge = 1u << 0;             ///< the 2 Mpc field reaches beyond an image
inline constexpr std::uint32_t missing_band = 1u << 1;     ///< a band is absent, empty or cannot be placed on the sky
inline constexpr std::uint32_t masked_gt_20 = 1u << 2;     ///< more than 20 % of the covered field is masked
inline constexpr std::uint32_t bright_star = 1u << 3;      ///< light of a source brighter than r = 13 in the field
inline constexpr std::uint32_t high_ebv = 1u << 4;         ///< E(B-V) > 0.15, or no number from 0 to 10 (taken as 0)
inline constexpr std::uint32_t z_out_of_range = 1u << 5;   ///< redshift outside the training range
inline constexpr std::uint32_t m_extrapolated = 1u << 6;   ///< mass outside the training range; by over a dex: no result
inline constexpr std::uint32_t ood = 1u << 7;              ///< features far from those of the training set
inline constexpr std::uint32_t projection = 1u << 8;       ///< reserved: a second structure in the line of sight
inline constexpr std::uint32_t miscentred = 1u << 9;       ///< reserved: the answer depends on the centre
inline constexpr std::uint32_t low_coverage = 1u << 10;    ///< less than 60 % of the field inside the images
inline constexpr std::uint32_t input_kind = 1u << 11;      ///< another kind of pixels than the training set's
inline constexpr std::uint32_t nonfinite_pixels = 1u << 12;  ///< NaN or infinite pixels that no mask covered
inline constexpr std::uint32_t z_missing = 1u << 13;       ///< no redshift, or one that is not positive
inline constexpr std::uint32_t filter_missing = 1u << 14;  ///< the network was taught with the matched filter's answer and is not told it
inline constexpr std::uint32_t no_result = 1u << 30;       ///< no estimate: every number of the mass is NaN

/// A bit and its name as it stands in catalogues.
struct Name {
  std::uint32_t bit;
  const char* name;
};
inline constexpr Name names[] = {
    {edge, "EDGE"},
    {missing_band, "MISSING_BAND"},
    {masked_gt_20, "MASKED_GT_20"},
    {bright_star, "BRIGHT_STAR"},
    {high_ebv, "HIGH_EBV"},
    {z_out_of_range, "Z_OUT_OF_RANGE"},
    {m_extrapolated, "M_EXTRAPOLATED"},
    {ood, "OOD"},
    {projection, "PROJECTION"},
    {miscentred, "MISCENTRED"},
    {low_coverage, "LOW_COVERAGE"},
    {input_kind, "INPUT_KIND"},
    {nonfinite_pixels, "NONFINITE_PIXELS"},
    {z_missing, "Z_MISSING"},
    {filter_missing, "FILTER_MISSING"},
    {no_result, "NO_RESULT"},
};
}  // namespace flag

/// Mass of one cluster with its error. Masses are log10(M500c / Msun), errors in dex.
struct MassEstimate {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  double log10_m500c = none;        ///< posterior mean under the training prior
  double log10_m500c_error = none;  ///< 1 sigma, with the redshift's error
  double lo90 = none, hi90 = none;  ///< conformal interval: holds the true mass in 90 % of clusters like the training set's
  double dlogm_dz = none;           ///< response of log10_m500c to the redshift handed in [dex]
  double ood = none;                ///< distance from the training set over its limit; > 1 is outside
  double coverage = 0;              ///< fraction of the 2 Mpc field inside the images, mean of the bands present
  double masked_fraction = 0;       ///< fraction of the covered field that is masked
  std::uint32_t flags = 0;          ///< bits of namespace flag

  constexpr bool has_result() const { return (flags & flag::no_result) == 0; }
};

}  // namespace clustermass::inline CLUSTERMASS_DATA_TAG
