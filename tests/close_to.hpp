// SPDX-License-Identifier: BSD-3-Clause
// Relative comparison for tests. doctest's own Approx adds 1 to the size of what it compares, so that epsilon means
// almost nothing for numbers far below 1.
#pragma once

#include <doctest/doctest.h>

/// Equal to within a share of the larger of the two numbers.
inline doctest::Approx close_to(double value, double relative = 1e-6) {
  return doctest::Approx(value).scale(0).epsilon(relative);
}
