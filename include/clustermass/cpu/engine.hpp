// SPDX-License-Identifier: BSD-3-Clause
// The CPU engine. Opens a target region for each instruction set, includes the kernels once in each, and chooses one
// region when a plan is built. The host needs no -m flag, and no vector type crosses a region's edge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>  // integer_sequence

#include "clustermass/core/error.hpp"
#include "clustermass/cpu/layout.hpp"
#include "clustermass/cpu/transformed.hpp"

#if defined(__aarch64__)
#include <arm_neon.h>  // vfmaq_f32
#endif

#define CLUSTERMASS_INLINE [[gnu::always_inline]] inline
#define CLUSTERMASS_KERNEL [[gnu::noinline]]
#if defined(__clang__)
#define CLUSTERMASS_UNROLL _Pragma("unroll")
#else
#define CLUSTERMASS_UNROLL _Pragma("GCC unroll 16")
#endif

namespace clustermass::inline CLUSTERMASS_CODE_TAG::cpu {

#if defined(__x86_64__)

namespace avx512 {
inline constexpr int tile_pixels = 16;        // 16 sums of one register each
inline constexpr int gradient_channels = 16;
inline constexpr int product_tiles = 8, product_blocks = 2;
inline constexpr bool prefetches_matrix = false;
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#define CLUSTERMASS_FMA(a, b, c) __builtin_ia32_vfmaddps512_mask(a, b, c, 0xffff, 4)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")
#define CLUSTERMASS_FMA(a, b, c) __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4)
#endif
#define CLUSTERMASS_REGISTER_BYTES 64
#define CLUSTERMASS_UNROLL_TILE CLUSTERMASS_UNROLL
#include "clustermass/cpu/vector.inl"
#include "clustermass/cpu/direct.inl"
#include "clustermass/cpu/direct_gradient.inl"
#include "clustermass/cpu/tiles.inl"
#include "clustermass/cpu/winograd.inl"
#include "clustermass/cpu/polyphase.inl"
#include "clustermass/cpu/pool_dense.inl"
#include "clustermass/cpu/engine.inl"
#undef CLUSTERMASS_REGISTER_BYTES
#undef CLUSTERMASS_UNROLL_TILE
#undef CLUSTERMASS_FMA
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
}  // namespace avx512

namespace avx2 {
inline constexpr int tile_pixels = 4;  // 8 sums, 2 weights and a factor of the 16 registers
inline constexpr int gradient_channels = 4;
inline constexpr int product_tiles = 6, product_blocks = 1;
inline constexpr bool prefetches_matrix = true;  // in company of other layers: 0.96 of the time of 64 channels and more
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define CLUSTERMASS_FMA(a, b, c) __builtin_ia32_vfmaddps256(a, b, c)
#define CLUSTERMASS_REGISTER_BYTES 32
#define CLUSTERMASS_UNROLL_TILE
#include "clustermass/cpu/vector.inl"
#include "clustermass/cpu/direct.inl"
#include "clustermass/cpu/direct_gradient.inl"
#include "clustermass/cpu/tiles.inl"
#include "clustermass/cpu/winograd.inl"
#include "clustermass/cpu/polyphase.inl"
#include "clustermass/cpu/pool_dense.inl"
#include "clustermass/cpu/engine.inl"
#undef CLUSTERMASS_REGISTER_BYTES
#undef CLUSTERMASS_UNROLL_TILE
#undef CLUSTERMASS_FMA
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
}  // namespace avx2

#endif  // __x86_64__

#if defined(__aarch64__)

namespace neon {
inline constexpr int tile_pixels = 4;
inline constexpr int gradient_channels = 4;
inline constexpr int product_tiles = 4, product_blocks = 1;
inline constexpr bool prefetches_matrix = false;
#define CLUSTERMASS_FMA(a, b, c) (Register) vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b))
#define CLUSTERMASS_REGISTER_BYTES 16
#define CLUSTERMASS_UNROLL_TILE
#include "clustermass/cpu/vector.inl"
#include "clustermass/cpu/direct.inl"
#include "clustermass/cpu/direct_gradient.inl"
#include "clustermass/cpu/tiles.inl"
#include "clustermass/cpu/winograd.inl"
#include "clustermass/cpu/polyphase.inl"
#include "clustermass/cpu/pool_dense.inl"
#include "clustermass/cpu/engine.inl"
#undef CLUSTERMASS_REGISTER_BYTES
#undef CLUSTERMASS_UNROLL_TILE
#undef CLUSTERMASS_FMA
}  // namespace neon

#endif  // __aarch64__

/// Any machine: registers of 16 bytes, multiply and add rounded apart.
namespace baseline {
inline constexpr int tile_pixels = 2;
inline constexpr int gradient_channels = 2;
inline constexpr int product_tiles = 2, product_blocks = 1;
inline constexpr bool prefetches_matrix = false;
#define CLUSTERMASS_FMA(a, b, c) ((a) * (b) + (c))
#define CLUSTERMASS_REGISTER_BYTES 16
#define CLUSTERMASS_UNROLL_TILE
#include "clustermass/cpu/vector.inl"
#include "clustermass/cpu/direct.inl"
#include "clustermass/cpu/direct_gradient.inl"
#include "clustermass/cpu/tiles.inl"
#include "clustermass/cpu/winograd.inl"
#include "clustermass/cpu/polyphase.inl"
#include "clustermass/cpu/pool_dense.inl"
#include "clustermass/cpu/engine.inl"
#undef CLUSTERMASS_REGISTER_BYTES
#undef CLUSTERMASS_UNROLL_TILE
#undef CLUSTERMASS_FMA
}  // namespace baseline

enum class InstructionSet { baseline, neon, avx2, avx512 };

inline const char* name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::avx512: return "avx512";
    case InstructionSet::avx2: return "avx2";
    case InstructionSet::neon: return "neon";
    case InstructionSet::baseline: break;
  }
  return "baseline";
}

