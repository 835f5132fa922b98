// SPDX-License-Identifier: BSD-3-Clause
// Integrated gradients of any differentiable function of many numbers, by the midpoint rule. It knows no network: the
// caller brings the gradient.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include "clustermass/core/error.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// How much each number of x adds to F on the straight way from a baseline x', `steps` gradients in all.
///
///   attribution_i = (x_i - x'_i) / m  sum over k < m of  dF/dx_i (x' + (k + 1/2)/m (x - x'))
///
/// The attributions sum to F(x) - F(x') but for the error of the rule, which is zero for a linear F. A number that is
/// the same in x and x' gets exactly zero.
///
/// gradient(point, sum) adds dF/dx at a point to `sum`; point is memory for one point.
///
/// Throws  InputError if the lengths differ or there is no step
/// Source  Sundararajan et al. 2017, arXiv:1703.01365, eq. 1 and sec. 5
template <class Number, class Gradient>
void integrate_gradients(std::span<const Number> x, std::span<const Number> baseline, int steps,
                         std::span<Number> point, std::span<double> attribution, Gradient&& gradient) {
  if (steps < 1 || baseline.size() != x.size() || point.size() != x.size() || attribution.size() != x.size())
    detail::raise<InputError>("integrate_gradients got " + std::to_string(steps) + " steps from " +
                              std::to_string(baseline.size()) + " numbers to " + std::to_string(x.size()) +
                              " with room for " + std::to_string(point.size()) + " and " +
                              std::to_string(attribution.size()) + "; expected equal lengths and a step at least");
  std::fill(attribution.begin(), attribution.end(), 0.0);
  for (int step = 0; step < steps; ++step) {
    const Number t = static_cast<Number>((step + 0.5) / steps);
    for (std::size_t k = 0; k < x.size(); ++k) point[k] = baseline[k] + t * (x[k] - baseline[k]);
    gradient(std::span<const Number>(point), attribution);
  }
  for (std::size_t k = 0; k < x.size(); ++k)
    attribution[k] *= (static_cast<double>(x[k]) - static_cast<double>(baseline[k])) / steps;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
