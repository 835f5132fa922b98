// SPDX-License-Identifier: BSD-3-Clause
// The reference engine: naive loops on plain NCHW numbers of any floating-point type. This is the specification of
// every primitive and the oracle of the tests. Keep it readable; never optimise it.
#pragma once

#include <algorithm>
#include <cstddef>

#include "clustermass/core/engine.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

template <class T>
struct Reference {
  using Scalar = T;
  using Space = Host;
  using Map = View<T>;

  struct Kernel {
    KernelGeometry geometry;
    const T* weight = nullptr;  // [out,in,K,K]
    const T* bias = nullptr;    // [out]
  };

  static std::size_t map_size(Shape shape, Form) { return shape.size(); }
  static Map map_at(T* data, Shape shape, Form) { return {data, shape}; }
  static Map image(Map m, int first, int count) {
    const std::size_t one = m.size() / static_cast<std::size_t>(m.shape.n);
    return {m.data + static_cast<std::size_t>(first) * one, {count, m.shape.c, m.shape.h, m.shape.w}};
  }
  static Map joined(Map m, int group) {
    return {m.data, {m.shape.n / group, m.shape.c * group, m.shape.h, m.shape.w}};
  }

  static std::size_t scratch_size(KernelGeometry, Form, bool /*backward*/) { return 0; }
  static void use_scratch(T*) {}
  static std::size_t kernel_size(KernelGeometry g, Form, bool /*backward*/) {
    return g.weight_count() + static_cast<std::size_t>(g.out);
  }
  /// Preparing is the identity: the numbers are copied (and widened) into storage.
  template <class Source>
  Kernel prepare(KernelGeometry g, Form, bool /*backward*/, const Source* weight, const Source* bias, T* storage) {
    const std::size_t count = g.weight_count(), out = static_cast<std::size_t>(g.out);
    std::copy(weight, weight + count, storage);
    std::copy(bias, bias + out, storage + count);
    return {g, storage, storage + count};
  }

  void convolve(Map x, const Kernel& kernel, Map skip, Activation activation, Map y, Rows rows = {}) {
    const auto [in, out, size, stride] = kernel.geometry;
    for (int n = 0; n < y.shape.n; ++n)
      for (int o = 0; o < out; ++o)
        for (int i = rows.first; i < std::min(rows.last, y.shape.h); ++i)
          for (int j = 0; j < y.shape.w; ++j) {
            T sum = kernel.bias[o];
            for (int c = 0; c < in; ++c)
              for (int a = 0; a < size; ++a)
                for (int b = 0; b < size; ++b) {
                  const int p = stride * i + a - size / 2, q = stride * j + b - size / 2;
                  if (p >= 0 && p < x.shape.h && q >= 0 && q < x.shape.w)
                    sum += kernel.weight[((o * in + c) * size + a) * size + b] * x(n, c, p, q);
                }
            if (skip) sum += skip(n, o, i, j);
            y(n, o, i, j) = activation == Activation::relu ? std::max(sum, T(0)) : sum;
          }
  }

  void convolve_input_gradient(Map d_y, const Kernel& kernel, Map add, Map d_x) {
    const auto [in, out, size, stride] = kernel.geometry;
    for (std::size_t k = 0; k < d_x.size(); ++k) d_x.data[k] = add ? add.data[k] : T(0);
    for (int n = 0; n < d_y.shape.n; ++n)
      for (int o = 0; o < out; ++o)
        for (int i = 0; i < d_y.shape.h; ++i)
          for (int j = 0; j < d_y.shape.w; ++j)
            for (int c = 0; c < in; ++c)
              for (int a = 0; a < size; ++a)
                for (int b = 0; b < size; ++b) {
                  const int p = stride * i + a - size / 2, q = stride * j + b - size / 2;
                  if (p >= 0 && p < d_x.shape.h && q >= 0 && q < d_x.shape.w)
                    d_x(n, c, p, q) += kernel.weight[((o * in + c) * size + a) * size + b] * d_y(n, o, i, j);
                }
  }

  void convolve_weight_gradient(Map x, Map d_y, KernelGeometry geometry, T* d_weight, T* d_bias) {
    const auto [in, out, size, stride] = geometry;
    for (int n = 0; n < d_y.shape.n; ++n)
      for (int o = 0; o < out; ++o)
        for (int i = 0; i < d_y.shape.h; ++i)
          for (int j = 0; j < d_y.shape.w; ++j) {
            d_bias[o] += d_y(n, o, i, j);
            for (int c = 0; c < in; ++c)
              for (int a = 0; a < size; ++a)
                for (int b = 0; b < size; ++b) {
                  const int p = stride * i + a - size / 2, q = stride * j + b - size / 2;
                  if (p >= 0 && p < x.shape.h && q >= 0 && q < x.shape.w)
                    d_weight[((o * in + c) * size + a) * size + b] += x(n, c, p, q) * d_y(n, o, i, j);
                }
          }
  }

