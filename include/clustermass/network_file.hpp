// SPDX-License-Identifier: BSD-3-Clause
// A trained network from and to a weight file: which metadata and tensors a file of this library holds. The format
// itself is io/weight_file.hpp; docs/weight-file.md lists the names.
#pragma once

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/io/weight_file.hpp"
#include "clustermass/model/trained_network.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Version 1 knows nothing of the filter's answer and is read as a network that does not look at it.
inline constexpr std::string_view weight_format_version = "2", older_weight_format_version = "1";
inline constexpr std::string_view mass_definition_text = "log10(M500c/Msun)";

namespace detail {

inline std::string_view required_metadata(const WeightFile& file, const std::string& origin, std::string_view key) {
  const auto value = file.metadata(key);
  if (!value)
    raise<WeightError>(
        sentence({origin, ": the metadata has no '", key,
                  "', expected a weight file written by clustermass_train; plain tensors are not enough"}));
  return *value;
}

inline void demand_metadata(const WeightFile& file, const std::string& origin, std::string_view key,
                            std::string_view wanted) {
  const std::string_view found = required_metadata(file, origin, key);
  if (found != wanted)
    raise<WeightError>(sentence({origin, ": the metadata's '", key, "' is '", found, "', expected '", wanted,
                                 "'; use a weight file made for this version and architecture"}));
}

/// Fills the slices from the file, which holds exactly them. In an older file the rows of the heads' hidden layer, of
/// `row` numbers, are shorter: the weights of the filter's numbers are zero.
inline void read_tensors(const WeightFile& file, std::span<const TensorSlice> slices, bool older, std::size_t row) {
  const std::size_t older_row = row - filter_numbers;
  const auto is_shorter = [&](const TensorSlice& slice) {
    return older && slice.name.starts_with("mass.") && slice.shape.size() == 2 &&
           slice.shape[1] == static_cast<std::int64_t>(row);
  };
  std::vector<NamedShape> wanted;
  for (const TensorSlice& slice : slices) {
    wanted.push_back({slice.name, slice.shape});
    if (is_shorter(slice)) wanted.back().shape[1] = static_cast<std::int64_t>(older_row);
  }
  file.expect(wanted);
  for (const TensorSlice& slice : slices) {
    if (!is_shorter(slice)) {
      file.read(slice.name, slice.values);
      continue;
    }
    const std::size_t count = slice.values.size() / row;
    std::vector<float> rows(count * older_row);
    file.read(slice.name, rows);
    for (std::size_t n = 0; n < count; ++n)
      std::copy_n(rows.data() + n * older_row, older_row, slice.values.data() + n * row);
  }
}

}  // namespace detail

/// Two numbers separated by a space, such as "0.08 0.55".
inline std::pair<double, double> metadata_range(std::string_view text, std::initializer_list<detail::Words> what) {
  std::pair<double, double> range{};
  const char* end = text.data() + text.size();
  const auto [middle, bad_low] = std::from_chars(text.data(), end, range.first);
  const bool space = bad_low == std::errc{} && middle != end && *middle == ' ';
  const auto [last, bad_high] = std::from_chars(space ? middle + 1 : end, end, range.second);
  if (!space || bad_high != std::errc{} || last != end || !(range.first < range.second))
    detail::raise<WeightError>(detail::sentence(
        {detail::sentence(what), " is '", text, "', expected two rising numbers with a space between them"}));
  return range;
}

/// Reads and checks everything. `origin` opens every message: a path, or "memory".
///
/// Throws  WeightError if the file breaks a rule of the format, is of another architecture, mass definition or
///         normalisation, or lacks, adds or reshapes a tensor
template <class Arch = Released>
TrainedNetwork<Arch> read_network(std::span<const std::byte> bytes, const std::string& origin) {
  WeightFile file = WeightFile::parse(bytes, origin);
  detail::demand_metadata(file, origin, "format", "clustermass");
  const bool older = detail::required_metadata(file, origin, "format_version") == older_weight_format_version;
  if (!older) detail::demand_metadata(file, origin, "format_version", weight_format_version);
  detail::demand_metadata(file, origin, "arch", Arch::name());
  detail::demand_metadata(file, origin, "mass_definition", mass_definition_text);
  detail::demand_metadata(file, origin, "normalisation", normalisation_text());
  for (const char* key : {"model_id", "training_set"}) detail::required_metadata(file, origin, key);
  for (const char* key : {"z_range", "logm_range"})
    metadata_range(detail::required_metadata(file, origin, key), {origin, ": the metadata's '", key, "'"});

  int heads = 0;
  while (heads < most_heads && file.find(detail::sentence({"mass.", heads, ".0.weight"}))) ++heads;
  const auto extent = [&](const char* name, std::size_t rank, std::size_t axis, std::int64_t most) {
    const TensorInfo* tensor = file.find(name);
    return tensor && tensor->shape.size() == rank && tensor->shape[axis] <= most ? tensor->shape[axis] : 1;
  };
  TrainedNetwork<Arch> network(heads > 0 ? heads : 1,
                               static_cast<int>(extent("ood.whitening", 2, 0, TrainedNetwork<Arch>::pooled_features)),
                               static_cast<int>(extent("probe.input", 4, 3, largest_probe_side)));

  detail::read_tensors(file, network.tensors(), older, Arch::pooled);
  if (!(network.calibration_scale.values[0] > 0) || !(network.calibration_q90.values[0] > 0))
    detail::raise<WeightError>(detail::sentence(
        {origin, ": calibration.scale and calibration.q90 are ", std::to_string(network.calibration_scale.values[0]),
         " and ", std::to_string(network.calibration_q90.values[0]), ", expected positive numbers"}));
  network.metadata = file.take_metadata();
  return network;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
