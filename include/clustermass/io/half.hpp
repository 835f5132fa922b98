// SPDX-License-Identifier: BSD-3-Clause
// Sixteen-bit numbers as weight files store them: F16 (IEEE 754 binary16) and BF16 (upper half of a float). Storage
// only, by bits, so that -ffast-math in the host cannot change a value; the library computes in float.
#pragma once

#include <bit>
#include <cstdint>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// False for infinities and NaN, judged by the bits (x != x does not survive -ffast-math).
inline bool is_finite(float value) { return (std::bit_cast<std::uint32_t>(value) & 0x7f800000u) != 0x7f800000u; }

/// Exact value of a BF16.
inline float widen_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// Exact value of an F16.
inline float widen_f16(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31u, fraction = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent > 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;  // subnormal
  return sign ? -magnitude : magnitude;
}

/// Nearest BF16, ties to even. A finite value beyond its range becomes infinite.
inline std::uint16_t narrow_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/// Nearest F16, ties to even. A finite value beyond its range becomes infinite.
inline std::uint16_t narrow_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // 65536 and above
  std::uint32_t significand, drop;  // the result is the significand without its last `drop` bits, rounded
  if (magnitude >= 0x38800000u) {   // 2^-14 and above: normal
    significand = magnitude - (112u << 23);
    drop = 13;
  } else {
    const std::uint32_t exponent = magnitude >> 23;
    if (exponent < 102) return static_cast<std::uint16_t>(sign);  // below 2^-25
    significand = (magnitude & 0x7fffffu) | 0x800000u;
    drop = 126 - exponent;
  }
  const std::uint32_t half = 1u << (drop - 1), odd = significand >> drop & 1u;
  return static_cast<std::uint16_t>(sign | ((significand + half - 1 + odd) >> drop));
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
