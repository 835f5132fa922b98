// SPDX-License-Identifier: BSD-3-Clause
// The JSON subset against single cases, and against nlohmann/json on random texts, whole and damaged.
#include "clustermass/io/json.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "clustermass/core/random.hpp"

using clustermass::Json;
using clustermass::parse_json;
using clustermass::Random;

namespace {

/// The message with which the text is refused; empty if it is accepted.
std::string refusal(const std::string& text, clustermass::JsonLimits limits = {}) {
  try {
    parse_json(text, "here", limits);
  } catch (const clustermass::WeightError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

nlohmann::json to_nlohmann(const Json& value) {
  switch (value.kind) {
    case Json::Kind::string:
      return value.text;
    case Json::Kind::integer:
      return value.integer;
    case Json::Kind::array: {
      nlohmann::json array = nlohmann::json::array();
      for (const Json& item : value.items) array.push_back(to_nlohmann(item));
      return array;
    }
    case Json::Kind::object:
      break;
  }
  nlohmann::json object = nlohmann::json::object();
  for (const Json& item : value.items) object[item.key] = to_nlohmann(item);
  return object;
}

/// Whether a text that nlohmann/json walks through stays inside the subset.
class SubsetJudge : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool inside = true;

  bool null() override { return leave(); }
  bool boolean(bool) override { return leave(); }
  bool number_integer(number_integer_t) override { return leave(); }
  bool number_float(number_float_t, const string_t&) override { return leave(); }
  bool binary(binary_t&) override { return leave(); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > (1ull << 48) - 1) inside = false;
    return true;
  }
  bool string(string_t&) override { return true; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return deeper();
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return deeper(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) inside = false;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool leave() {
    inside = false;
    return true;
  }
  bool deeper() {
    if (++depth_ > 3) inside = false;
    return true;
  }
  int depth_ = 0;
  std::vector<std::set<std::string>> keys_;
};

/// Writes random texts of the subset, with odd spacing and every kind of escape.
struct Writer {
  Random& random;
  std::string out;

  void space() {
    while (random.below(4) == 0) out += " \t\n\r"[random.below(4)];
  }
  void string(bool distinct, std::size_t index) {
    static const std::vector<std::string> pieces = {"a",
                                                    "dtype",
                                                    "\\n",
                                                    "\\\"",
                                                    "\\\\",
                                                    "\\/",
                                                    "\\b",
                                                    "\\f",
                                                    "\\r",
                                                    "\\t",
                                                    "\\u0041",
                                                    "\\u00e9",
                                                    "\\u0000",
                                                    "\\uFFFF",
                                                    "\\ud834\\udd1e",
                                                    "\\uDBFF\\uDFFF",
                                                    "\xc3\xa9",
                                                    "\xe2\x82\xac",
                                                    "\xf0\x9d\x84\x9e",
                                                    "\xed\x9f\xbf",
                                                    "\x7f",
                                                    "/",
                                                    " "};
    out += '"';
    for (std::uint32_t n = random.below(5); n > 0; --n) out += pieces[random.below(std::uint32_t(pieces.size()))];
    if (distinct) out += std::to_string(index);
    out += '"';
  }
  void value(int depth) {
    const std::uint32_t kind = random.below(depth <= 3 ? 4 : 2);
    if (kind == 0) {
      string(false, 0);
    } else if (kind == 1) {
      const std::uint64_t number = (std::uint64_t{random.bits()} << 16 | random.below(65536)) >> random.below(48);
      out += std::to_string(number);
    } else {
      out += kind == 2 ? '[' : '{';
      space();
      const std::uint32_t count = random.below(4);
      for (std::uint32_t i = 0; i < count; ++i) {
        if (i > 0) {
          out += ',';
          space();
        }
        if (kind == 3) {
          string(random.below(8) > 0, i);
          space();
          out += ':';
          space();
        }
        value(depth + 1);
        space();
      }
      out += kind == 2 ? ']' : '}';
    }
  }
};

std::string random_text(Random& random) {
  Writer writer{random, {}};
  writer.space();
  writer.value(1);
  writer.space();
  return writer.out;
}

void damage(Random& random, std::string& text) {
  static const std::string interesting =
      "{}[]\",:\\u0123456789eE+-.dD8cC \n\t\x01\x7f\x80\xbf\xc0\xc3\xed\xa0\xf4\xfftfn";
  const auto symbol = [&] { return interesting[random.below(std::uint32_t(interesting.size()))]; };
  for (std::uint32_t n = 1 + random.below(2); n > 0 && !text.empty(); --n) {
    const std::size_t at = random.below(std::uint32_t(text.size()));
    switch (random.below(5)) {
      case 0:
        text[at] = symbol();
        break;
      case 1:
        text.insert(at, 1, symbol());
        break;
      case 2:
        text.erase(at, 1 + random.below(3));
        break;
      case 3:
        text.insert(at, text.substr(random.below(std::uint32_t(text.size())), random.below(12)));
        break;
      default:
        text[at] = static_cast<char>(random.below(256));
    }
  }
}

/// Our verdict and value equal those of nlohmann/json restricted to the subset. True if both accept.
bool agrees(const std::string& text) {
  SubsetJudge judge;
  // Two liberties of nlohmann/json: it skips a byte order mark, and a NUL ends its text.
  const bool liberty = text.rfind("\xef\xbb\xbf", 0) == 0 || text.find('\0') != std::string::npos;
  const bool wanted = nlohmann::json::sax_parse(text, &judge) && judge.inside && !liberty;
  const std::string message = refusal(text);
  INFO(text);
  INFO(message);
  CHECK(message.empty() == wanted);
  if (wanted && message.empty()) CHECK(to_nlohmann(parse_json(text, "here")) == nlohmann::json::parse(text));
  return wanted;
}

}  // namespace

TEST_CASE("JSON values keep their kind, order, text and keys") {
  const Json root = parse_json(R"( {"b":[1,281474976710655],"a":{"x":"\u00e9\ud834\udd1e\n\/"},"":0} )", "here");
  REQUIRE(root.kind == Json::Kind::object);
  REQUIRE(root.items.size() == 3);
  CHECK(root.items[0].key == "b");
  REQUIRE(root.items[0].kind == Json::Kind::array);
  CHECK(root.items[0].items[1].integer == 281474976710655u);
  CHECK(root.items[1].items[0].text == "\xc3\xa9\xf0\x9d\x84\x9e\n/");
  CHECK(root.items[2].key.empty());
  CHECK(root.items[2].kind == Json::Kind::integer);
}

TEST_CASE("what is not of the JSON subset is refused with its place and reason") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "an object, an array, a string or an integer of plain digits at byte 0 of the JSON text, found its end"},
      {"{} x", "expected the end of the text at byte 3 of the JSON text, found 'x'"},
      {"{\"a\":-0}", "an integer of plain digits at byte 5"},
      {"[1e3]", "an integer of plain digits at byte 2"},
      {"[1.0]", "an integer of plain digits at byte 2"},
      {"[007]", "an integer without leading zeros at byte 2"},
      {"[281474976710656]", "an integer of at most 2^48 - 1"},
      {"[99999999999999999999999999]", "an integer of at most 2^48 - 1"},
      {"[true]", "an integer of plain digits"},
      {"[[[[]]]]", "arrays and objects at most 3 deep at byte 3"},
      {"{\"a\":1,\"b\":2,\"a\":3}", "the key 'a' stands twice in one JSON object"},
      {"{\"a\":{\"b\":1,\"\\u0062\":2}}", "the key 'b' stands twice"},
      {"{a:1}", "a key in quotes at byte 1"},
      {"{\"a\" 1}", "expected ':' at byte 5"},
      {"{\"a\":1,}", "a key in quotes at byte 7"},
      {"[1 2]", "expected ',' or ']' at byte 3"},
      {"{\"a\":1", "expected ',' or '}' at byte 6"},
      {"\"abc", "a string closed by a quote"},
      {"\"a\nb\"", "without control characters at byte 2 of the JSON text, found '\\x0a'"},
      {"\"\\x\"", "one of the escapes"},
      {"\"\\u12g4\"", "four hexadecimal digits"},
      {"\"\\ud834\"", "a pair of surrogates"},
      {"\"\\udd1e\"", "a pair of surrogates"},
      {"\"\\ud834\\u0041\"", "a low surrogate"},
      {"\"\xc3(\"", "valid UTF-8 at byte 1"},
  };
  for (const auto& line : cases) {
    const std::string &text = line.first, &part = line.second;
    const std::string message = refusal(text);
    INFO(text);
    INFO(message);
    CHECK(message.rfind("here: ", 0) == 0);
    CHECK(contains(message, part));
  }
}

