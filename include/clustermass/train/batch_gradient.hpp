// SPDX-License-Identifier: BSD-3-Clause
// Gradient of a batch: samples are shared out among the members of a team, gradients are summed in sample order, so the
// bits depend neither on the number of members nor on who was faster.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

class BatchGradient {
 public:
  BatchGradient(std::size_t parameters, std::size_t largest_batch)
      : parameters_(parameters),
        slots_(parameters * largest_batch),
        losses_(largest_batch),
        mean_(parameters),
        squares_((parameters + chunk - 1) / chunk) {}

  /// work(sample, member, gradient) adds to a zeroed gradient and returns the sample's loss. team.run(count, task)
  /// calls task(index, member). Returns the sum of the losses; the mean gradient is in mean().
  template <class Team, class Work>
  double run(Team& team, std::span<const std::size_t> samples, Work&& work) {
    team.run(samples.size(), [&](std::size_t k, int member) {
      const std::span<float> slot = std::span(slots_).subspan(k * parameters_, parameters_);
      std::fill(slot.begin(), slot.end(), 0.0f);
      losses_[k] = work(samples[k], member, slot);
    });
    const float scale = 1.0f / static_cast<float>(samples.size());
    team.run(squares_.size(), [&](std::size_t c, int) {
      const std::size_t begin = c * chunk, end = std::min(begin + chunk, parameters_);
      std::fill(mean_.begin() + static_cast<std::ptrdiff_t>(begin), mean_.begin() + static_cast<std::ptrdiff_t>(end),
                0.0f);
      for (std::size_t k = 0; k < samples.size(); ++k) {
        const float* slot = slots_.data() + k * parameters_;
        for (std::size_t p = begin; p < end; ++p) mean_[p] += slot[p];
      }
      double square = 0;
      for (std::size_t p = begin; p < end; ++p) {
        mean_[p] *= scale;
        square += static_cast<double>(mean_[p]) * static_cast<double>(mean_[p]);
      }
      squares_[c] = square;
    });
    double sum = 0;
    for (std::size_t k = 0; k < samples.size(); ++k) sum += losses_[k];
    return sum;
  }

  std::span<const float> mean() const { return mean_; }
  /// Length of the mean gradient, summed in the order of the chunks.
  double norm() const {
    double sum = 0;
    for (const double square : squares_) sum += square;
    return std::sqrt(sum);
  }

  /// Parameters that one member of a team sums or steps at a time.
  static constexpr std::size_t chunk = 16384;

 private:
  std::size_t parameters_;
  std::vector<float> slots_;
  std::vector<double> losses_;
  std::vector<float> mean_;
  std::vector<double> squares_;
};

/// The numbers 0 .. count - 1 in an order that depends on (seed, stream) alone (Fisher & Yates).
template <class Random>
std::vector<std::size_t> shuffled(std::size_t count, Random random) {
  std::vector<std::size_t> order(count);
  for (std::size_t k = 0; k < count; ++k) order[k] = k;
  for (std::size_t k = count; k > 1; --k) std::swap(order[k - 1], order[random.below(static_cast<std::uint32_t>(k))]);
  return order;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
