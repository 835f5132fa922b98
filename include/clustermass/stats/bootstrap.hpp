// SPDX-License-Identifier: BSD-3-Clause
// How far a figure would move with another sample of clusters: bootstrap over clusters. The draws are a pure function
// of (seed, draw), so two figures drawn with one seed are compared cluster by cluster.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/stats/moments.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats {

struct BootstrapOptions {
  int draws = 1000;
  std::uint64_t seed = 1;
};

/// A figure of the whole sample, its standard error and its central 95 % interval (percentiles of the draws).
struct BootstrapResult {
  double value = NAN, error = NAN, low95 = NAN, high95 = NAN;
};

/// Positions drawn with replacement.
inline void draw_positions(std::uint64_t seed, std::uint64_t draw, std::span<std::size_t> positions) {
  Random random(seed, draw, 0xb007u);
  for (std::size_t& k : positions) k = random.below(static_cast<std::uint32_t>(positions.size()));
}

/// The figure of each draw: statistic(positions) is that of a sample whose members are named by position, some of them
/// several times.
///
/// Source  Efron & Tibshirani 1993, "An Introduction to the Bootstrap", secs. 6.2 and 13.3
template <class Statistic>
std::vector<double> bootstrap_draws(std::size_t count, Statistic&& statistic, const BootstrapOptions& options = {}) {
  std::vector<std::size_t> positions(count);
  std::vector<double> figures;
  for (int draw = 0; draw < options.draws && count > 0; ++draw) {
    draw_positions(options.seed, static_cast<std::uint64_t>(draw), positions);
    figures.push_back(statistic(std::span<const std::size_t>(positions)));
  }
  return figures;
}

/// The figure of the whole sample with what its draws say.
inline BootstrapResult summarise(double value, std::span<const double> draws) {
  return {value, standard_deviation(draws), quantile(draws, 0.025), quantile(draws, 0.975)};
}

/// The mean of each draw.
inline std::vector<double> mean_draws(std::span<const double> values, const BootstrapOptions& options) {
  return bootstrap_draws(
      values.size(),
      [&](std::span<const std::size_t> positions) {
        double sum = 0;
        for (const std::size_t k : positions) sum += values[k];
        return sum / static_cast<double>(positions.size());
      },
      options);
}

/// Of a mean, for example of |error|: the MAE.
inline BootstrapResult bootstrap_mean(std::span<const double> values, const BootstrapOptions& options = {}) {
  return summarise(mean(values), mean_draws(values, options));
}

/// Which of two methods has the smaller mean cost on the same clusters.
struct PairedResult {
  BootstrapResult difference;  ///< first minus second: below 0 the first is better
  double first_better = NAN;   ///< share of the draws in which it is
};

/// Paired bootstrap of mean(first) - mean(second), for example of the |errors| of two methods on the same clusters.
/// Throws InputError if the lists differ in length.
inline PairedResult paired_bootstrap(std::span<const double> first, std::span<const double> second,
                                     const BootstrapOptions& options = {}) {
  require_pairs(first.size(), second.size());
  std::vector<double> difference;
  for (std::size_t k = 0; k < first.size(); ++k) difference.push_back(first[k] - second[k]);
  const std::vector<double> draws = mean_draws(difference, options);
  const auto better = std::count_if(draws.begin(), draws.end(), [](double d) { return d < 0; });
  return {summarise(mean(difference), draws), static_cast<double>(better) / static_cast<double>(draws.size())};
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats
