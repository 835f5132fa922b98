// SPDX-License-Identifier: BSD-3-Clause
// Writer of weight files (safetensors), byte for byte as the reference implementation lays them out: larger number type
// first, then by name, header padded to a multiple of 8. What it writes, weight_file.hpp accepts.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/io/half.hpp"
#include "clustermass/io/weight_file.hpp"
#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A tensor to write: values in plain order, stored as F32, or rounded to F16 or BF16 where asked.
struct TensorToWrite {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<const float> values;
  Dtype dtype = Dtype::f32;
};

namespace detail {

/// A JSON string with its quotes.
inline std::string json_text(std::string_view text) {
  constexpr std::string_view special = "\"\\\b\f\n\r\t", letter = "\"\\bfnrt";
  std::string result = "\"";
  for (const char c : text) {
    if (const std::size_t place = special.find(c); place != special.npos)
      (result += '\\') += letter[place];
    else if (static_cast<unsigned char>(c) < 0x20)
      (result += c < 0x10 ? "\\u000" : "\\u001") += "0123456789abcdef"[c & 15];
    else
      result += c;
  }
  return result + "\"";
}

/// Refuses what the reader would refuse in one tensor: another type, a shape that is not that of the values.
inline void check_tensor(const TensorToWrite& tensor) {
  const std::string where = "tensor " + in_quotes(tensor.name);
  if (!is_parameter_dtype(tensor.dtype))
    raise<WeightError>(where + " is to be written as " + std::string(name_of(tensor.dtype)) +
                       ", expected F32, F16 or BF16");
  constexpr std::size_t largest = std::numeric_limits<std::size_t>::max();
  std::size_t count = 1;
  bool fits = true;
  for (const std::int64_t extent : tensor.shape) {
    fits = fits && extent >= 0 && (extent == 0 || count <= largest / static_cast<std::size_t>(extent));
    if (fits) count *= static_cast<std::size_t>(extent);
  }
  if (!fits || count != tensor.values.size())
    raise<WeightError>(where + " has " + std::to_string(tensor.values.size()) + " values, which is not its shape " +
                       sentence({tensor.shape}));
}

/// The bits to store, in the low half for the 16-bit types. Refuses what would not be finite in the file.
inline std::uint32_t encode_value(const TensorToWrite& tensor, std::size_t i) {
  const float value = tensor.values[i];
  std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  float stored = value;
  if (tensor.dtype == Dtype::f16) stored = widen_f16(static_cast<std::uint16_t>(bits = narrow_f16(value)));
  if (tensor.dtype == Dtype::bf16) stored = widen_bf16(static_cast<std::uint16_t>(bits = narrow_bf16(value)));
  if (!is_finite(value) || !is_finite(stored))
    raise<WeightError>("tensor " + in_quotes(tensor.name) + " has a value that is not finite as " +
                       std::string(name_of(tensor.dtype)) + " at element " + std::to_string(i) +
                       ", expected finite numbers" +
                       (is_finite(value) ? "; write it as F32" : "; the training that made it diverged"));
  return bits;
}

}  // namespace detail

/// The bytes of a weight file.
///
/// Throws  WeightError for a repeated name, a value that is not finite (also after rounding), a shape that does not fit
///         its values, text that is not UTF-8, or more than the reader accepts
inline std::vector<std::byte> encode_weight_file(const WeightMetadata& metadata,
                                                 std::span<const TensorToWrite> tensors) {
  std::vector<const TensorToWrite*> order;
  for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
    return a->dtype != b->dtype ? a->dtype > b->dtype : a->name < b->name;  // Dtype rises with the size
  });

  std::string header = "{";
  if (!metadata.empty()) {
    for (const auto& [key, value] : metadata) {
      header += header.size() > 1 ? "," : "\"__metadata__\":{";
      header += detail::json_text(key) + ":" + detail::json_text(value);
    }
    header += "}";
  }
  std::size_t end = 0;
  for (const TensorToWrite* tensor : order) {
    detail::check_tensor(*tensor);
    const std::size_t begin = end;
    end += tensor->values.size() * (detail::traits(tensor->dtype).bits / 8);
    if (header.size() > 1) header += ",";
    header += detail::json_text(tensor->name) + ":{\"dtype\":\"" + std::string(name_of(tensor->dtype)) +
              "\",\"shape\":" + detail::sentence({tensor->shape}) + ",\"data_offsets\":[" + std::to_string(begin) +
              "," + std::to_string(end) + "]}";
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');

  std::vector<std::byte> bytes;
  bytes.reserve(8 + header.size() + end);
  const auto append = [&bytes](std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
  };
  append(header.size(), 8);
  for (const char c : header) bytes.push_back(static_cast<std::byte>(c));
  for (const TensorToWrite* tensor : order)
    for (std::size_t i = 0; i < tensor->values.size(); ++i)
      append(detail::encode_value(*tensor, i), detail::traits(tensor->dtype).bits / 8);

  WeightFile::parse(bytes, "weight file to be written");  // names, repeats, UTF-8, limits: the reader is the judge
  return bytes;
}

/// Writes a weight file: whole, or not at all.
///
/// Throws  WeightError as encode_weight_file, or if the file cannot be written
inline void write_weight_file(const std::string& path, const WeightMetadata& metadata,
                              std::span<const TensorToWrite> tensors) {
  write_file<WeightError>(path, encode_weight_file(metadata, tensors));
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
