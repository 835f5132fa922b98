// SPDX-License-Identifier: BSD-3-Clause
// Everything in the field that has nothing to do with the cluster: galaxies with their clustering, and stars.
// Fluxes here are dereddened; sky.hpp reddens all at the end.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "clustermass/core/random.hpp"
#include "clustermass/mock/cluster.hpp"
#include "clustermass/mock/galaxy.hpp"
#include "clustermass/mock/scene.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Galaxy counts in i: log10 of the number per square degree and magnitude is 3.33 + 0.49 (i - 20) to i = 20.6 and
/// rises with 0.35 beyond. Fitted to 3.36 square degrees of SDSS DR8 (i < 20.6); the fainter slope is from the
/// literature.
struct FieldCounts {
  static constexpr double bend = 20.6, bright_slope = 0.49, faint_slope = 0.35;

  /// Galaxies per square degree brighter than i.
  static double cumulative(double i) {
    const double at_bend = exp10(3.33 + bright_slope * (bend - 20));
    if (i <= bend) return exp10(3.33 + bright_slope * (i - 20)) / (bright_slope * std::numbers::ln10);
    return at_bend / (bright_slope * std::numbers::ln10) +
           at_bend * (exp10(faint_slope * (i - bend)) - 1) / (faint_slope * std::numbers::ln10);
  }
  /// Magnitude with a given cumulative count: the inverse of `cumulative`.
  static double magnitude_at(double count) {
    const double at_bend = exp10(3.33 + bright_slope * (bend - 20)), bright = cumulative(bend);
    if (count <= bright) return 20 + (std::log10(count * bright_slope * std::numbers::ln10) - 3.33) / bright_slope;
    return bend + std::log10(1 + (count - bright) * faint_slope * std::numbers::ln10 / at_bend) / faint_slope;
  }
};

/// Colours of field galaxies: three Gaussians per range of i, class 0 blue. Fitted forward to the 3.36 square degrees
/// of SDSS DR8: the mixture, with the photometric noise of each galaxy added to its fluxes, has the measured quantiles
/// (4 to 96 %) of the four colours and of g-i. Fainter ones grow bluer (design, so that the counts in u, g and z of
/// real frames come out).
struct FieldColours {
  Colours colours;
  bool early;

  static FieldColours draw(double i, Random& random) {
    struct Class {
      double share;
      Colours mean, rms;  // u-g, g-r, r-i, i-z
    };
    static constexpr std::array<double, 4> limits{17, 18, 19, 20};
    static constexpr std::array<std::array<Class, 3>, 5> table{{
        {{{.22, {1.18, .53, .30, .11}, {.21, .21, .12, .11}},
          {.73, {1.88, 1.01, .45, .32}, {.32, .17, .07, .05}},
          {.05, {1.81, 1.46, 1.02, .52}, {.50, .16, .37, .23}}}},
        {{{.38, {1.15, .68, .39, .20}, {.21, .25, .12, .11}},
          {.59, {2.07, 1.18, .49, .34}, {.47, .29, .07, .04}},
          {.03, {1.80, 1.24, .82, .41}, {.49, .48, .26, .20}}}},
        {{{.38, {1.05, .71, .39, .24}, {.22, .28, .10, .11}},
          {.49, {1.88, 1.31, .52, .33}, {.30, .25, .07, .05}},
          {.13, {1.84, 1.32, .60, .31}, {.50, .38, .32, .15}}}},
        {{{.35, {1.08, .71, .34, .18}, {.22, .23, .12, .13}},
          {.50, {1.66, 1.32, .53, .37}, {.30, .31, .12, .08}},
          {.15, {1.82, 1.59, .96, .38}, {.50, .28, .17, .13}}}},
        {{{.44, {.99, .81, .31, .14}, {.23, .24, .12, .13}},
          {.45, {1.72, 1.41, .61, .40}, {.30, .38, .19, .09}},
          {.11, {1.82, 1.59, .93, .40}, {.50, .19, .19, .12}}}},
    }};

    std::size_t row = 0;
    while (row < limits.size() && i > limits[row]) ++row;
    double u = random.uniform();
    std::size_t k = 0;
    while (k < 2 && u > table[row][k].share) u -= table[row][k++].share;
    const Class& c = table[row][k];
    RedSequence gaussian;  // the same correlated draw as the red sequence's, about this class
    gaussian.ridge = c.mean;
    const double fainter = std::max(0.0, i - 21);
    gaussian.ridge[0] -= 0.1 * std::max(0.0, i - 20.6);
    gaussian.ridge[1] -= 0.20 * fainter;
    gaussian.ridge[2] -= 0.08 * fainter;
    gaussian.scatter = c.rms;
    gaussian.correlation_gr_ri = 0.8 - 0.2 * std::clamp((i - 17.5) / 2.8, 0.0, 1.0);  // bright to faint
    gaussian.correlation_ri_iz = 0.5;
    gaussian.correlation_gr_iz = 0.6;
    return {gaussian.draw(i, random), k != 0};
  }
};

