// SPDX-License-Identifier: BSD-3-Clause
// What the transformed convolutions share: walking a map in groups of 4x4 output tiles, and the products of matrices.
// Included once per instruction set by cpu/engine.hpp.

/// Sixteen floats of one place in parts of one register: the transforms need more registers than whole blocks leave.
/// Where a tile of 6 x 6 nearly fits the registers, CLUSTERMASS_UNROLL_TILE unrolls its lines; elsewhere it lies in memory
/// either way, and a loop is a third of the code at the same speed.
CLUSTERMASS_INLINE Register load_part(const float* p) { return *reinterpret_cast<const LooseRegister*>(p); }
CLUSTERMASS_INLINE void store_part(float* p, Register v) { *reinterpret_cast<LooseRegister*>(p) = v; }
/// a * b + c. Products stand in no other form, so that no compiler joins them with a sum of its own choice.
CLUSTERMASS_INLINE Register scale_add(float a, Register b, Register c) {
  const Register factor = a - Register{};
  return CLUSTERMASS_FMA(factor, b, c);
}

/// Adds the skip, applies the activation and stores the first `columns` of four outputs of a row.
CLUSTERMASS_INLINE void store_line(Register* line, const float* skip, Activation activation, float* y, int columns) {
  if (columns >= 4) {
    if (skip) {
      CLUSTERMASS_UNROLL
      for (int j = 0; j < 4; ++j) line[j] = line[j] + load_part(skip + j * lanes);
    }
    if (activation == Activation::relu) {
      CLUSTERMASS_UNROLL
      for (int j = 0; j < 4; ++j) line[j] = line[j] > 0.0f ? line[j] : Register{};
    }
    CLUSTERMASS_UNROLL
    for (int j = 0; j < 4; ++j) store_part(y + j * lanes, line[j]);
    return;
  }
  Register some[4];  // `line` itself, indexed by a variable, would never lie in registers
  CLUSTERMASS_UNROLL
  for (int j = 0; j < 4; ++j) some[j] = line[j];
  for (int j = 0; j < columns; ++j) {
    const Register v = skip ? some[j] + load_part(skip + j * lanes) : some[j];
    store_part(y + j * lanes, activation == Activation::relu ? v > 0.0f ? v : Register{} : v);
  }
}

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
  bool next() {
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

/// A copy of size x size pixels from `corner` on, with zeros below the first `down` rows and beyond the first `right`
/// columns.
CLUSTERMASS_KERNEL inline void copy_patch(const float* corner, std::ptrdiff_t row, int size, int down, int right,
                                          float* patch) {
  for (int r = 0; r < size; ++r)
    for (int c = 0; c < size; ++c, patch += lanes)
      store(patch, r < down && c < right ? load(corner + r * row + c * lanes) : splat(0.0f));
}

/// Size x Size pixels from (i,j) on; if some lie beyond the halo, in `patch`. Writes the row's length.
template <int Size>
CLUSTERMASS_INLINE const float* tile_pixels_of(const Map& map, int n, int b, int i, int j, float* patch,
                                               std::ptrdiff_t& row) {
  const float* corner = map.origin(n, b) + i * map.row() + j * lanes;
  row = map.row();
  const int down = map.shape.h + 1 - i, right = map.shape.w + 1 - j;
  if (Size <= down && Size <= right) return corner;
  copy_patch(corner, row, Size, down, right, patch);
  row = Size * lanes;
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

/// R rows from `row` on, O blocks of output channels: one chain over the input channels for each number. All offsets of
/// the innermost loop are constants.
template <int R, int O>
CLUSTERMASS_KERNEL void product_tile(const Product& product, int row) {
  const float *v_place = product.v + row * lanes, *u_place = product.u;
  float* m_place = product.m + row * lanes;
  const std::ptrdiff_t u_block = product.u_block;
  for (int p = 0; p < product.places; ++p) {
    Lanes sum[static_cast<std::size_t>(R * O)];
    CLUSTERMASS_UNROLL
    for (int k = 0; k < R * O; ++k) sum[k] = splat(0.0f);
    const float *v = v_place, *u = u_place;
    for (int b = 0; b < product.blocks; ++b, v += product.v_block, u += lanes * lanes)
      for (int c = 0; c < lanes; ++c) {
        Lanes w[static_cast<std::size_t>(O)];
        CLUSTERMASS_UNROLL
        for (int o = 0; o < O; ++o) w[o] = load(u + o * u_block + c * lanes);
        CLUSTERMASS_UNROLL
        for (int r = 0; r < R; ++r) {
          CLUSTERMASS_UNROLL
          for (int o = 0; o < O; ++o) sum[r * O + o] = multiply_add(w[o], v[r * lanes + c], sum[r * O + o]);
        }
      }
    CLUSTERMASS_UNROLL
    for (int o = 0; o < O; ++o) {
      CLUSTERMASS_UNROLL
      for (int r = 0; r < R; ++r) store(m_place + o * product.m_block + r * lanes, sum[r * O + o]);
    }
    v_place += product.v_step;
    u_place += product.u_step;
    m_place += product.m_step;
  }
}

/// Rows [row, rows) in strips of R, R/2, .. 4, 1.
template <int R, int O>
CLUSTERMASS_INLINE void product_rows(const Product& product, int row, int rows) {
  for (; row + R <= rows; row += R) product_tile<R, O>(product, row);
  if constexpr (R > 1) product_rows<(R > 4 ? R / 2 : 1), O>(product, row, rows);
}

/// The same for `blocks` output blocks, one or product_blocks.
CLUSTERMASS_KERNEL inline void product_of_blocks(const Product& product, int rows, int blocks) {
  if (product_blocks > 1 && blocks > 1) return product_rows<product_tiles, product_blocks>(product, 0, rows);
  product_rows<product_tiles * product_blocks, 1>(product, 0, rows);
}
