// SPDX-License-Identifier: BSD-3-Clause
// One sample against another, by ranks alone.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "clustermass/stats/moments.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats {

/// Share of the sample below a number, equal ones counted half: 0 for one below all, 1 for one above all; NaN without a
/// sample, or for no number.
inline double standing(double value, std::span<const double> sample) {
  if (!(value == value)) return NAN;
  double below = 0;
  for (const double other : sample) below += other < value ? 1 : other == value ? 0.5 : 0;
  return below / static_cast<double>(sample.size());
}

/// Area under the ROC curve of a threshold that tells the first sample from the second: the probability that a number
/// of the first exceeds one of the second. 0.5: it cannot tell them; 1: always. NaN if either is empty.
///
/// Source  Mann & Whitney 1947, Ann. Math. Stat. 18, 50; Hanley & McNeil 1982, Radiology 143, 29
inline double roc_area(std::span<const double> first, std::span<const double> second) {
  if (first.empty() || second.empty()) return NAN;
  std::vector<double> all(first.begin(), first.end());
  all.insert(all.end(), second.begin(), second.end());
  const std::vector<double> rank = ranks(all);
  double sum = 0;
  for (std::size_t k = 0; k < first.size(); ++k) sum += rank[k];
  const double n = static_cast<double>(first.size()), m = static_cast<double>(second.size());
  return (sum - n * (n + 1) / 2) / (n * m);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats
