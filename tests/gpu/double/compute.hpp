// SPDX-License-Identifier: BSD-3-Clause
// TEST DOUBLE (see device.hpp): a cuDNN tensor in NHWC, read and written by the library's reference engine.
#pragma once

#include <cudnn.h>

#include <bit>
#include <cmath>
#include <vector>

#include "clustermass/cpu/reference.hpp"
#include "clustermass/io/half.hpp"
#include "device.hpp"

namespace test_double {

using clustermass::Shape;
using Engine = clustermass::Reference<float>;

inline std::size_t bytes_of(const Shape& shape, cudnnDataType_t type) {
  return shape.size() * (type == CUDNN_DATA_HALF ? 2 : 4);
}

/// What a tensor core sees of a float: ten bits of fraction.
inline float to_tf32(float value) {
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(value) + 0x1000u) & 0xffffe000u);
}

/// A tensor's numbers in NCHW, from memory in NHWC.
inline std::vector<float> read(const void* data, const Shape& s, cudnnDataType_t type, bool tf32 = false) {
  std::vector<float> values(s.size());
  const clustermass::View<float> view{values.data(), s};
  std::size_t k = 0;
  for (int n = 0; n < s.n; ++n)
    for (int i = 0; i < s.h; ++i)
      for (int j = 0; j < s.w; ++j)
        for (int c = 0; c < s.c; ++c, ++k) {
          const float value = type == CUDNN_DATA_HALF
                                  ? clustermass::widen_f16(static_cast<const std::uint16_t*>(data)[k])
                                  : static_cast<const float*>(data)[k];
          view(n, c, i, j) = tf32 ? to_tf32(value) : value;
        }
  return values;
}
inline void write(const std::vector<float>& values, void* data, const Shape& s, cudnnDataType_t type) {
  const clustermass::View<const float> view{values.data(), s};
  std::size_t k = 0;
  for (int n = 0; n < s.n; ++n)
    for (int i = 0; i < s.h; ++i)
      for (int j = 0; j < s.w; ++j)
        for (int c = 0; c < s.c; ++c, ++k) {
          if (type == CUDNN_DATA_HALF)
            static_cast<std::uint16_t*>(data)[k] = clustermass::narrow_f16(view(n, c, i, j));
          else
            static_cast<float*>(data)[k] = view(n, c, i, j);
        }
}

/// Rules for memory handed to cuDNN: on the device, all of it, 16-byte aligned.
inline bool is_good_memory(const char* call, const char* what, const void* data, std::size_t bytes) {
  const bool good = on_device(data, bytes) && reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
  rule(good, std::string(call) + ": " + what + " is not " + std::to_string(bytes) + " bytes of aligned device memory");
  return good;
}

}  // namespace test_double

struct cudnnContext {
  cudaStream_t stream;
};
