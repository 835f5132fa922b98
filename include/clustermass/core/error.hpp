// SPDX-License-Identifier: BSD-3-Clause
// The exceptions of the library, the one function that throws them, and the assertion.
#pragma once

#include <cassert>
#include <stdexcept>
#include <string>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_DATA_TAG {

/// Base of every exception of the library. The message is one sentence: what was expected, what was found, where.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An argument, image, list or catalogue that cannot be used.
struct InputError : Error {
  using Error::Error;
};

/// A weight file that is broken, or is not of this network.
struct WeightError : Error {
  using Error::Error;
};

/// A failed call to an accelerator.
struct DeviceError : Error {
  using Error::Error;
};

namespace detail {
/// Every throw of the library goes through here.
template <class Exception>
[[noreturn]] inline void raise(const std::string& message) {
  throw Exception(message);
}
}  // namespace detail

}  // namespace clustermass::inline CLUSTERMASS_DATA_TAG

namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail {
using CLUSTERMASS_DATA_TAG::detail::raise;  // both tags have a `detail`; code finds raise in its own
}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail

/// Checks for a bug in the library; active in debug builds only.
#define CLUSTERMASS_ASSERT(condition) assert(condition)
