// SPDX-License-Identifier: BSD-3-Clause
// Counter-based random numbers: a draw is a pure function of (seed, stream, position), so results do not depend on
// thread count, order or batch. The distributions are the library's own, because those of std:: differ by vendor.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Philox4x32-10: four 32-bit words from a 128-bit counter and a 64-bit key.
///
/// Source  Salmon et al. 2011, SC'11, "Parallel random numbers: as easy as 1, 2, 3", sec. 3.3
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// A stream of draws keyed by (seed, stream, substream). Copying it copies the position.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0, std::uint32_t substream = 0)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0, substream, static_cast<std::uint32_t>(stream),
                 static_cast<std::uint32_t>(stream >> 32)} {}

  std::uint32_t bits() {
    if (used_ == 4) {
      block_ = philox4x32(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return block_[static_cast<std::size_t>(used_++)];
  }

  /// Uniform in the open interval (0, 1), 52 bits.
  double uniform() {
    const std::uint64_t high = bits() >> 6, low = bits() >> 6;
    return (static_cast<double>((high << 26) | low) + 0.5) * 0x1p-52;
  }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Integer in [0, count).
  std::uint32_t below(std::uint32_t count) {
    return static_cast<std::uint32_t>((std::uint64_t{bits()} * count) >> 32);
  }

  /// Standard normal (Box & Muller 1958).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    const double angle = 6.283185307179586 * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }
  double normal(double mean, double sigma) { return mean + sigma * normal(); }

  /// Poisson count. Exact for any mean: inversion below 30, transformed rejection above (Hoermann 1993, PTRS).
  int poisson(double mean) {
    if (!(mean > 0)) return 0;
    if (mean < 30) {
      const double limit = std::exp(-mean);
      double product = uniform();
      int count = 0;
      while (product > limit) {
        product *= uniform();
        ++count;
      }
      return count;
    }
    const double slam = std::sqrt(mean), log_mean = std::log(mean);
    const double b = 0.931 + 2.53 * slam, a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
      const double u = uniform() - 0.5, v = uniform();
      const double us = 0.5 - std::fabs(u);
      const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
      if (us >= 0.07 && v <= v_r) return static_cast<int>(k);
      if (k < 0 || (us < 0.013 && v > us)) continue;
      if (std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b) <=
          k * log_mean - mean - log_gamma(k + 1))
        return static_cast<int>(k);
    }
  }

 private:
  /// ln Gamma(x) for x >= 1 by Stirling's series after shifting x above 10. std::lgamma writes a global.
  static double log_gamma(double x) {
    double shift = 0;
    for (; x < 10; ++x) shift += std::log(x);
    const double r = 1 / (x * x);
    return (x - 0.5) * std::log(x) - x + 0.9189385332046727 +
           (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r / 1680))) / x - shift;
  }

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
