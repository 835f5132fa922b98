// SPDX-License-Identifier: BSD-3-Clause
// The engine of one instruction set: the primitives of core/engine.hpp by the kernels of this region. Included once per
// instruction set by cpu/engine.hpp.

struct Engine : Memory {
  static Kernel prepare(KernelGeometry g, Form form, bool backward, const float* weight, const float* bias,
                        float* storage) {
    const Kernel kernel = place(g, form, backward, bias, storage);
    float *const forward = storage, *const adjoint = backward ? storage + (kernel.adjoint - storage) : nullptr;
    const std::ptrdiff_t out_step = std::ptrdiff_t{9} * g.in;
    const Method method = method_of(g, form);
    if (method == Method::winograd) {
      transform_kernels(transform_tile<3, kernel_line>, g.out, g.in, {weight, out_step, 9, 1}, forward);
      if (backward) transform_kernels(transform_tile<3, kernel_line>, g.in, g.out, {weight + 8, 9, out_step, -1}, adjoint);
      return kernel;
    }
    if (method == Method::polyphase)
      transform_kernels(transform_tile<3, phase_kernel_line>, g.out, g.in, {weight, out_step, 9, 1}, forward);
    else
      fill_forward(g, form, weight, forward);
    if (backward) fill_adjoint(g, form, weight, adjoint);
    return kernel;
  }

  void convolve(const Map& x, const Kernel& kernel, const Map& skip, Activation activation, const Map& y,
                Rows rows = {}) {
    const FlushTiny flush;
    rows = part_of(rows, y.shape.h);
    switch (method_of(kernel.geometry, Form::map)) {
      case Method::winograd:
        winograd_convolve(winograd_kernels, x, kernel.forward, kernel.bias, skip, activation, y, rows, scratch);
        break;
      case Method::polyphase:
        polyphase_convolve(polyphase_kernels, x, kernel, skip, activation, y, rows, scratch);
        break;
      case Method::direct:
        convolve_maps(x, kernel, skip, activation, y, rows);
        break;
    }
    meet();
  }
  void convolve_input_gradient(const Map& d_y, const Kernel& kernel, const Map& add, const Map& d_x) {
    const FlushTiny flush;
    if (method_of(kernel.geometry, Form::map) == Method::winograd)
      winograd_convolve(winograd_kernels, d_y, kernel.adjoint, nullptr, add, Activation::none, d_x, {}, scratch);
    else
      input_gradient(d_y, kernel, add, d_x);
  }
  void convolve_weight_gradient(const Map& x, const Map& d_y, KernelGeometry geometry, float* d_weight, float* d_bias) {
    const FlushTiny flush;
    if (method_of(geometry, Form::map) == Method::winograd) {
      winograd_weight_gradient(x, d_y, geometry, d_weight, scratch);
      bias_gradient(d_y, geometry, d_bias);
    } else {
      weight_gradient(x, d_y, geometry, d_weight, d_bias);
    }
  }
  static void activation_gradient(Activation activation, const Map& y, const Map& d_y) {
    if (activation == Activation::relu) relu_gradient(y, d_y);
  }
  void pool(const Map& x, const Conditions<float, Host>& conditions, int rings, const Map& y) const {
    once([&] { pool_map(x, conditions, rings, y); });
  }
  static void pool_gradient(const Conditions<float, Host>& conditions, int rings, const Map& d_y, const Map& d_x) {
    pool_map_gradient(conditions, rings, d_y, d_x);
  }
  void dense(const Map& x, const Kernel& kernel, Activation activation, const Map& y) const {
    once([&] { dense_rows(kernel.forward, kernel.bias, kernel.geometry.in, x, activation, y); });
  }
  static void dense_input_gradient(const Map& d_y, const Kernel& kernel, const Map& d_x) {
    dense_rows(kernel.adjoint, nullptr, kernel.geometry.out, d_y, Activation::none, d_x);
  }
  static void dense_weight_gradient(const Map& x, const Map& d_y, KernelGeometry geometry, float* d_weight,
                                    float* d_bias) {
    dense_weights(x, d_y, geometry, d_weight, d_bias);
  }
};
