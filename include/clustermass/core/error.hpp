// SPDX-License-Identifier: BSD-3-Clause
// The exceptions of the library, the one function that throws them, and the assertion.
#pragma once

#include <cassert>
#include <concepts>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

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

/// A piece of a message: text, or a whole number that becomes text only if the message is needed.
class Words {
 public:
  Words(const char* text) : text_(text) {}
  Words(const std::string& text) : text_(text) {}
  Words(std::string_view text) : text_(text) {}
  template <std::signed_integral Number>
  Words(Number number) : number_(number), is_number_(true) {}
  template <std::unsigned_integral Number>
  Words(Number number) : number_(static_cast<long long>(number)), is_number_(true), is_unsigned_(true) {}

  void append_to(std::string& text) const {
    if (!is_number_)
      text += text_;
    else
      text += is_unsigned_ ? std::to_string(static_cast<unsigned long long>(number_)) : std::to_string(number_);
  }

 private:
  std::string_view text_;
  long long number_ = 0;
  bool is_number_ = false, is_unsigned_ = false;
};

/// One after the other. Not inlined: messages are many, and seldom needed.
[[gnu::cold, gnu::noinline]] inline std::string sentence(std::initializer_list<Words> pieces) {
  std::string text;
  for (const Words& piece : pieces) piece.append_to(text);
  return text;
}
}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail

/// Checks for a bug in the library; active in debug builds only.
#define CLUSTERMASS_ASSERT(condition) assert(condition)
