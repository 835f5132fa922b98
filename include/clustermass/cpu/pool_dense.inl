// SPDX-License-Identifier: BSD-3-Clause
// Coverage-weighted pooling and dense layers: the small end of the network. Included once per instruction set by
// cpu/engine.hpp.

/// Stores the lanes of block b that are channels of a row of `channels` numbers.
CLUSTERMASS_INLINE void store_block(float* row, int b, int channels, const Lanes& v) {
  if ((b + 1) * lanes <= channels) return store(row + b * lanes, v);
  float lane[lanes];
  store(lane, v);
  for (int k = 0; b * lanes + k < channels; ++k) row[b * lanes + k] = lane[k];
}
CLUSTERMASS_INLINE Lanes load_block(const float* row, int b, int channels) {
  if ((b + 1) * lanes <= channels) return load(row + b * lanes);
  float lane[lanes] = {};
  for (int k = 0; b * lanes + k < channels; ++k) lane[k] = row[b * lanes + k];
  return load(lane);
}

/// Sum of the coverage over the whole map [0] and over each ring [1..].
inline void region_weights(View<const float> coverage, int n, float (&weight)[1 + ring_count]) {
  for (float& w : weight) w = 0;
  for (int i = 0; i < coverage.shape.h; ++i)
    for (int j = 0; j < coverage.shape.w; ++j) {
      const float w = coverage(n, 0, i, j);
      weight[0] += w;
      weight[1 + ring_of(i, j, coverage.shape.h, coverage.shape.w)] += w;
    }
}

inline void pool_map(const Map& x, const Conditions<float, Host>& conditions, int rings, const Map& y) {
  const int channels = x.shape.c, pooled = (1 + rings) * channels;
  for (int n = 0; n < x.shape.n; ++n) {
    float weight[1 + ring_count];
    region_weights(conditions.coverage, n, weight);
    float* row = y.data + n * y.image_size();
    for (int b = 0; b < x.blocks(); ++b) {
      Lanes sum[1 + ring_count];
      for (Lanes& s : sum) s = splat(0.0f);
      for (int i = 0; i < x.shape.h; ++i)
        for (int j = 0; j < x.shape.w; ++j) {
          const Lanes a = load_pixel(x, x.origin(n, b) + i * x.row() + j * x.block());
          const float w = conditions.coverage(n, 0, i, j);
          const int ring = 1 + ring_of(i, j, x.shape.h, x.shape.w);
          sum[0] = multiply_add(a, w, sum[0]);
          sum[ring] = multiply_add(a, w, sum[ring]);
        }
      for (int region = 0; region <= rings; ++region)
        store_block(row + region * channels, b, channels,
                    weight[region] > 0 ? divide(sum[region], weight[region]) : splat(0.0f));
    }
    for (int t = pooled; t < y.shape.c; ++t) row[t] = conditions.context(n, t - pooled, 0, 0);
  }
}

inline void pool_map_gradient(const Conditions<float, Host>& conditions, int rings, const Map& d_y, const Map& d_x) {
  const int channels = d_x.shape.c;
  for (int n = 0; n < d_x.shape.n; ++n) {
    float weight[1 + ring_count];
    region_weights(conditions.coverage, n, weight);
    const float* row = d_y.data + n * d_y.image_size();
    for (int b = 0; b < d_x.blocks(); ++b)
      for (int i = 0; i < d_x.shape.h; ++i)
        for (int j = 0; j < d_x.shape.w; ++j) {
          const float w = conditions.coverage(n, 0, i, j);
          Lanes d = splat(0.0f);
          for (int region : {0, 1 + ring_of(i, j, d_x.shape.h, d_x.shape.w)})
            if (region <= rings && weight[region] > 0)
              d = multiply_add(load_block(row + region * channels, b, channels), w / weight[region], d);
          store_pixel(d_x, d_x.origin(n, b) + i * d_x.row() + j * d_x.block(), d);
        }
  }
}

/// y = act(bias + W x) on vectors; weights [out/16][in][16].
inline void dense_rows(const float* weights, const float* bias, int in, const Map& x, Activation activation,
                       const Map& y) {
  const std::ptrdiff_t padded = static_cast<std::ptrdiff_t>(blocks_of(in)) * lanes;
  for (int n = 0; n < x.shape.n; ++n)
    for (int b = 0; b < y.blocks(); ++b) {
      const float* weight = weights + b * padded * lanes;
      const float* numbers = x.data + n * x.image_size();
      Lanes sum = bias ? load(bias + b * lanes) : splat(0.0f);
      for (int c = 0; c < in; ++c) sum = multiply_add(load(weight + c * lanes), numbers[c], sum);
      store(y.data + n * y.image_size() + b * lanes, activation == Activation::relu ? where_positive(sum, sum) : sum);
    }
}

inline void dense_weights(const Map& x, const Map& d_y, KernelGeometry g, float* d_weight, float* d_bias) {
  for (int n = 0; n < x.shape.n; ++n) {
    const float* numbers = x.data + n * x.image_size();
    const float* d = d_y.data + n * d_y.image_size();
    for (int o = 0; o < g.out; ++o) {
      d_bias[o] += d[o];
      if (d[o] != 0)  // half of a relu layer's gradients
        for (int c = 0; c < g.in; ++c) d_weight[o * g.in + c] += d[o] * numbers[c];
    }
  }
}

inline void relu_gradient(const Map& y, const Map& d_y) {
  const std::ptrdiff_t count = y.shape.n * y.image_size();
  std::ptrdiff_t k = 0;
  for (; k + lanes <= count; k += lanes) store(d_y.data + k, where_positive(load(y.data + k), load(d_y.data + k)));
  for (; k < count; ++k)
    if (!(y.data[k] > 0)) d_y.data[k] = 0;
}
