// SPDX-License-Identifier: BSD-3-Clause
// The walks of the transformed convolutions, compiled once: which tiles in which order, and where their numbers lie.
// The arithmetic is in the kernels that each instruction set hands in (winograd.inl, polyphase.inl).
//
// Legend  as in winograd.inl and polyphase.inl
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "clustermass/cpu/layout.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::cpu {

/// The tiles of a map in the rows of tiles that [first_row, last_row) touches, handed out in groups: image by image,
/// row by row.
class TileGroups {
 public:
  struct Tile {
    int n, i, j;  ///< image, first row and column
  };
  Tile tiles[largest_group];
  int count = 0;

  TileGroups(Shape shape, int first_row, int last_row, int group)
      : shape_(shape), first_(first_row / 4 * 4), last_(last_row), group_(group), next_{0, first_, 0} {}

  /// Whether there is another group; then it lies in tiles[0..count).
  [[gnu::noinline]] bool next() {
    for (count = 0; count < group_ && first_ < last_ && next_.n < shape_.n; ++count) {
      tiles[count] = next_;
      if ((next_.j += 4) < shape_.w) continue;
      next_.j = 0;
      if ((next_.i += 4) < last_) continue;
      next_.i = first_;
      ++next_.n;
    }
    return count > 0;
  }

 private:
  Shape shape_;
  int first_, last_, group_;
  Tile next_;
};

/// size x size pixels from (i,j) on; if some lie beyond the halo, a copy in `patch` with zeros. Writes the row's
/// length.
inline const float* tile_pixels_of(int size, const Map& map, int n, int b, int i, int j, float* patch,
                                   std::ptrdiff_t& row) {
  const float* corner = map.origin(n, b) + i * map.row() + j * lanes;
  row = map.row();
  const int down = map.shape.h + 1 - i, right = std::min(map.shape.w + 1 - j, size);
  if (size <= down && size <= right) return corner;
  std::memset(patch, 0, static_cast<std::size_t>(size * size * lanes) * sizeof(float));
  for (int r = 0; r < size && r < down; ++r)
    std::memcpy(patch + r * size * lanes, corner + r * row, static_cast<std::size_t>(right * lanes) * sizeof(float));
  row = size * lanes;
  return patch;
}

/// Rows of V [blocks][rows][16] times the matrix U [in][16] of each output block, to M [rows][16]; the same for places
/// that lie `step` apart.
struct Product {
  const float *v, *u;
  float* m;
  int blocks;                                ///< of input channels
  std::ptrdiff_t v_block, u_block, m_block;  ///< from one input block to the next; from one output block to the next
  int places = 1;
  std::ptrdiff_t v_step = 0, u_step = 0, m_step = 0;
};

/// What an instruction set brings to a transformed convolution.
struct TransformKernels {
  /// One tile and 16 channels: its places at v[p * step].
  void (*transform)(const float* pixel, std::ptrdiff_t row, float* v, std::ptrdiff_t step);
  /// Its 4 x 4 outputs, those inside the map and the range of rows, with bias, skip and activation.
  void (*store)(const float* m, std::ptrdiff_t step, const float* bias, const float* skip, Activation activation,
                float* y, std::ptrdiff_t row, int first, int rows, int columns);
  /// The product for `rows` rows and `blocks` output blocks, one or product_blocks.
  void (*product)(const Product& product, int rows, int blocks);
  int product_blocks;
};

/// V or D of a group of tiles: [36][C/16][group][16], places `step` apart.
inline void transform_group(decltype(TransformKernels::transform) transform, int size, const Map& map,
                            const TileGroups& groups, int group, int border, float* v, std::ptrdiff_t step) {
  alignas(64) float patch[std::size_t{36} * lanes];
  const int blocks = map.blocks();
  for (int t = 0; t < groups.count; ++t) {
    const auto [n, i, j] = groups.tiles[t];
    for (int b = 0; b < blocks; ++b) {
      std::ptrdiff_t row;
      const float* pixel = tile_pixels_of(size, map, n, b, i - border, j - border, patch, row);
      transform(pixel, row, v + (b * group + t) * lanes, step);
    }
  }
}

/// y = act(U * x + bias + skip). transformed: [out/16][36][in][16]; skip may be empty, bias null.
inline void winograd_convolve(const TransformKernels& kernels, const Map& x, const float* transformed,
                              const float* bias, const Map& skip, Activation activation, const Map& y, Rows rows,
                              float* scratch) {
  const int last_row = rows.last < y.shape.h ? rows.last : y.shape.h, in = x.blocks() * lanes;
  const int group = group_tiles(in), y_blocks = y.blocks();
  const std::ptrdiff_t v_step = transformed_step(group, in), u_step = static_cast<std::ptrdiff_t>(in) * lanes;
  const bool in_place = x.blocks() == 1 && y_blocks == 1;  // keeps 16 channels in the first-level cache
  const std::ptrdiff_t m_step = in_place ? v_step : group * lanes, m_block = 36 * m_step, u_block = 36 * u_step;
  float *const v = scratch, *const m = in_place ? v : v + 36 * v_step;
  TileGroups groups(y.shape, rows.first, last_row, group);
  while (groups.next()) {
    transform_group(kernels.transform, 6, x, groups, group, 1, v, v_step);
    for (int ob = 0, blocks = 0; ob < y_blocks; ob += blocks) {
      blocks = y_blocks - ob < kernels.product_blocks ? 1 : kernels.product_blocks;
      const Product product{
          v, transformed + ob * u_block, m, x.blocks(), group * lanes, u_block, m_block, 36, v_step, u_step, m_step};
      kernels.product(product, groups.count, blocks);
      for (int o = ob; o < ob + blocks; ++o)
        for (int t = 0; t < groups.count; ++t) {
          const auto [n, i, j] = groups.tiles[t];
          const std::ptrdiff_t place = i * y.row() + j * lanes;
          kernels.store(m + (o - ob) * m_block + t * lanes, m_step, bias ? bias + o * lanes : nullptr,
                        skip ? skip.origin(n, o) + place : nullptr, activation, y.origin(n, o) + place, y.row(),
                        rows.first - i, last_row - i, y.shape.w - j);
        }
    }
  }
}

/// y = act(U * x + bias + skip) of stride 2. transformed: [out/16][36][in][16].
inline void polyphase_convolve(const TransformKernels& kernels, const Map& x, const Kernel& kernel, const Map& skip,
                               Activation activation, const Map& y, Rows rows, float* scratch) {
  const int last_row = rows.last < y.shape.h ? rows.last : y.shape.h, in = x.blocks() * lanes;
  const int group = phase_group_tiles(in), y_blocks = y.blocks();
  const std::ptrdiff_t u_step = static_cast<std::ptrdiff_t>(in) * lanes, u_block = 36 * u_step;
  alignas(64) float patch[std::size_t{81} * lanes];
  TileGroups groups(y.shape, rows.first, last_row, group);
  while (groups.next()) {
    const std::ptrdiff_t place = groups.count * lanes, v_block = 81 * place + lanes, m_block = 81 * place + lanes;
    float *const v = scratch, *const m = v + x.blocks() * v_block;  // [C/16][81][tile][16]
    for (int t = 0; t < groups.count; ++t)
      for (int b = 0; b < x.blocks(); ++b) {
        const auto [n, i, j] = groups.tiles[t];
        std::ptrdiff_t row;
        const float* pixel = tile_pixels_of(9, x, n, b, 2 * i - 1, 2 * j - 1, patch, row);
        kernels.transform(pixel, row, v + b * v_block + t * lanes, place);
      }
    for (int ob = 0, blocks = 0; ob < y_blocks; ob += blocks) {
      blocks = y_blocks - ob < kernels.product_blocks ? 1 : kernels.product_blocks;
      for (int a = 0; a < 6; ++a) {  // the even phase, number 5, has four places of one matrix
        const float* const u = kernel.forward + ob * u_block + 6 * a * u_step;
        const int repeats = a < 5 ? 1 : 4;
        Product product{v + 9 * a * place, u, m + 9 * a * place, x.blocks(), v_block, u_block, m_block};
        if (a < 5) {
          product.places = 5;
          product.v_step = product.m_step = place;
          product.u_step = u_step;
          kernels.product(product, groups.count, blocks);
        }
        product.places = repeats;
        product.v_step = product.m_step = 9 * place;
        product.u_step = 0;
        for (int b = a < 5 ? 5 : 0; b < 6; ++b) {
          product.v = v + (9 * a + b) * place;
          product.m = m + (9 * a + b) * place;
          product.u = u + b * u_step;
          kernels.product(product, (b < 5 ? 1 : 4) * groups.count, blocks);
        }
      }
      for (int o = ob; o < ob + blocks; ++o)
        for (int t = 0; t < groups.count; ++t) {
          const auto [n, i, j] = groups.tiles[t];
          const std::ptrdiff_t corner = i * y.row() + j * lanes;
          kernels.store(m + (o - ob) * m_block + t * lanes, place, kernel.bias + o * lanes,
                        skip ? skip.origin(n, o) + corner : nullptr, activation, y.origin(n, o) + corner, y.row(),
                        rows.first - i, last_row - i, y.shape.w - j);
        }
    }
  }
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::cpu
