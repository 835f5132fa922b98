// SPDX-License-Identifier: BSD-3-Clause
// The exceptions of the library, the one function that throws them, and the assertion.
#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

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

/// Text from a file in quotes, fit for a message: printable ASCII, at most 60 bytes of it.
[[gnu::cold, gnu::noinline]] inline std::string in_quotes(std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  constexpr std::size_t longest = 60;
  std::string result = "'";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f)
      result += c;
    else
      (result += "\\x") += {hex[byte >> 4], hex[byte & 15]};
  }
  return result += text.size() > longest ? "...'" : "'";
}

/// What a message puts in quotes, by in_quotes.
struct Quoted {
  std::string_view text;
};

/// A piece of a message. It becomes text only if the message is needed: text as it is or in quotes, a whole number, or
/// a shape, "[16,1,3,3]".
class Words {
 public:
  Words(const char* text) : Words(std::string_view(text)) {}
  Words(const std::string& text) : Words(std::string_view(text)) {}
  Words(std::string_view text) : from_(text.data()), number_(text.size()), kind_(Kind::text) {}
  Words(Quoted quoted) : from_(quoted.text.data()), number_(quoted.text.size()), kind_(Kind::quoted) {}
  Words(const std::vector<std::int64_t>& shape) : from_(shape.data()), number_(shape.size()), kind_(Kind::shape) {}
  template <std::integral Number>
  Words(Number number)
      : number_(static_cast<std::uint64_t>(number)), kind_(Kind::number), is_signed_(std::is_signed_v<Number>) {}

  void append_to(std::string& text) const {
    switch (kind_) {
      case Kind::text:
        text.append(static_cast<const char*>(from_), number_);
        break;
      case Kind::quoted:
        text += in_quotes({static_cast<const char*>(from_), number_});
        break;
      case Kind::number:
        append_number(text, number_, is_signed_);
        break;
      case Kind::shape:
        text += "[";
        for (std::size_t k = 0; k < number_; ++k) {
          if (k > 0) text += ",";
          append_number(text, static_cast<std::uint64_t>(static_cast<const std::int64_t*>(from_)[k]), true);
        }
        text += "]";
        break;
    }
  }

 private:
  enum class Kind { text, quoted, number, shape };

  [[gnu::noinline]] static void append_number(std::string& text, std::uint64_t number, bool is_signed) {
    const bool negative = is_signed && static_cast<std::int64_t>(number) < 0;
    if (negative) text += "-";
    text += std::to_string(negative ? -number : number);
  }

  const void* from_ = nullptr;
  std::uint64_t number_;  // or how many letters or extents
  Kind kind_;
  bool is_signed_ = false;
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
