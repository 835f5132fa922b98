// SPDX-License-Identifier: BSD-3-Clause
// From a cutout to what the network reads: resample to the 2 Mpc field, deredden, stretch, count what is covered. The
// only place that knows these constants; they travel in the weight file and are checked when it is read.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>  // to_chars: not printf, which obeys the host's locale
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/core/engine.hpp"  // ring_of
#include "clustermass/cutout.hpp"
#include "clustermass/mass_estimate.hpp"  // flags
#include "clustermass/model/networks.hpp"
#include "clustermass/model/resample.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

inline constexpr int field_side = 128;                          ///< cells across the field
inline constexpr double field_mpc = 2;                          ///< physical width of the field
inline constexpr int coarse_side = field_side / coarse_factor;  ///< cells across the coarse grid

inline constexpr double native_pixel_arcsec = 0.396;  ///< of SDSS
inline constexpr double stretch_pixels = 8.86;        ///< across a cell at z = 0.3

/// Scale of the stretch per band: sky noise of one native pixel (median of measured SDSS frames) times stretch_pixels.
/// [nanomaggies]
inline constexpr std::array<double, band_count> stretch_scale{0.0454 * stretch_pixels, 0.0172 * stretch_pixels,
                                                              0.0276 * stretch_pixels, 0.0427 * stretch_pixels,
                                                              0.1743 * stretch_pixels};
inline constexpr float stretch_low = -3, stretch_high = 6;

/// Extinction A_b / E(B-V) (Schlafly & Finkbeiner 2011, arXiv:1012.4804, table 6, R_V = 3.1, SFD scale).
inline constexpr std::array<double, band_count> extinction_per_ebv{4.239, 3.303, 2.285, 1.698, 1.263};

inline constexpr double least_valid = 0.5;  ///< of a cell's area; below, the cell is invalid
inline constexpr double low_coverage_limit = 0.6, no_result_coverage = 0.05;
inline constexpr int least_bands = 3;
inline constexpr double bright_star_flux = 6310;  ///< r = 13 [nanomaggies per cell]
inline constexpr double high_ebv_limit = 0.15;
inline constexpr double largest_ebv = 10;  ///< beyond, and below 0, it is no E(B-V) and counts as none
inline constexpr double lowest_redshift = 0.02, highest_redshift = 1.0;  ///< where the field can be cut at all

/// Width of the 2 Mpc field. [arcsec]
inline double field_width_arcsec(double redshift) { return arcsec_of_mpc(field_mpc, redshift); }

/// The grid of the network's input.
inline Grid field_grid(double redshift) { return {field_side, field_width_arcsec(redshift) / field_side}; }

namespace detail {

using TwoWords [[gnu::vector_size(16)]] = std::uint64_t;

inline TwoNumbers square_root(TwoNumbers x) {
#if defined(__SSE2__)
  return __builtin_ia32_sqrtpd(x);
#else
  return TwoNumbers{std::sqrt(x[0]), std::sqrt(x[1])};
#endif
}
inline TwoNumbers keep(TwoWords mask, TwoNumbers x) {
  return reinterpret_cast<TwoNumbers>(mask & reinterpret_cast<TwoWords>(x));
}

/// asinh(x) by its own series: logarithm of |x| + sqrt(x^2 + 1) from the exponent bits and atanh, error below 1e-8. Not
/// libm, whose last digits differ by vendor. |x| beyond 1e100 counts as 1e100. In steps over all pairs: the chain of
/// one pair is so long that a processor would wait for it.
template <std::size_t pairs>
void asinh_series(TwoNumbers (&x)[pairs]) {
  constexpr std::uint64_t sign = 0x8000000000000000u, half_root = 0x3fe6a09e667f3bcdu;  // sqrt(1/2): mantissa around 1
  TwoNumbers grown[pairs], exponent[pairs], t[pairs];
  for (std::size_t k = 0; k < pairs; ++k) {
    const TwoNumbers large = TwoNumbers{} + 1e100, magnitude = keep(TwoWords{} + ~sign, x[k]);
    const TwoNumbers a = magnitude < large ? magnitude : large;
    grown[k] = a + square_root(a * a + 1);
  }
  for (std::size_t k = 0; k < pairs; ++k) {
    const TwoWords bits = reinterpret_cast<TwoWords>(grown[k]) - half_root;
    const TwoWords shifted = (bits >> 52) | 0x4330000000000000u;  // 2^52 + exponent
    exponent[k] = reinterpret_cast<TwoNumbers>(shifted) - 4503599627370496.0;
    const TwoNumbers mantissa = reinterpret_cast<TwoNumbers>((bits & 0xfffffffffffffu) + half_root);
    t[k] = (mantissa - 1) / (mantissa + 1);
  }
  for (std::size_t k = 0; k < pairs; ++k) {
    const TwoNumbers q = t[k] * t[k], qq = q * q;
    const TwoNumbers series = (1 + q * (1.0 / 3)) + qq * ((1.0 / 5 + q * (1.0 / 7)) + qq * (1.0 / 9 + q * (1.0 / 11)));
    const TwoNumbers y = exponent[k] * 0.6931471805599453 + 2 * t[k] * series;
    x[k] = reinterpret_cast<TwoNumbers>(reinterpret_cast<TwoWords>(y) | (reinterpret_cast<TwoWords>(x[k]) & sign));
  }
}

/// x = asinh(x) / 2, clipped.
template <std::size_t pairs>
void stretch(TwoNumbers (&x)[pairs]) {
  asinh_series(x);
  for (std::size_t k = 0; k < pairs; ++k) {
    const TwoNumbers zero{}, low = zero + stretch_low, high = zero + stretch_high, y = 0.5 * x[k];
    const TwoNumbers below = y < high ? y : high;
    x[k] = below > low ? below : low;
  }
}

}  // namespace detail

inline double asinh_series(double x) {
  detail::TwoNumbers pair[1] = {{x, x}};
  detail::asinh_series(pair);
  return pair[0][0];
}

/// y = asinh(f / 2s) / 2, clipped. f: dereddened flux of a cell, s: the band's scale.
inline float stretch(double flux, double scale) {
  const double x = flux * (1 / (2 * scale));
  detail::TwoNumbers pair[1] = {{x, x}};
  detail::stretch(pair);
  return static_cast<float>(pair[0][0]);
}

/// What the network reads of one cutout.
struct PreparedView {
  std::span<float> input;          ///< [5,1,side,side], 0 where invalid
  std::span<float> band_coverage;  ///< [5,1,coarse,coarse] valid fraction of each coarse cell
  std::span<float> coverage;       ///< [1,1,coarse,coarse] mean of the bands present
  std::span<float> context;        ///< [17]
};

inline constexpr std::size_t field_cells = std::size_t{field_side} * field_side;
inline constexpr std::size_t coarse_cells = std::size_t{coarse_side} * coarse_side;

/// What is known of the cutout besides the network's input.
struct PreparedState {
  double coverage = 0, masked_fraction = 0;
  std::uint32_t flags = 0;
};

/// The first numbers of the context: functions of the redshift.
inline constexpr std::size_t redshift_numbers = 4;

/// The last numbers of the context: whether there is a filter's answer, its mass and its error.
inline constexpr std::size_t filter_numbers = 3;

/// As if there were no filter's answer.
inline void hide_filter(std::span<float> context) {
  for (float& number : context.last(filter_numbers)) number = 0;
}

/// Fills the numbers the mass head sees besides the maps: z, ln D_A, E, m*(z), coverage, coverage of the four rings,
/// validity of the five bands, the filter's answer; redshift and masses centred and scaled.
inline void fill_context(double redshift, const MassPosterior& filter, std::span<const float> coverage, int side,
                         const std::array<bool, band_count>& valid, std::span<float> context) {
  std::array<double, ring_count> sum{}, count{};
  double total = 0;
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < side; ++j) {
      const double w = static_cast<double>(coverage[static_cast<std::size_t>(i * side + j)]);
      const std::size_t ring = static_cast<std::size_t>(ring_of(i, j, side, side));
      sum[ring] += w;
      count[ring] += 1;
      total += w;
    }
  std::size_t t = 0;
  const auto put = [&](double value) { context[t++] = static_cast<float>(value); };
  put((redshift - 0.3) / 0.15);
  put((std::log(angular_distance_mpc(redshift)) - 6.7) / 0.4);
  put((expansion(redshift) - 1.17) / 0.1);
  put((mstar_i(redshift) - 18.6) / 1.4);
  put(total / (side * side));
  for (std::size_t ring = 0; ring < sum.size(); ++ring) put(count[ring] > 0 ? sum[ring] / count[ring] : 0);
  for (const bool band : valid) put(band ? 1 : 0);
  hide_filter(context);
  if (!filter.is_known()) return;
  put(1);
  put((filter.log10_m500c - MassScale::centre) / MassScale::width);
  put((filter.log10_m500c_error - 0.2) / 0.1);
}

/// What one band brings to the cutout.
struct BandState {
  bool present = false;           ///< there is an image with a map
  bool with_light = false;        ///< enough of the field is valid
  double seen = 0, unmasked = 0;  ///< area of the field covered at all, and by valid pixels [fields]
  std::uint32_t flags = 0;
};

/// Resamples, dereddens and stretches one band. Bands do not depend on each other. scratch: field_cells cells; input:
/// [side,side], 0 where invalid; coverage: [coarse,coarse], valid fraction of each coarse cell.
///
/// Flags  EDGE, MISSING_BAND, BRIGHT_STAR, NONFINITE_PIXELS
inline BandState prepare_band(const BandImage& image, std::size_t band, double ebv, const Grid& grid,
                              std::span<Cell> scratch, std::span<float> input, std::span<float> coverage) {
  BandState state;
  for (float& w : coverage) w = 0;
  if (!image.present() || !is_invertible(image.map)) {
    for (float& value : input) value = 0;
    state.flags = flag::missing_band;
    return state;
  }
  for (Cell& cell : scratch) cell = {};
  if (resample(image, grid, scratch.data())) state.flags |= flag::nonfinite_pixels;

  const double deredden = std::pow(10.0, 0.4 * extinction_per_ebv[band] * (ebv >= 0 && ebv <= largest_ebv ? ebv : 0));
  const double scale = deredden / (2 * stretch_scale[band]),
               bright_limit = bright_star_flux / (2 * stretch_scale[band]);
  detail::TwoNumbers seen{}, unmasked{}, band_valid{};
  detail::TwoWords bright{};
  // The cells of one line in one coarse cell at a time, two by two.
  for (std::size_t k = 0; k < field_cells; k += coarse_factor) {
    detail::TwoNumbers enough{}, x[coarse_factor / 2];
    for (std::size_t c = k; c < k + coarse_factor; c += 2) {
      const Cell &one = scratch[c], &other = scratch[c + 1];
      const detail::TwoNumbers zero{}, valid{one.valid, other.valid}, flux{one.flux, other.flux};
      const detail::TwoWords counts = reinterpret_cast<detail::TwoWords>(valid >= least_valid);
      seen += detail::TwoNumbers{one.seen, other.seen};
      unmasked += valid;
      enough += detail::keep(counts, valid);
      // A partly masked cell keeps its surface brightness.
      const detail::TwoNumbers value = detail::keep(counts, flux) * scale / (valid >= least_valid ? valid : zero + 1);
      bright |= reinterpret_cast<detail::TwoWords>(value > bright_limit);
      x[(c - k) / 2] = value;
    }
    detail::stretch(x);
    for (std::size_t c = 0; c < coarse_factor; ++c) input[k + c] = static_cast<float>(x[c / 2][c % 2]);
    const std::size_t coarse = k / field_side / coarse_factor * coarse_side + k % field_side / coarse_factor;
    coverage[coarse] += static_cast<float>((enough[0] + enough[1]) / (coarse_factor * coarse_factor));
    band_valid += enough;
  }
  state.seen = (seen[0] + seen[1]) / field_cells;
  state.unmasked = (unmasked[0] + unmasked[1]) / field_cells;
  state.present = true;
  state.with_light = band_valid[0] + band_valid[1] > no_result_coverage * field_cells;
  if (state.seen < 0.999) state.flags |= flag::edge;
  if (!state.with_light) state.flags |= flag::missing_band;
  if ((bright[0] | bright[1]) != 0 && band == static_cast<std::size_t>(Band::r)) state.flags |= flag::bright_star;
  return state;
}

/// Puts together what the bands brought: fills the coverage and the context. bands: as prepare_band gave them.
///
/// Flags  those of the bands; MASKED_GT_20, LOW_COVERAGE, NO_RESULT
inline PreparedState combine_bands(const Cutout& cutout, double redshift, std::span<const BandState, band_count> bands,
                                   PreparedView out) {
  PreparedState state;
  std::array<bool, band_count> with_light{};
  double seen = 0, unmasked = 0;
  int present = 0, count = 0;
  for (float& w : out.coverage) w = 0;
  for (std::size_t b = 0; b < band_count; ++b) {
    state.flags |= bands[b].flags;
    present += bands[b].present;
    seen += bands[b].seen;
    unmasked += bands[b].unmasked;
    with_light[b] = bands[b].with_light;
    if (!with_light[b]) continue;
    ++count;
    for (std::size_t k = 0; k < coarse_cells; ++k) out.coverage[k] += out.band_coverage[b * coarse_cells + k];
  }
  if (count > 0)
    for (float& w : out.coverage) w /= static_cast<float>(count);
  fill_context(redshift, cutout.filter_mass, out.coverage, coarse_side, with_light, out.context);
  if (present > 0) state.coverage = std::min(1.0, seen / present);
  if (seen > 0) state.masked_fraction = std::max(0.0, 1 - unmasked / seen);
  if (state.masked_fraction < 1e-6) state.masked_fraction = 0;  // rounding of areas
  if (state.masked_fraction > 0.2) state.flags |= flag::masked_gt_20;
  if (state.coverage < low_coverage_limit) state.flags |= flag::low_coverage;
  if (count < least_bands) state.flags |= flag::no_result;
  return state;
}

/// Resamples, dereddens and stretches a cutout at the given redshift, which must lie in [lowest_redshift,
/// highest_redshift]. scratch: field_cells cells.
///
/// Flags  EDGE, MISSING_BAND, MASKED_GT_20, BRIGHT_STAR, LOW_COVERAGE, NONFINITE_PIXELS, NO_RESULT
/// Source  science: Lin et al. 2022 cut fields; asinh stretch after Lupton et al. 1999, astro-ph/9903081
inline PreparedState prepare(const Cutout& cutout, double redshift, std::span<Cell> scratch, PreparedView out) {
  const Grid grid = field_grid(redshift);
  std::array<BandState, band_count> bands;
  for (std::size_t b = 0; b < band_count; ++b)
    bands[b] =
        prepare_band(cutout.bands[b], b, cutout.ebv, grid, scratch, out.input.subspan(b * field_cells, field_cells),
                     out.band_coverage.subspan(b * coarse_cells, coarse_cells));
  return combine_bands(cutout, redshift, bands, out);
}

/// The constants above as they stand in a weight file's metadata; a file with others is refused.
inline std::string normalisation_text() {
  std::string text = "asinh(f/2s)/2 clipped to [-3,6]; s =";
  for (double scale : stretch_scale) {
    char number[32];
    const auto end = std::to_chars(number, number + sizeof number, scale, std::chars_format::fixed, 6).ptr;
    text.append(" ").append(number, end);
  }
  return text + " nanomaggies per cell";
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
