// SPDX-License-Identifier: BSD-3-Clause
// Eight numbers of one image that know nothing of what stands where: what a classifier has to beat that claims to have
// seen galaxies.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

inline constexpr std::array<const char*, 8> image_statistic_names{
    "rms", "mad", "skewness", "kurtosis", "quantile_995", "above_5_sigma", "neighbours", "mean"};

/// Of the valid cells, which are those that are not exactly 0, of an image [side,side]:
///
///   rms about the mean, 1.4826 median |x - median|, skewness, excess kurtosis, 99.5 % quantile, share of cells above
///   median + 5 of these MAD, correlation of horizontal and vertical neighbours, mean
///
/// All 0 for fewer than 16 valid cells or without variance.
///
/// Source  design of this library: global statistics by which raw bands are told apart
inline std::array<double, 8> image_statistics(std::span<const float> image, int side) {
  std::vector<double> values;
  for (const float v : image)
    if (v != 0) values.push_back(static_cast<double>(v));
  const double n = static_cast<double>(values.size());
  if (n < 16) return {};
  double mean = 0, m2 = 0, m3 = 0, m4 = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) {
    const double d = v - mean;
    m2 += d * d / n;
    m3 += d * d * d / n;
    m4 += d * d * d * d / n;
  }
  if (!(m2 > 1e-12 * mean * mean)) return {};  // rounding alone
  double product = 0, pairs = 0;
  const auto at = [&](int i, int j) {
    return image[static_cast<std::size_t>(i) * static_cast<std::size_t>(side) + static_cast<std::size_t>(j)];
  };
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < side; ++j) {
      if (at(i, j) == 0) continue;
      const double d = static_cast<double>(at(i, j)) - mean;
      for (const auto& [k, l] : {std::array{i, j + 1}, std::array{i + 1, j}}) {
        if (k >= side || l >= side || at(k, l) == 0) continue;
        product += d * (static_cast<double>(at(k, l)) - mean);
        pairs += 1;
      }
    }
  const auto place = [](std::vector<double>& v, double share) {
    const auto k = v.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(v.size() - 1));
    std::nth_element(v.begin(), k, v.end());
    return *k;
  };
  const double high = place(values, 0.995), median = place(values, 0.5);
  std::vector<double> distance;
  for (const double v : values) distance.push_back(std::fabs(v - median));
  const double mad = 1.4826 * place(distance, 0.5);
  const double above =
      static_cast<double>(std::count_if(values.begin(), values.end(), [&](double v) { return v > median + 5 * mad; }));
  return {std::sqrt(m2),
          mad,
          m3 / std::pow(m2, 1.5),
          m4 / (m2 * m2) - 3,
          high,
          above / n,
          pairs > 0 ? product / pairs / m2 : 0,
          mean};
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
