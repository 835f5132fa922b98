// SPDX-License-Identifier: BSD-3-Clause
// How good predicted errors are. Against a noisy label the spread is sqrt(sigma^2 + label_error^2); with label_error =
// 0 the same functions score against the truth.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include "clustermass/stats/calibration.hpp"
#include "clustermass/stats/moments.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats {

/// Of the standard normal distribution.
inline double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
inline double normal_pdf(double x) { return std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2; }

/// Half-width, in sigma, of the central interval of a normal distribution that holds a share of it, by bisection.
inline double central_half_width(double share) {
  double low = 0, high = 40;
  for (int step = 0; step < 80; ++step) {
    const double middle = 0.5 * (low + high);
    (std::erf(middle / std::numbers::sqrt2) < share ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// Spread of label - mean that is to be expected. [dex]
inline double expected_spread(const Prediction& p) { return std::hypot(p.sigma, p.label_error); }

/// Share of the labels inside the central interval of nominal share `level` (0.68: one sigma, nearly).
inline double coverage(std::span<const Prediction> predictions, double level) {
  const double half_width = central_half_width(level);
  double inside = 0;
  for (const Prediction& p : predictions) inside += std::fabs(p.label - p.mean) <= half_width * expected_spread(p);
  return inside / static_cast<double>(predictions.size());
}

/// Mean full width of the interval of nominal share `level` for the true mass. [dex]
inline double interval_width(std::span<const Prediction> predictions, double level) {
  double sum = 0;
  for (const Prediction& p : predictions) sum += p.sigma;
  return 2 * central_half_width(level) * sum / static_cast<double>(predictions.size());
}

/// Probability integral transform, the predicted share below each label: uniform if the posteriors are right.
inline std::vector<double> pit_values(std::span<const Prediction> predictions) {
  std::vector<double> values;
  values.reserve(predictions.size());
  for (const Prediction& p : predictions) values.push_back(normal_cdf((p.label - p.mean) / expected_spread(p)));
  return values;
}

/// How often the distribution of n uniform numbers is further than `distance` from the uniform one; within 0.001 of the
/// exact share from 20 numbers on.
///
/// Source  Kolmogorov 1933; correction for small n: Vrbik 2018, Pioneer J. Theor. Appl. Stat. 15, 15
inline double kolmogorov_p_value(double distance, std::size_t n) {
  const double count = static_cast<double>(n), root = std::sqrt(count), scaled = root * distance;
  const double x = scaled + 1 / (6 * root) + (scaled - 1) / (4 * count);
  if (x < 0.3) return 1;  // short of 1 by less than 1e-5, and the series converges slowly
  double p = 0;
  for (int k = 1; k <= 20; ++k) p += (k % 2 == 1 ? 2 : -2) * std::exp(-2.0 * k * k * x * x);
  return std::clamp(p, 0.0, 1.0);
}

/// Test of Kolmogorov and Smirnov: the largest distance between the distribution of the values and the uniform one on
/// [0, 1], and how often a uniform sample of this size is further away.
struct KolmogorovSmirnov {
  double distance = NAN, p_value = NAN;
};

inline KolmogorovSmirnov uniformity_test(std::span<const double> values) {
  if (values.empty()) return {};
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const double n = static_cast<double>(sorted.size());
  double distance = 0;
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    const double before = static_cast<double>(k) / n, after = static_cast<double>(k + 1) / n;
    distance = std::max({distance, sorted[k] - before, after - sorted[k]});
  }
  return {distance, kolmogorov_p_value(distance, sorted.size())};
}

/// Mean continuous ranked probability score of the normal posteriors. [dex]
///
/// Source  Gneiting & Raftery 2007, JASA 102, 359, eq. (21)
inline double mean_crps(std::span<const Prediction> predictions) {
  double sum = 0;
  for (const Prediction& p : predictions) {
    const double s = expected_spread(p), z = (p.label - p.mean) / s;
    sum += s * (z * (2 * normal_cdf(z) - 1) + 2 * normal_pdf(z) - std::numbers::inv_sqrtpi);
  }
  return sum / static_cast<double>(predictions.size());
}

/// Mean negative log-likelihood of the labels, ln(2 pi)/2 included.
inline double mean_negative_log_likelihood(std::span<const Prediction> predictions) {
  double sum = 0;
  for (const Prediction& p : predictions) {
    const double s = expected_spread(p), z = (p.label - p.mean) / s;
    sum += std::log(s) + 0.5 * z * z;
  }
  return sum / static_cast<double>(predictions.size()) + 0.5 * std::log(2 * std::numbers::pi);
}

/// All of these of one sample, at the levels that every table carries.
struct PosteriorScores {
  double coverage50 = NAN, coverage68 = NAN, coverage90 = NAN, coverage95 = NAN;
  KolmogorovSmirnov pit;
  double crps = NAN;     ///< [dex]
  double nll = NAN;      ///< mean, natural logarithm
  double width68 = NAN;  ///< mean full width of the 68 % interval [dex]
};

inline PosteriorScores posterior_scores(std::span<const Prediction> predictions) {
  return {coverage(predictions, 0.50),
          coverage(predictions, 0.68),
          coverage(predictions, 0.90),
          coverage(predictions, 0.95),
          uniformity_test(pit_values(predictions)),
          mean_crps(predictions),
          mean_negative_log_likelihood(predictions),
          interval_width(predictions, 0.68)};
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats
