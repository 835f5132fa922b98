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
  const float* skip;     // laid out as y and apart from it, or null
  float* y;              // first number written
  std::ptrdiff_t y_row, y_column;
  int rows, columns, first_row;
  Activation activation;
};

/// Adds the skip, applies the activation and stores the pixels of which number p lies at pass.y + place(p).
template <int Pixels>
CLUSTERMASS_INLINE void finish_pixels(const DirectPass& pass, Lanes* sum, auto&& place) {
  const float* const skip = pass.skip;
  float* const y = pass.y;
  const bool relu = pass.activation == Activation::relu;
  if (skip) {
    CLUSTERMASS_UNROLL
    for (int p = 0; p < Pixels; ++p) sum[p] = add(sum[p], load(skip + place(p)));
  }
  if (relu) {
    CLUSTERMASS_UNROLL
    for (int p = 0; p < Pixels; ++p) sum[p] = where_positive(sum[p], sum[p]);
  }
  CLUSTERMASS_UNROLL
  for (int p = 0; p < Pixels; ++p) store(y + place(p), sum[p]);
}

/// A tile in two halves anywhere: beside each other, one above the other, or the same twice. near, far: input pixel of the
/// first output of each; y_near, y_far: its place from pass.y on.
template <int Step, int Block>
CLUSTERMASS_KERNEL void direct_tile(const DirectPass& pass, const float* near, const float* far, std::ptrdiff_t y_near,
                                    std::ptrdiff_t y_far) {
  constexpr int C = tile_pixels / 2;
  Lanes sum[std::size_t{2} * C];
  const Lanes start = pass.bias ? load(pass.bias) : splat(0.0f);
  CLUSTERMASS_UNROLL
  for (int p = 0; p < 2 * C; ++p) sum[p] = start;

  for (int b = 0; b < pass.blocks; ++b)
    for (int t = 0; t < pass.taps; ++t) {
      const std::ptrdiff_t pixel = b * pass.x_plane + pass.offset[t];
      const float *x = near + pixel, *z = far + pixel;
      const float* weight = pass.weights + (b * pass.kernel_taps + pass.weight_tap[t]) * (Block * lanes);
      for (int k = 0; k < Block; ++k) {
        const Lanes w = load(weight + k * lanes);
        CLUSTERMASS_UNROLL
        for (int c = 0; c < C; ++c) sum[c] = multiply_add(w, x[c * (Step * Block) + k], sum[c]);
        CLUSTERMASS_UNROLL
        for (int c = 0; c < C; ++c) sum[C + c] = multiply_add(w, z[c * (Step * Block) + k], sum[C + c]);
      }
    }

  finish_pixels<2 * C>(pass, sum, [&](int p) { return (p < C ? y_near : y_far) + p % C * pass.y_column; });
}

/// One pixel of any step and block, for maps narrower than half a tile.
CLUSTERMASS_KERNEL inline void direct_pixel(const DirectPass& pass, const float* x, std::ptrdiff_t y, int block) {
  Lanes sum = pass.bias ? load(pass.bias) : splat(0.0f);
  for (int b = 0; b < pass.blocks; ++b)
    for (int t = 0; t < pass.taps; ++t) {
      const float* pixel = x + b * pass.x_plane + pass.offset[t];
      const float* weight = pass.weights + (b * pass.kernel_taps + pass.weight_tap[t]) * (block * lanes);
      for (int k = 0; k < block; ++k) sum = multiply_add(load(weight + k * lanes), pixel[k], sum);
    }
  finish_pixels<1>(pass, &sum, [&](int) { return y; });
}

/// The whole pass: tiles of one row, then what is left of the columns in half tiles of two rows. The last half tile begins
/// early enough to be whole: its first pixels are computed twice, to the same bits.
CLUSTERMASS_KERNEL inline void direct_pass(const DirectPass& pass, int step, int block) {
  const std::ptrdiff_t x_row = step * pass.x_row, x_column = step * block;
  const auto x_at = [&](int i, int j) { return pass.x + i * x_row + j * x_column; };
  const auto y_at = [&](int i, int j) { return i * pass.y_row + j * pass.y_column; };
  constexpr int half = tile_pixels / 2;
  // No network has a stem of stride 1.
  const auto tile = block == lanes ? step == 1 ? &direct_tile<1, lanes> : &direct_tile<2, lanes>
                    : step == 2    ? &direct_tile<2, 1>
                                   : nullptr;
  if (!tile || pass.columns < half) {
    for (int i = pass.first_row; i < pass.rows; ++i)
      for (int j = 0; j < pass.columns; ++j) direct_pixel(pass, x_at(i, j), y_at(i, j), block);
    return;
  }
  const int full = pass.columns / tile_pixels * tile_pixels;
  for (int i = pass.first_row; i < pass.rows; ++i)
    for (int j = 0; j < full; j += tile_pixels)
      tile(pass, x_at(i, j), x_at(i, j + half), y_at(i, j), y_at(i, j + half));
  for (int j = full; j < pass.columns; j += half) {
    const int first = j < pass.columns - half ? j : pass.columns - half;
    for (int i = pass.first_row; i < pass.rows; i += 2) {
      const int next = i + 1 < pass.rows ? i + 1 : i;
      tile(pass, x_at(i, first), x_at(next, first), y_at(i, first), y_at(next, first));
    }
  }
}

/// Any kernel size and stride, also to a single channel, with bounds checks: one output pixel at a time, the same chain
/// of multiply-adds. No network of this library needs it.
[[gnu::cold]] inline void general_convolve(const Map& x, const Kernel& kernel, const Map& skip, Activation activation, const Map& y,
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
      direct_pass(pass, g.stride, block);
    }
}
