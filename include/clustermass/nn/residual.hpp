// SPDX-License-Identifier: BSD-3-Clause
// Residual block of two 3x3 convolutions: one layer with one inner door.
#pragma once

#include "clustermass/nn/layer.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Two 3x3 convolutions with a skip; the second starts at zero, so a new block is the identity (on x >= 0).
///
///   t = relu(conv1(x)),   y = relu(x + conv2(t))
///
/// Shapes  x, t, y [n,C,h,w]
/// Source  He et al. 2016, arXiv:1512.03385, sec. 3.2; zero start: Zhang et al. 2019, arXiv:1901.09321, sec. 3
template <int C>
struct Residual {
  static constexpr int in_channels = C, out_channels = C, kernel_count = 2;
  static constexpr KernelGeometry geometry{C, C, 3, 1};
  static constexpr std::size_t half = geometry.weight_count() + C;
  static constexpr std::size_t parameter_count = 2 * half;
  static constexpr Form form = Form::map;

  static constexpr Shape output_shape(Shape x) { return x; }
  static constexpr Shape inner_shape(Shape x) { return x; }

  static constexpr void for_each_parameter(auto&& visit) {
    visit(Parameter{"conv1.weight", {C, C, 3, 3}, 4, Initial::he});
    visit(Parameter{"conv1.bias", {C, 1, 1, 1}, 1, Initial::zero});
    visit(Parameter{"conv2.weight", {C, C, 3, 3}, 4, Initial::zero});
    visit(Parameter{"conv2.bias", {C, 1, 1, 1}, 1, Initial::zero});
  }
  static constexpr void for_each_kernel(auto&& visit) {
    visit(KernelSlot{geometry, Form::map, 0, geometry.weight_count()});
    visit(KernelSlot{geometry, Form::map, half, half + geometry.weight_count()});
  }

  template <Engine E>
  static void forward(E& engine, const typename E::Kernel* kernels, const ConditionsOf<E>&,
                      const Doors<typename E::Map>& doors) {
    engine.convolve(doors.x, kernels[0], {}, Activation::relu, doors.inner);
    engine.convolve(doors.inner, kernels[1], doors.x, Activation::relu, doors.y);
  }

  template <Engine E>
  static void backward(E& engine, const typename E::Kernel* kernels, const ConditionsOf<E>&,
                       const Doors<typename E::Map>& doors, const Doors<typename E::Map>& gradients,
                       typename E::Scalar* d_parameters) {
    engine.activation_gradient(Activation::relu, doors.y, gradients.y);
    engine.convolve_input_gradient(gradients.y, kernels[1], {}, gradients.inner);
    engine.activation_gradient(Activation::relu, doors.inner, gradients.inner);
    if (gradients.x) engine.convolve_input_gradient(gradients.inner, kernels[0], gradients.y, gradients.x);
    if (!d_parameters) return;
    engine.convolve_weight_gradient(doors.x, gradients.inner, geometry, d_parameters,
                                    d_parameters + geometry.weight_count());
    engine.convolve_weight_gradient(doors.inner, gradients.y, geometry, d_parameters + half,
                                    d_parameters + half + geometry.weight_count());
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
