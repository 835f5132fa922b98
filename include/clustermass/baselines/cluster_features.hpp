// SPDX-License-Identifier: BSD-3-Clause
// The few numbers that classical estimators read off a cutout: the matched filter's answer, light, brightest galaxy,
// shape and surroundings of the cluster.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "clustermass/baselines/floor.hpp"
#include "clustermass/baselines/pixel_catalogue.hpp"
#include "clustermass/core/cosmology.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Of one cluster. NaN: not known, for example without an i image.
struct ClusterFeatures {
  double redshift = NAN;
  double coverage = NAN;       ///< share of the members inside 1 Mpc that the searched field should hold
  double masked = NAN;         ///< share of the field without usable pixels
  MassPosterior filter{};      ///< matched filter on the pixels, under the recipe of the filter's sky
  MassPosterior catalogue{};   ///< matched filter on a galaxy catalogue from elsewhere
  double ln_lambda = NAN;      ///< richness of the pixels
  double ln_light = NAN;       ///< i light of red galaxies inside 0.6 Mpc, times E(z)^1.40 [L*]
  double bcg = NAN;            ///< brightest red galaxy inside 0.25 Mpc [mag below m*]
  double gap = NAN;            ///< to the second brightest inside 0.5 Mpc [mag]
  double concentration = NAN;  ///< share of the red galaxies of 0.75 Mpc inside 0.25 Mpc
  double blue_ratio = NAN;     ///< share of the galaxies inside 0.75 Mpc that are bluer than the ridge by 0.2 mag
  double density = NAN;        ///< ln of all sources per Mpc^2 between 0.75 and 1 Mpc
};

/// Source  nine features: Calderon & Berlind 2019, MNRAS 490, 2367; light scaled by E(z)^1.40: Wen & Han 2015, ApJ 807,
/// 178
inline ClusterFeatures features_of(const PixelCatalogue& catalogue, const mock::SkyParameters& sky) {
  ClusterFeatures f;
  f.redshift = catalogue.redshift;
  f.masked = catalogue.masked;
  f.coverage = catalogue.richness.coverage;
  if (!(catalogue.i_limit > 0)) return f;
  f.filter = filter_posterior(catalogue.richness, catalogue.redshift, sky);
  f.ln_lambda = std::log(catalogue.richness.lambda);

  const double mstar = mstar_i(catalogue.redshift), limit = std::min(catalogue.i_limit, mstar + 1.75);
  const auto searched_mpc2 = [&](double from, double to) {
    double area = 0;
    for (std::size_t j = 0; j < FilterField::rings; ++j) {
      const double radius = (static_cast<double>(j) + 0.5) * SatelliteGrid::step_mpc;
      if (radius > from && radius < to)
        area += 2 * std::numbers::pi * radius * SatelliteGrid::step_mpc * catalogue.field.seen[j];
    }
    return area;
  };
  double red_light = 0, brightest = mstar + 2, second = mstar + 2;
  double red_inside = 0, red_all = 0, blue = 0, counted = 0, around = 0;
  for (const PixelGalaxy& g : catalogue.galaxies) {
    if (g.i_magnitude > limit || g.i_magnitude < mstar - 3) continue;  // the brighter ones are foreground
    const double light = mock::exp10(0.4 * (mstar - g.i_magnitude));
    const bool red = g.chi2 < 12;
    if (red && g.radius_mpc < 0.6) red_light += light;
    if (red && g.radius_mpc < 0.25) brightest = std::min(brightest, g.i_magnitude);
    if (g.radius_mpc < 0.75) {
      counted += 1;
      blue += g.blueness > 0.2 ? 1 : 0;
      red_all += red ? 1 : 0;
      red_inside += red && g.radius_mpc < 0.25 ? 1 : 0;
    } else if (g.radius_mpc < 1) {
      around += 1;
    }
  }
  for (const PixelGalaxy& g : catalogue.galaxies)
    if (g.chi2 < 12 && g.radius_mpc < 0.5 && g.i_magnitude > brightest) second = std::min(second, g.i_magnitude);
  const double middle = searched_mpc2(0, 0.6), rim = searched_mpc2(0.75, 1);
  constexpr double whole = std::numbers::pi * 0.6 * 0.6;
  if (middle > 0.1 * whole)
    f.ln_light = std::log((red_light * whole / middle + 1) * std::pow(expansion(catalogue.redshift), 1.40));
  f.bcg = mstar - brightest;
  f.gap = second - brightest;
  f.concentration = (red_inside + 0.5) / (red_all + 1);
  f.blue_ratio = blue / (counted + 1);
  if (rim > 0.05) f.density = std::log((around + 1) / rim);
  return f;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
