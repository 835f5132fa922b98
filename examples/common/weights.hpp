// SPDX-License-Identifier: BSD-3-Clause
// The bytes of the network a program works with: a weight file, or the embedded one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "clustermass/io/file.hpp"
#include "program.hpp"
#ifdef CLUSTERMASS_EMBEDDED_NETWORK
#include "clustermass/pretrained.hpp"
#endif

namespace tool {

struct WeightBytes {
  std::vector<std::byte> file;  ///< empty for the embedded network
  std::string origin;           ///< opens every message
  std::span<const std::byte> bytes;
};

/// weights: a file or a folder, or empty for the environment's, the embedded or the installed one (find_weights).
/// Throws WeightError.
inline WeightBytes open_weights(const std::string& weights) {
#ifdef CLUSTERMASS_EMBEDDED_NETWORK
  constexpr bool has_embedded = true;
  const std::span<const std::byte> embedded = clustermass::pretrained_weights();
#else
  constexpr bool has_embedded = false;
  const std::span<const std::byte> embedded;
#endif
  WeightBytes source{{}, find_weights(weights, has_embedded), {}};
  if (source.origin.empty()) {
    source.origin = "the embedded network";
    source.bytes = embedded;
  } else {
    source.file = clustermass::read_file(source.origin);
    source.bytes = source.file;
  }
  return source;
}

}  // namespace tool
