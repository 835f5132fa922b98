// SPDX-License-Identifier: BSD-3-Clause
#include "network_of.hpp"

std::unique_ptr<Network> open_released(std::span<const std::byte> bytes, const std::string& origin, int members) {
  return std::make_unique<NetworkOf<clustermass::Released>>(bytes, origin, members);
}
