// SPDX-License-Identifier: BSD-3-Clause
// The CUDA engine: the closed list of primitives on NHWC maps in device memory. Convolutions are cuDNN's, the rest are
// kernels of our own. Calls only queue work on the context's stream, copy_in and copy_out excepted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "clustermass/core/engine.hpp"
#include "clustermass/gpu/context.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// Storage of a half; sums are float.
struct Half {
  std::uint16_t bits = 0;
};

/// NHWC numbers on the device. group > 1: the images are stored as `group` images of c / group channels each, one after
/// the other, and read as one image (five bands joined); NHWC has no view for that, so readers gather first.
template <class T>
struct CudaMap {
  T* data = nullptr;
  Shape shape{};
  int group = 1;

  explicit operator bool() const { return data != nullptr; }
};

template <class T>
class CudaEngine {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, Half>, "CudaEngine: maps are float or Half");

 public:
  using Scalar = T;
  using Space = Device;
  using Map = CudaMap<T>;
  template <class U>
  using Arena = DeviceArena<U>;
  static constexpr bool joins_all_images = true;  ///< batches are what a device wants

  struct Kernel {
    KernelGeometry geometry;
    const T *weight = nullptr, *bias = nullptr;  ///< [out,K,K,in], a dense layer [in,out]; bias [out]
  };

  explicit CudaEngine(CudaContext& context) : context_(&context) {}
  CudaContext& context() const { return *context_; }

  static std::size_t map_size(Shape shape, Form) { return shape.size(); }
  static Map map_at(T* data, Shape shape, Form) { return {data, shape}; }
  static Map image(Map m, int first, int count) {
    const std::size_t one = m.shape.size() / static_cast<std::size_t>(m.shape.n);
    return {m.data + static_cast<std::size_t>(first) * one, {count, m.shape.c, m.shape.h, m.shape.w}, m.group};
  }
  static Map joined(Map m, int group) {
    return {m.data, {m.shape.n / group, m.shape.c * group, m.shape.h, m.shape.w}, group};
  }

  /// Weights, bias, and behind them the plain numbers as they came.
  static std::size_t kernel_size(KernelGeometry g, Form, bool /*backward*/) {
    return padded(g.weight_count()) + padded(out_count(g)) +
           (g.weight_count() + out_count(g)) * sizeof(float) / sizeof(T);
  }
  static std::size_t scratch_size(KernelGeometry, Form, bool /*backward*/) { return 0; }  // the context lends workspace
  static void use_scratch(T*) {}

  /// weight, bias: memory of the host or of the device.
  Kernel prepare(KernelGeometry g, Form form, bool /*backward*/, const float* weight, const float* bias, T* storage) {
    const std::size_t count = g.weight_count(), out = out_count(g);
    T* bias_storage = storage + padded(count);
    float *plain = reinterpret_cast<float*>(bias_storage + padded(out)), *plain_bias = plain + count;
    const auto bring = [&](float* to, const float* from, std::size_t numbers) {
      check(cudaMemcpyAsync(to, from, numbers * sizeof(float), cudaMemcpyDefault, stream()), "cudaMemcpyAsync");
    };
    bring(plain, weight, count);
    bring(plain_bias, bias, out);
    const int transposed = form == Form::vector ? 1 : 0;
    context_->launch(kernel_index("prepare_kernel"), count, cp(plain), storage, g.in, g.out, g.size * g.size,
                     transposed);
    context_->launch(kernel_index("prepare_kernel"), out, cp(plain_bias), bias_storage, 1, g.out, 1, 0);
    return {g, storage, bias_storage};
  }

  /// `rows` is for engines that share one map among threads; here the whole map is written.
  void convolve(Map x, const Kernel& kernel, Map skip, Activation activation, Map y, Rows = {}) {
    const auto [in, out, size, stride] = kernel.geometry;
    x = gathered(x);
    if (fits_cudnn(kernel.geometry, precision())) {
      context_->run({Direction::forward, kernel.geometry, x.shape, static_cast<bool>(skip), activation, precision()},
                    {x.data, const_cast<T*>(kernel.weight), y.data, kernel.bias, skip.data});
      return;
    }
    const int relu = activation == Activation::relu ? 1 : 0;
    const Shape s = x.shape, t = y.shape;
    if (in == 1 && out % 4 == 0)
      context_->launch(kernel_index("stem"), t.size() / 4, cp(x.data), kernel.weight, kernel.bias, cp(skip.data),
                       y.data, s.h, s.w, t.h, t.w, out, size, stride, relu);
    else
      context_->launch(kernel_index("convolve_direct"), t.size(), cp(x.data), kernel.weight, kernel.bias, cp(skip.data),
                       y.data, s.h, s.w, in, t.h, t.w, out, size, stride, relu);
  }

  void convolve_input_gradient(Map d_y, const Kernel& kernel, Map add, Map d_x) {
    const auto [in, out, size, stride] = kernel.geometry;
    const Map whole = d_x.group > 1 ? Map{lent(d_x.shape.size()), d_x.shape} : d_x;
    if (fits_cudnn(kernel.geometry, precision())) {
      context_->run({Direction::input_gradient, kernel.geometry, d_x.shape, false, Activation::none, precision()},
                    {whole.data, const_cast<T*>(kernel.weight), d_y.data, nullptr, nullptr});
    } else {
      const Shape s = d_x.shape, t = d_y.shape;
      context_->launch(kernel_index("input_gradient_direct"), s.size(), cp(d_y.data), kernel.weight, whole.data, s.h,
                       s.w, in, t.h, t.w, out, size, stride);
    }
    if (d_x.group > 1) move_bands(kernel_index("scatter_bands"), whole.data, d_x.data, d_x);
    if (add) context_->launch(kernel_index("add_map"), d_x.shape.size(), d_x.data, cp(add.data));
  }

  void convolve_weight_gradient(Map x, Map d_y, KernelGeometry g, T* d_weight, T* d_bias) {
    static_assert(std::is_same_v<T, float>, "CudaEngine: training needs float maps");
    x = gathered(x);
    const std::size_t count = g.weight_count();
    if (fits_cudnn(g, precision())) {
      float* own_order = floats(count);
      context_->run({Direction::weight_gradient, g, x.shape, false, Activation::none, precision()},
                    {x.data, own_order, d_y.data, nullptr, nullptr});
      context_->launch(kernel_index("add_weight_gradient"), count, cp(own_order), d_weight, g.in, g.size * g.size, 1);
    } else {
      const Shape s = x.shape, t = d_y.shape;
      float* partial = floats(count * static_cast<std::size_t>(s.n));
      context_->launch(kernel_index("weight_gradient_direct"), count * static_cast<std::size_t>(s.n), cp(x.data),
                       cp(d_y.data), partial, s.h, s.w, g.in, t.h, t.w, g.out, g.size, g.stride);
      context_->launch(kernel_index("add_weight_gradient"), count, cp(partial), d_weight, g.in, g.size * g.size, s.n);
    }
    const std::size_t images = static_cast<std::size_t>(d_y.shape.n);
    float* partial = floats(images * out_count(g));
    context_->launch(kernel_index("sum_channels"), images * out_count(g), cp(d_y.data), partial, g.out,
                     d_y.shape.h * d_y.shape.w);
    context_->launch(kernel_index("add_partials"), out_count(g), cp(partial), d_bias, d_y.shape.n);
  }

  void activation_gradient(Activation activation, Map y, Map d_y) {
    if (activation == Activation::relu)
      context_->launch(kernel_index("mask_gradient"), y.shape.size(), cp(y.data), d_y.data);
  }

  void pool(Map x, const Conditions<T, Device>& conditions, int rings, Map y) {
    x = gathered(x);
    const int context_count = y.shape.c - (1 + rings) * x.shape.c;
    context_->launch(kernel_index("pool"), y.shape.size(), cp(x.data), conditions.coverage.data,
                     conditions.context.data, y.data, x.shape.h, x.shape.w, x.shape.c, rings, context_count);
  }
  void pool_gradient(const Conditions<T, Device>& conditions, int rings, Map d_y, Map d_x) {
    const int context_count = d_y.shape.c - (1 + rings) * d_x.shape.c;
    context_->launch(kernel_index("pool_gradient"), d_x.shape.size(), conditions.coverage.data, cp(d_y.data), d_x.data,
                     d_x.shape.h, d_x.shape.w, d_x.shape.c, rings, context_count);
  }

  void dense(Map x, const Kernel& kernel, Activation activation, Map y) {
    context_->launch(kernel_index("dense"), y.shape.size(), cp(x.data), kernel.weight, kernel.bias, y.data,
                     kernel.geometry.in, kernel.geometry.out, activation == Activation::relu ? 1 : 0);
  }
  void dense_input_gradient(Map d_y, const Kernel& kernel, Map d_x) {
    context_->launch(kernel_index("dense_input_gradient"), d_x.shape.size(), cp(d_y.data), kernel.weight, d_x.data,
                     kernel.geometry.in, kernel.geometry.out);
  }
  void dense_weight_gradient(Map x, Map d_y, KernelGeometry g, T* d_weight, T* d_bias) {
    static_assert(std::is_same_v<T, float>, "CudaEngine: training needs float maps");
    context_->launch(kernel_index("dense_weight_gradient"), g.weight_count() + out_count(g), cp(x.data), cp(d_y.data),
                     d_weight, d_bias, g.in, g.out, d_y.shape.n);
  }

  /// From and to the host; both return when the numbers are there.
  void copy_in(View<const float> values, Map x) {
    float* plain = floats(values.size());
    check(cudaMemcpyAsync(plain, values.data, values.size() * sizeof(float), cudaMemcpyHostToDevice, stream()),
          "cudaMemcpyAsync");
    context_->launch(kernel_index("copy_in"), values.size(), cp(plain), x.data, x.shape.c, x.shape.h * x.shape.w);
    context_->synchronize();
  }
  template <class Target>
  void copy_out(Map y, View<Target> values) {
    y = gathered(y);
    float* plain = floats(y.shape.size());
    std::vector<float> host(y.shape.size());
    context_->launch(kernel_index("copy_out"), y.shape.size(), cp(y.data), plain, y.shape.c, y.shape.h * y.shape.w);
    check(cudaMemcpyAsync(host.data(), plain, host.size() * sizeof(float), cudaMemcpyDeviceToHost, stream()),
          "cudaMemcpyAsync");
    context_->synchronize();
    for (std::size_t k = 0; k < host.size(); ++k) values.data[k] = Target(host[k]);
  }

  /// The map itself, or a joined one copied into `memory` (of its size) as a plain map, once for many readers.
  Map gathered_into(Map m, T* memory) {
    if (m.group == 1) return m;
    move_bands(kernel_index("gather_bands"), m.data, memory, m);
    return {memory, m.shape};
  }

 private:
  static constexpr std::size_t out_count(KernelGeometry g) { return static_cast<std::size_t>(g.out); }
  static constexpr std::size_t padded(std::size_t count) { return (count + 31) / 32 * 32; }
  static const T* cp(T* p) { return p; }
  template <class U>
  requires(!std::is_same_v<U, T>) static const U* cp(U* p) { return p; }

  cudaStream_t stream() const { return context_->stream(); }
  Precision precision() const { return std::is_same_v<T, Half> ? Precision::fp16 : context_->options().precision; }
  float* floats(std::size_t count) { return static_cast<float*>(context_->workspace(count * sizeof(float), 1)); }
  T* lent(std::size_t count) { return static_cast<T*>(context_->workspace(count * sizeof(T), 2)); }
  Map gathered(Map m) { return m.group == 1 ? m : gathered_into(m, lent(m.shape.size())); }
  void move_bands(int kernel, const T* from, T* to, const Map& m) {
    context_->launch(kernel, m.shape.size(), from, to, m.group, m.shape.c / m.group, m.shape.h * m.shape.w);
  }

  CudaContext* context_;
};

static_assert(Engine<CudaEngine<float>> && Engine<CudaEngine<Half>>);

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
