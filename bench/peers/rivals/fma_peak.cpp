// SPDX-License-Identifier: BSD-3-Clause
// What one core can multiply and add at most: 20 independent sums in registers (12 where there are 16 registers). In
// float32, in bfloat16 with sums in float32, and by several cores at once.
#include <ctime>
#include <thread>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

volatile float sink;

// A macro, because a target attribute does not reach into a template's callee.
#define CLUSTERMASS_FMA_LOOP(name, target_text, bytes, sums)                                       \
  __attribute__((target(target_text), noinline)) float name(long turns) {                          \
    typedef float Register __attribute__((vector_size(bytes)));                                    \
    Register sum[sums], factor = {}, addend = {};                                                  \
    factor += 0.999f;                                                                              \
    addend += 1e-3f;                                                                               \
    for (int k = 0; k < (sums); ++k) sum[k] = factor * static_cast<float>(k);                      \
    for (long turn = 0; turn < turns; ++turn) {                                                    \
      _Pragma("GCC unroll 20") for (int k = 0; k < (sums); ++k) sum[k] = sum[k] * factor + addend; \
    }                                                                                              \
    Register total = {};                                                                           \
    for (int k = 0; k < (sums); ++k) total += sum[k];                                              \
    return total[0];                                                                               \
  }

#if defined(__x86_64__)
CLUSTERMASS_FMA_LOOP(loop64, "avx512f", 64, 20)
CLUSTERMASS_FMA_LOOP(loop32, "avx2,fma", 32, 12)

__attribute__((target("avx512f,avx512bf16"), noinline)) float loop_bfloat16(long turns) {
  __m512 sum[20];
  const __m512bh factor = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.03f), _mm512_set1_ps(0.03f));
  for (int k = 0; k < 20; ++k) sum[k] = _mm512_set1_ps(static_cast<float>(k));
  for (long turn = 0; turn < turns; ++turn) {
    _Pragma("GCC unroll 20") for (int k = 0; k < 20; ++k) sum[k] = _mm512_dpbf16_ps(sum[k], factor, factor);
  }
  for (int k = 1; k < 20; ++k) sum[0] += sum[k];
  return sum[0][0];
}
#endif

template <class Loop>
double measure(Loop loop, int flop_per_turn) {
  constexpr long turns = 100000;
  double best = 0;
  for (int k = 0; k < 5; ++k) {
    const double start = thread_seconds();
    sink = loop(turns);
    const double rate = static_cast<double>(turns) * flop_per_turn / (thread_seconds() - start);
    if (rate > best) best = rate;
  }
  return best;
}

}  // namespace

/// FLOP/s of one core with registers of 64 or 32 bytes; 0 if the machine has none.
extern "C" double fma_peak(int register_bytes) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (register_bytes == 64 && __builtin_cpu_supports("avx512f")) return measure(loop64, 20 * 16 * 2);
  if (register_bytes == 32 && __builtin_cpu_supports("fma")) return measure(loop32, 12 * 8 * 2);
#endif
  return 0;
}

/// FLOP/s of one core in bfloat16; 0 if the machine cannot.
extern "C" double bfloat16_peak() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bf16")) return measure(loop_bfloat16, 20 * 32 * 2);
#endif
  return 0;
}

/// The same as fma_peak of `threads` cores that work at once, in all: what sharing a clock or a core leaves of it.
extern "C" double fma_peak_together(int register_bytes, int threads) {
  std::vector<double> rates(static_cast<std::size_t>(threads));
  std::vector<std::thread> others;
  for (double& rate : rates) others.emplace_back([&rate, register_bytes] { rate = fma_peak(register_bytes); });
  double sum = 0;
  for (std::thread& other : others) other.join();
  for (const double rate : rates) sum += rate;
  return sum;
}
