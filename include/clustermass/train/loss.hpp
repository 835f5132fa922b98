// SPDX-License-Identifier: BSD-3-Clause
// Losses of the two stages with their gradients to the network's raw outputs.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "clustermass/model/networks.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// Cross-entropy of band logits against one band, with label smoothing. Writes the gradient to the logits.
///
///   L = - sum_k t_k ln softmax_k,   t = (1 - smoothing) onehot + smoothing / 5
inline double band_loss(const std::array<double, band_count>& logits, std::size_t band, double smoothing,
                        std::array<double, band_count>& gradient) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - largest);
  double loss = 0;
  for (std::size_t k = 0; k < logits.size(); ++k) {
    const double log_probability = logits[k] - largest - std::log(sum);
    const double target = (k == band ? 1 - smoothing : 0) + smoothing / band_count;
    loss -= target * log_probability;
    gradient[k] = std::exp(log_probability) - target;
  }
  return loss;
}

/// Raw outputs of one mass head, or gradients to them.
struct HeadOutput {
  double mean = 0, log_variance = 0;
};

/// What the mass stages minimise.
enum class MassLoss {
  gaussian,  ///< likelihood of a label whose own error is known
  beta,      ///< the same, each sample weighted by its variance to the power beta
  moment     ///< mean of (t - mu)^2, and of its difference from the predicted variance, squared
};
inline constexpr std::array<const char*, 3> mass_loss_names{"gaussian", "beta-nll", "moment"};

struct MassLossOptions {
  MassLoss kind = MassLoss::beta;
  double beta = 0.5;
  double outlier_share = 0;  ///< of labels that are far off; not for the moments
  double outlier_rms = 0.4;  ///< how far [dex]
};

/// Loss of a label whose own error is known, so that the network learns the posterior of the true mass. All in the
/// head's scaled units, with t the label, s its error, v = sigma_net^2 + s^2, R = v + outlier_rms^2:
///
///   gaussian   L = - ln [(1 - e) N(t; mu, v) + e N(t; mu, R)],   e the share of outliers; up to a constant
///   beta       the gradient of the same, times v^beta
///   moment     L = (t - mu)^2 + ((t - mu)^2 - s^2 - sigma_net^2)^2, the second term without gradient to mu
///
/// Returns the loss as it is comparable between networks: that of `gaussian` for the first two.
///
/// Source  beta: Seitzer et al. 2022, arXiv:2203.09168, eq. 4; moments: Jeffrey & Wandelt 2020, arXiv:2011.05991;
///         outliers: Hogg, Bovy & Lang 2010, arXiv:1008.4686, sec. 3
inline double mass_loss(HeadOutput output, double log10_mass, double label_error, const MassLossOptions& options,
                        HeadOutput& gradient) {
  const double target = (log10_mass - MassScale::centre) / MassScale::width, s = label_error / MassScale::width;
  const double clamped = std::clamp(output.log_variance, -8.0, 4.0);
  const double own = std::exp(clamped), v = own + s * s, residual = target - output.mean, square = residual * residual;
  double loss = 0;
  if (options.kind == MassLoss::moment) {
    const double excess = square - s * s - own;
    loss = square + excess * excess;
    gradient = {-2 * residual, -2 * excess * own};
  } else {
    const double e = options.outlier_share, far = options.outlier_rms / MassScale::width, wide = v + far * far;
    const double log_core = -0.5 * (std::log(v) + square / v), log_far = -0.5 * (std::log(wide) + square / wide);
    // `core` is the share of the core in what made this label: 1 without outliers.
    const double log_odds = std::log(e / (1 - e)) + log_far - log_core, core = 1 / (1 + std::exp(log_odds));
    // ln (1 + odds), also where the odds of a label far off are beyond any number
    const double log_both = std::max(log_odds, 0.0) + std::log1p(std::exp(-std::fabs(log_odds)));
    loss = -log_core - log_both - std::log1p(-e);
    const double weight = options.kind == MassLoss::beta ? std::pow(v, options.beta) : 1;
    gradient.mean = -weight * residual * (core / v + (1 - core) / wide);
    gradient.log_variance =
        weight * 0.5 * own * (core * (1 / v - square / (v * v)) + (1 - core) * (1 / wide - square / (wide * wide)));
  }
  // Outside the clamp only steps back towards it count.
  if ((output.log_variance > 4 && gradient.log_variance < 0) || (output.log_variance < -8 && gradient.log_variance > 0))
    gradient.log_variance = 0;
  return loss;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
