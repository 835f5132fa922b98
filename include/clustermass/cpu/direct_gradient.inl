// SPDX-License-Identifier: BSD-3-Clause
// Gradients of the direct convolution. Included once per instruction set by cpu/engine.hpp.

/// What T pixels of d_y from (p,q) on hand to 16 taps of a single input channel: one chain over the output channels.
template <int T>
CLUSTERMASS_KERNEL void tap_products(const Map& d_y, const float* weight, int out, int n, int p, int q, float* z) {
  Lanes sum[static_cast<std::size_t>(T)];
  CLUSTERMASS_UNROLL
  for (int t = 0; t < T; ++t) sum[t] = splat(0.0f);
  const int block = d_y.block();
  const float* pixel = d_y.origin(n, 0) + p * d_y.row() + q * block;
  for (int o = 0; o < out; o += block, pixel += d_y.plane())
    for (int k = 0; k < block && o + k < out; ++k, weight += lanes) {
      const Lanes w = load(weight);
      CLUSTERMASS_UNROLL
      for (int t = 0; t < T; ++t) sum[t] = multiply_add(w, pixel[t * block + k], sum[t]);
    }
  CLUSTERMASS_UNROLL
  for (int t = 0; t < T; ++t) store(z + t * lanes, sum[t]);
}

/// d_x = W^T d_y + add of a single input channel: the products of a few pixels with all taps lie side by side, then
/// each is added where its tap reads. Chunks of 16 pixels on every instruction set, for the order of the sums.
inline void single_channel_input_gradient(const Map& d_y, const Kernel& kernel, const Map& add_map, const Map& d_x) {
  const auto [in, out, size, stride] = kernel.geometry;
  const int taps = size * size, h = d_x.shape.h, w = d_x.shape.w;
  constexpr int chunk = 16;
  alignas(64) float z[chunk * lanes];
  for (int n = 0; n < d_x.shape.n; ++n) {
    float* const image = d_x.origin(n, 0);
    const float* const start = add_map ? add_map.origin(n, 0) : nullptr;
    for (int i = 0; i < h; ++i)
      for (int j = 0; j < w; ++j) image[i * d_x.row() + j] = start ? start[i * d_x.row() + j] : 0.0f;
    for (int p = 0; p < d_y.shape.h; ++p)
      for (int q = 0; q < d_y.shape.w; q += chunk) {
        const int count = d_y.shape.w - q < chunk ? d_y.shape.w - q : chunk;
        for (int first = 0; first < taps; first += lanes) {
          const float* weight = kernel.adjoint + first * out;
          int t = 0;
          for (; t + tile_pixels <= count; t += tile_pixels)
            tap_products<tile_pixels>(d_y, weight, out, n, p, q + t, z + t * lanes);
          for (; t < count; ++t) tap_products<1>(d_y, weight, out, n, p, q + t, z + t * lanes);
          for (int tap = first; tap < taps && tap < first + lanes; ++tap) {
            const int i = stride * p + tap / size - size / 2, j = stride * q + tap % size - size / 2;
            if (i < 0 || i >= h) continue;
            float* const row = image + i * d_x.row() + j;
            int begin = 0, end = count;
            while (begin < end && j + stride * begin < 0) ++begin;
            while (end > begin && j + stride * (end - 1) >= w) --end;
            for (t = begin; t < end; ++t) row[stride * t] += z[t * lanes + tap - first];
          }
        }
      }
  }
}

/// Any kernel size and stride, also from a single channel, with bounds checks.
inline void general_input_gradient(const Map& d_y, const Kernel& kernel, const Map& add_map, const Map& d_x, int n,
                                   int cb) {
  const auto [in, out, size, stride] = kernel.geometry;
  for (int i = 0; i < d_x.shape.h; ++i)
    for (int j = 0; j < d_x.shape.w; ++j) {
      Lanes sum = splat(0.0f);
      const float* weight =
          kernel.adjoint + static_cast<std::ptrdiff_t>(cb) * d_y.blocks() * size * size * lanes * lanes;
      for (int ob = 0; ob < d_y.blocks(); ++ob)
        for (int t = 0; t < size * size; ++t, weight += lanes * lanes) {
          const int p = i + size / 2 - t / size, q = j + size / 2 - t % size;
          if (p < 0 || q < 0 || p % stride != 0 || q % stride != 0) continue;
          if (p / stride >= d_y.shape.h || q / stride >= d_y.shape.w) continue;
          const float* pixel = d_y.origin(n, ob) + (p / stride) * d_y.row() + (q / stride) * d_y.block();
          for (int k = 0; k < d_y.block(); ++k) sum = multiply_add(load(weight + k * lanes), pixel[k], sum);
        }
      const std::ptrdiff_t place = i * d_x.row() + j * lanes;
      if (add_map) sum = add(sum, load(add_map.origin(n, cb) + place));
      store(d_x.origin(n, cb) + place, sum);
    }
}

