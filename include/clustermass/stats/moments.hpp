// SPDX-License-Identifier: BSD-3-Clause
// Mean, median, quantiles, ranks and straight lines of plain numbers. Nothing to average gives NaN, never an exception.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats {

inline double mean(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

/// Of a sample: divided by n - 1.
inline double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return NAN;
  const double centre = mean(values);
  double sum = 0;
  for (const double v : values) sum += (v - centre) * (v - centre);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

/// The value below which a share p of the sample lies, between the two nearest by a straight line.
///
/// Source  Hyndman & Fan 1996, Am. Stat. 50, 361, definition 7: numpy's default
inline double quantile(std::span<const double> values, double p) {
  if (values.empty()) return NAN;
  std::vector<double> sorted(values.begin(), values.end());
  const double at = std::clamp(p, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto low = sorted.begin() + static_cast<std::ptrdiff_t>(at);
  std::nth_element(sorted.begin(), low, sorted.end());
  const double t = at - std::floor(at);
  return t > 0 ? *low + t * (*std::min_element(low + 1, sorted.end()) - *low) : *low;
}
inline double median(std::span<const double> values) { return quantile(values, 0.5); }

/// Spread that outliers do not move: 1.4826 median |x - median x|, the standard deviation if the numbers are normal.
inline double normalised_mad(std::span<const double> values) {
  const double centre = median(values);
  std::vector<double> distance;
  for (const double v : values) distance.push_back(std::fabs(v - centre));
  return 1.4826 * median(distance);
}

/// Ranks from 1; equal numbers share the mean of theirs.
inline std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t k = begin; k < end; ++k) result[order[k]] = 0.5 * static_cast<double>(begin + end + 1);
  }
  return result;
}

/// Throws InputError if two lists that belong together differ in length.
inline void require_pairs(std::size_t first, std::size_t second) {
  if (first != second)
    detail::raise<InputError>("expected as many numbers in both lists, found " + std::to_string(first) + " and " +
                              std::to_string(second));
}

/// y = intercept + slope x by least squares, with the correlation of the two.
struct Line {
  double intercept = NAN, slope = NAN, correlation = NAN;
};

/// Throws InputError if the lists differ in length. NaN where x or y does not vary.
inline Line fit_line(std::span<const double> x, std::span<const double> y) {
  require_pairs(x.size(), y.size());
  const double x0 = mean(x), y0 = mean(y);
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    xx += (x[k] - x0) * (x[k] - x0);
    xy += (x[k] - x0) * (y[k] - y0);
    yy += (y[k] - y0) * (y[k] - y0);
  }
  const double slope = xy / xx;
  return {y0 - slope * x0, slope, xy / std::sqrt(xx * yy)};
}

/// Rank correlation of Spearman.
inline double spearman(std::span<const double> x, std::span<const double> y) {
  return fit_line(ranks(x), ranks(y)).correlation;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats
