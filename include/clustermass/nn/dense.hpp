// SPDX-License-Identifier: BSD-3-Clause
// Dense layer on vectors: forward and backward.
#pragma once

#include "clustermass/nn/layer.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Dense layer with bias and activation.
///
///   y[n,o] = act( bias[o] + sum over c of  weight[o,c] * x[n,c] )
///
/// Shapes  x [n,In]   y [n,Out]   weight [Out,In]   bias [Out]
template <int In, int Out, Activation activation = Activation::none, Initial initial = Initial::he>
struct Dense {
  static constexpr int in_channels = In, out_channels = Out, kernel_count = 1;
  static constexpr KernelGeometry geometry{In, Out, 1, 1};
  static constexpr std::size_t parameter_count = geometry.weight_count() + Out;
  static constexpr Form form = Form::vector;

  static constexpr Shape output_shape(Shape x) { return {x.n, Out, 1, 1}; }
  static constexpr Shape inner_shape(Shape) { return {}; }

  static constexpr void for_each_parameter(auto&& visit) {
    visit(Parameter{"weight", {Out, In, 1, 1}, 2, initial});
    visit(Parameter{"bias", {Out, 1, 1, 1}, 1, Initial::zero});
  }
  static constexpr void for_each_kernel(auto&& visit) {
    visit(KernelSlot{geometry, Form::vector, 0, geometry.weight_count()});
  }

  template <Engine E>
  static void forward(E& engine, const typename E::Kernel* kernel, const ConditionsOf<E>&,
                      const Doors<typename E::Map>& doors) {
    engine.dense(doors.x, *kernel, activation, doors.y);
  }

  template <Engine E>
  static void backward(E& engine, const typename E::Kernel* kernel, const ConditionsOf<E>&,
                       const Doors<typename E::Map>& doors, const Doors<typename E::Map>& gradients,
                       typename E::Scalar* d_parameters) {
    engine.activation_gradient(activation, doors.y, gradients.y);
    if (gradients.x) engine.dense_input_gradient(gradients.y, *kernel, gradients.x);
    if (d_parameters)
      engine.dense_weight_gradient(doors.x, gradients.y, geometry, d_parameters,
                                   d_parameters + geometry.weight_count());
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
