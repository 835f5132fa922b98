// SPDX-License-Identifier: BSD-3-Clause
// Convolution with bias and activation: one layer, forward and backward.
#pragma once

#include "clustermass/nn/layer.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

struct ConvOptions {
  int stride = 1;
  Activation activation = Activation::relu;
  Initial initial = Initial::he;
};

/// 2-D convolution with bias and activation, zero padding, output ceil(h / stride) x ceil(w / stride).
///
///   y[n,o,i,j] = act( bias[o] + sum over c,a,b of  weight[o,c,a,b] * x[n,c,s*i+a-K/2,s*j+b-K/2] )
///
/// Shapes  x [n,In,h,w]   y [n,Out,h/s,w/s]   weight [Out,In,K,K]   bias [Out]
/// Source  Dumoulin & Visin 2016, arXiv:1603.07285, sec. 2
template <int In, int Out, int K, ConvOptions options = ConvOptions{}>
struct Conv {
  static_assert(K % 2 == 1, "Conv: an even kernel has no centre");
  static constexpr int in_channels = In, out_channels = Out, kernel_count = 1;
  static constexpr KernelGeometry geometry{In, Out, K, options.stride};
  static constexpr std::size_t parameter_count = geometry.weight_count() + Out;
  static constexpr Form form = Form::map;

  static constexpr Shape output_shape(Shape x) { return strided(x, Out, options.stride); }
  static constexpr Shape inner_shape(Shape) { return {}; }

  static constexpr void for_each_parameter(auto&& visit) {
    visit(Parameter{"weight", {Out, In, K, K}, 4, options.initial});
    visit(Parameter{"bias", {Out, 1, 1, 1}, 1, Initial::zero});
  }
  static constexpr void for_each_kernel(auto&& visit) {
    visit(KernelSlot{geometry, Form::map, 0, geometry.weight_count()});
  }

  template <Engine E>
  static void forward(E& engine, const typename E::Kernel* kernel, const ConditionsOf<E>&,
                      const Doors<typename E::Map>& doors) {
    engine.convolve(doors.x, *kernel, {}, options.activation, doors.y);
  }

  template <Engine E>
  static void backward(E& engine, const typename E::Kernel* kernel, const ConditionsOf<E>&,
                       const Doors<typename E::Map>& doors, const Doors<typename E::Map>& gradients,
                       typename E::Scalar* d_parameters) {
    engine.activation_gradient(options.activation, doors.y, gradients.y);
    if (gradients.x) engine.convolve_input_gradient(gradients.y, *kernel, {}, gradients.x);
    if (d_parameters)
      engine.convolve_weight_gradient(doors.x, gradients.y, geometry, d_parameters,
                                      d_parameters + geometry.weight_count());
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
