// SPDX-License-Identifier: BSD-3-Clause
// The two conditional biases of an estimate, and the estimate with the prior's pull taken out. A posterior mean is
// unbiased at fixed prediction and drawn towards the prior's mean at fixed truth; a maximum of the likelihood the
// other way about. Tables carry both, so that nobody takes one for the other.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "clustermass/stats/bins.hpp"
#include "clustermass/stats/calibration.hpp"
#include "clustermass/stats/scores.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats {

/// Mean difference in one bin. [dex]
struct BiasBin {
  Bin bin;
  std::size_t n = 0;
  double bias = NAN, error = NAN;  ///< mean and its standard error
};

/// A conditional bias: in bins, and as the slope of the regression behind it.
struct ConditionalBias {
  std::vector<BiasBin> bins;
  Line line;
};

/// <other - given | given>.
inline ConditionalBias conditional_bias(std::span<const double> given, std::span<const double> other,
                                        std::span<const double> edges) {
  ConditionalBias result;
  result.line = fit_line(given, other);
  for (const BinMembers& bin : bin_members(given, edges)) {
    std::vector<double> difference;
    for (const std::size_t k : bin.members) difference.push_back(other[k] - given[k]);
    const double n = static_cast<double>(difference.size());
    result.bins.push_back(
        {bin.bin, difference.size(), mean(difference), standard_deviation(difference) / std::sqrt(n)});
  }
  return result;
}

/// <label - mean | mean>: 0 in every bin and a slope of 1 if the means are those of calibrated posteriors.
inline ConditionalBias calibration_bias(std::span<const Prediction> predictions, std::span<const double> edges) {
  return conditional_bias(column(predictions, &Prediction::mean), column(predictions, &Prediction::label), edges);
}

/// <mean - label | label>: falls with the label, for the slope of a posterior mean is about sigma_p^2 / (sigma_p^2 +
/// sigma^2) < 1.
inline ConditionalBias shrinkage_bias(std::span<const Prediction> predictions, std::span<const double> edges) {
  return conditional_bias(column(predictions, &Prediction::label), column(predictions, &Prediction::mean), edges);
}

/// A normal approximation of a prior on log10 M500c. [log10 Msun, dex]
struct NormalPrior {
  double mean = 0, sigma = 0;
};

/// The maximum of the likelihood behind a normal posterior, and its width: what is left when the prior is divided out.
///
///   k = 1 - sigma^2 / sigma_p^2,  mu_lik = mu_0 + (mu - mu_0) / k,  sigma_lik = sigma / sqrt(k)
///
/// NaN where the posterior is as wide as the prior: the data said nothing.
inline Prediction without_prior(const Prediction& p, const NormalPrior& prior) {
  const double k = 1 - p.sigma * p.sigma / (prior.sigma * prior.sigma);
  Prediction result = p;
  result.mean = k > 0 ? prior.mean + (p.mean - prior.mean) / k : NAN;
  result.sigma = k > 0 ? p.sigma / std::sqrt(k) : NAN;
  return result;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats
