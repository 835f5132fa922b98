// SPDX-License-Identifier: BSD-3-Clause
// The frame of a test on the test double.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "double/device.hpp"

namespace clustermass::support {

/// Opens and closes a test on the double: it ends with nothing alive and no rule broken.
class CleanDouble {
 public:
  CleanDouble() { test_double::reset(); }
  ~CleanDouble() {
    for (const std::string& rule : test_double::broken_rules()) FAIL_CHECK("broken rule: " << rule);
    for (const auto& [kind, count] : test_double::alive()) FAIL_CHECK("left alive: " << count << " of " << kind);
    test_double::reset();
  }
};

}  // namespace clustermass::support
