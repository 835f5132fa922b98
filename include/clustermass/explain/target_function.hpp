// SPDX-License-Identifier: BSD-3-Clause
// The number that is explained, as a function of the network's raw ends, with its derivatives.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "clustermass/explain/explanation.hpp"  // Target
#include "clustermass/explain/recorded_walk.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Sum over the five images of their margin: the logit of the image's own band less the mean of the other four.
inline double band_margins(const WalkEnds& ends, WalkEnds& d_ends) {
  double sum = 0;
  for (std::size_t n = 0; n < band_count; ++n)
    for (std::size_t l = 0; l < band_count; ++l) {
      const double d = l == n ? 1 : -1.0 / (band_count - 1);
      d_ends.logits[n * band_count + l] = d;
      sum += d * ends.logits[n * band_count + l];
    }
  return sum;
}

/// F of the ends of a walk, as the estimator has it; its derivatives are written to d_ends.
///
///   mass          14.45 + 0.45 mean y0
///   log_variance  ln[(0.45 scale)^2 (mean exp(y1) + variance of y0)], y1 clamped to [-12, 6]
///   band          band_margins
///
/// calibration_scale: the network's factor on sigma.
inline double target_function(Target target, double calibration_scale, const WalkEnds& ends, WalkEnds& d_ends) {
  d_ends.outputs.assign(ends.outputs.size(), 0.0);
  if (target == Target::band) return band_margins(ends, d_ends);
  const std::size_t count = ends.outputs.size() / 2;
  const double n = static_cast<double>(count);
  double mean = 0, variance = 0;
  for (std::size_t k = 0; k < count; ++k) mean += ends.outputs[2 * k] / n;
  if (target == Target::mass) {
    for (std::size_t k = 0; k < count; ++k) d_ends.outputs[2 * k] = MassScale::width / n;
    return MassScale::centre + MassScale::width * mean;
  }
  for (std::size_t k = 0; k < count; ++k) {
    const double log_variance = std::clamp(ends.outputs[2 * k + 1], -12.0, 6.0);
    const double off = ends.outputs[2 * k] - mean, share = std::exp(log_variance) / n;
    variance += share + off * off / n;
    d_ends.outputs[2 * k] = 2 * off / n;
    d_ends.outputs[2 * k + 1] = log_variance == ends.outputs[2 * k + 1] ? share : 0;
  }
  for (double& d : d_ends.outputs) d /= variance;
  const double factor = MassScale::width * calibration_scale;
  return std::log(factor * factor * variance);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