/// d_x = W^T d_y + add. Input pixels that agree in (row, column) modulo the stride are reached by the same taps, so
/// each such class is one direct pass over d_y.
inline void input_gradient(const Map& d_y, const Kernel& kernel, const Map& add_map, const Map& d_x) {
  const KernelGeometry g = kernel.geometry;
  if (g.in == 1) return single_channel_input_gradient(d_y, kernel, add_map, d_x);
  const int taps = g.size * g.size, half = g.size / 2;
  for (int n = 0; n < d_x.shape.n; ++n)
    for (int cb = 0; cb < d_x.blocks(); ++cb) {
      if (!fits_halo(g) || d_y.block() == 1) {
        general_input_gradient(d_y, kernel, add_map, d_x, n, cb);
        continue;
      }
      for (int pi = 0; pi < g.stride; ++pi)
        for (int pj = 0; pj < g.stride; ++pj) {
          DirectPass pass{};
          pass.x = d_y.origin(n, 0);
          pass.x_row = d_y.row();
          pass.x_plane = d_y.plane();
          pass.blocks = d_y.blocks();
          pass.kernel_taps = taps;
          for (int t = 0; t < taps; ++t) {
            const int p = pi + half - t / g.size, q = pj + half - t % g.size;
            if (p % g.stride != 0 || q % g.stride != 0) continue;
            pass.offset[pass.taps] = p / g.stride * d_y.row() + q / g.stride * lanes;
            pass.weight_tap[pass.taps++] = t;
          }
          const std::ptrdiff_t corner = pi * d_x.row() + pj * lanes;
          pass.weights = kernel.adjoint + static_cast<std::ptrdiff_t>(cb) * d_y.blocks() * taps * lanes * lanes;
          pass.skip = add_map ? add_map.origin(n, cb) + corner : nullptr;
          pass.y = d_x.origin(n, cb) + corner;
          pass.y_row = g.stride * d_x.row();
          pass.y_column = g.stride * lanes;
          pass.rows = (d_x.shape.h - pi + g.stride - 1) / g.stride;
          pass.columns = (d_x.shape.w - pj + g.stride - 1) / g.stride;
          pass.activation = Activation::none;
          direct_pass(pass, 1, lanes);
        }
    }
}

/// One tap of the weight gradient for 16 output channels and Count input channels: a chain over the pixels in order.
template <int Count>
CLUSTERMASS_KERNEL void weight_gradient_tile(const Map& x, const Map& d_y, int stride, int down, int right, int ob,
                                             int cb, int channel, float* sums, int step) {
  Lanes sum[static_cast<std::size_t>(Count)];
  CLUSTERMASS_UNROLL
  for (int k = 0; k < Count; ++k) sum[k] = splat(0.0f);
  const int block = x.block(), h = d_y.shape.h, w = d_y.shape.w;
  // Rows and columns of d_y whose input pixel lies in x or its halo of zeros.
  const int i0 = down < -1 ? (-down + stride - 1) / stride : 0, j0 = right < -1 ? (-right + stride - 1) / stride : 0;
  for (int n = 0; n < x.shape.n; ++n)
    for (int i = i0; i < h && stride * i + down <= x.shape.h; ++i) {
      const float* d = d_y.origin(n, ob) + i * d_y.row();
      const float* pixel = x.origin(n, cb) + (stride * i + down) * x.row() + right * block + channel;
      int j1 = j0;
      while (j1 < w && stride * j1 + right <= x.shape.w) ++j1;
      for (int j = j0; j < j1; ++j) {
        const Lanes g = load(d + j * lanes);
        CLUSTERMASS_UNROLL
        for (int k = 0; k < Count; ++k) sum[k] = multiply_add(g, pixel[stride * j * block + k], sum[k]);
      }
    }
  CLUSTERMASS_UNROLL
  for (int k = 0; k < Count; ++k) store(sums + k * step, sum[k]);
}

