// SPDX-License-Identifier: BSD-3-Clause
// The numbers of a network: one contiguous array with named slices. Gradients, moments and averages are further Weights.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  template <class U, class Visit>
  static void slices(std::span<U> values, std::string_view prefix, Visit& visit) {
    std::size_t offset = 0;
    Net::for_each_parameter([&](int layer, const Parameter& parameter) {
      std::string name(prefix);
      name.append(std::to_string(layer)).append(".").append(parameter.name);
      visit(name, parameter, values.subspan(offset, parameter.shape.size()));
      offset += parameter.shape.size();
    });
  }

  std::vector<T> values_ = std::vector<T>(size);
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
