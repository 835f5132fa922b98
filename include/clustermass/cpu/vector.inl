// SPDX-License-Identifier: BSD-3-Clause
// Sixteen floats in registers of exactly the region's width. Included once per instruction set by cpu/engine.hpp, which
// defines CLUSTERMASS_REGISTER_BYTES and CLUSTERMASS_FMA(a, b, c) = a * b + c.

typedef float Register __attribute__((vector_size(CLUSTERMASS_REGISTER_BYTES)));
typedef float LooseRegister __attribute__((vector_size(CLUSTERMASS_REGISTER_BYTES), aligned(4), may_alias));

inline constexpr int register_floats = CLUSTERMASS_REGISTER_BYTES / 4;
inline constexpr int registers = lanes / register_floats;

/// One block of channels.
struct Lanes {
  Register part[registers];
};

CLUSTERMASS_INLINE Lanes load(const float* p) {
  Lanes v;
  CLUSTERMASS_UNROLL
  for (int k = 0; k < registers; ++k) v.part[k] = *reinterpret_cast<const LooseRegister*>(p + k * register_floats);
  return v;
}
CLUSTERMASS_INLINE void store(float* p, const Lanes& v) {
  CLUSTERMASS_UNROLL
  for (int k = 0; k < registers; ++k) *reinterpret_cast<LooseRegister*>(p + k * register_floats) = v.part[k];
}
CLUSTERMASS_INLINE Lanes splat(float value) {
  Lanes v;
  CLUSTERMASS_UNROLL
  for (int k = 0; k < registers; ++k) v.part[k] = value - Register{};  // x - 0 is x: one broadcast
  return v;
}
/// a * b + c, one rounding where the instruction set has it.
CLUSTERMASS_INLINE Lanes multiply_add(const Lanes& a, float b, const Lanes& c) {
  Lanes v;
  const Register factor = b - Register{};
  CLUSTERMASS_UNROLL
  for (int k = 0; k < registers; ++k) v.part[k] = CLUSTERMASS_FMA(a.part[k], factor, c.part[k]);
  return v;
}
CLUSTERMASS_INLINE Lanes add(const Lanes& a, const Lanes& b) {
  Lanes v;
  CLUSTERMASS_UNROLL
  for (int k = 0; k < registers; ++k) v.part[k] = a.part[k] + b.part[k];
  return v;
}
CLUSTERMASS_INLINE Lanes divide(const Lanes& a, float b) {
  Lanes v;
  CLUSTERMASS_UNROLL
  for (int k = 0; k < registers; ++k) v.part[k] = a.part[k] / b;
  return v;
}
/// value where gate > 0, else 0.
CLUSTERMASS_INLINE Lanes where_positive(const Lanes& gate, const Lanes& value) {
  Lanes v;
  CLUSTERMASS_UNROLL
  for (int k = 0; k < registers; ++k) v.part[k] = gate.part[k] > 0.0f ? value.part[k] : Register{};
  return v;
}

/// The channels of one pixel; a map of a single channel holds one number per pixel and no padding.
CLUSTERMASS_INLINE Lanes load_pixel(const Map& map, const float* pixel) {
  if (map.block() == lanes) return load(pixel);
  Lanes v = splat(0.0f);
  v.part[0][0] = *pixel;
  return v;
}
CLUSTERMASS_INLINE void store_pixel(const Map& map, float* pixel, const Lanes& v) {
  if (map.block() == lanes) return store(pixel, v);
  *pixel = v.part[0][0];
}

/// Two registers as rows of 2x2 blocks of Size numbers, transposed: the upper and the lower row.
template <int Size, int... k>
CLUSTERMASS_INLINE void swap_blocks(Register& upper, Register& lower, std::integer_sequence<int, k...>) {
  const Register a = upper, b = lower;
  upper = __builtin_shufflevector(a, b, (k & Size ? register_floats + k - Size : k)...);
  lower = __builtin_shufflevector(a, b, (k & Size ? register_floats + k : k + Size)...);
}
template <int Size>
CLUSTERMASS_INLINE void transpose(Register* rows) {
  if constexpr (Size >= 1) {
    CLUSTERMASS_UNROLL
    for (int i = 0; i < register_floats; ++i)
      if ((i & Size) == 0)
        swap_blocks<Size>(rows[i], rows[i + Size], std::make_integer_sequence<int, register_floats>{});
    transpose<Size / 2>(rows);
  }
}

/// d[o * stride + m] += rows[m * 16 + o] for `count` rows and the first `columns` of their 16 numbers.
CLUSTERMASS_KERNEL inline void add_columns(const float* rows, int count, int columns, float* d, std::ptrdiff_t stride) {
  int m = 0;
  for (; columns == lanes && m + register_floats <= count; m += register_floats)
    for (int part = 0; part < lanes; part += register_floats) {
      Register block[register_floats];
      CLUSTERMASS_UNROLL
      for (int k = 0; k < register_floats; ++k)
        block[k] = *reinterpret_cast<const LooseRegister*>(rows + (m + k) * lanes + part);
      transpose<register_floats / 2>(block);
      CLUSTERMASS_UNROLL
      for (int k = 0; k < register_floats; ++k) {
        LooseRegister* const sum = reinterpret_cast<LooseRegister*>(d + (part + k) * stride + m);
        *sum = *sum + block[k];
      }
    }
  for (; m < count; ++m)
    for (int o = 0; o < columns; ++o) d[o * stride + m] += rows[m * lanes + o];
}
