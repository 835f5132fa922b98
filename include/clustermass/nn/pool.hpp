// SPDX-License-Identifier: BSD-3-Clause
// Coverage-weighted pooling over the field and its rings: the door from maps to vectors.
#pragma once

#include "clustermass/nn/layer.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Weighted means over the whole field and over rings around its centre, followed by the cutout's context.
///
///   y = (m_0, m_1 .. m_Rings, context),   m_k[c] = sum over cells of region k of w A[c] / sum of w
///
/// with w the valid fraction of the cell; a region without valid cells gives zeros. Region 0 is the whole field, the
/// rings are those of ring_of. An invalid pixel weighs nothing here and is zero in the input, so its attribution is
/// zero by construction.
///
/// Shapes  x [n,C,h,w]   w [n,1,h,w]   context [n,Context]   y [n,(1+Rings)*C+Context]
template <int C, int Rings, int Context>
struct Pool {
  static_assert(Rings == 0 || Rings == ring_count, "Pool: all rings or none");
  static constexpr int in_channels = C, out_channels = (1 + Rings) * C + Context, kernel_count = 0;
  static constexpr std::size_t parameter_count = 0;
  static constexpr Form form = Form::vector;

  static constexpr Shape output_shape(Shape x) { return {x.n, out_channels, 1, 1}; }
  static constexpr Shape inner_shape(Shape) { return {}; }
  static constexpr void for_each_parameter(auto&&) {}
  static constexpr void for_each_kernel(auto&&) {}

  template <Engine E>
  static void forward(E& engine, const typename E::Kernel*, const ConditionsOf<E>& conditions,
                      const Doors<typename E::Map>& doors) {
    engine.pool(doors.x, conditions, Rings, doors.y);
  }

  template <Engine E>
  static void backward(E& engine, const typename E::Kernel*, const ConditionsOf<E>& conditions,
                       const Doors<typename E::Map>&, const Doors<typename E::Map>& gradients, typename E::Scalar*) {
    if (gradients.x) engine.pool_gradient(conditions, Rings, gradients.y, gradients.x);
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
