// SPDX-License-Identifier: BSD-3-Clause
// Extents of a batch of maps.
#pragma once

#include <cstddef>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Extents [n,c,h,w]: images, channels, rows, columns. A vector is [n,c,1,1].
struct Shape {
  int n = 0, c = 0, h = 0, w = 0;

  constexpr std::size_t size() const {
    return static_cast<std::size_t>(n) * static_cast<std::size_t>(c) *
           static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
  }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

/// Shape after a centred, zero-padded kernel of the given stride: ceil(h / stride) x ceil(w / stride).
constexpr Shape strided(Shape x, int channels, int stride) {
  return {x.n, channels, (x.h + stride - 1) / stride, (x.w + stride - 1) / stride};
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
