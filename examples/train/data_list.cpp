// SPDX-License-Identifier: BSD-3-Clause
// Training data of a list of real (or simulated) clusters: labels checked row by row, images through the ordinary
// readers, parts and folds by blocks of the sky.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <numeric>

#include "../common/list_images.hpp"
#include "clustermass/baselines/filter_mass.hpp"
#include "clustermass/io/wcs.hpp"
#include "clustermass/train/batch_gradient.hpp"  // shuffled
#include "clustermass/train/healpix.hpp"
#include "data.hpp"

using namespace clustermass;
namespace fs = std::filesystem;

namespace {

constexpr int sky_nside = 4;  // blocks of 215 square degrees
constexpr double same_cluster_arcsec = 60, same_cluster_dz = 0.05;

/// Refuses a row that cannot be learned from, in one sentence.
void check_row(const ListRow& row, std::size_t number, const Settings& settings) {
  const auto fail = [&](const std::string& what) {
    throw InputError("'" + settings.list + "', row " + std::to_string(number + 1) + " (ID " + row.id + "): " + what);
  };
  const auto text = [](double value) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%g", value);
    return std::string(digits);
  };
  if (!is_redshift_possible(row.redshift))
    fail("the redshift is " + (row.redshift == row.redshift ? text(row.redshift) : "missing") +
         ", expected one between 0.02 and 1; correct or drop the row");
  if (!(row.ra_deg >= 0 && row.ra_deg <= 360 && std::fabs(row.dec_deg) <= 90))
    fail("there is no position in degrees, which tells the folds apart; give the columns ra and dec");
  if (!(row.label == row.label)) {
    if (!settings.allow_unlabelled)
      fail(
          "there is no label, expected log10(M500c/Msun); drop the row, or let such rows serve the pretexts with "
          "allow-unlabelled = true");
    return;
  }
  if (row.label > 1e6)
    fail("the label is " + text(row.label) + ", which reads as a mass in Msun; expected its logarithm, " +
         text(std::log10(row.label)));
  if (row.label > 0 && row.label < 11)
    fail("the label is " + text(row.label) +
         ", perhaps in units of 1e14 Msun; expected log10(M500c/Msun) between 12 and 16");
  if (!(row.label >= 12 && row.label <= 16))
    fail("the label is " + text(row.label) + ", expected log10(M500c/Msun) between 12 and 16");
  const double error = row.label_error == row.label_error ? row.label_error : settings.label_error;
  if (!(error > 0 && error <= 1))
    fail("the label's error is " + (row.label_error == row.label_error ? text(row.label_error) : "missing") +
         ", expected one between 0 and 1 dex; give the column label_err, or label-error for all");
}

/// Refuses a cluster that stands there twice: it could fall into training and test.
void check_duplicates(const std::vector<ListRow>& rows, const Settings& settings) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t k = 0; k < rows.size(); ++k)
    if (const auto [at, is_new] = seen.emplace(rows[k].id, k); !is_new)
      throw InputError("'" + settings.list + "': the ID " + rows[k].id + " stands there twice, in rows " +
                       std::to_string(at->second + 1) + " and " + std::to_string(k + 1) + "; keep one");
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return rows[a].dec_deg < rows[b].dec_deg; });
  for (std::size_t n = 0; n < order.size(); ++n)
    for (std::size_t m = n + 1; m < order.size(); ++m) {
      const ListRow &a = rows[order[n]], &b = rows[order[m]];
      if (b.dec_deg - a.dec_deg > same_cluster_arcsec / 3600) break;
      const double apart = separation_arcsec({a.ra_deg, a.dec_deg}, {b.ra_deg, b.dec_deg});
      if (apart > same_cluster_arcsec || std::fabs(a.redshift - b.redshift) > same_cluster_dz * (1 + a.redshift))
        continue;
      throw InputError("'" + settings.list + "': the rows of ID " + a.id + " and " + b.id + " are one cluster, " +
                       std::to_string(static_cast<int>(apart)) +
                       " arcsec apart at one redshift; keep one, or it may be trained on and tested on");
    }
}

void check_files(const std::vector<ListRow>& rows, const Settings& settings) {
  const fs::path beside = fs::path(settings.list).parent_path();
  std::string missing;
  std::size_t count = 0;
  for (const ListRow& row : rows) {
    if (row.path.empty() || fs::exists(beside / row.path)) continue;
    if (count++ < 3) missing.append(missing.empty() ? "" : ", ").append(row.path);
  }
  if (count > 0)
    throw InputError("'" + settings.list + "': " + std::to_string(count) + " of its files are missing: " + missing +
                     (count > 3 ? ", ..." : "") + "; paths are relative to the list");
}

/// Blocks of the sky to test and calibration until their shares are full; the others are for training.
/// Returns 0 training, 1 calibration, 2 test for each row.
std::vector<int> roles_of(const Data& data, const Settings& settings) {
  std::map<std::uint64_t, std::vector<std::size_t>> blocks;
  for (std::size_t k = 0; k < data.block.size(); ++k) blocks[data.block[k]].push_back(k);
  std::vector<const std::vector<std::size_t>*> order;
  for (const auto& [block, rows] : blocks) order.push_back(&rows);
  std::vector<int> role(data.block.size(), 0);
  double test = settings.test_share * static_cast<double>(role.size());
  double calibration = settings.calibration_share * static_cast<double>(role.size());
  for (const std::size_t k : train::shuffled(order.size(), Random(settings.seed, 4, 1))) {
    const double size = static_cast<double>(order[k]->size());
    double* share = test >= 0.5 * size ? &test : calibration >= 0.5 * size ? &calibration : nullptr;
    if (!share) continue;
    *share -= size;
    for (const std::size_t row : *order[k]) role[row] = share == &test ? 2 : 1;
  }
  return role;
}

}  // namespace

Data data_of_list(const Settings& settings, const std::string& cache, Team& team, bool quiet) {
  ListOptions reading;
  reading.labels = true;
  const std::vector<ListRow> rows = read_list(settings.list, reading);
  if (rows.empty()) throw InputError("'" + settings.list + "' has no rows; nothing can be learned");
  if (std::none_of(rows.begin(), rows.end(), [](const ListRow& row) { return row.redshift == row.redshift; }))
    throw InputError("'" + settings.list +
                     "' has no redshifts; the field is cut at a fixed physical width, so each row "
                     "needs one in a column z");
  for (std::size_t k = 0; k < rows.size(); ++k) check_row(rows[k], k, settings);
  check_duplicates(rows, settings);
  check_files(rows, settings);

  const ListImages images(
      {.list = settings.list,
       .frames = settings.frames,
       .pixel_scale_arcsec = settings.pixel_scale > 0 ? std::optional(settings.pixel_scale) : std::nullopt,
       .native = settings.native},
      rows, team);
  const std::vector<std::byte> bytes = read_file<InputError>(settings.list);
  const std::unique_ptr<const FilterMass> filter = settings.filter ? std::make_unique<const FilterMass>() : nullptr;
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(team.size()));
  std::vector<std::vector<Cell>> scratch(static_cast<std::size_t>(team.size()), std::vector<Cell>(field_cells));
  const auto records = cached_samples(
      cache, "list",
      "list sha256 = " + sha256_hex(bytes) + "\nframes = " + settings.frames +
          "\nnative = " + (settings.native ? "yes" : "no") + "\nfilter = " + (filter ? "yes" : "no") + "\n",
      rows.size(),
      [&](std::size_t k, int member) {
        const std::size_t m = static_cast<std::size_t>(member);
        train::SampleInfo info;
        info.number = static_cast<double>(k);
        try {
          CutoutBuffer cutout = images.read(rows[k]);
          cutout.redshift = rows[k].redshift;
          if (!(cutout.ebv == cutout.ebv)) cutout.ebv = 0;
          if (filter) cutout.filter_mass = (*filter)(cutout);
          return train::make_sample(cutout, info, buffers[m], scratch[m]);
        } catch (const InputError& error) {
          throw InputError("'" + settings.list + "', row " + std::to_string(k + 1) + " (ID " + rows[k].id +
                           "): " + error.what());
        }
      },
      team, quiet);

  Data data;
  data.mock = false;
  data.files = {records};
  data.set = train::SampleSet(records);
  data.z_min = data.logm_min = 1e9;
  data.z_max = data.logm_max = -1e9;
  data.labels.resize(rows.size());
  data.richness.resize(rows.size());
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const ListRow& row = rows[k];
    data.ids.push_back(row.id);
    data.sources.push_back(row.label_source);
    data.block.push_back(train::healpix_ring(row.ra_deg, row.dec_deg, sky_nside));
    if (row.label == row.label)
      data.labels[k] = {row.label - label_offset(settings.label_offsets, row.label_source),
                        row.label_error == row.label_error ? row.label_error : settings.label_error};
    if (row.lambda > 0) data.richness[k] = mass_of_richness(std::log(row.lambda), 1 / std::sqrt(row.lambda));
  }
  data.test.push_back({"the list's test blocks", {}});
  const std::vector<int> role = roles_of(data, settings);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (static_cast<std::uint32_t>(data.set.info(k).flags) & flag::no_result) continue;
    const bool labelled = data.labels[k].log10_mass == data.labels[k].log10_mass;
    if (role[k] == 0 && data.bands.size() < static_cast<std::size_t>(settings.band_fields)) data.bands.push_back(k);
    if (role[k] == 0 && data.richness[k].log10_mass == data.richness[k].log10_mass) data.with_richness.push_back(k);
    if (!labelled) continue;
    if (role[k] == 0) data.labelled.push_back(k);
    if (role[k] == 1) data.calibration.push_back(k);
    if (role[k] == 2) data.test[0].which.push_back(k);
    data.z_min = std::min(data.z_min, rows[k].redshift), data.z_max = std::max(data.z_max, rows[k].redshift);
    data.logm_min = std::min(data.logm_min, data.labels[k].log10_mass);
    data.logm_max = std::max(data.logm_max, data.labels[k].log10_mass);
  }
  if (settings.stage != "bands" && data.labelled.size() < 2)
    throw InputError("'" + settings.list + "': " + std::to_string(data.labelled.size()) +
                     " labelled clusters with usable images are left for training; give more, or smaller shares");
  data.prior = "that of the list's labels";
  data.training_set = "list " + fs::path(settings.list).filename().string() + ", " +
                      std::to_string(data.labelled.size()) + " labelled clusters, SHA-256 " +
                      sha256_hex(bytes).substr(0, 16);
  return data;
}
