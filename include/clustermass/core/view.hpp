// SPDX-License-Identifier: BSD-3-Clause
// A pointer with a shape: plain NCHW numbers that someone else owns.
#pragma once

#include <cstddef>

#include "clustermass/core/shape.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Memory of the host. An accelerator names its own space, so a device view given to a host engine does not compile.
struct Host {};

/// Plain NCHW numbers [n,c,h,w], contiguous, not owned. An empty view stands for "not wanted".
template <class T, class Space = Host>
struct View {
  T* data = nullptr;
  Shape shape{};

  constexpr explicit operator bool() const { return data != nullptr; }
  constexpr std::size_t size() const { return shape.size(); }
  constexpr T& operator()(int n, int c, int i, int j) const {
    return data[((static_cast<std::size_t>(n) * static_cast<std::size_t>(shape.c) +
                  static_cast<std::size_t>(c)) * static_cast<std::size_t>(shape.h) +
                 static_cast<std::size_t>(i)) * static_cast<std::size_t>(shape.w) +
                static_cast<std::size_t>(j)];
  }
  constexpr operator View<const T, Space>() const { return {data, shape}; }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
