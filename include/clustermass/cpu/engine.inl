// SPDX-License-Identifier: BSD-3-Clause
// The engine of one instruction set: the primitives of core/engine.hpp by the kernels of this region. Included once per
// instruction set by cpu/engine.hpp.

struct Engine : Memory {
  static Kernel prepare(KernelGeometry g, Form form, bool backward, const float* weight, const float* bias,
                        float* storage) {
    if (!transforms(g, form)) return Memory::prepare(g, form, backward, weight, bias, storage);
    float *bias_storage = storage + forward_size(g, form), *adjoint = bias_storage + blocks_of(g.out) * lanes;
    transform_kernels(
        g.out, g.in, [&](int o, int c, int tap) { return weight[(o * g.in + c) * 9 + tap]; }, storage);
    for (int o = 0; o < blocks_of(g.out) * lanes; ++o) bias_storage[o] = o < g.out ? bias[o] : 0.0f;
    if (!backward) return {g, storage, bias_storage, nullptr};
    transform_kernels(
        g.in, g.out, [&](int c, int o, int tap) { return weight[(o * g.in + c) * 9 + 8 - tap]; }, adjoint);
    return {g, storage, bias_storage, adjoint};
  }

  void convolve(const Map& x, const Kernel& kernel, const Map& skip, Activation activation, const Map& y,
                Rows rows = {}) {
    if (transforms(kernel.geometry, Form::map))
      winograd_convolve(x, kernel.forward, kernel.bias, skip, activation, y, rows, scratch);
    else
      convolve_maps(x, kernel, skip, activation, y, rows);
  }
  void convolve_input_gradient(const Map& d_y, const Kernel& kernel, const Map& add, const Map& d_x) {
    if (transforms(kernel.geometry, Form::map))
      winograd_convolve(d_y, kernel.adjoint, nullptr, add, Activation::none, d_x, {}, scratch);
    else
      input_gradient(d_y, kernel, add, d_x);
  }
  void convolve_weight_gradient(const Map& x, const Map& d_y, KernelGeometry geometry, float* d_weight, float* d_bias) {
    if (transforms(geometry, Form::map)) {
      winograd_weight_gradient(x, d_y, geometry, d_weight, scratch);
      bias_gradient(d_y, geometry, d_bias);
    } else {
      weight_gradient(x, d_y, geometry, d_weight, d_bias);
    }
  }
  static void activation_gradient(Activation activation, const Map& y, const Map& d_y) {
    if (activation == Activation::relu) relu_gradient(y, d_y);
  }
  static void pool(const Map& x, const Conditions<float, Host>& conditions, int rings, const Map& y) {
    pool_map(x, conditions, rings, y);
  }
  static void pool_gradient(const Conditions<float, Host>& conditions, int rings, const Map& d_y, const Map& d_x) {
    pool_map_gradient(conditions, rings, d_y, d_x);
  }
  static void dense(const Map& x, const Kernel& kernel, Activation activation, const Map& y) {
    dense_rows(kernel.forward, kernel.bias, kernel.geometry.in, x, activation, y);
  }
  static void dense_input_gradient(const Map& d_y, const Kernel& kernel, const Map& d_x) {
    dense_rows(kernel.adjoint, nullptr, kernel.geometry.out, d_y, Activation::none, d_x);
  }
  static void dense_weight_gradient(const Map& x, const Map& d_y, KernelGeometry geometry, float* d_weight,
                                    float* d_bias) {
    dense_weights(x, d_y, geometry, d_weight, d_bias);
  }
};
