// SPDX-License-Identifier: BSD-3-Clause
// 3x3 convolution of stride 2 by phases: 81 products for 16 outputs instead of 144. Included once per instruction set
// by cpu/engine.hpp.
//
// Along one axis an output is a sum over odd samples, y[i] = g0 x[2i-1] + g2 x[2i+1], and one even sample, g1 x[2i].
// Four outputs of the odd phase take five products (F(4,2), points 0, 1, -1, 2, infinity), those of the even phase
// four:
//
//   y = A^T [ (G g) . (B^T d) ] A,   d: 9x9 inputs;  places of an axis: 5 transformed odd samples, then 4 even samples
//
// All even places share one kernel number, so 81 places have 36 matrices. Every output is one chain of multiply-adds
// that depends on its tile alone.
//
// Source  Winograd 1980, Arithmetic complexity of computations, ch. V; the split by phases: Vaidyanathan 1990, Proc.
// IEEE
//         78, 56
//
// Legend  as in winograd.inl; matrix: one of 6 x 6, number 6 of an axis being the even phase

/// Five odd samples to their five places.
CLUSTERMASS_INLINE void odd_input_line(const Register* d, int step, Register* v) {
  const Register a = d[3 * step] - d[step], b = d[0] - d[2 * step];
  v[0] = scale_add(2, b, a);
  v[1] = a - (d[step] + d[2 * step]);
  v[2] = scale_add(3, d[step] - d[2 * step], a);
  v[3] = a;
  v[4] = scale_add(-2, a, d[4 * step] - d[2 * step]);
}
/// Nine places to four outputs.
CLUSTERMASS_INLINE void phase_output_line(const Register* m, int step, Register* y) {
  const Register sum = m[step] + m[2 * step], difference = m[step] - m[2 * step], far = m[3 * step];
  y[0] = ((m[0] + sum) + far) + m[5 * step];
  y[1] = scale_add(2, far, difference) + m[6 * step];
  y[2] = scale_add(4, far, sum) + m[7 * step];
  y[3] = (scale_add(8, far, difference) + m[4 * step]) + m[8 * step];
}
/// Three taps to the six kernel numbers of an axis.
CLUSTERMASS_INLINE void phase_kernel_line(const Register* g, int step, Register* u) {
  const Register zero{};
  u[0] = scale_add(1.0f / 2, g[0], zero);
  u[1] = scale_add(-1.0f / 2, g[0] + g[2 * step], zero);
  u[2] = scale_add(1.0f / 6, g[2 * step] - g[0], zero);
  u[3] = scale_add(1.0f / 6, scale_add(2, g[2 * step], g[0]), zero);
  u[4] = g[2 * step];
  u[5] = g[step];
}

/// V of one tile and 16 channels: place (i,j) at v[(9 i + j) * step].
CLUSTERMASS_KERNEL inline void phase_transform_tile(const float* pixel, std::ptrdiff_t row, float* v,
                                                    std::ptrdiff_t step) {
  for (int part = 0; part < lanes; part += register_floats, pixel += register_floats, v += register_floats) {
    Register half[45], line[9], places[5];
    for (int j = 0; j < 9; ++j) {
      CLUSTERMASS_UNROLL
      for (int i = 0; i < 5; ++i) line[i] = load_part(pixel + 2 * i * row + j * lanes);
      odd_input_line(line, 1, places);
      CLUSTERMASS_UNROLL
      for (int i = 0; i < 5; ++i) half[i * 9 + j] = places[i];
    }
    for (int i = 0; i < 9; ++i) {  // five transformed rows, then the four even ones as they are
      const float* even = pixel + (2 * i - 9) * row;
      CLUSTERMASS_UNROLL
      for (int j = 0; j < 9; ++j) line[j] = i < 5 ? half[i * 9 + j] : load_part(even + j * lanes);
      odd_input_line(line, 2, places);
      float* const place = v + 9 * i * step;
      CLUSTERMASS_UNROLL
      for (int j = 0; j < 5; ++j) store_part(place + j * step, places[j]);
      CLUSTERMASS_UNROLL
      for (int j = 0; j < 4; ++j) store_part(place + (5 + j) * step, line[2 * j + 1]);
    }
  }
}

/// Four by four outputs of one tile and 16 channels, those inside the map and the range of rows.
CLUSTERMASS_KERNEL inline void phase_store_tile(const float* m, std::ptrdiff_t step, const float* bias,
                                                const float* skip, Activation activation, float* y, std::ptrdiff_t row,
                                                int first, int rows, int columns) {
  for (int part = 0; part < lanes; part += register_floats) {
    Register half[36], column[9], line[4];
    for (int j = 0; j < 9; ++j) {
      CLUSTERMASS_UNROLL
      for (int i = 0; i < 9; ++i) column[i] = load_part(m + (9 * i + j) * step + part);
      phase_output_line(column, 1, line);
      CLUSTERMASS_UNROLL
      for (int i = 0; i < 4; ++i) half[i * 9 + j] = line[i];
    }
    const Register start = load_part(bias + part);
    for (int i = first > 0 ? first : 0; i < 4 && i < rows; ++i) {
      phase_output_line(half + i * 9, 1, line);
      CLUSTERMASS_UNROLL
      for (int j = 0; j < 4; ++j) line[j] = line[j] + start;
      const std::ptrdiff_t place = i * row + part;
      store_line(line, skip ? skip + place : nullptr, activation, y + place, columns);
    }
  }
}

inline constexpr TransformKernels polyphase_kernels{phase_transform_tile, phase_store_tile, product_of_blocks,
                                                    product_blocks};