/// The nine taps of a single input channel at once, with the halo of x in place of bounds checks.
CLUSTERMASS_KERNEL inline void weight_gradient_nine_taps(const Map& x, const Map& d_y, int stride, int ob,
                                                         float* sums) {
  Lanes sum[9];
  CLUSTERMASS_UNROLL
  for (int t = 0; t < 9; ++t) sum[t] = splat(0.0f);
  const std::ptrdiff_t row = x.row();
  for (int n = 0; n < x.shape.n; ++n)
    for (int i = 0; i < d_y.shape.h; ++i) {
      const float* d = d_y.origin(n, ob) + i * d_y.row();
      const float* pixel = x.origin(n, 0) + (stride * i - 1) * row - 1;
      for (int j = 0; j < d_y.shape.w; ++j, d += lanes, pixel += stride) {
        const Lanes g = load(d);
        CLUSTERMASS_UNROLL
        for (int t = 0; t < 9; ++t) sum[t] = multiply_add(g, pixel[t / 3 * row + t % 3], sum[t]);
      }
    }
  CLUSTERMASS_UNROLL
  for (int t = 0; t < 9; ++t) store(sums + t * lanes, sum[t]);
}

/// The weight gradient of a single output channel: scalar products over the pixels.
inline void single_output_weight_gradient(const Map& x, const Map& d_y, KernelGeometry g, float* d_weight,
                                          float* d_bias) {
  for (int n = 0; n < d_y.shape.n; ++n)
    for (int i = 0; i < d_y.shape.h; ++i)
      for (int j = 0; j < d_y.shape.w; ++j) {
        const float d = d_y.origin(n, 0)[i * d_y.row() + j];
        d_bias[0] += d;
        for (int c = 0; c < g.in; ++c)
          for (int t = 0; t < g.size * g.size; ++t) {
            const int p = g.stride * i + t / g.size - g.size / 2, q = g.stride * j + t % g.size - g.size / 2;
            if (p < 0 || p >= x.shape.h || q < 0 || q >= x.shape.w) continue;
            const float* pixel = x.origin(n, c / x.block()) + p * x.row() + q * x.block();
            d_weight[c * g.size * g.size + t] += d * pixel[c % x.block()];
          }
      }
}

/// d_bias += sum of d_y.
inline void bias_gradient(const Map& d_y, KernelGeometry g, float* d_bias) {
  for (int ob = 0; ob < d_y.blocks(); ++ob) {
    Lanes bias = splat(0.0f);
    for (int n = 0; n < d_y.shape.n; ++n)
      for (int i = 0; i < d_y.shape.h; ++i)
        for (int j = 0; j < d_y.shape.w; ++j) bias = add(bias, load(d_y.origin(n, ob) + i * d_y.row() + j * lanes));
    float numbers[lanes];
    store(numbers, bias);
    for (int o = 0; o < lanes && ob * lanes + o < g.out; ++o) d_bias[ob * lanes + o] += numbers[o];
  }
}

/// d_weight [out,in,K,K] += x * d_y, d_bias += sum of d_y.
inline void weight_gradient(const Map& x, const Map& d_y, KernelGeometry g, float* d_weight, float* d_bias) {
  if (d_y.block() == 1) return single_output_weight_gradient(x, d_y, g, d_weight, d_bias);
  const int taps = g.size * g.size, block = x.block();
  const std::ptrdiff_t kernel = static_cast<std::ptrdiff_t>(g.in) * taps;  // numbers of one output channel
  bias_gradient(d_y, g, d_bias);
  alignas(64) float numbers[9 * lanes * lanes];  // [input channel][tap][output channel]
  for (int ob = 0; ob < d_y.blocks(); ++ob)
    for (int cb = 0; cb < x.blocks(); ++cb) {
      float* const d = d_weight + ob * lanes * kernel + cb * block * taps;
      const int outs = g.out - ob * lanes < lanes ? g.out - ob * lanes : lanes;
      const int ins = g.in - cb * block < block ? g.in - cb * block : block;
      if (block == 1 && g.size == 3) {
        weight_gradient_nine_taps(x, d_y, g.stride, ob, numbers);
        add_columns(numbers, 9, outs, d, kernel);
        continue;
      }
      const int at_once = taps == 9 ? 9 : 1;  // whole kernels of the usual size, else tap by tap
      for (int first = 0; first < taps; first += at_once) {
        for (int t = 0; t < at_once; ++t) {
          const int down = (first + t) / g.size - g.size / 2, right = (first + t) % g.size - g.size / 2;
          if (block == 1)
            weight_gradient_tile<1>(x, d_y, g.stride, down, right, ob, cb, 0, numbers, lanes);
          else
            for (int c = 0; c < lanes; c += gradient_channels)
              weight_gradient_tile<gradient_channels>(x, d_y, g.stride, down, right, ob, cb, c,
                                                      numbers + (c * at_once + t) * lanes, at_once * lanes);
        }
        if (at_once == taps)
          add_columns(numbers, ins * taps, outs, d, kernel);
        else
          for (int c = 0; c < ins; ++c) add_columns(numbers + c * lanes, 1, outs, d + c * taps + first, kernel);
      }
    }
}
