// SPDX-License-Identifier: BSD-3-Clause
// How maps and kernels lie in memory on the CPU, the same for every instruction set. No arithmetic.
//
// Legend  block: 16 channels that lie together; halo: one row or column of zeros around a map, never written
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "clustermass/core/engine.hpp"
#include "clustermass/core/error.hpp"  // CLUSTERMASS_ASSERT

namespace clustermass::inline CLUSTERMASS_CODE_TAG::cpu {

inline constexpr int lanes = 16;  ///< channels of one block

constexpr int blocks_of(int channels) { return (channels + lanes - 1) / lanes; }

/// A map [n][C/16][h+2][w+2][16] with its halo, a single-channel map [n][h+2][w+2], or a vector [n][C up to 16s].
/// Padding channels and the halo are zero.
struct Map {
  float* data = nullptr;
  Shape shape{};
  Form form = Form::map;

  explicit operator bool() const { return data != nullptr; }
  int block() const { return shape.c == 1 && form == Form::map ? 1 : lanes; }
  int blocks() const { return block() == 1 ? 1 : blocks_of(shape.c); }
  std::ptrdiff_t row() const { return static_cast<std::ptrdiff_t>(shape.w + 2) * block(); }
  std::ptrdiff_t plane() const { return row() * (shape.h + 2); }
  std::ptrdiff_t image_size() const {
    return form == Form::vector ? static_cast<std::ptrdiff_t>(blocks()) * lanes : plane() * blocks();
  }
  /// First number of pixel (0,0) of block b of image n.
  float* origin(int n, int b) const { return data + n * image_size() + b * plane() + row() + block(); }
};

/// Prepared weights. forward: [out/16][in/block][K*K][block][16 out]; adjoint: [in/16][out/16][K*K][16 out][16 in], of
/// a map of a single channel [K*K/16][out][16 taps]. Vectors: K = 1. Transformed (winograd.inl): forward
/// [out/16][36][in padded][16 out], adjoint the same of the turned kernel.
struct Kernel {
  KernelGeometry geometry{};
  const float* forward = nullptr;
  const float* bias = nullptr;
  const float* adjoint = nullptr;
};

/// How a convolution is computed: plainly (direct.inl), or by a transform that saves multiplications (winograd.inl for
/// stride 1, polyphase.inl for stride 2).
enum class Method { direct, winograd, polyphase };
constexpr Method method_of(KernelGeometry g, Form form) {
  if (form != Form::map || g.size != 3 || g.in == 1 || g.out == 1) return Method::direct;
  if (g.stride == 1) return Method::winograd;
  // One block to one block: the transforms cost what the products save (measured, bench/network_bench.cpp).
  return g.stride == 2 && (g.in > lanes || g.out > lanes) ? Method::polyphase : Method::direct;
}

/// Tiles of 4 x 4 outputs that are transformed together, few enough for the cache, and the distance of two places of
/// them in scratch memory: one block more than needed, or the 36 places would all fall on a few sets of the cache.
inline constexpr int largest_group = 20;
constexpr int group_tiles(int in) { return in <= 16 ? 16 : in <= 32 ? 8 : in <= 96 ? 16 : largest_group; }
constexpr int phase_group_tiles(int in) { return in <= 16 ? 4 : in <= 32 ? 8 : in <= 96 ? 16 : largest_group; }
constexpr std::ptrdiff_t transformed_step(int group, int channels) {
  return static_cast<std::ptrdiff_t>(group) * channels + lanes;
}

/// Input channels that lie together in `forward`.
constexpr int input_block(KernelGeometry g, Form form) { return g.in == 1 && form == Form::map ? 1 : lanes; }

constexpr std::size_t forward_size(KernelGeometry g, Form form) {
  const int block = input_block(g, form), in = (g.in + block - 1) / block * block;
  return static_cast<std::size_t>(blocks_of(g.out) * lanes) * static_cast<std::size_t>(in) *
         static_cast<std::size_t>(method_of(g, form) == Method::direct ? g.size * g.size : 36);
}
constexpr std::size_t adjoint_size(KernelGeometry g, Form form) {
  if (method_of(g, form) == Method::winograd) return forward_size(g, form);
  if (input_block(g, form) == lanes)
    return static_cast<std::size_t>(blocks_of(g.in) * blocks_of(g.out) * lanes * lanes * g.size * g.size);
  return static_cast<std::size_t>(blocks_of(g.size * g.size) * lanes) * static_cast<std::size_t>(g.out);
}

/// Whether the halo of one pixel is enough, so that kernels need no bounds checks.
constexpr bool fits_halo(KernelGeometry g) { return g.size <= 3 && g.stride <= 2; }

/// While it lives, this thread's numbers below 1.2e-38 count as zero: some processors take a hundred cycles for each of
/// them. The host's own setting comes back with its end.
class FlushTiny {
 public:
  FlushTiny() : saved_(get()) { set(saved_ | flush_bits); }
  ~FlushTiny() { set(saved_); }
  FlushTiny(const FlushTiny&) = delete;
  FlushTiny& operator=(const FlushTiny&) = delete;

