// SPDX-License-Identifier: BSD-3-Clause
// The information floor on a mock sky: what nobody can beat who does not know more than the halo's own richness. A
// figure below it is a leak until explained.
#pragma once

#include <cmath>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/mock/parameters.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Oracle o1: posterior mean of log10 M500c given the halo's intrinsic richness and redshift, under a prior flat in
/// log10 M500c over the sky's range. [log10 Msun]
///
///   p(log M | lambda, z) ~ N(ln lambda; <ln lambda | M, z>, scatter)
///
/// Source  design of this library: the richness relation is that of mock::SkyParameters
inline double oracle_richness(double lambda_int, double redshift, const mock::SkyParameters& sky) {
  constexpr int steps = 400;
  const double width = (sky.log10_m500c_max - sky.log10_m500c_min) / steps;
  double sum = 0, norm = 0;
  for (int k = 0; k < steps; ++k) {
    const double log_mass = sky.log10_m500c_min + (k + 0.5) * width;
    const double mean = std::log(sky.richness_norm) +
                        sky.richness_slope * (log_mass - std::log10(3e14)) * std::log(10.0) +
                        sky.richness_evolution * std::log(expansion(redshift) / expansion(0.25));
    const double t = (std::log(lambda_int) - mean) / sky.richness_scatter, p = std::exp(-0.5 * t * t);
    sum += p * log_mass;
    norm += p;
  }
  return norm > 0 ? sum / norm : (lambda_int > sky.richness_norm ? sky.log10_m500c_max : sky.log10_m500c_min);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
