// SPDX-License-Identifier: BSD-3-Clause
// What a layer is: an empty type that says its shapes, names its parameters and kernels, and walks forward and
// backward over an engine's primitives. A layer owns nothing.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

#include "clustermass/core/engine.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// How a parameter starts: zero, or normal with variance 2 / fan_in (He et al. 2015, arXiv:1502.01852, eq. 10).
enum class Initial { zero, he };

/// One parameter of a layer: its name in the weight file and its shape as PyTorch has it.
struct Parameter {
  std::string_view name;
  Shape shape;     ///< [out,in,K,K], dense [out,in,1,1], bias [out,1,1,1]
  int rank;        ///< leading extents that count
  Initial initial;

  constexpr std::size_t fan_in() const { return shape.size() / static_cast<std::size_t>(shape.n); }
};

/// One kernel of a layer: where its weight and bias start among the layer's parameters.
struct KernelSlot {
  KernelGeometry geometry;
  Form form;
  std::size_t weight, bias;
};

/// The doors of one layer during a walk: what it receives, its inner door (if any), what it hands on.
template <class Map>
struct Doors {
  Map x, inner, y;
};

/// A layer type. `in_channels` and `out_channels` are checked at the joints of a network.
///
///   output_shape(x), inner_shape(x)     shapes of the output and of the inner door (empty shape: none)
///   for_each_parameter(visit)           visit(Parameter), in the order they lie in memory
///   for_each_kernel(visit)              visit(KernelSlot)
///   forward(engine, kernels, conditions, doors)
///   backward(engine, kernels, conditions, doors, gradients, d_parameters)
///
/// backward takes what forward saw and made. `gradients.y` is used up; `gradients.x` is written unless empty;
/// `d_parameters` is added to unless null.
template <class L>
concept Layer = std::is_empty_v<L> && requires(Shape x) {
  { L::in_channels } -> std::convertible_to<int>;
  { L::out_channels } -> std::convertible_to<int>;
  { L::parameter_count } -> std::convertible_to<std::size_t>;
  { L::kernel_count } -> std::convertible_to<int>;
  { L::form } -> std::convertible_to<Form>;
  { L::output_shape(x) } -> std::same_as<Shape>;
  { L::inner_shape(x) } -> std::same_as<Shape>;
};

/// Whether the output of A can be handed to B.
template <class A, class B>
inline constexpr bool fits_before = A::out_channels == B::in_channels;

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
