// SPDX-License-Identifier: BSD-3-Clause
// The numbers of a network: one contiguous array with named slices. Gradients, moments and averages are further
// Weights.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/nn/layer.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// All parameters of Net in plain PyTorch order, zero at first.
template <class Net, class T = float>
class Weights {
 public:
  static constexpr std::size_t size = Net::parameter_count;

  std::span<T> values() { return values_; }
  std::span<const T> values() const { return values_; }

  /// visit(name, Parameter, slice) with names such as "features.0.weight" for the prefix "features.".
  template <class Visit>
  void for_each_tensor(std::string_view prefix, Visit&& visit) {
    slices(values(), prefix, visit);
  }
  template <class Visit>
  void for_each_tensor(std::string_view prefix, Visit&& visit) const {
    slices(values(), prefix, visit);
  }

 private:
  struct Place {
    int layer;
    Parameter parameter;
  };
  static constexpr std::size_t count = [] {
    std::size_t n = 0;
    Net::for_each_parameter([&](int, const Parameter&) { ++n; });
    return n;
  }();
  static constexpr std::array<Place, count> places = [] {
    std::array<Place, count> all{};
    std::size_t k = 0;
    Net::for_each_parameter([&](int layer, const Parameter& parameter) { all[k++] = {layer, parameter}; });
    return all;
  }();

  template <class U, class Visit>
  static void slices(std::span<U> values, std::string_view prefix, Visit& visit) {
    std::size_t offset = 0;
    for (const auto& [layer, parameter] : places) {
      const std::size_t size_here = parameter.shape.size();
      visit(detail::sentence({prefix, layer, ".", parameter.name}), parameter, values.subspan(offset, size_here));
      offset += size_here;
    }
  }

  std::vector<T> values_ = std::vector<T>(size);
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
