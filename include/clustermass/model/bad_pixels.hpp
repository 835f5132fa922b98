// SPDX-License-Identifier: BSD-3-Clause
// Finds the pixels of a row that do not count. All tests look at the numbers' bits, so that -ffast-math in the host
// program cannot remove them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "clustermass/cutout.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Whether a number is finite, by its bits.
inline bool is_finite_number(float value) { return (std::bit_cast<std::uint32_t>(value) & 0x7f800000u) != 0x7f800000u; }
inline bool is_finite_number(double value) {
  return (std::bit_cast<std::uint64_t>(value) & 0x7ff0000000000000u) != 0x7ff0000000000000u;
}

namespace detail {

enum class PixelKind {
  good,
  masked,     ///< seen, not valid
  nonfinite,  ///< the same and worth a flag: no mask says so
  no_data     ///< lies outside the image
};

/// at: elements from the image's first pixel.
inline PixelKind kind_of(const BandImage& image, std::ptrdiff_t at) {
  const std::int32_t bits = image.mask ? image.mask[at] : 0;
  if (bits & image.no_data_mask) return PixelKind::no_data;
  if (bits & image.bad_mask) return PixelKind::masked;
  const float variance = image.variance ? image.variance[at] : 1.0f;
  if (!is_finite_number(image.pixels[at]) || !is_finite_number(variance)) return PixelKind::nonfinite;
  const bool positive = std::bit_cast<std::int32_t>(variance) > 0;
  return positive ? PixelKind::good : PixelKind::masked;
}

using FourBits [[gnu::vector_size(16)]] = std::int32_t;

template <class Number>
FourBits four_bits(const Number* numbers) {
  static_assert(sizeof(Number) == 4);
  FourBits bits;
  std::memcpy(&bits, numbers, sizeof bits);
  return bits;
}

/// Whether any of the 16 pixels from `at` is not good.
inline bool any_bad(const BandImage& image, std::ptrdiff_t at) {
  constexpr std::int32_t exponent = 0x7f800000;
  FourBits bad{};
  for (int k = 0; k < 16; k += 4) bad |= (four_bits(image.pixels + at + k) & exponent) == exponent;
  if (image.variance)
    for (int k = 0; k < 16; k += 4) {
      const FourBits bits = four_bits(image.variance + at + k);
      bad |= (bits <= 0) | (bits >= exponent);
    }
  if (image.mask) {
    const std::int32_t relevant = image.bad_mask | image.no_data_mask;
    for (int k = 0; k < 16; k += 4) bad |= four_bits(image.mask + at + k) & relevant;
  }
  std::uint64_t half[2];
  std::memcpy(half, &bad, sizeof bad);
  return (half[0] | half[1]) != 0;
}

/// Asks the memory for 16 pixels of a row that is read soon: rows are too short for the hardware to see them coming,
/// and a whole row at once is more than it listens to.
inline void fetch(const BandImage& image, std::ptrdiff_t at) {
  __builtin_prefetch(image.pixels + at);
  if (image.variance) __builtin_prefetch(image.variance + at);
  if (image.mask) __builtin_prefetch(image.mask + at);
}

/// Calls found(from, to, kind) for every run of pixels [from, to) of one kind, but good, in columns [first, last) of a
/// row that starts `row` elements from the image's first pixel; next_row is read after it.
template <class Found>
void for_each_bad_run(const BandImage& image, std::ptrdiff_t row, std::ptrdiff_t next_row, int first, int last,
                      Found&& found) {
  PixelKind kind = PixelKind::good;
  int from = first;
  const auto end_run = [&](int at, PixelKind next) {
    if (kind != PixelKind::good) found(from, at, kind);
    kind = next;
    from = at;
  };
  for (int x = first; x < last;) {
    fetch(image, next_row + x);
    if (last - x >= 16 && !any_bad(image, row + x)) {
      if (kind != PixelKind::good) end_run(x, PixelKind::good);
      x += 16;
      continue;
    }
    for (const int end = last - x >= 16 ? x + 16 : last; x < end; ++x)
      if (const PixelKind next = kind_of(image, row + x); next != kind) end_run(x, next);
  }
  end_run(last, PixelKind::good);
}

}  // namespace detail
}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
