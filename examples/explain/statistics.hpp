// SPDX-License-Identifier: BSD-3-Clause
// The few statistics that judge a map.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace statistics {

inline constexpr double none = std::numeric_limits<double>::quiet_NaN();

inline double mean(std::span<const double> values) {
  return values.empty() ? none
                        : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Error of the mean.
inline double mean_error(std::span<const double> values) {
  if (values.size() < 2) return none;
  const double centre = mean(values), n = static_cast<double>(values.size());
  double square = 0;
  for (const double v : values) square += (v - centre) * (v - centre);
  return std::sqrt(square / (n - 1) / n);
}

/// NaN if one of the two does not vary.
inline double pearson(std::span<const double> x, std::span<const double> y) {
  const double mx = mean(x), my = mean(y);
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    xx += (x[k] - mx) * (x[k] - mx);
    yy += (y[k] - my) * (y[k] - my);
    xy += (x[k] - mx) * (y[k] - my);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : none;
}

/// Ranks from 0; equal values share their mean rank.
inline std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t k = begin; k < end; ++k) result[order[k]] = 0.5 * static_cast<double>(begin + end - 1);
    begin = end;
  }
  return result;
}

inline double spearman(std::span<const double> x, std::span<const double> y) { return pearson(ranks(x), ranks(y)); }

/// Rank correlation of two maps over the cells in which the first one says something; 0 where one of them is flat
/// there.
inline double likeness(std::span<const float> a, std::span<const float> b) {
  std::vector<double> x, y;
  for (std::size_t k = 0; k < a.size(); ++k)
    if (a[k] != 0) x.push_back(static_cast<double>(a[k])), y.push_back(static_cast<double>(b[k]));
  const double rho = spearman(x, y);
  return std::isfinite(rho) ? rho : 0;
}

/// A map that depends on what was learned is less like that of another network than this.
inline constexpr double most_alike = 0.2;

/// y = intercept + slope x by least squares, and the scatter about it.
struct Line {
  double intercept = none, slope = none, scatter = none;
};
inline Line fit_line(std::span<const double> x, std::span<const double> y) {
  if (x.size() < 3) return {};
  const double mx = mean(x), my = mean(y);
  double xx = 0, xy = 0, square = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    xx += (x[k] - mx) * (x[k] - mx);
    xy += (x[k] - mx) * (y[k] - my);
  }
  const double slope = xy / xx;
  for (std::size_t k = 0; k < x.size(); ++k) square += std::pow(y[k] - my - slope * (x[k] - mx), 2);
  return {my - slope * mx, slope, std::sqrt(square / static_cast<double>(x.size() - 2))};
}

}  // namespace statistics
