// SPDX-License-Identifier: BSD-3-Clause
// A trained network from and to a weight file: which metadata and tensors a file of this library holds. The format
// itself is io/weight_file.hpp; docs/weight-file.md lists the names.
#pragma once

#include <algorithm>
#include <charconv>
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

inline std::string required_metadata(const WeightFile& file, const std::string& origin, std::string_view key) {
  const auto value = file.metadata(key);
  if (!value)
    raise<WeightError>(
        sentence({origin, ": the metadata has no '", key,
                  "', expected a weight file written by clustermass_train; plain tensors are not enough"}));
  return std::string(*value);
}

inline void demand_metadata(const WeightFile& file, const std::string& origin, std::string_view key,
                            std::string_view wanted) {
  const std::string found = required_metadata(file, origin, key);
  if (found != wanted)
    raise<WeightError>(sentence({origin, ": the metadata's '", key, "' is '", found, "', expected '", wanted,
                                 "'; use a weight file made for this version and architecture"}));
}

}  // namespace detail

/// Two numbers separated by a space, such as "0.08 0.55".
inline std::pair<double, double> metadata_range(const std::string& text, const std::string& what) {
  std::pair<double, double> range{};
  const char* end = text.data() + text.size();
  const auto [middle, bad_low] = std::from_chars(text.data(), end, range.first);
  const bool space = bad_low == std::errc{} && middle != end && *middle == ' ';
  const auto [last, bad_high] = std::from_chars(space ? middle + 1 : end, end, range.second);
  if (!space || bad_high != std::errc{} || last != end || !(range.first < range.second))
    detail::raise<WeightError>(
        detail::sentence({what, " is '", text, "', expected two rising numbers with a space between them"}));
  return range;
}

/// Reads and checks everything. `origin` opens every message: a path, or "memory".
///
/// Throws  WeightError if the file breaks a rule of the format, is of another architecture, mass definition or
///         normalisation, or lacks, adds or reshapes a tensor
template <class Arch = Released>
TrainedNetwork<Arch> read_network(std::span<const std::byte> bytes, const std::string& origin) {
  const WeightFile file = WeightFile::parse(bytes, origin);
  detail::demand_metadata(file, origin, "format", "clustermass");
  const bool older = detail::required_metadata(file, origin, "format_version") == older_weight_format_version;
  if (!older) detail::demand_metadata(file, origin, "format_version", weight_format_version);
  detail::demand_metadata(file, origin, "arch", Arch::name());
  detail::demand_metadata(file, origin, "mass_definition", mass_definition_text);
  detail::demand_metadata(file, origin, "normalisation", normalisation_text());
  for (const char* key : {"model_id", "training_set"}) detail::required_metadata(file, origin, key);
  for (const char* key : {"z_range", "logm_range"})
    metadata_range(detail::required_metadata(file, origin, key), origin + ": the metadata's '" + key + "'");

  int heads = 0;
  while (heads < most_heads && file.find("mass." + std::to_string(heads) + ".0.weight")) ++heads;
  const auto extent = [&](const char* name, std::size_t rank, std::size_t axis, std::int64_t most) {
    const TensorInfo* tensor = file.find(name);
    return tensor && tensor->shape.size() == rank && tensor->shape[axis] <= most ? tensor->shape[axis] : 1;
  };
  TrainedNetwork<Arch> network(heads > 0 ? heads : 1,
                               static_cast<int>(extent("ood.whitening", 2, 0, TrainedNetwork<Arch>::pooled_features)),
                               static_cast<int>(extent("probe.input", 4, 3, largest_probe_side)));

  // In an older file the rows of the heads' hidden layer are shorter: the weights of the filter's numbers are zero.
  const auto is_shorter = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    return older && name.starts_with("mass.") && shape.size() == 2 && shape[1] == Arch::pooled;
  };
  constexpr std::size_t row = Arch::pooled, older_row = row - filter_numbers;
  std::vector<NamedShape> wanted;
  struct Place {
    std::span<float> values;
    bool shorter;
  };
  std::vector<Place> places;
  network.for_each_tensor(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
        wanted.push_back({name, shape});
        places.push_back({values, is_shorter(name, shape)});
        if (places.back().shorter) wanted.back().shape[1] = older_row;
      });
  file.expect(wanted);
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const auto [values, shorter] = places[k];
    if (!shorter) {
      file.read(wanted[k].name, values);
      continue;
    }
    std::vector<float> rows(values.size() / row * older_row);
    file.read(wanted[k].name, rows);
    for (std::size_t n = 0; n < values.size() / row; ++n)
      std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(n * older_row), older_row,
                  values.begin() + static_cast<std::ptrdiff_t>(n * row));
  }
  if (!(network.calibration_scale.values[0] > 0) || !(network.calibration_q90.values[0] > 0))
    detail::raise<WeightError>(detail::sentence(
        {origin, ": calibration.scale and calibration.q90 are ", std::to_string(network.calibration_scale.values[0]),
         " and ", std::to_string(network.calibration_q90.values[0]), ", expected positive numbers"}));
  network.metadata = file.metadata();
  return network;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
