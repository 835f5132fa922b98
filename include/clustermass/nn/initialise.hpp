// SPDX-License-Identifier: BSD-3-Clause
// Starting values of a network that is to be trained.
#pragma once

#include <cmath>
#include <cstdint>

#include "clustermass/core/random.hpp"
#include "clustermass/nn/weights.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Fills each parameter as its layer asks (zero or He). The numbers depend on (seed, stream) alone.
template <class Net, class T>
void initialise(Weights<Net, T>& weights, std::uint64_t seed, std::uint64_t stream) {
  std::uint32_t tensor = 0;
  weights.for_each_tensor("", [&](const std::string&, const Parameter& parameter, std::span<T> values) {
    Random random(seed, stream, tensor++);
    const double sigma = std::sqrt(2.0 / static_cast<double>(parameter.fan_in()));
    for (T& value : values) value = parameter.initial == Initial::he ? static_cast<T>(sigma * random.normal()) : T(0);
  });
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