TEST_CASE("the limits on depth and number of values are exact") {
  CHECK(refusal("[[[1]]]").empty());
  CHECK(contains(refusal("[[[[]]]]"), "at most 3 deep"));
  CHECK(refusal("[1,2,3]", {3, 4}).empty());
  CHECK(contains(refusal("[1,2,3,4]", {3, 4}), "at most 4 values"));
  CHECK(contains(refusal(std::string(100000, '['), {3, 1000000}), "at most 3 deep"));
}

TEST_CASE("every sequence of UTF-8 is judged as the Unicode table says") {
  using clustermass::CLUSTERMASS_CODE_TAG::detail::utf8_error;
  // All code points encode to valid text; all two-byte and the critical three-byte sequences are judged by their value.
  for (std::uint32_t first = 0; first < 256; ++first)
    for (std::uint32_t second = 0; second < 256; ++second) {
      const std::string two = {static_cast<char>(first), static_cast<char>(second)};
      const bool ascii = first < 0x80 && second < 0x80;
      const std::uint32_t code = (first & 31) << 6 | (second & 63);
      const bool pair = (first >> 5) == 6 && (second >> 6) == 2 && code >= 0x80;
      CHECK((utf8_error(two) == 2) == (ascii || pair));
      const std::string three = two + "\x80";
      const std::uint32_t wide = (first & 15) << 12 | (second & 63) << 6;
      if ((first >> 4) == 14)
        CHECK((utf8_error(three) == 3) == ((second >> 6) == 2 && wide >= 0x800 && (wide < 0xd800 || wide > 0xdfff)));
      const std::string four = three + "\x80";
      const std::uint32_t full = (first & 7) << 18 | (second & 63) << 12;
      if (first >= 0xf0)
        CHECK((utf8_error(four) == 4) == (first < 0xf8 && (second >> 6) == 2 && full >= 0x10000 && full <= 0x10ffff));
    }
  CHECK(utf8_error("abc\xe2\x82") == 3);
  CHECK(utf8_error("abc\xe2\x28\xa1") == 3);
}

TEST_CASE("the verdict and the values agree with nlohmann/json on random and damaged texts") {
  Random random(20240607);
  int whole = 0, survivors = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string text = random_text(random);
    whole += agrees(text);
    for (int k = 0; k < 8; ++k) {
      std::string damaged = text;
      damage(random, damaged);
      survivors += agrees(damaged);
    }
  }
  CHECK(whole > 3000);  // the rest repeats a key or is too deep
  CHECK(survivors > 1000);
  CHECK(survivors < 30000);
  MESSAGE("accepted by both: ", whole, " of 4000 texts, ", survivors, " of 32000 damaged ones");
}
