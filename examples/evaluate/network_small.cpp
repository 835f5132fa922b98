// SPDX-License-Identifier: BSD-3-Clause
#include "network_of.hpp"

std::unique_ptr<Network> open_small(std::span<const std::byte> bytes, const std::string& origin, int members) {
  return std::make_unique<NetworkOf<clustermass::Architecture<16, 16, 16, 32, 32>>>(bytes, origin, members);
}
