// SPDX-License-Identifier: BSD-3-Clause
// Patches of real fields for band naming, which needs no label: cut at random places and redshifts, as the mock's
// fields are, and prepared through the front door.
#include <algorithm>
#include <set>
#include <sstream>

#include "../common/sdss_field.hpp"
#include "clustermass/mock/skies.hpp"
#include "data.hpp"
#include "native_patch.hpp"

using namespace clustermass;

namespace {

constexpr std::uint64_t patch_block = 6'000'000'000;  // no scene of a mock sky, no part of a list

/// E(B-V) of a field far from the galactic plane. [mag]
constexpr double high_latitude_ebv = 0.02;

std::set<std::string> left_out(const Settings& settings, const std::vector<SdssField>& fields) {
  std::set<std::string> names;
  std::istringstream words(settings.band_left_out);
  for (std::string name; words >> name;) {
    std::string known;
    for (const SdssField& field : fields) known += (known.empty() ? "" : ", ") + field.name;
    if (std::none_of(fields.begin(), fields.end(), [&](const SdssField& field) { return field.name == name; }))
      throw InputError("band-left-out: there is no field " + name + " below '" + settings.band_frames +
                       "'; those with all five bands are " + known);
    names.insert(name);
  }
  if (names.size() == fields.size())
    throw InputError("band-left-out names all fields below '" + settings.band_frames + "'; none is left to learn from");
  return names;
}

}  // namespace

void add_real_fields(Data& data, const Settings& settings, const std::string& cache, Team& team, bool quiet) {
  const std::vector<SdssField> fields = read_sdss_fields(settings.band_frames, team, quiet);
  const std::set<std::string> without = left_out(settings, fields);
  const mock::SkyParameters sky = mock::sky_a();
  std::string description = "seed = " + std::to_string(settings.seed) + "\n";
  for (const SdssField& field : fields) description += "field = " + field.name + "\n";
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(team.size()));
  std::vector<std::vector<Cell>> scratch(static_cast<std::size_t>(team.size()), std::vector<Cell>(field_cells));
  const std::size_t each = static_cast<std::size_t>(settings.band_patches);
  const bool native = settings.band_scale == "native";
  if (native) description += "scale = native\n";
  std::shared_ptr<const train::Records> records = cached_samples(
      cache, "patches", description, each * fields.size(),
      [&](std::size_t k, int member) {
        const SdssField& field = fields[k / each];
        Random random(settings.seed, patch_block + k, 1);
        const double redshift = random.uniform(sky.redshift_min, sky.redshift_max);
        const SkyPosition place = field.draw_place(random, native ? native_patch_margin : 0);
        train::SampleInfo info;
        info.number = static_cast<double>(k);
        const std::size_t m = static_cast<std::size_t>(member);
        const Cutout cutout = field.cutout(place, redshift, high_latitude_ebv);
        if (native) return train::make_sample(native_patch(cutout), info, buffers[m], scratch[m]);
        return train::make_sample(cutout, info, buffers[m], scratch[m]);
      },
      team, quiet);
  const std::size_t begin = add_samples(
      data, std::move(records),
      [&](std::size_t k) { return "patch-" + fields[k / each].name + "-" + std::to_string(k % each); },
      [&](std::size_t k) { return patch_block + k / each; });
  for (std::size_t k = 0; k < each * fields.size(); ++k)
    if (!without.contains(fields[k / each].name) &&
        !(static_cast<std::uint32_t>(data.set.info(begin + k).flags) & flag::no_result))
      data.bands.push_back(begin + k);
  data.training_set += ", bands of " + std::to_string(fields.size() - without.size()) + " real fields";
}