/// rms of the log of the galaxy density in a square of this width.
inline double clustering_rms(double width_arcmin, const SkyParameters& sky) {
  return sky.field_rms_10arcmin * std::pow(10 / width_arcmin, 0.4);
}

inline Source field_galaxy(double east, double north, double i, const SkyParameters& sky, Random& random) {
  const FieldColours drawn = FieldColours::draw(i, random);
  Source source{
      SourceKind::field,       drawn.early ? Profile::de_vaucouleurs : Profile::exponential, east, north, 0, 1, 0,
      fluxes(i, drawn.colours)};
  source.axis_ratio = draw_axis_ratio(drawn.early, sky, random);
  source.position_angle = std::numbers::pi * random.uniform();
  const double r = i + drawn.colours[2];
  source.radius = sky.size_scale * sky.field_size_arcsec * std::sqrt(source.axis_ratio) *
                  exp10(sky.field_size_slope * (r - 20) + sky.field_size_rms_dex * random.normal());
  return source;
}

/// Redshifts of clumps: where the galaxies brighter than the clump limit are, volume times Schechter counts.
class ClumpRedshifts {
 public:
  explicit ClumpRedshifts(const SkyParameters& sky) : low_(sky.clump_redshift_min), high_(sky.clump_redshift_max) {
    for (std::size_t k = 0; k < bins; ++k) {
      const double z = low_ + (high_ - low_) * (static_cast<double>(k) + 0.5) / bins,
                   distance = comoving_distance_mpc(z);
      const double x_min = exp10(0.4 * (mstar_i(z) + sky.lf_mstar_offset - sky.clump_limit));
      sum_[k + 1] = sum_[k] + distance * distance / expansion(z) * schechter_count(sky.lf_alpha, x_min);
    }
  }
  double draw(Random& random) const {
    const double target = sum_[bins] * random.uniform();
    std::size_t k = 0;
    while (k + 1 < bins && sum_[k + 1] < target) ++k;
    return low_ + (high_ - low_) * (static_cast<double>(k) + (target - sum_[k]) / (sum_[k + 1] - sum_[k])) / bins;
  }

 private:
  static constexpr std::size_t bins = 26;
  double low_, high_;
  std::array<double, bins + 1> sum_{};
};

/// A clump of red galaxies at a redshift of its own, brighter than the clump limit.
inline void add_clump(Scene& scene, double redshift, const SkyParameters& sky, Random& random) {
  FieldWindow window(scene);
  const Epoch epoch(redshift, sky);
  const double x_min = epoch.luminosity(std::min(epoch.mstar + sky.lf_depth, sky.clump_limit));
  const double east0 = random.uniform(-1, 1) * window.half_width(),
               north0 = random.uniform(-1, 1) * window.half_width();
  const int count =
      sky.clump_min + static_cast<int>(random.below(static_cast<std::uint32_t>(sky.clump_max - sky.clump_min + 1)));
  const double sigma = sky.clump_rms_mpc * epoch.arcsec_per_mpc;
  for (int k = 0; k < count; ++k) {
    const double east = east0 + sigma * random.normal(), north = north0 + sigma * random.normal();
    const double i = epoch.mstar - 2.5 * std::log10(draw_schechter(sky.lf_alpha, x_min, 60, random));
    window.add(red_galaxy(SourceKind::field, east, north, i, epoch, sky, random));
  }
}

/// Field galaxies: a log-normal factor of the density for the whole field, and clumps. What the clumps hold is taken
/// out of the early types of the smooth part above the clump limit, so that mean counts and colours stay.
inline void add_field_galaxies(Scene& scene, const SkyParameters& sky, Random& random) {
  if (!(sky.field_scale > 0)) return;
  FieldWindow window(scene);
  const double width_deg = 2 * window.half_width() / 3600, area = width_deg * width_deg;
  const double variance = std::pow(clustering_rms(60 * width_deg, sky), 2);
  const double bright = sky.field_scale * area * FieldCounts::cumulative(sky.clump_limit);

  // Clumps of n galaxies at a rate nu give a variance nu <n^2> of the counts, which is to be share * variance *
  // bright^2.
  const double mean = 0.5 * (sky.clump_min + sky.clump_max), span = sky.clump_max - sky.clump_min + 1;
  const double mean_square = mean * mean + (span * span - 1) / 12, most = sky.clump_most * bright / mean;
  const double rate = std::min(sky.clump_variance_share * variance * bright * bright / mean_square, most);
  if (const int clumps = random.poisson(rate); clumps > 0) {
    const ClumpRedshifts redshifts(sky);
    for (int k = 0; k < clumps; ++k) add_clump(scene, redshifts.draw(random), sky, random);
  }

  constexpr double early_share = 0.6;  // of the field galaxies brighter than the clump limit
  const double thinned = rate * mean / bright / early_share;
  const double sigma = std::sqrt((1 - sky.clump_variance_share) * variance);
  const double factor = std::exp(sigma * random.normal() - 0.5 * sigma * sigma);
  const double low = FieldCounts::cumulative(sky.field_bright_limit),
               high = FieldCounts::cumulative(sky.field_faint_limit);
  const int count = random.poisson(factor * sky.field_scale * area * (high - low));
  for (int k = 0; k < count; ++k) {
    const double i = FieldCounts::magnitude_at(random.uniform(low, high));
    const double east = random.uniform(-1, 1) * window.half_width(),
                 north = random.uniform(-1, 1) * window.half_width();
    const Source galaxy = field_galaxy(east, north, i, sky, random);
    const bool replaced =
        i < sky.clump_limit && galaxy.profile == Profile::de_vaucouleurs && random.uniform() < thinned;
    if (!replaced) window.add(galaxy);
  }
}

