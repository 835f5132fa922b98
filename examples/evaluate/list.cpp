// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/io/list.hpp"

#include <filesystem>
#include <map>

#include "../common/progress.hpp"
#include "../common/table.hpp"
#include "clustermass/io/cutout_file.hpp"
#include "sample.hpp"

using namespace clustermass;

namespace {

/// The label columns of a list by the names they may have; --column label=NAME and label_err=NAME come first.
struct Labels {
  std::vector<double> mass, error;
};

Labels read_labels(const std::string& path, std::map<std::string, std::string>& columns) {
  const tool::Table table(path);
  const auto named = [&](const char* role, std::initializer_list<const char*> names) {
    if (const auto chosen = columns.extract(role)) return chosen.mapped();
    for (const char* name : names)
      if (table.has(name)) return std::string(name);
    return std::string();
  };
  const std::string mass = named("label", {"LABEL", "LOGM500C_LABEL", "LOG10_M500C", "LOGM500C"}),
                    error = named("label_err", {"LABEL_ERR", "LABEL_ERROR", "LOG10_M500C_ERROR"});
  if (mass.empty())
    throw InputError("'" + path + "' has no column LABEL with log10(M500c/Msun); name it with --column label=NAME");
  Labels labels{table.numbers(mass), error.empty() ? std::vector<double>(table.rows(), 0.0) : table.numbers(error)};
  for (std::size_t k = 0; k < labels.mass.size(); ++k) {
    const std::string where = "'" + path + "', row " + std::to_string(k + 1) + ", column " + mass + ": ";
    if (!std::isfinite(labels.mass[k]))
      throw InputError(where + "there is no label; take the row out of the list, there is nothing to compare with");
    if (labels.mass[k] < 12 || labels.mass[k] > 16.5)
      throw InputError(where + "expected log10(M500c/Msun) between 12 and 16.5, found " + table.text(mass)[k] +
                       "; a mass in Msun or 1e14 Msun has to be turned into its logarithm");
    if (!std::isfinite(labels.error[k])) labels.error[k] = 0;
    if (labels.error[k] < 0 || labels.error[k] > 2)
      throw InputError("'" + path + "', row " + std::to_string(k + 1) + ", column " + error +
                       ": expected the label's error between 0 and 2 dex, found " + table.text(error)[k]);
  }
  return labels;
}

/// A fold for each block of ten degrees, so that neighbours, and what is listed twice, are held out together; by row
/// where there are no positions.
int fold_of(const ListRow& row, std::size_t number) {
  if (!std::isfinite(row.ra_deg) || !std::isfinite(row.dec_deg)) return static_cast<int>(number % fold_count);
  const auto block = static_cast<std::uint64_t>(std::floor(row.ra_deg / 10) * 18 + std::floor((row.dec_deg + 90) / 10));
  return static_cast<int>(Random(1, block).below(fold_count));
}

}  // namespace

std::vector<Case> measure_list(const EvaluateOptions& options, const std::vector<Network>& networks,
                               const Filters& filters, Team& team) {
  std::map<std::string, std::string> columns;
  for (const std::string& pair : options.columns) {
    const std::size_t equals = pair.find('=');
    columns[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  const Labels labels = read_labels(options.list, columns);
  const std::vector<ListRow> rows = read_list(options.list, {columns});
  std::map<std::string, std::size_t> seen;
  for (std::size_t k = 0; k < rows.size(); ++k)
    if (const auto [first, fresh] = seen.emplace(rows[k].id, k); !fresh)
      throw InputError("'" + options.list + "': rows " + std::to_string(first->second + 1) + " and " +
                       std::to_string(k + 1) + " have the same id '" + rows[k].id +
                       "'; a cluster must not count twice");

  const std::filesystem::path beside = std::filesystem::path(options.list).parent_path();
  std::vector<Case> cases(rows.size());
  tool::Progress progress("Clusters of the list", rows.size(), options.quiet);
  team.run(rows.size(), [&](std::size_t k, int member) {
    const ListRow& row = rows[k];
    const std::string where = "'" + options.list + "', row " + std::to_string(k + 1) + ": ";
    if (!(row.redshift >= 0.02 && row.redshift <= 1))
      throw InputError(where + "expected a redshift between 0.02 and 1, there is " +
                       (std::isfinite(row.redshift) ? std::to_string(row.redshift) : "none"));
    if (row.path.empty()) throw InputError(where + "there is no PATH of a cutout file");
    CutoutFileOptions reading;
    reading.redshift = row.redshift;
    if (std::isfinite(row.ra_deg) && std::isfinite(row.dec_deg)) reading.centre = SkyPosition{row.ra_deg, row.dec_deg};
    reading.input_kind = options.native ? InputKind::native : InputKind::resampled;
    CutoutBuffer cutout = read_cutout_file((beside / row.path).string(), reading);
    if (std::isfinite(row.redshift_error)) cutout.redshift_error = row.redshift_error;
    if (std::isfinite(row.ebv)) cutout.ebv = row.ebv;
    Case& c = cases[k];
    c.id = row.id;
    c.label = labels.mass[k];
    c.label_error = labels.error[k];
    c.redshift = row.redshift;
    c.lambda = row.lambda;
    c.fold = fold_of(row, k);
    for (const Network& network : networks) c.masses.push_back(network.estimate(cutout, member));
    try {
      c.features.push_back(features_of(filters.pixels(cutout), filters.sky));
    } catch (const InputError&) {  // not a pixel to look at: the network flags that, and baselines know the redshift
      c.features.push_back({.redshift = row.redshift});
    }
    progress.step();
  });
  return cases;
}