 private:
#if defined(__x86_64__)
  using Word = unsigned;
  static constexpr Word flush_bits = 0x8040;  // FTZ and DAZ of MXCSR
  static Word get() { return __builtin_ia32_stmxcsr(); }
  static void set(Word word) { __builtin_ia32_ldmxcsr(word); }
#elif defined(__aarch64__)
  using Word = unsigned long long;
  static constexpr Word flush_bits = Word{1} << 24;  // FZ of FPCR
  static Word get() {
    Word word;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void set(Word word) { asm volatile("msr fpcr, %0" : : "r"(word)); }
#else
  using Word = unsigned;
  static constexpr Word flush_bits = 0;
  static Word get() { return 0; }
  static void set(Word) {}
#endif
  Word saved_;
};

/// What every instruction set shares: placing, viewing, preparing. Its only state is memory lent for the length of a
/// call: one engine per thread.
struct Memory {
  using Scalar = float;
  using Space = Host;
  using Map = cpu::Map;
  using Kernel = cpu::Kernel;

  static Map map_at(float* data, Shape shape, Form form) { return {data, shape, form}; }
  static std::size_t map_size(Shape shape, Form form) {
    return static_cast<std::size_t>(shape.n) * static_cast<std::size_t>(Map{nullptr, shape, form}.image_size());
  }
  static Map image(Map m, int first, int count) {
    return {m.data + first * m.image_size(), {count, m.shape.c, m.shape.h, m.shape.w}, m.form};
  }
  /// A reinterpretation: the channels must fill their blocks.
  static Map joined(Map m, int group) {
    CLUSTERMASS_ASSERT(m.shape.c % lanes == 0 && m.shape.n % group == 0);
    return {m.data, {m.shape.n / group, m.shape.c * group, m.shape.h, m.shape.w}, m.form};
  }

  static std::size_t kernel_size(KernelGeometry g, Form form, bool backward) {
    return forward_size(g, form) + static_cast<std::size_t>(blocks_of(g.out) * lanes) +
           (backward ? adjoint_size(g, form) : 0);
  }

  /// Numbers of scratch memory that a convolution needs, and its gradients too if `backward`.
  static std::size_t scratch_size(KernelGeometry g, Form form, bool backward) {
    const Method method = method_of(g, form);
    if (method == Method::direct) return 0;
    const auto in = static_cast<std::size_t>(blocks_of(g.in)), out = static_cast<std::size_t>(blocks_of(g.out));
    constexpr std::size_t products = 2;  // output blocks at once
    if (method == Method::polyphase) return (in + products) * (81 * largest_group + 1) * lanes;
    const auto places = [](std::size_t blocks) { return 36 * (largest_group * blocks + 1) * lanes; };
    const std::size_t walk = places(backward && out > in ? out : in) + products * 36 * largest_group * lanes;
    return backward ? std::max(walk, places(in) + places(out) + in * out * 36 * lanes * lanes) : walk;
  }
  void use_scratch(float* memory) { scratch = memory; }
  float* scratch = nullptr;

  /// Member `member` of a crew that makes the same calls; see SharedEngine.
  void join(Crew* crew, int member, float* own_memory) {
    crew_ = crew;
    member_ = member;
    own_memory_ = own_memory;
  }
  int members() const { return crew_ ? crew_->size() : 1; }
  int member() const { return member_; }
  float* own_memory() const { return own_memory_; }
  void work_alone(bool alone) { alone_ = alone; }
  void meet() const {
    if (crew_ && !alone_) crew_->meet();
  }

