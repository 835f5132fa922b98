// SPDX-License-Identifier: BSD-3-Clause
// The nine rules of the reader, one file of the fuzz corpus for each way to break them; the values it reads; the
// writer; interchange with the safetensors package.
#include "clustermass/io/weight_file.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/io/weight_writer.hpp"

using namespace clustermass;
namespace filesystem = std::filesystem;

namespace {

const std::string corpus = CLUSTERMASS_SOURCE_DIR "/tests/fuzz/corpus/weight_file/";
const std::vector<NamedShape> corpus_network = {{"conv.weight", {2, 3}}, {"conv.bias", {2}}};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<float> read_all(const WeightFile& file, const std::string& name) {
  const TensorInfo* tensor = file.find(name);
  REQUIRE(tensor != nullptr);
  std::size_t count = 1;
  for (const std::int64_t extent : tensor->shape) count *= static_cast<std::size_t>(extent);
  std::vector<float> values(count, std::numeric_limits<float>::quiet_NaN());
  file.read(name, values);
  return values;
}

template <class Function>
std::string message_of(Function function) {
  try {
    function();
  } catch (const WeightError& error) {
    return error.what();
  }
  return "";
}

/// What the reader says to a file of the corpus: on the header, else on names and shapes, else on the values.
std::string answer(const std::vector<std::byte>& bytes) {
  return message_of([&] {
    const WeightFile file = WeightFile::parse(bytes, "file");
    file.expect(corpus_network);
    for (const NamedShape& tensor : corpus_network) read_all(file, tensor.name);
  });
}

std::vector<std::byte> bytes_of(const std::string& header, std::size_t data_size) {
  std::vector<std::byte> bytes(8 + header.size() + data_size);
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(header.size() >> (8 * i) & 0xff);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

/// A fresh path, removed at the end of the test.
struct TemporaryFolder {
  filesystem::path path =
      filesystem::temp_directory_path() / ("clustermass_weight_file_test_" + std::to_string(getpid()));
  TemporaryFolder() { filesystem::create_directories(path); }
  ~TemporaryFolder() { filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

std::size_t file_count(const filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("each rule of the weight file is enforced with its own message") {
  const std::map<std::string, std::string> said = {
      {"good", ""},
      {"good_unaligned", ""},  // rule 9: the values lie at odd addresses
      {"rule1_nine_bytes", "the file has 9 bytes, expected at least the 10"},
      {"rule1_length_below_two", "the header length is 1 bytes, expected 2 to 1048576"},
      {"rule1_length_above_limit", "the header length is 1048577 bytes, expected 2 to 1048576"},
      {"rule1_length_near_2_64", "the header length is 18446744073709551612 bytes, expected 2 to 1048576"},
      {"rule1_length_beyond_file", "but only 32 bytes follow; the file is cut short"},
      {"rule2_not_utf8", "not valid UTF-8 at its byte 34"},
      {"rule2_utf8_overlong", "not valid UTF-8 at its byte 34"},
      {"rule2_utf8_surrogate", "not valid UTF-8 at its byte 32"},
      {"rule2_leading_space", "the header begins with ' ', expected '{'"},
      {"rule2_array", "the header begins with '[', expected '{'"},
      {"rule2_newline_after_brace", "the header ends with '\\x0a', expected '}' and then only spaces"},
      {"rule2_zero_padding", "the header ends with '\\x00', expected '}' and then only spaces"},
      {"rule3_too_deep", "arrays and objects at most 3 deep"},
      {"rule3_very_deep", "arrays and objects at most 3 deep"},
      {"rule3_duplicate_tensor", "the key 'conv.bias' stands twice"},
      {"rule3_duplicate_by_escape", "the key 'conv.bias' stands twice"},
      {"rule3_duplicate_inner_key", "the key 'shape' stands twice"},
      {"rule3_duplicate_metadata_key", "the key 'format' stands twice"},
      {"rule3_minus_zero", "an integer of plain digits"},
      {"rule3_negative_extent", "an integer of plain digits"},
      {"rule3_exponent", "an integer of plain digits"},
      {"rule3_fraction", "an integer of plain digits"},
      {"rule3_above_2_48", "an integer of at most 2^48 - 1"},
      {"rule3_huge_digits", "an integer of at most 2^48 - 1"},
      {"rule3_leading_zero", "an integer without leading zeros"},
      {"rule3_null", "an object, an array, a string or an integer"},
      {"rule3_trailing_comma", "an object, an array, a string or an integer"},
      {"rule3_lone_surrogate", "a pair of surrogates"},
      {"rule3_control_character", "without control characters"},
      {"rule3_unclosed", "',' or '}'"},
      {"rule4_metadata_number", "the metadata value of 'format' is not a string"},
      {"rule4_metadata_array", "'__metadata__' is not an object"},
      {"rule4_entry_not_object", "'conv.weight' is not described by an object"},
      {"rule4_unknown_key", "'conv.weight' has an unknown key or a value of the wrong kind at 'strides'"},
      {"rule4_no_dtype", "'conv.weight' lacks dtype"},
      {"rule4_no_shape", "'conv.weight' lacks shape"},
      {"rule4_no_offsets", "'conv.weight' lacks data_offsets"},
      {"rule4_three_offsets", "a value of the wrong kind at 'data_offsets'"},
      {"rule4_shape_of_strings", "a value of the wrong kind at 'shape'"},
      {"rule5_unknown_dtype", "the dtype 'F33', which the format does not know"},
      {"rule5_integer_parameter", "conv.weight is I32, expected F32, F16 or BF16"},
      {"rule5_rank_nine", "has 9 dimensions, expected at most 8"},
      {"rule5_product_overflow", "more than 2^48 - 1 elements"},
      {"rule5_product_overflow_before_zero", "more than 2^48 - 1 elements"},
      {"rule6_begin_after_end", "lies at bytes 32 to 8 of the data, expected a rising range inside its 32 bytes"},
      {"rule6_end_outside", "lies at bytes 8 to 40 of the data, expected a rising range inside its 32 bytes"},
      {"rule6_end_far_outside", "lies at bytes 8 to 281474976710655 of the data"},
      {"rule6_wrong_size", "has 24 bytes, expected 16 for [2,2] of F32"},
      {"rule6_half_a_byte", "has 12 bits for [3] of F4, expected whole bytes"},
      {"rule6_data_cut_short", "lies at bytes 8 to 32 of the data, expected a rising range inside its 27 bytes"},
      {"rule7_first_not_at_zero",
       "begins at byte 4 of the data, expected 0 where the one before it ends; there is a hole"},
      {"rule7_hole", "'b' begins at byte 12 of the data, expected 8 where the one before it ends; there is a hole"},
      {"rule7_overlap",
       "'b' begins at byte 4 of the data, expected 8 where the one before it ends; there is an overlap"},
      {"rule7_same_bytes_twice", "begins at byte 0 of the data, expected 8"},
      {"rule7_trailing_bytes", "the tensors end at byte 32 of the data, expected its end at 33"},
      {"rule8_missing", "missing (1): conv.bias [2]"},
      {"rule8_extra", "not expected (1): 'conv.\\x01' [1]"},
      {"rule8_transposed", "wrong (1): conv.weight is [3,2], expected [2,3]"},
      {"rule8_nan", "'conv.weight' holds a value that is not finite at element 2"},
      {"rule8_infinite", "'conv.bias' holds a value that is not finite at element 1"},
  };
  // These are right as files but not this network; what they hold is tested below.
  const std::vector<std::string> others = {
      "good_empty",       "good_scalar_and_zero_extent", "good_16_bit",   "good_any_order",
      "good_other_types", "rule8_infinite_f16",          "rule8_nan_bf16"};
  for (const auto& line : said) {
    const std::string &name = line.first, &part = line.second;
    const std::string message = answer(read_file(corpus + name + ".safetensors"));
    INFO(name);
    INFO(message);
    if (part.empty())
      CHECK(message.empty());
    else
      CHECK(message.rfind("file: ", 0) == 0);
    CHECK(contains(message, part));
  }
  CHECK(file_count(corpus) == said.size() + others.size());  // no seed without its line
}

TEST_CASE("rule 3 bounds the number of tensors and of values") {
  std::string entries;
  const auto add = [&entries](int i) {
    entries +=
        (entries.empty() ? "\"" : ",\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  };
  for (int i = 0; i < 4096; ++i) add(i);
  CHECK(WeightFile::parse(bytes_of("{" + entries + "}", 0), "file").tensors().size() == 4096);
  add(4096);
  CHECK(contains(answer(bytes_of("{" + entries + "}", 0)), "lists 4097 tensors, expected at most 4096"));

  std::string digits = "0";
  while (digits.size() < 200001) digits += ",0";
  CHECK(contains(answer(bytes_of("{\"a\":{\"shape\":[" + digits + "]}}", 0)), "at most 100000 values"));
}

TEST_CASE("a file cut anywhere or with one byte changed is refused or read, never worse") {
  const std::vector<std::byte> good = read_file(corpus + "good.safetensors");
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO(size);
    CHECK(!answer({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}).empty());
  }
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<std::byte> bytes = good;
      bytes[i] ^= static_cast<std::byte>(1 << bit);
      accepted += answer(bytes).empty();
    }
  CHECK(accepted > 200);  // bits of values and of the metadata's text
  CHECK(accepted < 8 * good.size() / 2);
}

TEST_CASE("metadata and tensors are given as the file says") {
  const std::vector<std::byte> bytes = read_file(corpus + "good.safetensors");
  const WeightFile file = WeightFile::parse(bytes, "file");
  CHECK(file.metadata("format").value() == "clustermass");
  CHECK(file.metadata("note").value() == "\xc3\xa9 \xf0\x9d\x84\x9e \"\\\n");
  CHECK(!file.metadata("absent"));
  CHECK(file.metadata().size() == 2);
  REQUIRE(file.tensors().size() == 2);
  CHECK(file.tensors()[1].name == "conv.weight");
  CHECK(file.tensors()[1].shape == std::vector<std::int64_t>{2, 3});
  CHECK(file.find("conv") == nullptr);
  CHECK(read_all(file, "conv.bias") == std::vector<float>{7, 8});
  CHECK(read_all(file, "conv.weight") == std::vector<float>{1, -2, 3, 0.5f, -0.25f, 1e-3f});
}

TEST_CASE("values are read from any address, order, width and extent") {
  const auto open = [](const std::string& name) { return read_file(corpus + name + ".safetensors"); };
  const std::vector<std::byte> unaligned = open("good_unaligned"), order = open("good_any_order"),
                               narrow = open("good_16_bit"), scalar = open("good_scalar_and_zero_extent"),
                               types = open("good_other_types"), empty = open("good_empty");
  CHECK(read_all(WeightFile::parse(unaligned, "file"), "conv.bias") == std::vector<float>{7, 8});
  CHECK(read_all(WeightFile::parse(order, "file"), "a") == std::vector<float>{7, 8});
  CHECK(read_all(WeightFile::parse(order, "file"), "b") == std::vector<float>{1});
  CHECK(read_all(WeightFile::parse(narrow, "file"), "b") == std::vector<float>{1, -3.140625f});
  CHECK(read_all(WeightFile::parse(narrow, "file"), "h") == std::vector<float>{1, 0x1p-24f, -65504});
  CHECK(read_all(WeightFile::parse(scalar, "file"), "scalar") == std::vector<float>{7});
  CHECK(read_all(WeightFile::parse(scalar, "file"), "none").empty());
  CHECK(WeightFile::parse(empty, "file").tensors().empty());

  const WeightFile other = WeightFile::parse(types, "file");
  CHECK(name_of(other.find("six")->dtype) == "F6_E2M3");
  std::vector<float> one(1);
  CHECK(contains(message_of([&] { other.read("ids", one); }), "'ids' is I64, expected F32, F16 or BF16"));
}

TEST_CASE("reading says what is wrong with the name, the size and values that are not finite") {
  const std::vector<std::byte> bytes = read_file(corpus + "good.safetensors");
  const WeightFile file = WeightFile::parse(bytes, "file");
  std::vector<float> three(3), two(2);
  CHECK(contains(message_of([&] { file.read("conv", two); }), "there is no tensor 'conv'"));
  CHECK(contains(message_of([&] { file.read("conv.bias", three); }), "'conv.bias' [2] has 2 values, expected 3"));
  for (const std::string name : {"rule8_infinite_f16", "rule8_nan_bf16"}) {
    const std::vector<std::byte> broken = read_file(corpus + name + ".safetensors");
    const std::string message = message_of([&] { WeightFile::parse(broken, "file").read("conv.bias", two); });
    CHECK(contains(message, name == "rule8_nan_bf16" ? "not finite at element 0" : "not finite at element 1"));
  }
}

TEST_CASE("missing, wrong and unexpected tensors are listed together, long lists cut") {
  const std::vector<std::byte> bytes = read_file(corpus + "good.safetensors");
  const WeightFile file = WeightFile::parse(bytes, "weights/x.safetensors");
  std::vector<NamedShape> wanted = {{"conv.weight", {3, 2}}};
  for (int i = 0; i < 40; ++i) wanted.push_back({"layer." + std::to_string(i), {1}});
  const std::string message = message_of([&] { file.expect(wanted); });
  CHECK(message.rfind("weights/x.safetensors: ", 0) == 0);
  CHECK(contains(message, "missing (40): layer.0 [1], layer.1 [1]"));
  CHECK(contains(message, "layer.11 [1], ...;"));
  CHECK(contains(message, "wrong (1): conv.weight is [2,3], expected [3,2]"));
  CHECK(contains(message, "not expected (1): 'conv.bias' [2]"));
}

TEST_CASE("every 16-bit number widens to its value and narrows back; rounding is to nearest, ties to even") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const int exponent = bits >> 10 & 31, fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
    if (exponent == 31) {
      CHECK(!is_finite(widen_f16(half)));
    } else {
      const double value = sign * (exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24));
      CHECK(static_cast<double>(widen_f16(half)) == value);
      CHECK(narrow_f16(widen_f16(half)) == half);
      if (sign > 0 && exponent < 30) {  // between this one and the next
        const float low = widen_f16(half), high = widen_f16(static_cast<std::uint16_t>(half + 1)),
                    middle = (low + high) / 2;
        CHECK(narrow_f16(middle) == half + (half & 1));
        CHECK(narrow_f16(std::nextafter(middle, 0.0f)) == half);
        CHECK(narrow_f16(std::nextafter(middle, high)) == half + 1);
      }
    }
    const float wide = widen_bf16(half);
    if (is_finite(wide)) {
      CHECK(narrow_bf16(wide) == half);
      CHECK(narrow_bf16(std::bit_cast<float>(bits << 16 | 0x8000u)) == static_cast<std::uint16_t>(half + (half & 1)));
      CHECK(narrow_bf16(std::bit_cast<float>(bits << 16 | 0x7fffu)) == half);
      CHECK(narrow_bf16(std::bit_cast<float>(bits << 16 | 0x8001u)) == static_cast<std::uint16_t>(half + 1));
    }
  }
  CHECK(narrow_f16(65519.99f) == 0x7bff);
  CHECK(!is_finite(widen_f16(narrow_f16(65520.0f))));
  CHECK(!is_finite(widen_f16(narrow_f16(1e30f))));
}

TEST_CASE("what the writer writes the reader reads back, in F32 exactly and in 16 bits to their precision") {
  Random random(7);
  std::vector<float> a(60), b(7), c(1);
  for (float& value : a) value = static_cast<float>(random.normal());
  for (float& value : b) value = static_cast<float>(random.normal());
  for (float& value : c) value = static_cast<float>(random.normal());
  const WeightMetadata metadata = {{"format", "clustermass"}, {"odd \"key\"\\", "\x01\x1f\b\f\n\r\t\x7f\xc3\xa9"}};
  const std::vector<TensorToWrite> tensors = {{"z", {7}, b, Dtype::f16},
                                              {"y", {}, c, Dtype::bf16},
                                              {"m.weight", {3, 4, 5}, a},
                                              {"m.bias", {7}, b},
                                              {"zero", {2, 0}, {}}};
  const std::vector<std::byte> bytes = encode_weight_file(metadata, tensors);
  const WeightFile file = WeightFile::parse(bytes, "memory");
  CHECK(file.metadata() == metadata);
  CHECK(read_all(file, "m.weight") == a);
  CHECK(read_all(file, "m.bias") == b);
  for (std::size_t i = 0; i < b.size(); ++i) CHECK(read_all(file, "z")[i] == doctest::Approx(b[i]).epsilon(0x1p-11));
  CHECK(read_all(file, "y")[0] == doctest::Approx(c[0]).epsilon(0x1p-8));
  // Larger number type first, BF16 before F16 as the package has it, then by name; the data on a multiple of 8.
  std::vector<std::string> order;
  for (const TensorInfo& tensor : file.tensors())
    if (tensor.begin != tensor.end) order.push_back(tensor.name);
  CHECK(order == std::vector<std::string>{"m.bias", "m.weight", "y", "z"});
  CHECK((bytes.size() - 67 * 4 - 8 * 2) % 8 == 0);
}

TEST_CASE("the writer refuses what the reader would refuse") {
  const float infinite = std::numeric_limits<float>::infinity();
  const std::vector<float> one = {1}, two = {1, 2}, bad = {1, infinite}, nan = {std::nanf("")}, large = {70000};
  const auto refusal = [](std::vector<TensorToWrite> tensors, WeightMetadata metadata = {}) {
    return message_of([&] { encode_weight_file(metadata, tensors); });
  };
  CHECK(refusal({{"a", {1}, one}}).empty());
  CHECK(contains(refusal({{"a", {1}, one}, {"a", {2}, two}}), "the key 'a' stands twice"));
  CHECK(contains(refusal({{"a", {1}, one, Dtype::f16}, {"a", {2}, two}}), "the key 'a' stands twice"));
  CHECK(contains(refusal({{"a", {2}, bad}}), "not finite as F32 at element 1"));
  CHECK(contains(refusal({{"a", {1}, nan}}), "not finite as F32 at element 0"));
  CHECK(contains(refusal({{"a", {1}, nan, Dtype::bf16}}), "not finite as BF16 at element 0"));
  CHECK(contains(refusal({{"a", {1}, large, Dtype::f16}}),
                 "not finite as F16 at element 0, expected finite numbers; write it as F32"));
  CHECK(contains(refusal({{"a", {2, 1}, one}}), "has 1 values, which is not its shape [2,1]"));
  CHECK(contains(refusal({{"a", {-1}, one}}), "has 1 values, which is not its shape [-1]"));
  CHECK(contains(refusal({{"a", {1ll << 40, 1ll << 40}, one}}), "which is not its shape"));
  CHECK(contains(refusal({{"a", {1}, one, Dtype::f64}}), "is to be written as F64, expected F32, F16 or BF16"));
  CHECK(contains(refusal({{"\xff", {1}, one}}), "not valid UTF-8"));
  CHECK(contains(refusal({{"__metadata__", {1}, one}}), "the metadata value of"));
  CHECK(contains(refusal({{"a", {1}, one}}, {{"k", "1"}, {"k", "2"}}), "the key 'k' stands twice"));
  CHECK(contains(refusal({{std::string(1 << 20, 'x'), {1}, one}}), "the header length is"));
  CHECK(contains(refusal({{"a", std::vector<std::int64_t>(9, 1), one}}), "has 9 dimensions"));
}

TEST_CASE("files are read whole, and what cannot be read is named with its cause") {
  const TemporaryFolder folder;
  const std::vector<std::byte> large((3u << 20) + 17, std::byte{0x5a});
  write_file(folder.file("large"), large);
  CHECK(read_file(folder.file("large")) == large);
  write_file(folder.file("empty"), {});
  CHECK(contains(message_of([&] { read_file(folder.file("absent")); }),
                 "absent: cannot open the file for reading (No such file"));
  CHECK(contains(message_of([&] { read_file(folder.path.string()); }), "directory), expected a regular file"));
  CHECK(contains(message_of([&] { read_file(folder.file("empty")); }), "empty: the file is empty"));
  CHECK_THROWS_AS(read_file<InputError>(folder.file("absent")), InputError);
}

TEST_CASE("a weight file is written whole or not at all, and the one before it survives") {
  const TemporaryFolder folder;
  const std::string path = folder.file("model.safetensors");
  const std::vector<float> small(4, 1.0f), large(100000, 2.0f);
  write_weight_file(path, {}, std::vector<TensorToWrite>{{"a", {4}, small}});
  const std::vector<std::byte> before = read_file(path);
  CHECK(file_count(folder.path) == 1);

  // A disk that is full: the process may write no file above 64 kB.
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {65536, old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  const std::string message = message_of([&] {
    write_weight_file(path, {}, std::vector<TensorToWrite>{{"a", {100000}, large}});
  });
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  CHECK(contains(message, "cannot write the file of 400072 bytes (File too large)"));
  CHECK(read_file(path) == before);
  CHECK(file_count(folder.path) == 1);

  write_weight_file(path, {}, std::vector<TensorToWrite>{{"a", {100000}, large}});  // replaces
  CHECK(read_file(path).size() == 400072);
  CHECK(contains(message_of([&] { write_weight_file(folder.file("no/such/x"), {}, {}); }), "cannot write the file"));
  CHECK(contains(message_of([&] { write_weight_file(folder.path.string(), {}, {}); }), "cannot write the file"));
  CHECK(file_count(folder.path) == 1);
}

namespace {

/// The content of tests/oracles/record_safetensors.py.
struct Interchange {
  std::vector<float> ramp, powers, bias = {1e-30f, -3.25f}, scalar = {0.5f};
  WeightMetadata metadata = {{"written_by", "caf\xc3\xa9 \"quoted\" \\ back\nslash \xf0\x9d\x84\x9e"}};
  Interchange() {
    for (int i = 0; i < 24; ++i) {
      ramp.push_back((static_cast<float>(i) - 11.5f) / 8);
      powers.push_back(std::ldexp(1.0f, i - 12));
    }
  }
  std::vector<TensorToWrite> tensors() const {
    return {
        {"features.0.weight", {2, 3, 2, 2}, ramp}, {"features.0.bias", {2}, bias}, {"mass.0.4.weight", {4, 6}, powers},
        {"half", {24}, ramp, Dtype::f16},          {"nothing", {3, 0}, {}},        {"scalar", {}, scalar}};
  }
};

}  // namespace

TEST_CASE("a file of the safetensors package is read, and ours of the same content is the same to the byte") {
  const std::vector<std::byte> theirs =
      read_file(CLUSTERMASS_SOURCE_DIR "/tests/data/safetensors/interchange.safetensors");
  const WeightFile file = WeightFile::parse(theirs, "interchange");
  const Interchange content;
  CHECK(file.metadata() == content.metadata);
  for (const TensorToWrite& tensor : content.tensors()) {
    CHECK(file.find(tensor.name)->shape == tensor.shape);
    CHECK(read_all(file, tensor.name) == std::vector<float>(tensor.values.begin(), tensor.values.end()));
  }
  CHECK(encode_weight_file(content.metadata, content.tensors()) == theirs);
}

TEST_CASE("our file is written for the package to read where CLUSTERMASS_WRITE_INTERCHANGE names it") {
  const char* path = std::getenv("CLUSTERMASS_WRITE_INTERCHANGE");
  if (!path) {
    MESSAGE("skipped: CLUSTERMASS_WRITE_INTERCHANGE is not set (tests/oracles/record_safetensors.py check FILE)");
    return;
  }
  const Interchange content;
  write_weight_file(path, content.metadata, content.tensors());
}
