// SPDX-License-Identifier: BSD-3-Clause
// AdamW with a warm-up and cosine schedule and gradient clipping, on plain spans of numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// Learning rate: linear warm-up, then a cosine from peak to last.
struct Schedule {
  double peak = 1e-3, last = 1e-5;
  int warmup_steps = 100, steps = 1;

  double rate(int step) const {
    if (step < warmup_steps) return peak * (step + 1) / warmup_steps;
    const double t = static_cast<double>(step - warmup_steps) / std::max(1, steps - warmup_steps);
    return last + 0.5 * (peak - last) * (1 + std::cos(std::numbers::pi * std::min(t, 1.0)));
  }
};

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 1e-4, clip_norm = 1.0;
};

/// State of AdamW: two moments per parameter and the number of steps taken.
struct Adam {
  std::vector<float> first, second;
  int step = 0;

  explicit Adam(std::size_t parameters = 0) : first(parameters), second(parameters) {}
};

/// Factor that brings a gradient of this norm down to the limit; 1 if it is below.
inline double clip_factor(double norm, double limit) { return norm > limit ? limit / norm : 1.0; }

/// One step on a slice of the parameters, with state starting at `offset`. Call with the same `step` for all slices.
///
/// Source  Loshchilov & Hutter 2019, arXiv:1711.05101, alg. 2
inline void adam_step(std::span<float> parameters, std::span<const float> gradient, Adam& state, std::size_t offset,
                      double rate, double factor, const AdamOptions& options) {
  const double correction1 = 1 - std::pow(options.beta1, state.step + 1);
  const double correction2 = 1 - std::pow(options.beta2, state.step + 1);
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const double g = factor * static_cast<double>(gradient[k]);
    const double m = options.beta1 * static_cast<double>(state.first[offset + k]) + (1 - options.beta1) * g;
    const double v = options.beta2 * static_cast<double>(state.second[offset + k]) + (1 - options.beta2) * g * g;
    state.first[offset + k] = static_cast<float>(m);
    state.second[offset + k] = static_cast<float>(v);
    const double step = (m / correction1) / (std::sqrt(v / correction2) + options.epsilon);
    const double p = static_cast<double>(parameters[k]);
    parameters[k] = static_cast<float>(p - rate * (step + options.weight_decay * p));
  }
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
