// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/model/architectures.hpp"
#include "network_of.hpp"

std::unique_ptr<Network> open_large(std::span<const std::byte> bytes, const std::string& origin, int members) {
  return std::make_unique<NetworkOf<clustermass::LargeArchitecture>>(bytes, origin, members);
}
