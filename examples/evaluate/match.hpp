// SPDX-License-Identifier: BSD-3-Clause
// Which clusters of two catalogues are the same: nearest pairs on the sky with like redshifts, each cluster in one
// pair.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "clustermass/core/cosmology.hpp"

/// A cluster of a catalogue: place [deg], redshift, and log10 of its mass or richness.
struct CatalogueCluster {
  double ra = 0, dec = 0, redshift = 0, value = 0;
};

struct MatchOptions {
  double radius_mpc = 1, radius_arcmin = 3;  ///< the larger of the two counts, at the first catalogue's redshift
  double redshift = 0.05;                    ///< largest |dz| / (1 + z)
};

/// Positions (first, second) of the pairs, the closest pair first in line.
inline std::vector<std::pair<std::size_t, std::size_t>> match(std::span<const CatalogueCluster> first,
                                                              std::span<const CatalogueCluster> second,
                                                              const MatchOptions& options = {}) {
  constexpr double radian = std::numbers::pi / 180;
  const auto direction = [](const CatalogueCluster& c) {
    const double d = c.dec * radian, r = c.ra * radian;
    return std::array{std::cos(d) * std::cos(r), std::cos(d) * std::sin(r), std::sin(d)};
  };
  std::vector<std::size_t> order(second.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return second[a].dec < second[b].dec; });
  std::vector<std::array<double, 3>> directions;
  for (const std::size_t k : order) directions.push_back(direction(second[k]));

  struct Pair {
    double distance;
    std::size_t a, b;
  };
  std::vector<Pair> pairs;
  for (std::size_t a = 0; a < first.size(); ++a) {
    const double angle = std::max(options.radius_mpc / clustermass::angular_distance_mpc(first[a].redshift),
                                  options.radius_arcmin / 60 * radian);
    const double chord = 2 * std::sin(0.5 * std::min(angle, 1.0)), low = first[a].dec - angle / radian,
                 high = first[a].dec + angle / radian;
    const auto at = direction(first[a]);
    const auto begin = std::lower_bound(order.begin(), order.end(), low,
                                        [&](std::size_t k, double dec) { return second[k].dec < dec; });
    for (auto it = begin; it != order.end() && second[*it].dec <= high; ++it) {
      const auto& to = directions[static_cast<std::size_t>(it - order.begin())];
      const double distance = std::hypot(at[0] - to[0], at[1] - to[1], at[2] - to[2]);
      if (distance > chord) continue;
      if (std::fabs(first[a].redshift - second[*it].redshift) > options.redshift * (1 + first[a].redshift)) continue;
      pairs.push_back({distance, a, *it});
    }
  }
  std::sort(pairs.begin(), pairs.end(), [](const Pair& x, const Pair& y) {
    return std::tie(x.distance, x.a, x.b) < std::tie(y.distance, y.a, y.b);
  });
  std::vector<char> first_used(first.size()), second_used(second.size());
  std::vector<std::pair<std::size_t, std::size_t>> result;
  for (const Pair& p : pairs) {
    if (first_used[p.a] || second_used[p.b]) continue;
    first_used[p.a] = second_used[p.b] = 1;
    result.emplace_back(p.a, p.b);
  }
  return result;
}
