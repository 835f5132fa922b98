// SPDX-License-Identifier: BSD-3-Clause
// The part of JSON that the header of a weight file uses: objects, arrays, strings and plain integers. It refuses all
// else (fractions, signs, true, false, null), so it is not a general JSON reader, and it never guesses.
// One grammar, one file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/io/order.hpp"
#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// One JSON value and all below it. A member of an object carries its own key.
struct Json {
  enum class Kind { string, integer, array, object };

  Kind kind = Kind::object;
  std::string key;            // of this value, where it is a member of an object
  std::string text;           // of a string, UTF-8
  std::uint64_t integer = 0;  // of an integer, at most 2^48 - 1
  std::vector<Json> items;    // of an array or an object, in the order of the text
};

/// Bounds on what a hostile text can make the reader build.
struct JsonLimits {
  std::size_t depth = 3;        // of arrays and objects inside each other
  std::size_t values = 100000;  // in the whole text
};

namespace detail {

/// Position of the first byte that is not valid UTF-8, or text.size(). Overlong forms, surrogates and code points above
/// 0x10ffff are not valid.
///
/// Source  The Unicode Standard 15, table 3-7
inline std::size_t utf8_error(std::string_view text) {
  const auto byte = [text](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  std::size_t i = 0;
  while (i < text.size()) {
    const unsigned first = byte(i), second = byte(i + 1);
    std::size_t length = 1;
    unsigned low = 0x80, high = 0xbf;  // of the second byte
    if (first < 0x80) {
      ++i;
      continue;
    }
    if (first >= 0xc2 && first <= 0xdf) {
      length = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
      length = 3;
      if (first == 0xe0) low = 0xa0;
      if (first == 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
      length = 4;
      if (first == 0xf0) low = 0x90;
      if (first == 0xf4) high = 0x8f;
    } else {
      return i;
    }
    if (second < low || second > high) return i;
    for (std::size_t k = 2; k < length; ++k)
      if ((byte(i + k) & 0xc0) != 0x80) return i;
    i += length;
  }
  return i;
}

class JsonParser {
 public:
  JsonParser(std::string_view text, const std::string& where, JsonLimits limits)
      : text_(text), where_(where), limits_(limits) {}

  Json document() {
    at_ = utf8_error(text_);
    if (at_ < text_.size()) fail({"valid UTF-8"});
    at_ = 0;
    skip_space();
    Json result = value(1);
    skip_space();
    if (at_ < text_.size()) fail({"the end of the text"});
    return result;
  }

 private:
  [[noreturn, gnu::cold, gnu::noinline]] void fail(std::initializer_list<Words> expected) const {
    raise<WeightError>(
        sentence({where_, ": expected ", sentence(expected), " at byte ", at_, " of the JSON text, found ",
                  at_ < text_.size() ? Words(Quoted{text_.substr(at_, 1)}) : Words("its end"),
                  "; write the file again with a safetensors writer"}));
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }

  Json value(std::size_t depth) {
    if (++count_ > limits_.values) fail({"at most ", limits_.values, " values"});
    Json result;
    const char c = peek();
    if (c == '{' || c == '[') {
      if (depth > limits_.depth) fail({"arrays and objects at most ", limits_.depth, " deep"});
      ++at_;
      result.kind = c == '{' ? Json::Kind::object : Json::Kind::array;
      items(result, depth, c == '{' ? '}' : ']');
    } else if (c == '"') {
      result.kind = Json::Kind::string;
      result.text = string();
    } else if (c >= '0' && c <= '9') {
      result.kind = Json::Kind::integer;
      result.integer = integer();
    } else {
      fail({"an object, an array, a string or an integer of plain digits"});
    }
    return result;
  }

  void items(Json& parent, std::size_t depth, char close) {
    const bool named = parent.kind == Json::Kind::object;
    skip_space();
    if (accept(close)) return;
    do {
      skip_space();
      std::string key;
      if (named) {
        if (peek() != '"') fail({"a key in quotes"});
        key = string();
        skip_space();
        if (!accept(':')) fail({"':'"});
        skip_space();
      }
      parent.items.push_back(value(depth + 1));
      parent.items.back().key = std::move(key);
      skip_space();
    } while (accept(','));
    if (!accept(close)) fail({named ? "',' or '}'" : "',' or ']'"});
    if (named) refuse_duplicates(parent);
  }

  void refuse_duplicates(const Json& object) const {
    const std::vector<Json>& items = object.items;
    const std::vector<std::size_t> order =
        rising_order(items.size(), [&](std::size_t a, std::size_t b) { return items[a].key < items[b].key; });
    for (std::size_t k = 1; k < order.size(); ++k)
      if (const std::string& key = items[order[k]].key; key == items[order[k - 1]].key)
        raise<WeightError>(
            sentence({where_, ": the key ", Quoted{key},
                      " stands twice in one JSON object, expected once; write the file again with distinct names"}));
  }

  std::uint64_t integer() {
    constexpr std::uint64_t largest = (std::uint64_t{1} << 48) - 1;
    const std::size_t begin = at_;
    std::uint64_t result = 0;
    while (peek() >= '0' && peek() <= '9') {
      if (at_ > begin && result == 0) fail({"an integer without leading zeros"});
      result = 10 * result + static_cast<std::uint64_t>(peek() - '0');
      if (result > largest) fail({"an integer of at most 2^48 - 1"});
      ++at_;
    }
    if (peek() == '.' || peek() == 'e' || peek() == 'E') fail({"an integer of plain digits"});
    return result;
  }

  std::string string() {
    std::string result;
    ++at_;  // the opening quote
    for (;;) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20)
        ++at_;
      result.append(text_, begin, at_ - begin);
      if (accept('"')) return result;
      if (!accept('\\')) fail({"a string closed by a quote, without control characters"});
      escape(result);
    }
  }

  void escape(std::string& result) {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (peek() == 'u') return append_utf8(result, code_point());
    const std::size_t k = at_ < text_.size() ? letters.find(peek()) : std::string_view::npos;
    if (k == std::string_view::npos) fail({"one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u"});
    result += meanings[k];
    ++at_;
  }

  /// Four hexadecimal digits after a 'u'; two such groups where the first is a high surrogate.
  std::uint32_t code_point() {
    const std::uint32_t first = hex4();
    if (first < 0xd800 || first > 0xdfff) return first;
    if (first > 0xdbff || !accept('\\') || peek() != 'u') fail({"a pair of surrogates, high then low"});
    const std::uint32_t second = hex4();
    if (second < 0xdc00 || second > 0xdfff) fail({"a low surrogate before this place"});
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
  }

  std::uint32_t hex4() {
    ++at_;  // the 'u'
    std::uint32_t result = 0;
    for (int digit = 0; digit < 4; ++digit) {
      const char c = peek();
      if (c >= '0' && c <= '9')
        result = 16 * result + static_cast<std::uint32_t>(c - '0');
      else if (c >= 'a' && c <= 'f')
        result = 16 * result + static_cast<std::uint32_t>(c - 'a' + 10);
      else if (c >= 'A' && c <= 'F')
        result = 16 * result + static_cast<std::uint32_t>(c - 'A' + 10);
      else
        fail({"four hexadecimal digits after \\u"});
      ++at_;
    }
    return result;
  }

  static void append_utf8(std::string& result, std::uint32_t code) {
    constexpr std::uint32_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    const int after = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;  // bytes after the first
    result += static_cast<char>(lead[after] | (code >> (6 * after)));
    for (int k = after; k-- > 0;) result += static_cast<char>(0x80 | ((code >> (6 * k)) & 0x3f));
  }

  std::string_view text_;
  const std::string& where_;
  JsonLimits limits_;
  std::size_t at_ = 0, count_ = 0;
};

}  // namespace detail

/// The value that `text` describes; `where` opens the message of every error. Keys of an object are distinct.
///
/// Throws  WeightError if the text is not of this subset, is not valid UTF-8, goes past a limit or repeats a key
/// Source  RFC 8259
inline Json parse_json(std::string_view text, const std::string& where, JsonLimits limits = {}) {
  return detail::JsonParser(text, where, limits).document();
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
