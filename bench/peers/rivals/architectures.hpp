// SPDX-License-Identifier: BSD-3-Clause
// The networks of the comparison: the released one, and the wider one by which the engine's goals are set.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "clustermass/network_file.hpp"

namespace peers {

using namespace clustermass;

using Reference128 = Architecture<16, 32, 64, 128, 128>;

/// Calls use(std::type_identity<Arch>{}) for the architecture of that name.
template <class Use>
void with_architecture_named(std::string_view name, Use&& use) {
  if (name == Released::name()) return use(std::type_identity<Released>{});
  if (name == Reference128::name()) return use(std::type_identity<Reference128>{});
  throw std::runtime_error("the comparison knows no architecture '" + std::string(name) + "', expected " +
                           Released::name() + " or " + Reference128::name());
}

/// The same for the architecture that a weight file states.
template <class Use>
void with_architecture(std::span<const std::byte> bytes, const std::string& origin, Use&& use) {
  const WeightFile file = WeightFile::parse(bytes, origin);
  with_architecture_named(file.metadata("arch").value_or("of no name"), use);
}

}  // namespace peers
