// SPDX-License-Identifier: BSD-3-Clause
// What the kernels of the transformed convolutions share: lines of a tile, and the products of matrices.
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
        if (prefetches_matrix) __builtin_prefetch(u + product.u_step + c * lanes);  // of the next place
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

/// Rows [0, rows) in the fewest strips of at most R rows, as even as can be: a strip of a row or two leaves the
/// multipliers waiting for its few chains.
template <int R, int O, int... r>
CLUSTERMASS_INLINE void product_rows(const Product& product, int rows, std::integer_sequence<int, r...>) {
  static constexpr void (*strips[])(const Product&, int) = {product_tile<r + 1, O>...};
  for (int left = (rows + R - 1) / R, row = 0; left > 0; --left) {
    const int size = (rows - row + left - 1) / left;
    strips[size - 1](product, row);
    row += size;
  }
}

/// The same for `blocks` output blocks, one or product_blocks.
CLUSTERMASS_KERNEL inline void product_of_blocks(const Product& product, int rows, int blocks) {
  constexpr int alone = product_tiles * product_blocks;
  if (product_blocks > 1 && blocks > 1)
    return product_rows<product_tiles, product_blocks>(product, rows,
                                                       std::make_integer_sequence<int, product_tiles>{});
  product_rows<alone, 1>(product, rows, std::make_integer_sequence<int, alone>{});
}
