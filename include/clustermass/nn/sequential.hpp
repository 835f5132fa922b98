// SPDX-License-Identifier: BSD-3-Clause
// Networks as types: a flat list of layers read top-down, and two lists joined where the schedule changes.
#pragma once

#include <array>
#include <tuple>
#include <utility>

#include "clustermass/nn/layer.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A flat list of layers. Door i is what layer i receives, door i + 1 what it hands on.
template <Layer... Layers>
struct Sequential {
  static constexpr int size = sizeof...(Layers);
  template <int i>
  using layer = std::tuple_element_t<static_cast<std::size_t>(i), std::tuple<Layers...>>;

  static constexpr int in_channels = layer<0>::in_channels, out_channels = layer<size - 1>::out_channels;
  static constexpr std::size_t parameter_count = (Layers::parameter_count + ...);
  static constexpr int kernel_count = (Layers::kernel_count + ...);
  static constexpr Form form = layer<size - 1>::form;

  /// First parameter and first kernel of each layer.
  static constexpr std::array<std::size_t, sizeof...(Layers)> parameter_offset = [] {
    std::array<std::size_t, sizeof...(Layers)> offsets{Layers::parameter_count...};
    std::size_t sum = 0;
    for (auto& offset : offsets) offset = std::exchange(sum, sum + offset);
    return offsets;
  }();
  static constexpr std::array<int, sizeof...(Layers)> kernel_offset = [] {
    std::array<int, sizeof...(Layers)> offsets{Layers::kernel_count...};
    int sum = 0;
    for (auto& offset : offsets) offset = std::exchange(sum, sum + offset);
    return offsets;
  }();

  static constexpr Shape output_shape(Shape x) {
    ((x = Layers::output_shape(x)), ...);
    return x;
  }

  /// visit.template operator()<i>() for every layer index, upwards or downwards.
  static constexpr void for_each_layer(auto&& visit) {
    [&]<int... i>(std::integer_sequence<int, i...>) {
      (visit.template operator()<i>(), ...);
    }(std::make_integer_sequence<int, size>{});
  }
  static constexpr void for_each_layer_downwards(auto&& visit) {
    [&]<int... i>(std::integer_sequence<int, i...>) {
      (visit.template operator()<size - 1 - i>(), ...);
    }(std::make_integer_sequence<int, size>{});
  }

  /// visit(layer index, Parameter), in the order the numbers lie in memory.
  static constexpr void for_each_parameter(auto&& visit) {
    for_each_layer([&]<int i>() { layer<i>::for_each_parameter([&](Parameter p) { visit(i, p); }); });
  }

 private:
  static constexpr bool joints_fit = []<int... i>(std::integer_sequence<int, i...>) {
    return (fits_before<layer<i>, layer<i + 1>> && ...);
  }(std::make_integer_sequence<int, size - 1>{});
  static_assert(joints_fit, "Sequential: a layer hands on another number of channels than the next one takes");
};

/// Two lists of which the first runs image by image and the second on all images together. Parameters and layer numbers
/// go on from the first to the second, as in one list.
template <class First, class Second>
struct Join {
  static_assert(fits_before<First, Second>, "Join: the first list hands on other channels than the second takes");
  static constexpr int size = First::size + Second::size;
  static constexpr int in_channels = First::in_channels, out_channels = Second::out_channels;
  static constexpr std::size_t parameter_count = First::parameter_count + Second::parameter_count;
  static constexpr Form form = Second::form;

  static constexpr Shape output_shape(Shape x) { return Second::output_shape(First::output_shape(x)); }
  static constexpr void for_each_parameter(auto&& visit) {
    First::for_each_parameter(visit);
    Second::for_each_parameter([&](int i, Parameter p) { visit(First::size + i, p); });
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
