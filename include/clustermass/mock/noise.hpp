// SPDX-License-Identifier: BSD-3-Clause
// Fast standard normals for the noise of many pixels: the ziggurat method on Philox bits. Scenes use core/random.hpp.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "clustermass/core/random.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// A stream of standard normals keyed like Random by (seed, stream, substream). Exact up to the 24 bits of a float.
///
/// Source  Marsaglia & Tsang 2000, J. Stat. Softw. 5, 8; layer and abscissa from different bits after Doornik 2005
class NormalStream {
 public:
  NormalStream(std::uint64_t seed, std::uint64_t stream, std::uint32_t substream)
      : table_(table()),
        key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0, substream, static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)} {}

  float operator()() {
    for (;;) {
      const std::uint32_t word = bits();
      const std::size_t layer = word & 127u;
      const std::uint32_t abscissa = word >> 8;
      const float x = static_cast<float>(static_cast<std::int32_t>(abscissa)) * table_.width[layer];
      const float sign = (word & 128u) != 0 ? -1.0f : 1.0f;
      if (abscissa < table_.inside[layer]) return sign * x;
      if (layer == 0) {
        double tail, height;
        do {
          tail = -std::log(uniform()) / Table::last;
          height = -std::log(uniform());
        } while (2 * height < tail * tail);
        return sign * static_cast<float>(Table::last + tail);
      }
      const double low = table_.height[layer], high = table_.height[layer - 1];
      if (low + uniform() * (high - low) < std::exp(-0.5 * static_cast<double>(x) * static_cast<double>(x)))
        return sign * x;
    }
  }

 private:
  /// 128 layers of equal area under exp(-x^2/2); the base layer holds the tail beyond `last`.
  struct Table {
    static constexpr double last = 3.442619855899, area = 9.91256303526217e-3;
    std::array<std::uint32_t, 128> inside{};
    std::array<float, 128> width{};
    std::array<double, 128> height{};

    Table() {
      constexpr double full = 16777216;  // 2^24
      double x = last, next = last;
      const double base = area / std::exp(-0.5 * last * last);
      inside[0] = static_cast<std::uint32_t>(last / base * full);
      inside[1] = 0;
      width[0] = static_cast<float>(base / full);
      width[127] = static_cast<float>(last / full);
      height[0] = 1;
      height[127] = std::exp(-0.5 * last * last);
      for (std::size_t k = 126; k >= 1; --k) {
        x = std::sqrt(-2 * std::log(area / x + std::exp(-0.5 * x * x)));
        inside[k + 1] = static_cast<std::uint32_t>(x / next * full);
        next = x;
        height[k] = std::exp(-0.5 * x * x);
        width[k] = static_cast<float>(x / full);
      }
    }
  };
  static const Table& table() {
    static const Table instance;
    return instance;
  }

  /// Blocks of Philox do not depend on each other, so a batch of them keeps the multipliers busy.
  void refill() {
    for (std::size_t block = 0; block < words_.size(); block += 4) {
      const auto four = philox4x32(counter_, key_);
      ++counter_[0];
      for (std::size_t k = 0; k < 4; ++k) words_[block + k] = four[k];
    }
    used_ = 0;
  }
  std::uint32_t bits() {
    if (used_ == words_.size()) refill();
    return words_[used_++];
  }
  double uniform() { return (static_cast<double>(bits()) + 0.5) * 0x1p-32; }

  const Table& table_;
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 256> words_{};
  std::size_t used_ = 256;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
