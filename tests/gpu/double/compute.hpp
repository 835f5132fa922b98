// SPDX-License-Identifier: BSD-3-Clause
// TEST DOUBLE (see device.hpp): a cuDNN tensor in NHWC, read and written by the library's reference engine.
#pragma once

#include <cudnn.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "clustermass/cpu/reference.hpp"
#include "clustermass/io/half.hpp"
#include "device.hpp"

namespace test_double {

using clustermass::Shape;

/// The reference engine with its loops turned inside out, so that whole networks take seconds: tap by tap, along rows.
struct Engine : clustermass::Reference<float> {
  void convolve(Map x, const Kernel& kernel, Map skip, clustermass::Activation activation, Map y) {
    for (int n = 0; n < y.shape.n; ++n)
      for (int o = 0; o < y.shape.c; ++o) std::fill_n(&y(n, o, 0, 0), y.shape.h * y.shape.w, kernel.bias[o]);
    each_tap(kernel.geometry, x, y, [&](std::size_t w, const float* from, float* to, int count, int stride) {
      const float weight = kernel.weight[w];
      for (int j = 0; j < count; ++j) to[j] += weight * from[j * stride];
    });
    for (std::size_t k = 0; k < y.size(); ++k) {
      if (skip) y.data[k] += skip.data[k];
      if (activation == clustermass::Activation::relu && !(y.data[k] > 0)) y.data[k] = 0;
    }
  }
  void convolve_input_gradient(Map d_y, const Kernel& kernel, Map, Map d_x) {
    std::fill_n(d_x.data, d_x.size(), 0.0f);
    each_tap(kernel.geometry, d_x, d_y, [&](std::size_t w, float* to, const float* from, int count, int stride) {
      const float weight = kernel.weight[w];
      for (int j = 0; j < count; ++j) to[j * stride] += weight * from[j];
    });
  }
  void convolve_weight_gradient(Map x, Map d_y, clustermass::KernelGeometry geometry, float* d_weight, float*) {
    each_tap(geometry, x, d_y, [&](std::size_t w, const float* a, const float* b, int count, int stride) {
      float sum = 0;
      for (int j = 0; j < count; ++j) sum += a[j * stride] * b[j];
      d_weight[w] += sum;
    });
  }

 private:
  /// row(index of the weight, first number in x, first in y, numbers in the row, step in x)
  template <class Row>
  static void each_tap(clustermass::KernelGeometry geometry, Map x, Map y, Row&& row) {
    const auto [in, out, size, stride] = geometry;
    for (int n = 0; n < y.shape.n; ++n)
      for (int o = 0; o < out; ++o)
        for (int c = 0; c < in; ++c)
          for (int a = 0; a < size; ++a)
            for (int b = 0; b < size; ++b) {
              const std::size_t w = static_cast<std::size_t>(((o * in + c) * size + a) * size + b);
              const int shift = b - size / 2, first = shift < 0 ? (stride - shift - 1) / stride : 0;
              const int last = x.shape.w > shift ? std::min(y.shape.w, (x.shape.w - 1 - shift) / stride + 1) : 0;
              for (int i = 0; i < y.shape.h && first < last; ++i)
                if (const int p = stride * i + a - size / 2; p >= 0 && p < x.shape.h)
                  row(w, &x(n, c, p, stride * first + shift), &y(n, o, i, first), last - first, stride);
            }
  }
};

inline std::size_t bytes_of(const Shape& shape, cudnnDataType_t type) {
  return shape.size() * (type == CUDNN_DATA_HALF ? 2 : 4);
}

/// What a tensor core sees of a float: ten bits of fraction.
inline float to_tf32(float value) {
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(value) + 0x1000u) & 0xffffe000u);
}

/// A tensor's numbers in NCHW, from memory in NHWC.
inline std::vector<float> read(const void* data, const Shape& s, cudnnDataType_t type, bool tf32 = false) {
  std::vector<float> values(s.size());
  const clustermass::View<float> view{values.data(), s};
  std::size_t k = 0;
  for (int n = 0; n < s.n; ++n)
    for (int i = 0; i < s.h; ++i)
      for (int j = 0; j < s.w; ++j)
        for (int c = 0; c < s.c; ++c, ++k) {
          const float value = type == CUDNN_DATA_HALF
                                  ? clustermass::widen_f16(static_cast<const std::uint16_t*>(data)[k])
                                  : static_cast<const float*>(data)[k];
          view(n, c, i, j) = tf32 ? to_tf32(value) : value;
        }
  return values;
}
inline void write(const std::vector<float>& values, void* data, const Shape& s, cudnnDataType_t type) {
  const clustermass::View<const float> view{values.data(), s};
  std::size_t k = 0;
  for (int n = 0; n < s.n; ++n)
    for (int i = 0; i < s.h; ++i)
      for (int j = 0; j < s.w; ++j)
        for (int c = 0; c < s.c; ++c, ++k) {
          if (type == CUDNN_DATA_HALF)
            static_cast<std::uint16_t*>(data)[k] = clustermass::narrow_f16(view(n, c, i, j));
          else
            static_cast<float*>(data)[k] = view(n, c, i, j);
        }
}

/// Rules for memory handed to cuDNN: on the device, all of it, 16-byte aligned.
inline bool is_good_memory(const char* call, const char* what, const void* data, std::size_t bytes) {
  const bool good = on_device(data, bytes) && reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
  rule(good, std::string(call) + ": " + what + " is not " + std::to_string(bytes) + " bytes of aligned device memory");
  return good;
}

}  // namespace test_double

struct cudnnContext {
  cudaStream_t stream;
};
