// SPDX-License-Identifier: BSD-3-Clause
// 3x3 convolution of stride 1 by the transform F(4x4,3x3): 36 products for 16 outputs instead of 144. Included once per
// instruction set by cpu/engine.hpp.
//
//   y = A^T [ (G g G^T) . (B^T d B) ] A     d: 6x6 inputs, g: 3x3 kernel, y: 4x4 outputs, . summed over input channels
//
// Tiles are walked in groups small enough for the cache: inputs of a group transformed, 36 products of matrices,
// outputs transformed back with bias, skip and activation. Every number is one chain of multiply-adds that depends on
// its tile alone: the same bits for any group, batch, range of rows and register width.
//
// Source  Lavin & Gray 2016, arXiv:1509.09308, sec. 4.3 (points 0, 1, -1, 2, -2, infinity)
//
// Legend  t: tile; p: one of the 36 places of a transformed tile; V, U, M: transformed input, kernel, output;
//         D: transformed gradient of the output

/// Six numbers d[0], d[step], .. to B^T d.
CLUSTERMASS_INLINE void input_line(const Register* d, int step, Register* v) {
  const Register a = scale_add(-4, d[2 * step], d[4 * step]), b = scale_add(-4, d[step], d[3 * step]);
  const Register c = d[4 * step] - d[2 * step], e = d[3 * step] - d[step];
  v[0] = scale_add(4, d[0], scale_add(-5, d[2 * step], d[4 * step]));
  v[1] = a + b;
  v[2] = a - b;
  v[3] = scale_add(2, e, c);
  v[4] = scale_add(-2, e, c);
  v[5] = scale_add(4, d[step], scale_add(-5, d[3 * step], d[5 * step]));
}
/// Six numbers to the four of A^T m.
CLUSTERMASS_INLINE void output_line(const Register* m, int step, Register* y) {
  const Register sum = m[step] + m[2 * step], difference = m[step] - m[2 * step];
  const Register far_sum = m[3 * step] + m[4 * step], far_difference = m[3 * step] - m[4 * step];
  y[0] = (m[0] + sum) + far_sum;
  y[1] = scale_add(2, far_difference, difference);
  y[2] = scale_add(4, far_sum, sum);
  y[3] = scale_add(8, far_difference, difference) + m[5 * step];
}
/// Four numbers to the six of A y, the transpose of output_line.
CLUSTERMASS_INLINE void gradient_line(const Register* y, int step, Register* d) {
  const Register even = y[0] + y[2 * step], odd = y[step] + y[3 * step];
  const Register far_even = scale_add(4, y[2 * step], y[0]), far_odd = scale_add(4, y[3 * step], y[step]);
  d[0] = y[0];
  d[1] = even + odd;
  d[2] = even - odd;
  d[3] = scale_add(2, far_odd, far_even);
  d[4] = scale_add(-2, far_odd, far_even);
  d[5] = y[3 * step];
}
/// Three numbers to the six of G g.
CLUSTERMASS_INLINE void kernel_line(const Register* g, int step, Register* u) {
  const Register zero{}, ends = g[0] + g[2 * step], far_ends = scale_add(4, g[2 * step], g[0]);
  u[0] = scale_add(1.0f / 4, g[0], zero);
  u[1] = scale_add(-1.0f / 6, ends + g[step], zero);
  u[2] = scale_add(-1.0f / 6, ends - g[step], zero);
  u[3] = scale_add(1.0f / 24, scale_add(2, g[step], far_ends), zero);
  u[4] = scale_add(1.0f / 24, scale_add(-2, g[step], far_ends), zero);
  u[5] = g[2 * step];
}
/// Six numbers to the three of G^T u, the transpose of kernel_line.
CLUSTERMASS_INLINE void kernel_gradient_line(const Register* u, int step, Register* g) {
  const Register zero{}, near_sum = u[step] + u[2 * step], near_difference = u[2 * step] - u[step];
  const Register far_sum = u[3 * step] + u[4 * step], far_difference = u[3 * step] - u[4 * step];
  const Register sixth = scale_add(-1.0f / 6, near_sum, zero);
  g[0] = scale_add(1.0f / 24, far_sum, scale_add(1.0f / 4, u[0], sixth));
  g[1] = scale_add(1.0f / 12, far_difference, scale_add(1.0f / 6, near_difference, zero));
  g[2] = scale_add(1.0f / 6, far_sum, sixth) + u[5 * step];
}