/// Whether this machine runs the instruction set.
inline bool available(InstructionSet set) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (set == InstructionSet::avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
  if (set == InstructionSet::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined(__aarch64__)
  if (set == InstructionSet::neon) return true;
#endif
  return set == InstructionSet::baseline;
}

/// The widest instruction set of this machine, or the one CLUSTERMASS_ISA names (avx512, avx2, neon, baseline).
/// Throws InputError if that one is unknown or not of this machine.
inline InstructionSet choose_instruction_set() {
  constexpr InstructionSet widest_first[] = {InstructionSet::avx512, InstructionSet::avx2, InstructionSet::neon,
                                             InstructionSet::baseline};
  const char* wish = std::getenv("CLUSTERMASS_ISA");
  for (InstructionSet set : widest_first)
    if (available(set) && (!wish || std::strcmp(wish, name_of(set)) == 0)) return set;
  detail::raise<InputError>(detail::sentence({"the environment variable CLUSTERMASS_ISA asks for '", wish,
                                              "', but this machine runs only some of: avx512, avx2, neon, baseline"}));
}

/// Calls use(engine) with the engine of the instruction set.
template <class Use>
decltype(auto) with_engine(InstructionSet set, Use&& use) {
  switch (set) {
#if defined(__x86_64__)
    case InstructionSet::avx512: return use(avx512::Engine{});
    case InstructionSet::avx2: return use(avx2::Engine{});
#elif defined(__aarch64__)
    case InstructionSet::neon: return use(neon::Engine{});
#endif
    default: return use(baseline::Engine{});
  }
}

/// The engine of an instruction set that is chosen when it is made: one type for all of them, so that plans and walks
/// are compiled once. Each primitive is one call to that set's own engine.
class ChosenEngine : public Memory {
  InstructionSet set_;

  template <class Use>
  decltype(auto) with(Use&& use) const {
    return with_engine(set_, [&]<class E>(E) { return use(E{static_cast<const Memory&>(*this)}); });
  }

 public:
  explicit ChosenEngine(InstructionSet set) : set_(set) {}

  CLUSTERMASS_KERNEL Kernel prepare(KernelGeometry g, Form form, bool backward, const float* weight, const float* bias,
                                    float* storage) const {
    return with([&](auto engine) { return engine.prepare(g, form, backward, weight, bias, storage); });
  }
  CLUSTERMASS_KERNEL void convolve(const Map& x, const Kernel& kernel, const Map& skip, Activation activation,
                                   const Map& y, Rows rows = {}) const {
    with([&](auto engine) { engine.convolve(x, kernel, skip, activation, y, rows); });
  }
  void convolve_input_gradient(const Map& d_y, const Kernel& kernel, const Map& add, const Map& d_x) const {
    with([&](auto engine) { engine.convolve_input_gradient(d_y, kernel, add, d_x); });
  }
  void convolve_weight_gradient(const Map& x, const Map& d_y, KernelGeometry g, float* d_weight, float* d_bias) const {
    with([&](auto engine) { engine.convolve_weight_gradient(x, d_y, g, d_weight, d_bias); });
  }
  void activation_gradient(Activation activation, const Map& y, const Map& d_y) const {
    with([&](auto engine) { engine.activation_gradient(activation, y, d_y); });
  }
  CLUSTERMASS_KERNEL void pool(const Map& x, const Conditions<float, Host>& conditions, int rings, const Map& y) const {
    with([&](auto engine) { engine.pool(x, conditions, rings, y); });
  }
  void pool_gradient(const Conditions<float, Host>& conditions, int rings, const Map& d_y, const Map& d_x) const {
    with([&](auto engine) { engine.pool_gradient(conditions, rings, d_y, d_x); });
  }
  CLUSTERMASS_KERNEL void dense(const Map& x, const Kernel& kernel, Activation activation, const Map& y) const {
    with([&](auto engine) { engine.dense(x, kernel, activation, y); });
  }
  void dense_input_gradient(const Map& d_y, const Kernel& kernel, const Map& d_x) const {
    with([&](auto engine) { engine.dense_input_gradient(d_y, kernel, d_x); });
  }
  void dense_weight_gradient(const Map& x, const Map& d_y, KernelGeometry g, float* d_weight, float* d_bias) const {
    with([&](auto engine) { engine.dense_weight_gradient(x, d_y, g, d_weight, d_bias); });
  }

};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::cpu

#undef CLUSTERMASS_INLINE
#undef CLUSTERMASS_KERNEL
#undef CLUSTERMASS_UNROLL
