// SPDX-License-Identifier: BSD-3-Clause
// One sort for every list of a weight file: a sort of each its own would take longer to compile than all the rest of
// the reader.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail {

inline std::vector<std::size_t> rising_order(std::size_t count, const void* context,
                                             bool (*less)(const void* context, std::size_t a, std::size_t b)) {
  std::vector<std::size_t> order(count);
  for (std::size_t k = 0; k < count; ++k) order[k] = k;
  const auto rises = [=](std::size_t a, std::size_t b) { return less(context, a, b); };
  std::make_heap(order.begin(), order.end(), rises);  // half the code of std::sort, and n log n for every list
  std::sort_heap(order.begin(), order.end(), rises);
  return order;
}

/// The numbers 0 to count - 1 in rising order of less(a, b).
template <class Less>
std::vector<std::size_t> rising_order(std::size_t count, const Less& less) {
  return rising_order(count, &less, [](const void* context, std::size_t a, std::size_t b) {
    return (*static_cast<const Less*>(context))(a, b);
  });
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail
