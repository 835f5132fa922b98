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