  void activation_gradient(Activation activation, Map y, Map d_y) {
    if (activation != Activation::relu) return;
    for (std::size_t k = 0; k < y.size(); ++k)
      if (!(y.data[k] > 0)) d_y.data[k] = 0;
  }

  void pool(Map x, const Conditions<T, Host>& conditions, int rings, Map y) {
    const auto [batch, channels, h, w] = x.shape;
    for (int n = 0; n < batch; ++n) {
      for (int region = 0; region <= rings; ++region) {
        const T weight = region_weight(conditions.coverage, n, region);
        for (int c = 0; c < channels; ++c) {
          T sum = 0;
          for (int i = 0; i < h; ++i)
            for (int j = 0; j < w; ++j)
              if (in_region(region, i, j, h, w)) sum += conditions.coverage(n, 0, i, j) * x(n, c, i, j);
          y(n, region * channels + c, 0, 0) = weight > 0 ? sum / weight : T(0);
        }
      }
      const int pooled = (1 + rings) * channels;
      for (int t = pooled; t < y.shape.c; ++t) y(n, t, 0, 0) = conditions.context(n, t - pooled, 0, 0);
    }
  }

  void pool_gradient(const Conditions<T, Host>& conditions, int rings, Map d_y, Map d_x) {
    const auto [batch, channels, h, w] = d_x.shape;
    std::fill(d_x.data, d_x.data + d_x.size(), T(0));
    for (int n = 0; n < batch; ++n)
      for (int region = 0; region <= rings; ++region) {
        const T weight = region_weight(conditions.coverage, n, region);
        if (!(weight > 0)) continue;
        for (int c = 0; c < channels; ++c)
          for (int i = 0; i < h; ++i)
            for (int j = 0; j < w; ++j)
              if (in_region(region, i, j, h, w))
                d_x(n, c, i, j) += d_y(n, region * channels + c, 0, 0) * conditions.coverage(n, 0, i, j) / weight;
      }
  }

  void dense(Map x, const Kernel& kernel, Activation activation, Map y) {
    const auto [in, out, size, stride] = kernel.geometry;
    for (int n = 0; n < x.shape.n; ++n)
      for (int o = 0; o < out; ++o) {
        T sum = kernel.bias[o];
        for (int c = 0; c < in; ++c) sum += kernel.weight[o * in + c] * x(n, c, 0, 0);
        y(n, o, 0, 0) = activation == Activation::relu ? std::max(sum, T(0)) : sum;
      }
  }

  void dense_input_gradient(Map d_y, const Kernel& kernel, Map d_x) {
    const auto [in, out, size, stride] = kernel.geometry;
    for (int n = 0; n < d_y.shape.n; ++n)
      for (int c = 0; c < in; ++c) {
        T sum = 0;
        for (int o = 0; o < out; ++o) sum += kernel.weight[o * in + c] * d_y(n, o, 0, 0);
        d_x(n, c, 0, 0) = sum;
      }
  }

  void dense_weight_gradient(Map x, Map d_y, KernelGeometry geometry, T* d_weight, T* d_bias) {
    for (int n = 0; n < d_y.shape.n; ++n)
      for (int o = 0; o < geometry.out; ++o) {
        d_bias[o] += d_y(n, o, 0, 0);
        for (int c = 0; c < geometry.in; ++c) d_weight[o * geometry.in + c] += d_y(n, o, 0, 0) * x(n, c, 0, 0);
      }
  }

  template <class Source>
  void copy_in(View<const Source> values, Map x) {
    std::copy(values.data, values.data + values.size(), x.data);
  }
  template <class Target>
  void copy_out(Map y, View<Target> values) {
    for (std::size_t k = 0; k < y.size(); ++k) values.data[k] = static_cast<Target>(y.data[k]);
  }

 private:
  /// Region 0 is the whole map, region k ring k - 1.
  static bool in_region(int region, int i, int j, int h, int w) {
    return region == 0 || ring_of(i, j, h, w) == region - 1;
  }
  static T region_weight(View<const T> coverage, int n, int region) {
    T sum = 0;
    for (int i = 0; i < coverage.shape.h; ++i)
      for (int j = 0; j < coverage.shape.w; ++j)
        if (in_region(region, i, j, coverage.shape.h, coverage.shape.w)) sum += coverage(n, 0, i, j);
    return sum;
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
