// SPDX-License-Identifier: BSD-3-Clause
// Calibration of predicted errors on clusters that no member of an ensemble saw: a factor on sigma, then a conformal
// quantile. The label's own error is counted once.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// One prediction beside its label. [dex]
struct Prediction {
  double mean = 0, sigma = 0, label = 0, label_error = 0;
};

/// Factor T on sigma that maximises the likelihood of the labels, N(label; mean, T^2 sigma^2 + label_error^2), by
/// golden section in ln T over [1/8, 8].
///
/// Source  Guo et al. 2017, arXiv:1706.04599, sec. 4.2, for a Gaussian
inline double fit_temperature(std::span<const Prediction> predictions) {
  const auto cost = [&](double log_t) {
    double sum = 0;
    for (const Prediction& p : predictions) {
      const double v = std::exp(2 * log_t) * p.sigma * p.sigma + p.label_error * p.label_error;
      sum += std::log(v) + (p.label - p.mean) * (p.label - p.mean) / v;
    }
    return sum;
  };
  constexpr double golden = 0.6180339887498949;
  double low = -std::log(8.0), high = std::log(8.0);
  double a = high - golden * (high - low), b = low + golden * (high - low), cost_a = cost(a), cost_b = cost(b);
  for (int step = 0; step < 60; ++step)
    if (cost_a < cost_b) {
      high = b;
      b = a;
      cost_b = cost_a;
      a = high - golden * (high - low);
      cost_a = cost(a);
    } else {
      low = a;
      a = b;
      cost_a = cost_b;
      b = low + golden * (high - low);
      cost_b = cost(b);
    }
  return std::exp((low + high) / 2);
}

/// Split-conformal half-width in units of sigma: the ceil((n+1)(1-alpha))-th smallest score |label - mean| /
/// sqrt(T^2 sigma^2 + label_error^2). Infinite if there are too few labels for alpha.
///
/// Source  Lei et al. 2018, arXiv:1604.04173, sec. 2.2
inline double conformal_quantile(std::span<const Prediction> predictions, double temperature, double alpha) {
  std::vector<double> scores;
  for (const Prediction& p : predictions)
    scores.push_back(std::fabs(p.label - p.mean) /
                     std::sqrt(temperature * temperature * p.sigma * p.sigma + p.label_error * p.label_error));
  std::sort(scores.begin(), scores.end());
  const auto rank = static_cast<std::size_t>(std::ceil(static_cast<double>(scores.size() + 1) * (1 - alpha)));
  return rank <= scores.size() && rank > 0 ? scores[rank - 1] : HUGE_VAL;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