/// Stars per square degree brighter than V = m at galactic coordinates l, b with |b| > 20 deg. [rad]
///
/// Source  Bahcall & Soneira 1980, ApJS 44, 73, eq. B1
inline double star_count(double m, double longitude, double latitude) {
  const double sin_b = std::sin(std::fabs(latitude)), cos_b = std::cos(latitude), cos_l = std::cos(longitude);
  const double clipped = std::clamp(m, 12.0, 20.0);
  const double mu = m >= 20 ? 0.09 : 0.0075 * (clipped - 12) + 0.03, g = 0.04 * (12 - clipped) + 0.36;
  const double s = 1.45 - 0.20 * cos_b * cos_l;
  const double disc = 925 * exp10(0.035 * (m - 15.75)) * std::pow(1 + exp10(-0.132 * (m - 15.75)), -3) *
                      std::pow(sin_b * (1 - mu * cos_b / sin_b * cos_l), -(3 - 5 * g));
  const double spheroid = 1050 * exp10(0.087 * (m - 17.5)) * std::pow(1 + exp10(-0.18 * (m - 17.5)), -2.5) *
                          std::pow(1 - cos_b * cos_l, -s);
  return disc + spheroid;
}

/// Colours of a main-sequence star of g-i in [0.1, 4].
///
/// Source  Covey et al. 2007, AJ 134, 2398, table 4 (fifth-order polynomials)
inline Colours stellar_colours(double gi) {
  static constexpr std::array<std::array<double, 6>, 4> coefficients{{
      {1.0636113, -1.6267818, 4.9389572, -3.2809081, .8725109, -.0828035},
      {.4290263, -.8852323, 2.0740616, -1.1091553, .2397461, -.0183195},
      {-.4113500, 1.8229991, -1.9989772, 1.0662075, -.2284455, .0172212},
      {-.2270331, .7794558, -.7350749, .3727802, -.0735412, .0049808},
  }};
  const double x = std::clamp(gi, 0.1, 4.0);
  Colours colours{};
  for (std::size_t c = 0; c < colours.size(); ++c)
    for (std::size_t k = 6; k-- > 0;) colours[c] = colours[c] * x + coefficients[c][k];
  return colours;
}

/// Stars at a galactic position drawn for the field.
inline void add_stars(Scene& scene, const SkyParameters& sky, Random& random) {
  FieldWindow window(scene);
  constexpr double degree = std::numbers::pi / 180;
  const double latitude =
      degree * std::clamp(random.normal(sky.galactic_latitude_deg, sky.galactic_latitude_rms_deg), 25.0, 85.0);
  const double longitude = degree * random.uniform(sky.galactic_longitude_min_deg, sky.galactic_longitude_max_deg);

  // Cumulative counts on half magnitudes, log-linear between.
  constexpr double step = 0.5;
  const int bins = static_cast<int>((sky.star_faint_limit_v - sky.star_bright_limit_v) / step);
  const double width_deg = 2 * window.half_width() / 3600, area = sky.star_scale * width_deg * width_deg;
  for (int bin = 0; bin < bins; ++bin) {
    const double v = sky.star_bright_limit_v + step * bin;
    const double low = star_count(v, longitude, latitude), high = star_count(v + step, longitude, latitude);
    const int count = random.poisson(area * (high - low));
    for (int k = 0; k < count; ++k) {
      const double share = std::log(random.uniform(low, high) / low) / std::log(high / low);
      const double r = v + step * share - 0.2;              // r ~ V - 0.2
      const double t = std::clamp((r - 18) / 2, 0.0, 1.0);  // mixture of g-i: bright to faint
      const bool blue = random.uniform() < 0.60 - 0.25 * t;
      const double gi = blue ? random.normal(0.65 - 0.15 * t, 0.25) : random.normal(2.2 + 0.1 * t, 0.50 - 0.05 * t);
      const Colours colours = stellar_colours(gi);
      const double east = random.uniform(-1, 1) * window.half_width(),
                   north = random.uniform(-1, 1) * window.half_width();
      window.add({SourceKind::star, Profile::point, east, north, 0, 1, 0, fluxes(r - colours[2], colours)});
    }
  }
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
