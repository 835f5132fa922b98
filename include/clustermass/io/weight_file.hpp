// SPDX-License-Identifier: BSD-3-Clause
// Reader of weight files (safetensors): a checked header over bytes that someone else keeps alive. A file is hostile
// until proven otherwise: every length, offset and product is checked before it is used. Knows no network; what a file
// must hold is told to `expect`. The writer is weight_writer.hpp.
// Longer than most files, because all rules of one untrusted header are best judged in one place.
//
// The nine rules, each with its own message and test (docs/weight-file.md):
//   1 size and header length   2 UTF-8, braces, padding   3 strict JSON        4 entries have exactly their three keys
//   5 dtype, rank, product     6 offsets fit the shape    7 no hole or overlap 8 names, shapes, finite values
//   9 values are copied out byte by byte (no alignment or byte order assumed)
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/io/half.hpp"
#include "clustermass/io/json.hpp"
#include "clustermass/io/order.hpp"
#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Number types of the safetensors format, in its order. Parameters may be f32, f16 or bf16.
enum class Dtype {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64
};

/// One tensor of a file: what it is and where in the data section its bytes lie.
struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::size_t begin = 0, end = 0;  // bytes [begin, end) of the data section
};

/// A tensor that a file is expected to hold.
struct NamedShape {
  std::string name;
  std::vector<std::int64_t> shape;
};

/// Keys and values of a file's `__metadata__`.
using WeightMetadata = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t weight_header_limit = std::size_t{1} << 20;  // bytes; the format itself allows 10^8
inline constexpr std::size_t weight_tensor_limit = 4096;
inline constexpr std::size_t weight_rank_limit = 8;

namespace detail {

struct DtypeTraits {
  std::string_view name;
  unsigned bits;  // of one element
};

/// Indexed by Dtype.
inline constexpr std::array<DtypeTraits, 22> dtype_traits = {{
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};

constexpr const DtypeTraits& traits(Dtype dtype) { return dtype_traits[static_cast<std::size_t>(dtype)]; }

constexpr bool is_parameter_dtype(Dtype dtype) {
  return dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16;
}

/// A little-endian unsigned integer of any size, from bytes of any alignment.
template <class Unsigned>
Unsigned load_little_endian(const std::byte* bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
    value |= std::uint64_t{std::to_integer<unsigned char>(bytes[i])} << (8 * i);
  return static_cast<Unsigned>(value);
}

/// A list for a message, at most `longest` of its entries spelled out.
class ListText {
 public:
  explicit ListText(std::string title) : title_(std::move(title)) {}

  [[gnu::cold, gnu::noinline]] void add(std::initializer_list<Words> entry) {
    constexpr std::size_t longest = 12;
    if (++count_ <= longest) (text_ += count_ > 1 ? ", " : "") += sentence(entry);
    if (count_ == longest + 1) text_ += ", ...";
  }

  [[gnu::cold, gnu::noinline]] std::string text() const {
    return count_ == 0 ? std::string() : sentence({"; ", title_, " (", count_, "): ", text_});
  }

 private:
  std::string title_, text_;
  std::size_t count_ = 0;
};

}  // namespace detail

/// The format's own name of a number type, such as "BF16".
inline std::string_view name_of(Dtype dtype) { return detail::traits(dtype).name; }

/// A weight file whose header has been checked (rules 1 to 7). A view: the bytes must outlive it.
class WeightFile {
 public:
  /// Reads the header. `origin` opens every message: a path, or "memory".
  ///
  /// Throws  WeightError if the bytes break one of the rules 1 to 7
  static WeightFile parse(std::span<const std::byte> bytes, std::string origin) {
    WeightFile file;
    file.origin_ = std::move(origin);
    const std::string_view header = file.header_text(bytes);
    file.data_ = bytes.subspan(8 + header.size());

    Json root = parse_json(header, file.origin_ + ": header", {3, 100000});
    std::size_t tensors = root.items.size();
    const auto is_metadata = [](const Json& item) { return item.key == "__metadata__"; };
    for (Json& item : root.items)
      if (is_metadata(item)) {
        file.read_metadata(item);
        --tensors;
      }
    if (tensors > weight_tensor_limit)
      file.fail({"the header lists ", tensors, " tensors, expected at most ", weight_tensor_limit,
                 "; this is not a network of this library"});
    for (Json& item : root.items)
      if (!is_metadata(item)) file.tensors_.push_back(file.read_entry(item));
    file.check_layout();
    return file;
  }

