// SPDX-License-Identifier: BSD-3-Clause
// Noise of many pixels: fast standard normals (the ziggurat method on Philox bits; scenes use core/random.hpp), and
// what resampling does to the noise.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

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
    if (used_ == words_.size()) refill();
    const std::uint32_t word = words_[used_++];
    const std::size_t layer = word & 127u;
    const std::uint32_t abscissa = word >> 8;
    const float x = static_cast<float>(static_cast<std::int32_t>(abscissa)) * table_.width[layer];
    if (abscissa < table_.inside[layer]) return (word & 128u) != 0 ? -x : x;  // 99 of 100 draws
    return at_the_edge(word);
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

  /// The draw where `word` fell beyond the part of its layer that is wholly inside the curve. Kept out of the caller's
  /// loop.
  float at_the_edge(std::uint32_t word) {
    for (;; word = bits()) {
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

/// How far a resampling of the frames smeared the noise: a Gaussian kernel of unit sum, sampled at whole pixels, along
/// each axis. The sum keeps the noise of large areas, as resampling does, so the noise of a single pixel falls.
struct NoiseKernel {
  std::vector<double> taps{1};  ///< odd number, the middle one is the pixel itself

  NoiseKernel() = default;
  /// FWHM of the kernel; 0 leaves the noise white. [pixel]
  explicit NoiseKernel(double fwhm_pixels) {
    if (!(fwhm_pixels > 0)) return;
    const double sigma = fwhm_pixels / 2.3548200450309493;
    const int reach = static_cast<int>(std::ceil(4 * sigma));
    taps.assign(static_cast<std::size_t>(2 * reach + 1), 0);
    double sum = 0;
    for (int k = -reach; k <= reach; ++k)
      sum += taps[static_cast<std::size_t>(k + reach)] = std::exp(-0.5 * k * k / (sigma * sigma));
    for (double& tap : taps) tap /= sum;
  }
  bool white() const { return taps.size() == 1; }

  /// Covariance of two pixels a lag apart along one axis, for white noise of variance 1.
  double covariance(std::size_t lag) const {
    double sum = 0;
    for (std::size_t k = 0; k + lag < taps.size(); ++k) sum += taps[k] * taps[k + lag];
    return sum;
  }
  /// Mean distance of two places that one white pixel's noise reaches, pixels being squares: 1/3 for white noise.
  double spread() const {
    double sum = covariance(0) / 3;
    for (std::size_t lag = 1; lag < taps.size(); ++lag) sum += 2 * static_cast<double>(lag) * covariance(lag);
    return sum;
  }

  /// Smears a plane [height,width] along rows and columns; beyond the edges the plane is mirrored.
  void smear(std::vector<float>& plane, int width, int height) const {
    if (white()) return;
    const int reach = static_cast<int>(taps.size() / 2);
    const auto mirrored = [](int k, int count) { return k < 0 ? -k - 1 : k >= count ? 2 * count - 1 - k : k; };
    std::vector<float> line(static_cast<std::size_t>(width));
    for (int j = 0; j < height; ++j) {
      float* const row = plane.data() + static_cast<std::ptrdiff_t>(j) * width;
      for (int i = 0; i < width; ++i) {
        double sum = 0;
        for (int k = -reach; k <= reach; ++k)
          sum += taps[static_cast<std::size_t>(k + reach)] * static_cast<double>(row[mirrored(i + k, width)]);
        line[static_cast<std::size_t>(i)] = static_cast<float>(sum);
      }
      std::copy(line.begin(), line.end(), row);
    }
    // Columns: rows are summed, so that memory is read in order.
    const std::vector<float> source = plane;
    for (int j = 0; j < height; ++j) {
      float* const row = plane.data() + static_cast<std::ptrdiff_t>(j) * width;
      std::fill(row, row + width, 0.0f);
      for (int k = -reach; k <= reach; ++k) {
        const float* const other = source.data() + static_cast<std::ptrdiff_t>(mirrored(j + k, height)) * width;
        const auto tap = static_cast<float>(taps[static_cast<std::size_t>(k + reach)]);
        for (int i = 0; i < width; ++i) row[i] += tap * other[i];
      }
    }
  }
};

/// A draw of the noise of a pixel that counts few photons: the standard normal `z` bent to a skewness, by the first
/// term of the Cornish-Fisher expansion; mean 0, variance 1 + skewness^2 / 18.
inline double skewed(double z, double skewness) { return z + skewness / 6 * (z * z - 1); }

/// What a CCD's read-out adds to all pixels of a row alike, [2][1489] offsets: each half of the CCD has an amplifier of
/// its own whose level flickers from row to row; another part is common to both halves and drifts over some rows.
class RowNoise {
 public:
  static constexpr int rows = 1489, half_width = 1024;

  RowNoise() = default;
  /// amplifier: rms of each half's flicker; drift: rms of the common part. Any unit.
  RowNoise(double amplifier, double drift, NormalStream normal) {
    if (!(amplifier > 0) && !(drift > 0)) return;
    constexpr double memory = 0.8;  // of the drift from row to row: it lives for some five rows
    const double fresh = std::sqrt(1 - memory * memory);
    for (auto& half : offset_) half.resize(rows);
    double common = static_cast<double>(normal());
    for (std::size_t j = 0; j < rows; ++j) {
      for (auto& half : offset_)
        half[j] = static_cast<float>(drift * common + amplifier * static_cast<double>(normal()));
      common = memory * common + fresh * static_cast<double>(normal());
    }
  }
  bool none() const { return offset_[0].empty(); }
  /// At column x of row j.
  float at(int x, int j) const { return offset_[x < half_width ? 0 : 1][static_cast<std::size_t>(j)]; }

 private:
  friend class RowMeans;
  std::array<std::vector<float>, 2> offset_{};
};

/// Means of a RowNoise over windows of rows, for cells of many pixels: taken at whole rows from `first` to `last`,
/// linear between. Beyond the frame its rows come again mirrored.
class RowMeans {
 public:
  RowMeans(const RowNoise& noise, double window_rows, double first, double last)
      : first_(static_cast<int>(std::floor(first))),
        count_(noise.none() ? 0 : static_cast<int>(std::ceil(last)) - first_ + 2) {
    // Each value is the mean over the rows from y - window / 2 to y + window / 2; row j covers [j - 0.5, j + 0.5].
    const double half = 0.5 * window_rows;
    const int below = first_ - static_cast<int>(half) - 2, rows = count_ + 2 * (static_cast<int>(half) + 2) + 1;
    std::vector<double> sum(static_cast<std::size_t>(rows) + 1);
    for (std::size_t side = 0; side < mean_.size(); ++side) {
      mean_[side].resize(static_cast<std::size_t>(count_));
      if (count_ == 0) continue;
      for (int k = 0; k < rows; ++k)
        sum[static_cast<std::size_t>(k) + 1] =
            sum[static_cast<std::size_t>(k)] +
            static_cast<double>(noise.offset_[side][static_cast<std::size_t>(mirrored(below + k))]);
      const auto integral = [&](double to) {  // from the lower edge of row `below`
        const double place = to + 0.5 - below;
        const auto low = static_cast<std::size_t>(place);
        return sum[low] + (place - static_cast<double>(low)) * (sum[low + 1] - sum[low]);
      };
      for (int k = 0; k < count_; ++k)
        mean_[side][static_cast<std::size_t>(k)] =
            static_cast<float>((integral(first_ + k + half) - integral(first_ + k - half)) / window_rows);
    }
  }
  /// Mean about row y, inside [first, last], at column x of the frame.
  float at(double x, double y) const {
    const auto& mean = mean_[x < RowNoise::half_width - 0.5 ? 0 : 1];
    const double place = std::clamp(y - first_, 0.0, count_ - 1.001);
    const auto low = static_cast<std::size_t>(static_cast<int>(place));
    return mean[low] + static_cast<float>(place - static_cast<double>(low)) * (mean[low + 1] - mean[low]);
  }

 private:
  static int mirrored(int row) {
    constexpr int length = RowNoise::rows;
    row = ((row % (2 * length)) + 2 * length) % (2 * length);
    return row < length ? row : 2 * length - 1 - row;
  }
  int first_, count_;
  std::array<std::vector<float>, 2> mean_{};
};

/// Noise of a cell made of N x N native pixels by area resampling, N not an integer: the factor on the noise of one
/// pixel, and the correlation of neighbours. A pixel of white noise, spread over a square, shares its noise between two
/// cells with probability 1/(3N) along each axis; smeared noise does so more often.
struct ResampledNoise {
  double gain;         ///< N - spread; N (1 - 1/(3N)) for white noise
  double shrink;       ///< gain / N
  double correlation;  ///< spread / (2 (N - spread)); close to 1/(6N) for white noise

  explicit ResampledNoise(double pixels_per_cell, double spread = 1.0 / 3)
      : gain(pixels_per_cell - spread),
        shrink(1 - spread / pixels_per_cell),
        correlation(0.5 * spread / (pixels_per_cell - spread)) {}
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
