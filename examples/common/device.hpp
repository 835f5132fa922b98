// SPDX-License-Identifier: BSD-3-Clause
// Where the programs run the network: --device cpu, cuda, or cuda:N for the N-th GPU.
#pragma once

#include <charconv>
#include <string>

#include "clustermass/core/error.hpp"

namespace tool {

/// For programs that were built without CUDA. asked: what was asked for, "--device cuda".
[[noreturn]] inline void refuse_cuda(const std::string& asked) {
  throw clustermass::DeviceError(asked +
                                 ": this program was built without CUDA; build where the CUDA Toolkit and cuDNN 9 "
                                 "are found");
}

/// Empty, or what is wrong with the text.
inline std::string check_device(const std::string& text) {
  const bool good = text == "cpu" || text == "cuda" ||
                    (text.starts_with("cuda:") && text.size() > 5 && text.size() < 9 &&
                     text.find_first_not_of("0123456789", 5) == std::string::npos);
  return good ? "" : "expected cpu, cuda or cuda:N, found '" + text + "'";
}

/// N of cuda:N; 0 for cuda.
inline int device_number(const std::string& text) {
  int number = 0;
  if (const auto colon = text.find(':'); colon != std::string::npos)
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), number);
  return number;
}

}  // namespace tool
