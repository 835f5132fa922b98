// SPDX-License-Identifier: BSD-3-Clause
// The information floor on a mock sky: o1, what nobody can beat who does not know more than the halo's own richness (a
// figure below it is a leak until explained), and o2, a matched filter on the true galaxies that the cutout holds.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "clustermass/baselines/matched_filter.hpp"
#include "clustermass/mock/cluster.hpp"
#include "clustermass/mock/parameters.hpp"
#include "clustermass/mock/population.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Mean and width of a posterior of log10 M500c. [log10 Msun, dex]

namespace detail {

/// Moments of prior(log M) times likelihood(log M), on a grid over the prior's range.
template <class Likelihood>
MassPosterior mass_posterior(const mock::MassPrior& prior, Likelihood&& likelihood) {
  constexpr int steps = 400;
  const double low = prior.low(), width = (prior.high() - low) / steps;
  double sum = 0, square = 0, norm = 0;
  for (int k = 0; k < steps; ++k) {
    const double offset = (k + 0.5) * width, p = prior(low + offset) * likelihood(low + offset);
    norm += p;
    sum += p * offset;
    square += p * offset * offset;
  }
  if (!(norm > 0)) return {NAN, NAN};
  const double mean = sum / norm;
  return {low + mean, std::sqrt(std::max(0.0, square / norm - mean * mean))};
}

}  // namespace detail

/// Oracle o1: posterior of log10 M500c given the halo's intrinsic richness and redshift, under the sky's prior.
///
///   p(log M | lambda, z) ~ prior(log M, z) N(ln lambda; <ln lambda | M, z>, scatter)
///
/// Source  design of this library: the richness relation and the prior are those of mock::SkyParameters
inline MassPosterior richness_posterior(double lambda_int, double redshift, const mock::SkyParameters& sky) {
  const mock::MassPrior prior(sky, redshift);
  const MassPosterior posterior = detail::mass_posterior(prior, [&](double log_mass) {
    const double t = (std::log(lambda_int) - mock::mean_ln_richness(log_mass, redshift, sky)) / sky.richness_scatter;
    return std::exp(-0.5 * t * t);
  });
  if (posterior.log10_m500c == posterior.log10_m500c) return posterior;
  return {lambda_int > sky.richness_norm ? prior.high() : prior.low(), 0};  // so far out that all vanishes
}
/// Its mean.
inline double oracle_richness(double lambda_int, double redshift, const mock::SkyParameters& sky) {
  return richness_posterior(lambda_int, redshift, sky).log10_m500c;
}

namespace detail {
/// Cubic (Catmull-Rom) between the nodes of the likelihood.
inline double interpolated(const std::array<double, RichnessLikelihood::nodes>& y, std::size_t k, std::size_t fine) {
  const std::size_t j = std::min(k / fine, y.size() - 2), before = j > 0 ? j - 1 : j,
                    after = std::min(j + 2, y.size() - 1);
  const double t = static_cast<double>(k - j * fine) / static_cast<double>(fine);
  const double m0 = 0.5 * (y[j + 1] - y[before]), m1 = 0.5 * (y[after] - y[j]), rise = y[j + 1] - y[j];
  return y[j] + t * (m0 + t * (3 * rise - 2 * m0 - m1 + t * (m0 + m1 - 2 * rise)));
}
}  // namespace detail

/// Posterior of log10 M500c given a matched filter's likelihood, under the sky's prior.
///
///   p(log M | galaxies, z) ~ prior(log M, z) integral of N(ln lambda; <ln lambda | M, z>, scatter) L(lambda) d ln
///   lambda
///
/// Source  design of this library
inline MassPosterior filter_posterior(const RichnessLikelihood& richness, double redshift,
                                      const mock::SkyParameters& sky) {
  // The likelihood convolved with the scatter, at the places where the mean richness can lie, then read off there.
  constexpr std::size_t fine = 4, count = (RichnessLikelihood::nodes - 1) * fine + 1;
  constexpr double step = RichnessLikelihood::ln_step / fine;
  std::array<double, count> likelihood;
  for (std::size_t k = 0; k < count; ++k)
    likelihood[k] = std::exp(detail::interpolated(richness.ln_likelihood, k, fine));
  const auto reach = static_cast<std::size_t>(std::ceil(5 * sky.richness_scatter / step));
  std::vector<double> kernel(reach + 1);
  for (std::size_t d = 0; d <= reach; ++d)
    kernel[d] = std::exp(-0.5 * std::pow(static_cast<double>(d) * step / sky.richness_scatter, 2));
  std::array<double, count> smooth{};
  for (std::size_t k = 0; k < count; ++k) {
    if (likelihood[k] < 1e-12) continue;
    const std::size_t low = k > reach ? k - reach : 0, high = std::min(count - 1, k + reach);
    for (std::size_t j = low; j <= high; ++j) smooth[j] += likelihood[k] * kernel[j > k ? j - k : k - j];
  }
  const mock::MassPrior prior(sky, redshift);
  return detail::mass_posterior(prior, [&](double log_mass) {
    const double at = (mock::mean_ln_richness(log_mass, redshift, sky) - RichnessLikelihood::ln_min) / step;
    if (!(at >= 0 && at < count - 1)) return 0.0;
    const auto k = static_cast<std::size_t>(at);
    const double t = at - static_cast<double>(k);
    return (1 - t) * smooth[k] + t * smooth[k + 1];
  });
}

/// What the matched filter says of one cluster.
struct FilterEstimate {
  MassPosterior mass;
  RichnessLikelihood richness;
};

/// Oracle o2: that posterior for the true galaxies in the cutout's own footprint.
class FilterOracle {
 public:
  explicit FilterOracle(const mock::SkyParameters& sky, const CatalogueOptions& options = {})
      : sky_(sky), options_(options), filter_(sky) {}

  const MatchedFilter& filter() const { return filter_; }

  FilterEstimate operator()(const mock::Scene& scene) const {
    const RichnessLikelihood richness = filter_(scene, options_);
    return {filter_posterior(richness, scene.redshift, sky_), richness};
  }

 private:
  mock::SkyParameters sky_;
  CatalogueOptions options_;
  MatchedFilter filter_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