  /// The kernel with its parts placed in `storage`, adjoint if `backward`; only the bias is filled.
  static Kernel place(KernelGeometry g, Form form, bool backward, const float* bias, float* storage) {
    float *const bias_storage = storage + forward_size(g, form), *const adjoint =
                                                                     bias_storage + blocks_of(g.out) * lanes;
    for (int o = 0; o < blocks_of(g.out) * lanes; ++o) bias_storage[o] = o < g.out ? bias[o] : 0.0f;
    return {g, storage, bias_storage, backward ? adjoint : nullptr};
  }
  [[gnu::noinline]] static void fill_forward(KernelGeometry g, Form form, const float* weight, float* forward) {
    const int taps = g.size * g.size, in_block = input_block(g, form), in_blocks = (g.in + in_block - 1) / in_block;
    const std::ptrdiff_t out_step = std::ptrdiff_t{taps} * g.in;
    for (int ob = 0; ob < blocks_of(g.out) * lanes; ob += lanes)
      for (int cb = 0; cb < in_blocks * in_block; cb += in_block)
        for (int tap = 0; tap < taps; ++tap)
          for (int c = cb; c < cb + in_block; ++c, forward += lanes) {
            const int count = c >= g.in ? 0 : std::min(g.out - ob, lanes);
            const float* from = weight + ob * out_step + c * taps + tap;
            for (int o = 0; o < count; ++o) forward[o] = from[o * out_step];
            for (int o = count; o < lanes; ++o) forward[o] = 0;
          }
  }
  [[gnu::noinline]] static void fill_adjoint(KernelGeometry g, Form form, const float* weight, float* adjoint) {
    const int taps = g.size * g.size;
    if (input_block(g, form) == 1) {
      for (int block = 0; block < blocks_of(taps); ++block)
        for (int o = 0; o < g.out; ++o)
          for (int tap = block * lanes; tap < (block + 1) * lanes; ++tap)
            *adjoint++ = tap < taps ? number(g, weight, o, 0, tap) : 0.0f;
      return;
    }
    for (int cb = 0; cb < blocks_of(g.in); ++cb)
      for (int ob = 0; ob < blocks_of(g.out); ++ob)
        for (int tap = 0; tap < taps; ++tap)
          for (int o = 0; o < lanes; ++o)
            for (int c = 0; c < lanes; ++c) *adjoint++ = number(g, weight, ob * lanes + o, cb * lanes + c, tap);
  }

  static void copy_in(View<const float> values, Map x) {
    const auto [batch, channels, h, w] = x.shape;
    if (x.form == Form::map && x.block() == 1) {  // rows as they are
      for (int n = 0; n < batch; ++n)
        for (int i = 0; i < h; ++i)
          std::memcpy(x.origin(n, 0) + i * x.row(), &values(n, 0, i, 0), static_cast<std::size_t>(w) * sizeof(float));
      return;
    }
    for (int n = 0; n < batch; ++n)
      for (int c = 0; c < channels; ++c)
        for (int i = 0; i < h; ++i)
          for (int j = 0; j < w; ++j) *number(x, n, c, i, j) = values(n, c, i, j);
  }
  template <class Target>
  static void copy_out(Map y, View<Target> values) {
    const auto [batch, channels, h, w] = y.shape;
    for (int n = 0; n < batch; ++n)
      for (int c = 0; c < channels; ++c)
        for (int i = 0; i < h; ++i)
          for (int j = 0; j < w; ++j) values(n, c, i, j) = static_cast<Target>(*number(y, n, c, i, j));
  }

 protected:
  bool shares() const { return crew_ && !alone_; }
  /// This member's part of the rows of a map, in whole rows of tiles.
  Rows part_of(Rows rows, int height) const {
    if (!shares()) return rows;
    const int last = rows.last < height ? rows.last : height, tiles = (last - rows.first + 3) / 4, n = members();
    return {rows.first + 4 * (tiles * member_ / n), std::min(last, rows.first + 4 * (tiles * (member_ + 1) / n))};
  }
  /// What is too small to share is done by the first member.
  template <class Work>
  void once(Work&& work) const {
    if (!shares() || member_ == 0) work();
    meet();
  }

 private:
  Crew* crew_ = nullptr;
  int member_ = 0;
  float* own_memory_ = nullptr;
  bool alone_ = false;

  static float number(KernelGeometry g, const float* weight, int o, int c, int tap) {
    return o < g.out && c < g.in ? weight[(o * g.in + c) * g.size * g.size + tap] : 0.0f;
  }
  static float* number(Map m, int n, int c, int i, int j) {
    if (m.form == Form::vector) return m.data + n * m.image_size() + c;
    const int block = m.block();
    return m.origin(n, c / block) + i * m.row() + j * block + c % block;
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::cpu
