// SPDX-License-Identifier: BSD-3-Clause
// Direct convolution on blocks of 16 channels. Included once per instruction set by cpu/engine.hpp.
//
// One output number is one chain of multiply-adds over (input block, tap, channel of the block), from the bias up, then
// the skip: the same bits for any tile, range of rows and register width. Faster than the plain loop because a tile of
// pixels stays in registers while one weight vector after the other is read once.

/// A convolution as sums over taps: y[i,j] = act(bias + sum over blocks, taps of W x[Step i, Step j + offset] + skip).
struct DirectPass {
  const float* x;  // pixel (0,0) of the first input block
  std::ptrdiff_t x_row, x_plane;
  int blocks;  // input blocks
  int taps;
  std::ptrdiff_t offset[9];  // of each tap, in floats
  int weight_tap[9];         // number of each tap among the kernel's
  int kernel_taps;
  const float* weights;  // [blocks][kernel_taps][block][16]
  const float* bias;     // 16 numbers, or null
  const float* skip;     // laid out as y, or null
  float* y;              // first number written
  std::ptrdiff_t y_row, y_column;
  int rows, columns, first_row;
  Activation activation;
};

template <int R, int C, int Step, int Block>
CLUSTERMASS_KERNEL void direct_tile(const DirectPass& pass, int i, int j) {
  Lanes sum[static_cast<std::size_t>(R * C)];
  const Lanes start = pass.bias ? load(pass.bias) : splat(0.0f);
  CLUSTERMASS_UNROLL
  for (int p = 0; p < R * C; ++p) sum[p] = start;

  const float* corner = pass.x + i * Step * pass.x_row + j * (Step * Block);
  const std::ptrdiff_t row = Step * pass.x_row;
  for (int b = 0; b < pass.blocks; ++b)
    for (int t = 0; t < pass.taps; ++t) {
      const float* x = corner + b * pass.x_plane + pass.offset[t];
      const float* weight = pass.weights + (b * pass.kernel_taps + pass.weight_tap[t]) * (Block * lanes);
      for (int k = 0; k < Block; ++k) {
        const Lanes w = load(weight + k * lanes);
        CLUSTERMASS_UNROLL
        for (int r = 0; r < R; ++r) {
          CLUSTERMASS_UNROLL
          for (int c = 0; c < C; ++c)
            sum[r * C + c] = multiply_add(w, x[r * row + c * (Step * Block) + k], sum[r * C + c]);
        }
      }
    }

  CLUSTERMASS_UNROLL
  for (int r = 0; r < R; ++r) {
    CLUSTERMASS_UNROLL
    for (int c = 0; c < C; ++c) {
      const std::ptrdiff_t place = (i + r) * pass.y_row + (j + c) * pass.y_column;
      Lanes v = sum[r * C + c];
      if (pass.skip) v = add(v, load(pass.skip + place));
      if (pass.activation == Activation::relu) v = where_positive(v, v);
      store(pass.y + place, v);
    }
  }
}

/// Columns [j, columns) in strips of C, C/2, .. 1. Two rows keep the tile's size where a map is half a tile wide; narrower
/// strips are what is left of odd maps and not worth tiles of their own.
template <int C, int Step, int Block>
CLUSTERMASS_INLINE void direct_strips(const DirectPass& pass, int j) {
  if constexpr (C >= 1) {
    if (pass.columns - j >= C) {
      constexpr int R = 2 * C == tile_pixels ? 2 : 1;
      int i = pass.first_row;
      for (; i + R <= pass.rows; i += R) direct_tile<R, C, Step, Block>(pass, i, j);
      for (; i < pass.rows; ++i) direct_tile<1, C, Step, Block>(pass, i, j);
      j += C;
    }
    direct_strips<C / 2, Step, Block>(pass, j);
  }
}

template <int Step, int Block>
inline void direct_pass(const DirectPass& pass) {
  const int full = pass.columns / tile_pixels * tile_pixels;
  for (int i = pass.first_row; i < pass.rows; ++i)
    for (int j = 0; j < full; j += tile_pixels) direct_tile<1, tile_pixels, Step, Block>(pass, i, j);
  direct_strips<tile_pixels / 2, Step, Block>(pass, full);
}

/// Any kernel size and stride, also to a single channel, with bounds checks: one output pixel at a time, the same chain
/// of multiply-adds.
inline void general_convolve(const Map& x, const Kernel& kernel, const Map& skip, Activation activation, const Map& y,
                             int n, int ob, int first_row, int rows) {
  const auto [in, out, size, stride] = kernel.geometry;
  const int block = x.block();
  for (int i = first_row; i < rows; ++i)
    for (int j = 0; j < y.shape.w; ++j) {
      Lanes sum = load(kernel.bias + ob * lanes);
      const float* weight = kernel.forward + static_cast<std::ptrdiff_t>(ob) * x.blocks() * size * size * block * lanes;
      for (int b = 0; b < x.blocks(); ++b)
        for (int a = 0; a < size; ++a)
          for (int c = 0; c < size; ++c, weight += block * lanes) {
            const int p = stride * i + a - size / 2, q = stride * j + c - size / 2;
            if (p < 0 || p >= x.shape.h || q < 0 || q >= x.shape.w) continue;
            const float* pixel = x.origin(n, b) + p * x.row() + q * block;
            for (int k = 0; k < block; ++k) sum = multiply_add(load(weight + k * lanes), pixel[k], sum);
          }
      const std::ptrdiff_t place = i * y.row() + j * y.block();
      if (skip) sum = add(sum, load_pixel(skip, skip.origin(n, ob) + place));
      store_pixel(y, y.origin(n, ob) + place, activation == Activation::relu ? where_positive(sum, sum) : sum);
    }
}

inline void convolve_maps(const Map& x, const Kernel& kernel, const Map& skip, Activation activation, const Map& y,
                          Rows rows) {
  const KernelGeometry g = kernel.geometry;
  const int last = rows.last < y.shape.h ? rows.last : y.shape.h, block = x.block(), taps = g.size * g.size;
  for (int n = 0; n < y.shape.n; ++n)
    for (int ob = 0; ob < y.blocks(); ++ob) {
      if (!fits_halo(g) || y.block() == 1) {
        general_convolve(x, kernel, skip, activation, y, n, ob, rows.first, last);
        continue;
      }
      DirectPass pass{};
      pass.x = x.origin(n, 0);
      pass.x_row = x.row();
      pass.x_plane = x.plane();
      pass.blocks = x.blocks();
      pass.taps = pass.kernel_taps = taps;
      for (int t = 0; t < taps; ++t) {
        pass.offset[t] = (t / g.size - g.size / 2) * x.row() + (t % g.size - g.size / 2) * block;
        pass.weight_tap[t] = t;
      }
      pass.weights = kernel.forward + static_cast<std::ptrdiff_t>(ob) * x.blocks() * taps * block * lanes;
      pass.bias = kernel.bias + ob * lanes;
      pass.skip = skip ? skip.origin(n, ob) : nullptr;
      pass.y = y.origin(n, ob);
      pass.y_row = y.row();
      pass.y_column = lanes;
      pass.rows = last;
      pass.columns = y.shape.w;
      pass.first_row = rows.first;
      pass.activation = activation;
      if (block == 1)
        g.stride == 1 ? direct_pass<1, 1>(pass) : direct_pass<2, 1>(pass);
      else
        g.stride == 1 ? direct_pass<1, lanes>(pass) : direct_pass<2, lanes>(pass);
    }
}
