// SPDX-License-Identifier: BSD-3-Clause
// TEST DOUBLE (see device.hpp): the very text of the kernels, compiled as plain C++ and run block by block, thread by
// thread. kernel_text.inc is cut out of kernel_source.hpp by the build.
#include <math.h>

#include <bit>
#include <tuple>

#include "clustermass/gpu/kernel_source.hpp"
#include "clustermass/io/half.hpp"
#include "device.hpp"

namespace {
unsigned block_index, block_size, thread_of_block;
inline long long thread_index() { return static_cast<long long>(block_index) * block_size + thread_of_block; }
inline float half_to_float(unsigned short bits) { return clustermass::widen_f16(bits); }
inline unsigned short float_to_half(float value) { return clustermass::narrow_f16(value); }
}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#define DEVICE static inline
#define KERNEL static void
namespace float_maps {
#include "kernel_text.inc"
}
#define MAP_IS_HALF
namespace half_maps {
#include "kernel_text.inc"
}
#pragma GCC diagnostic pop

namespace {

using Binder = std::function<std::function<void()>(unsigned, unsigned, void**)>;

template <class T>
void check_pointer(const char* kernel, const T& argument) {
  if constexpr (std::is_pointer_v<T>)
    test_double::rule(!argument || test_double::on_device(argument, sizeof *argument),
                      std::string(kernel) + ": a pointer to no live device memory");
}

template <class... Arguments>
Binder binder(const char* name, void (*kernel)(Arguments...)) {
  return [=](unsigned blocks, unsigned threads, void** raw) -> std::function<void()> {
    const auto bound = [&]<std::size_t... k>(std::index_sequence<k...>) {
      return std::tuple<Arguments...>{*static_cast<Arguments*>(raw[k])...};
    }
    (std::index_sequence_for<Arguments...>{});
    return [=] {
      std::size_t broken = test_double::broken_rules().size();
      std::apply([&](const auto&... argument) { (check_pointer(name, argument), ...); }, bound);
      if (test_double::broken_rules().size() > broken) return;
      test_double::count_run(name);
      for (unsigned block = 0; block < blocks; ++block)
        for (unsigned thread = 0; thread < threads; ++thread) {
          block_index = block;
          block_size = threads;
          thread_of_block = thread;
          std::apply(kernel, bound);
        }
    };
  };
}

#define EACH_KERNEL(DO)                                                                                              \
  DO(copy_in)                                                                                                        \
  DO(copy_in_half)                                                                                                   \
  DO(copy_out) DO(gather_bands) DO(scatter_bands) DO(prepare_kernel) DO(stem) DO(convolve_direct)                    \
      DO(input_gradient_direct) DO(weight_gradient_direct) DO(sum_channels) DO(add_partials) DO(add_weight_gradient) \
          DO(add_map) DO(mask_gradient) DO(pool) DO(pool_gradient) DO(dense) DO(dense_input_gradient)                \
              DO(dense_weight_gradient) DO(augment) DO(band_loss) DO(mass_loss) DO(add_scaled) DO(square_sums)       \
                  DO(adam)

const std::map<std::string, Binder>& kernels(bool half) {
#define FLOAT_ENTRY(name) {#name, binder(#name, &float_maps::name)},
#define HALF_ENTRY(name) {#name, binder(#name, &half_maps::name)},
  static const std::map<std::string, Binder> with_float{EACH_KERNEL(FLOAT_ENTRY)}, with_half{EACH_KERNEL(HALF_ENTRY)};
  return half ? with_half : with_float;
}

}  // namespace

std::function<void()> test_double::bind_kernel(const std::string& name, bool half, unsigned blocks, unsigned threads,
                                               void** arguments) {
  const auto found = kernels(half).find(name);
  if (found == kernels(half).end()) return {};
  return found->second(blocks, threads, arguments);
}
