// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/io/list.hpp"

#include <charconv>
#include <cmath>
#include <map>

#include "../common/list_images.hpp"
#include "../common/progress.hpp"
#include "clustermass/train/healpix.hpp"
#include "sample.hpp"

using namespace clustermass;

namespace {

std::string text(double value) {
  char digits[40];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::general, 6);
  return {digits, end};
}

/// What is taken off the labels of each source. [dex]
std::map<std::string, double> read_offsets(const std::string& words) {
  std::map<std::string, double> offsets;
  for (std::size_t begin = 0; begin < words.size();) {
    const std::size_t end = std::min(words.find(' ', begin), words.size()), equals = words.find('=', begin);
    const std::string word = words.substr(begin, end - begin);
    if (!word.empty()) {
      double value = 0;
      const char *first = words.data() + equals + 1, *last = words.data() + end;
      if (equals >= end || equals == begin || std::from_chars(first, last, value).ptr != last ||
          !(std::fabs(value) <= 1))
        throw InputError("--label-offsets: expected SOURCE=DEX such as PSZ2=-0.04, found '" + word + "'");
      offsets[word.substr(0, equals - begin)] = value;
    }
    begin = end + 1;
  }
  return offsets;
}

/// What makes a row useless for an evaluation; empty if nothing.
std::string complaint(const ListRow& row) {
  if (!(row.label == row.label)) return "there is no label; take the row out, there is nothing to compare with";
  if (!(row.label >= 12 && row.label <= 16.5))
    return "the label is " + text(row.label) +
           ", expected log10(M500c/Msun) between 12 and 16.5; a mass in Msun or 1e14 Msun has to be turned into its "
           "logarithm";
  if (row.label_error < 0 || row.label_error > 2)
    return "the label's error is " + text(row.label_error) + ", expected one between 0 and 2 dex";
  if (!is_redshift_possible(row.redshift))
    return "expected a redshift between 0.02 and 1, there is " +
           (row.redshift == row.redshift ? text(row.redshift) : std::string("none"));
  return {};
}

/// A fold for each block of the sky, so that neighbours, and what is listed twice, are held out together; by row where
/// there are no positions.
int fold_of(const ListRow& row, std::size_t number) {
  if (!std::isfinite(row.ra_deg) || !std::isfinite(row.dec_deg)) return static_cast<int>(number % fold_count);
  return static_cast<int>(Random(1, train::healpix_ring(row.ra_deg, row.dec_deg, 4)).below(fold_count));
}

}  // namespace

std::vector<ListRow> read_labelled_list(const EvaluateOptions& options) {
  ListOptions reading;
  reading.labels = true;
  for (const std::string& pair : options.columns) {
    const std::size_t equals = pair.find('=');
    reading.columns[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  const std::map<std::string, double> offsets = read_offsets(options.label_offsets);
  std::vector<ListRow> rows = read_list(options.list, reading);
  std::map<std::string, std::size_t> seen;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const std::string what = complaint(rows[k]);
    if (!what.empty())
      throw InputError("'" + options.list + "', row " + std::to_string(k + 1) + " (ID " + rows[k].id + "): " + what);
    if (const auto [first, fresh] = seen.emplace(rows[k].id, k); !fresh)
      throw InputError("'" + options.list + "': rows " + std::to_string(first->second + 1) + " and " +
                       std::to_string(k + 1) + " have the same ID " + rows[k].id + "; a cluster must not count twice");
    if (const auto offset = offsets.find(rows[k].label_source); offset != offsets.end())
      rows[k].label -= offset->second;
  }
  if (rows.size() < 30)
    throw InputError("'" + options.list + "' has " + std::to_string(rows.size()) +
                     " clusters; 30 at least are needed, as the baselines are fitted on nine tenths of them");
  return rows;
}

std::vector<Case> measure_list(const std::vector<ListRow>& rows, const EvaluateOptions& options,
                               const std::vector<std::unique_ptr<Network>>& networks, const Filters& filters,
                               Team& team) {
  const ListImages images({.list = options.list, .frames = options.frames, .native = options.native}, rows, team);
  std::vector<Case> cases(rows.size());
  tool::Progress progress("Clusters of the list", rows.size(), options.quiet);
  team.run(rows.size(), [&](std::size_t k, int member) {
    const ListRow& row = rows[k];
    CutoutBuffer cutout;
    try {
      cutout = images.read(row);
    } catch (const InputError& error) {
      throw InputError("'" + options.list + "', row " + std::to_string(k + 1) + " (ID " + row.id +
                       "): " + error.what());
    }
    cutout.redshift = row.redshift;
    if (!std::isfinite(cutout.redshift_error)) cutout.redshift_error = 0;
    if (!std::isfinite(cutout.ebv)) cutout.ebv = 0;
    Case& c = cases[k];
    c.id = row.id;
    c.label = row.label;
    c.label_error = std::isfinite(row.label_error) ? row.label_error : 0;
    c.label_source = row.label_source;
    c.redshift = row.redshift;
    c.lambda = row.lambda;
    c.fold = fold_of(row, k);
    for (const auto& network : networks) c.masses.push_back(network->estimate(cutout, member));
    try {
      c.features.push_back(features_of(filters.pixels(cutout), filters.sky));
    } catch (const InputError&) {  // not a pixel to look at: the network flags that, and baselines know the redshift
      c.features.push_back({.redshift = row.redshift});
    }
    progress.step();
  });
  return cases;
}
