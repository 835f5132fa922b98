// SPDX-License-Identifier: BSD-3-Clause
// What an explanation says, in words, as JSON, as FITS maps and as a picture.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "clustermass/explain/explanation.hpp"
#include "clustermass/io/wcs.hpp"

/// A source of a list: its name, its place and what its light adds.
struct NamedSource {
  std::string id;
  clustermass::SourcePlace place;
  double sum = 0;
};

struct Report {
  clustermass::Explanation why;
  std::optional<clustermass::SkyPosition> centre;  ///< nothing: the images have no place on the sky
  std::string map_name;                            ///< "gradients" or "joint"
  std::string baseline;                            ///< "zero" or "noise"
  int steps = 0;
  std::vector<NamedSource> sources;  ///< most first
  std::string model_id, training_set, sha256, command;

  const std::vector<float>& map() const { return map_name == "joint" ? why.joint : why.gradients; }
  double residual() const { return map_name == "joint" ? why.joint_residual : why.gradients_residual; }
};

/// Unit of the maps: "dex", "ln dex2" or "logit".
const char* unit_of(clustermass::Target target);

/// For people.
std::string as_text(const Report& report);
nlohmann::ordered_json as_json(const Report& report);

/// An HDU for each method and band, each with the WCS of the field and the residual of completeness. Throws InputError.
void save_maps(const std::string& path, const Report& report);
