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

/// Gaussian negative log-likelihood of a label whose own error is known, so that the network learns the posterior of
/// the true mass; weighted by v^beta without gradient (beta-NLL).
///
///   L = v^beta * 0.5 [ ln v + (t - mu)^2 / v ],   v = sigma_net^2 + s^2   (all in the head's scaled units)
///
/// Source  Seitzer et al. 2022, arXiv:2203.09168, eq. 4
inline double mass_loss(HeadOutput output, double log10_mass, double label_error, double beta, HeadOutput& gradient) {
  const double target = (log10_mass - MassScale::centre) / MassScale::width, s = label_error / MassScale::width;
  const double clamped = std::clamp(output.log_variance, -8.0, 4.0);
  const double own = std::exp(clamped), v = own + s * s, residual = target - output.mean;
  const double weight = std::pow(v, beta);
  gradient.mean = -weight * residual / v;
  gradient.log_variance = weight * 0.5 * (1 / v - residual * residual / (v * v)) * own;
  // Outside the clamp only steps back towards it count.
  if ((output.log_variance > 4 && gradient.log_variance < 0) || (output.log_variance < -8 && gradient.log_variance > 0))
    gradient.log_variance = 0;
  return 0.5 * (std::log(v) + residual * residual / v);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