  const WeightMetadata& metadata() const { return metadata_; }
  /// The same, to keep; the file has none afterwards.
  WeightMetadata take_metadata() { return std::move(metadata_); }

  /// Value of one key of the metadata, if it is there.
  std::optional<std::string_view> metadata(std::string_view key) const {
    for (const auto& [name, value] : metadata_)
      if (name == key) return value;
    return std::nullopt;
  }

  /// All tensors in the order of their bytes.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }

  /// The tensor of that name, or nullptr.
  const TensorInfo* find(std::string_view name) const {
    const auto place = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                        [this](std::size_t i, std::string_view n) { return tensors_[i].name < n; });
    return place != by_name_.end() && tensors_[*place].name == name ? &tensors_[*place] : nullptr;
  }

  /// Checks that the file holds exactly these tensors, with these shapes, as F32, F16 or BF16 (rules 5 and 8).
  ///
  /// Throws  WeightError that lists what is missing, what is not expected, and what has another shape or type
  void expect(std::span<const NamedShape> wanted) const {
    detail::ListText missing("missing"), wrong("wrong"), extra("not expected");
    std::vector<bool> known(tensors_.size(), false);
    for (const NamedShape& want : wanted) {
      const TensorInfo* tensor = find(want.name);
      if (!tensor) {
        missing.add({want.name, " ", want.shape});
        continue;
      }
      known[static_cast<std::size_t>(tensor - tensors_.data())] = true;
      if (tensor->shape != want.shape)
        wrong.add({want.name, " is ", tensor->shape, ", expected ", want.shape});
      else if (!detail::is_parameter_dtype(tensor->dtype))
        wrong.add({want.name, " is ", name_of(tensor->dtype), ", expected F32, F16 or BF16"});
    }
    for (std::size_t i = 0; i < tensors_.size(); ++i)
      if (!known[i]) extra.add({detail::Quoted{tensors_[i].name}, " ", tensors_[i].shape});
    const std::string lists = detail::sentence({missing.text(), wrong.text(), extra.text()});
    if (!lists.empty())
      fail({"the tensors are not those of the expected network", lists,
            "; use a weight file made for this version and architecture"});
  }

  /// Copies one tensor out in plain order, widened to float (rules 5, 8 and 9).
  ///
  /// Throws  WeightError if there is no such tensor, it is not F32, F16 or BF16, has not out.size() elements, or holds
  ///         a value that is not finite
  void read(std::string_view name, std::span<float> out) const {
    const TensorInfo* tensor = find(name);
    if (!tensor) fail({"there is no tensor ", detail::Quoted{name}, "; use a weight file made for this network"});
    if (!detail::is_parameter_dtype(tensor->dtype))
      fail_at(name, {" is ", name_of(tensor->dtype), ", expected F32, F16 or BF16; convert it before saving"});
    const std::size_t width = detail::traits(tensor->dtype).bits / 8, count = (tensor->end - tensor->begin) / width;
    if (count != out.size())
      fail_at(name, {" ", tensor->shape, " has ", count, " values, expected ", out.size(),
                     "; use a weight file made for this network"});

    const std::byte* source = data_.data() + tensor->begin;
    if (tensor->dtype == Dtype::f32) {
      if constexpr (std::endian::native == std::endian::little) {
        if (count > 0) std::memcpy(out.data(), source, 4 * count);
      } else {
        for (std::size_t i = 0; i < count; ++i)
          out[i] = std::bit_cast<float>(detail::load_little_endian<std::uint32_t>(source + 4 * i));
      }
    } else {
      const auto widen = tensor->dtype == Dtype::f16 ? widen_f16 : widen_bf16;
      for (std::size_t i = 0; i < count; ++i) out[i] = widen(detail::load_little_endian<std::uint16_t>(source + 2 * i));
    }
    for (std::size_t i = 0; i < count; ++i)
      if (!is_finite(out[i]))
        fail_at(name, {" holds a value that is not finite at element ", i,
                       ", expected finite numbers; the training that wrote it diverged or the file is damaged"});
  }