/// One tile and 16 channels: V or D at v[p * step] from Size x Size pixels.
template <int Size, auto line>
CLUSTERMASS_KERNEL void transform_tile(const float* pixel, std::ptrdiff_t row, float* v, std::ptrdiff_t step) {
  constexpr std::size_t side = Size;
  for (int part = 0; part < lanes; part += register_floats) {
    Register column[side], half[6 * side], whole[6];
    CLUSTERMASS_UNROLL_TILE
    for (int j = 0; j < Size; ++j) {
      CLUSTERMASS_UNROLL
      for (int i = 0; i < Size; ++i) column[i] = load_part(pixel + i * row + j * lanes + part);
      line(column, 1, whole);
      CLUSTERMASS_UNROLL
      for (int i = 0; i < 6; ++i) half[i * Size + j] = whole[i];
    }
    CLUSTERMASS_UNROLL_TILE
    for (int i = 0; i < 6; ++i) {
      line(half + i * Size, 1, whole);
      CLUSTERMASS_UNROLL
      for (int j = 0; j < 6; ++j) store_part(v + (i * 6 + j) * step + part, whole[j]);
    }
  }
}

/// Four by four outputs of one tile and 16 channels, those inside the map and the range of rows.
CLUSTERMASS_KERNEL inline void store_tile(const float* m, std::ptrdiff_t step, const float* bias, const float* skip, Activation activation,
                       float* y, std::ptrdiff_t row, int first, int rows, int columns) {
  for (int part = 0; part < lanes; part += register_floats) {
    Register column[6], half[24], line[4];
    CLUSTERMASS_UNROLL_TILE
    for (int j = 0; j < 6; ++j) {
      CLUSTERMASS_UNROLL
      for (int i = 0; i < 6; ++i) column[i] = load_part(m + (i * 6 + j) * step + part);
      output_line(column, 1, line);
      CLUSTERMASS_UNROLL
      for (int i = 0; i < 4; ++i) half[i * 6 + j] = line[i];
    }
    const Register start = bias ? load_part(bias + part) : Register{};
    CLUSTERMASS_UNROLL_TILE
    for (int i = 0; i < 4; ++i) {
      if (i < first || i >= rows) continue;
      output_line(half + i * 6, 1, line);
      CLUSTERMASS_UNROLL
      for (int j = 0; j < 4; ++j) line[j] = line[j] + start;
      const std::ptrdiff_t place = i * row + part;
      store_line(line, skip ? skip + place : nullptr, activation, y + place, columns);
    }
  }
}

inline constexpr TransformKernels winograd_kernels{transform_tile<6, input_line>, store_tile, product_of_blocks,
                                                   product_blocks};

/// Where the taps of a kernel from input channel c to output channel o lie: weight[o * out_step + c * in_step + tap *
/// tap_step].
struct Taps {
  const float* weight;
  std::ptrdiff_t out_step, in_step, tap_step;
};

/// U of all kernels: [out/16][36][in][16]; `tile` takes 3 x 3 taps to 36 numbers.
CLUSTERMASS_KERNEL inline void transform_kernels(decltype(transform_tile<3, kernel_line>) tile, int out, int in,
                                                 const Taps& from, float* transformed) {
  const int padded = blocks_of(in) * lanes;
  alignas(64) float taps[std::size_t{9} * lanes] = {};
  for (int ob = 0; ob < out; ob += lanes, transformed += 36 * padded * lanes)
    for (int c = 0; c < padded; ++c) {
      const int count = c >= in ? 0 : out - ob < lanes ? out - ob : lanes;
      const float* weight = from.weight + ob * from.out_step + c * from.in_step;
      for (int o = 0; o < count; ++o, weight += from.out_step)
        for (int tap = 0; tap < 9; ++tap) taps[tap * lanes + o] = weight[tap * from.tap_step];
      for (int o = count; o < lanes; ++o)
        for (int tap = 0; tap < 9; ++tap) taps[tap * lanes + o] = 0;
      tile(taps, 3 * lanes, transformed + c * lanes, padded * lanes);
    }
}

/// One place of the transformed weight gradient: sums[c][16] += V[t][c] * D[t], tiles in order; from zero if `first`.
template <int C>
CLUSTERMASS_KERNEL void gradient_product(int count, const float* v, const float* d, float* sums, bool first) {
  Lanes sum[static_cast<std::size_t>(C)];
  CLUSTERMASS_UNROLL
  for (int c = 0; c < C; ++c) sum[c] = splat(0.0f);
  if (!first) {
    CLUSTERMASS_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = load(sums + c * lanes);
  }
  for (int t = 0; t < count; ++t) {
    const Lanes g = load(d + t * lanes);
    CLUSTERMASS_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = multiply_add(g, v[t * lanes + c], sum[c]);
  }
  CLUSTERMASS_UNROLL
  for (int c = 0; c < C; ++c) store(sums + c * lanes, sum[c]);
}

/// Sums of 36 places of one input channel, `step` apart, to its nine taps for 16 output channels.
CLUSTERMASS_KERNEL inline void taps_of_sums(const float* sums, std::ptrdiff_t step, float* taps) {
  for (int part = 0; part < lanes; part += register_floats) {
    Register places[36], half[18], line[3];
    CLUSTERMASS_UNROLL
    for (int j = 0; j < 6; ++j) {
      CLUSTERMASS_UNROLL
      for (int i = 0; i < 6; ++i) places[i * 6 + j] = load_part(sums + (i * 6 + j) * step + part);
      kernel_gradient_line(places + j, 6, line);
      CLUSTERMASS_UNROLL
      for (int i = 0; i < 3; ++i) half[i * 6 + j] = line[i];
    }
    CLUSTERMASS_UNROLL
    for (int i = 0; i < 3; ++i) {
      kernel_gradient_line(half + i * 6, 1, line);
      CLUSTERMASS_UNROLL
      for (int j = 0; j < 3; ++j) store_part(taps + (i * 3 + j) * lanes + part, line[j]);
    }
  }
}

/// d_weight [out,in,3,3] += x * d_y: the products of all tiles are summed before they are transformed back.
inline void winograd_weight_gradient(const Map& x, const Map& d_y, KernelGeometry g, float* d_weight, float* scratch) {
  const int in = x.blocks() * lanes, out = d_y.blocks() * lanes, group = group_tiles(in);
  const std::ptrdiff_t v_step = transformed_step(group, in), d_step = transformed_step(group, out);
  constexpr std::ptrdiff_t square = lanes * lanes, kernel = 36 * square;
  float *v = scratch, *d = v + 36 * v_step, *sums = d + 36 * d_step;  // sums [out/16][in/16][36][16][16]

  TileGroups groups(d_y.shape, 0, d_y.shape.h, group);
  for (bool first = true; groups.next(); first = false) {
    transform_group(transform_tile<6, input_line>, 6, x, groups, group, 1, v, v_step);
    transform_group(transform_tile<4, gradient_line>, 4, d_y, groups, group, 0, d, d_step);
    for (int p = 0; p < 36; ++p)
      for (int ob = 0; ob < d_y.blocks(); ++ob)
        for (int cb = 0; cb < x.blocks(); ++cb)
          for (int c = 0; c < lanes; c += gradient_channels)
            gradient_product<gradient_channels>(groups.count, v + p * v_step + cb * group * lanes + c,
                                                d + p * d_step + ob * group * lanes,
                                                sums + (ob * x.blocks() + cb) * kernel + p * square + c * lanes, first);
  }

  alignas(64) float taps[std::size_t{9} * lanes * lanes];  // [input channel][tap][output channel]
  for (int ob = 0; ob < d_y.blocks(); ++ob)
    for (int cb = 0; cb < x.blocks(); ++cb, sums += kernel) {
      const int outs = g.out - ob * lanes < lanes ? g.out - ob * lanes : lanes;
      const int ins = g.in - cb * lanes < lanes ? g.in - cb * lanes : lanes;
      for (int c = 0; c < ins; ++c) taps_of_sums(sums + c * lanes, square, taps + c * 9 * lanes);
      add_columns(taps, 9 * ins, outs, d_weight + (ob * lanes * g.in + cb * lanes) * 9,
                  static_cast<std::ptrdiff_t>(g.in) * 9);
    }
}