 private:
  WeightFile() = default;

  [[noreturn, gnu::cold, gnu::noinline]] void fail(std::initializer_list<detail::Words> message) const {
    detail::raise<WeightError>(origin_ + ": " + detail::sentence(message));
  }
  [[noreturn, gnu::cold, gnu::noinline]] void fail_at(std::string_view tensor,
                                                      std::initializer_list<detail::Words> message) const {
    fail({"tensor ", detail::Quoted{tensor}, detail::sentence(message)});
  }

  /// Rules 1 and 2. The text of the header without its padding would be shorter; this is all of it.
  std::string_view header_text(std::span<const std::byte> bytes) const {
    if (bytes.size() < 10)
      fail({"the file has ", bytes.size(),
            " bytes, expected at least the 10 of the smallest safetensors file; copy it again"});
    const auto size = detail::load_little_endian<std::uint64_t>(bytes.data());
    if (size < 2 || size > weight_header_limit)
      fail({"the header length is ", size, " bytes, expected 2 to ", weight_header_limit,
            "; this is not a safetensors weight file"});
    if (size > bytes.size() - 8)
      fail({"the header length is ", size, " bytes, but only ", bytes.size() - 8,
            " bytes follow; the file is cut short, copy it again"});
    const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 8, static_cast<std::size_t>(size));
    const std::size_t bad = detail::utf8_error(header);
    if (bad < header.size())
      fail({"the header is not valid UTF-8 at its byte ", bad,
            ", expected JSON text; this is not a safetensors weight file or it is damaged"});
    if (header[0] != '{')
      fail({"the header begins with ", detail::Quoted{header.substr(0, 1)},
            ", expected '{'; this is not a safetensors weight file"});
    const std::size_t last = header.find_last_not_of(' ');
    if (header[last] != '}')
      fail({"the header ends with ", detail::Quoted{header.substr(last, 1)},
            ", expected '}' and then only spaces; write the file again with a safetensors writer"});
    return header;
  }

  /// Rule 4, first half.
  void read_metadata(Json& object) {
    if (object.kind != Json::Kind::object)
      fail({"'__metadata__' is not an object, expected an object of strings; write the file again"});
    for (Json& item : object.items) {
      if (item.kind != Json::Kind::string)
        fail({"the metadata value of ", detail::Quoted{item.key},
              " is not a string, expected strings only; write numbers in quotes"});
      metadata_.emplace_back(std::move(item.key), std::move(item.text));
    }
  }

  /// Rules 4, 5 and 6 for one tensor.
  TensorInfo read_entry(Json& entry) const {
    const Json *dtype = nullptr, *shape = nullptr, *offsets = nullptr;
    if (entry.kind != Json::Kind::object) fail_at(entry.key, {" is not described by an object; write the file again"});
    for (const Json& item : entry.items) {
      if (item.key == "dtype" && item.kind == Json::Kind::string)
        dtype = &item;
      else if (item.key == "shape" && are_integers(item))
        shape = &item;
      else if (item.key == "data_offsets" && are_integers(item) && item.items.size() == 2)
        offsets = &item;
      else
        fail_at(
            entry.key,
            {" has an unknown key or a value of the wrong kind at ", detail::Quoted{item.key},
             ", expected dtype (a string), shape (integers) and data_offsets (two integers); write the file again"});
    }
    if (!dtype || !shape || !offsets)
      fail_at(entry.key, {" lacks ",
                          (!dtype   ? "dtype"
                           : !shape ? "shape"
                                    : "data_offsets"),
                          ", expected dtype, shape and data_offsets; write the file again"});

    TensorInfo tensor;
    tensor.dtype = dtype_of(dtype->text, entry.key);
    if (shape->items.size() > weight_rank_limit)
      fail_at(entry.key, {" has ", shape->items.size(), " dimensions, expected at most ", weight_rank_limit,
                          "; this is not a network of this library"});
    std::uint64_t count = 1;
    for (const Json& extent : shape->items) {
      if (extent.integer != 0 && count > largest_count / extent.integer)
        fail_at(entry.key, {" has more than 2^48 - 1 elements by its shape; the header is damaged"});
      count *= extent.integer;
      tensor.shape.push_back(static_cast<std::int64_t>(extent.integer));
    }
    const std::uint64_t bits = count * detail::traits(tensor.dtype).bits;  // below 2^54
    const std::uint64_t begin = offsets->items[0].integer, end = offsets->items[1].integer;
    if (begin > end || end > data_.size())
      fail_at(entry.key, {" lies at bytes ", begin, " to ", end, " of the data, expected ",
                          "a rising range inside its ", data_.size(), " bytes; the file is cut short or damaged"});
    if (bits % 8 != 0)
      fail_at(entry.key, {" has ", bits, " bits for ", tensor.shape, " of ", dtype->text,
                          ", expected whole bytes; the header is damaged"});
    if (end - begin != bits / 8)
      fail_at(entry.key, {" has ", end - begin, " bytes, expected ", bits / 8, " for ", tensor.shape, " of ",
                          dtype->text, "; the header is damaged"});
    tensor.begin = static_cast<std::size_t>(begin);
    tensor.end = static_cast<std::size_t>(end);
    tensor.name = std::move(entry.key);
    return tensor;
  }

  /// Rule 7, and the index by name.
  void check_layout() {
    std::vector<TensorInfo> unsorted = std::exchange(tensors_, {});
    for (const std::size_t k : detail::rising_order(unsorted.size(), [&](std::size_t i, std::size_t j) {
           const TensorInfo &a = unsorted[i], &b = unsorted[j];
           return a.begin != b.begin ? a.begin < b.begin : a.end != b.end ? a.end < b.end : a.name < b.name;
         }))
      tensors_.push_back(std::move(unsorted[k]));
    std::size_t end = 0;
    for (const TensorInfo& tensor : tensors_) {
      if (tensor.begin != end)
        fail({"tensor ", detail::Quoted{tensor.name}, " begins at byte ", tensor.begin, " of the data, expected ", end,
              " where the one before it ends; there is ", (tensor.begin > end ? "a hole" : "an overlap"),
              ", write the file again"});
      end = tensor.end;
    }
    if (end != data_.size())
      fail({"the tensors end at byte ", end, " of the data, expected its end at ", data_.size(),
            "; bytes are left over, write the file again"});
    by_name_ = detail::rising_order(
        tensors_.size(), [this](std::size_t a, std::size_t b) { return tensors_[a].name < tensors_[b].name; });
  }

  Dtype dtype_of(std::string_view name, std::string_view tensor) const {
    for (std::size_t i = 0; i < detail::dtype_traits.size(); ++i)
      if (detail::dtype_traits[i].name == name) return static_cast<Dtype>(i);
    fail_at(tensor,
            {" has the dtype ", detail::Quoted{name}, ", which the format does not know, expected F32, F16 or BF16"});
  }

  static bool are_integers(const Json& value) {
    return value.kind == Json::Kind::array && std::all_of(value.items.begin(), value.items.end(), [](const Json& item) {
             return item.kind == Json::Kind::integer;
           });
  }

  static constexpr std::uint64_t largest_count = (std::uint64_t{1} << 48) - 1;

  std::string origin_;
  std::span<const std::byte> data_;
  WeightMetadata metadata_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::size_t> by_name_;  // indices of tensors_
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
