// SPDX-License-Identifier: BSD-3-Clause
#include "survey.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <vector>

#include "../common/list_images.hpp"
#include "../common/program.hpp"
#include "../common/progress.hpp"
#include "clustermass/io/catalogue.hpp"
#include "clustermass/io/list.hpp"
#include "network.hpp"

using namespace clustermass;
namespace fs = std::filesystem;

namespace {

constexpr const char* program = "clustermass_estimate";

std::atomic<int> interrupted{0};

/// The first Ctrl-C lets the rows in work finish, a second one ends the program.
extern "C" void on_interrupt(int signal) {
  interrupted = signal;
  std::signal(signal, SIG_DFL);
}

/// The rows of a list that this run works on, with the defaults of the command line filled in.
std::vector<ListRow> rows_to_do(const EstimateOptions& options) {
  ListOptions columns;
  for (const std::string& pair : options.columns) {
    const std::size_t equals = pair.find('=');
    columns.columns[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  const std::vector<ListRow> all = read_list(options.list, columns);
  const auto [shard, shards] = options.shard;
  const std::size_t begin = all.size() * (shard - 1) / shards, end = all.size() * shard / shards;
  std::vector<ListRow> rows(all.begin() + static_cast<std::ptrdiff_t>(begin),
                            all.begin() + static_cast<std::ptrdiff_t>(end));
  for (ListRow& row : rows) {
    if (!std::isfinite(row.redshift_error)) row.redshift_error = options.redshift_error;
    if (!std::isfinite(row.ebv)) row.ebv = options.ebv;
  }
  return rows;
}

/// OUT.fits, or OUT.3.fits for the third shard.
std::string output_path(const EstimateOptions& options) {
  if (options.shard.second == 1) return options.output;
  const std::size_t dot = options.output.rfind('.');
  return options.output.substr(0, dot) + "." + std::to_string(options.shard.first) + options.output.substr(dot);
}

struct Result {
  CatalogueRow row;
  InputKind kind = InputKind::native;
  std::string failure;
};

Result estimate_row(const ListRow& row, const ListImages& images, const Network& network, int member) {
  Result result{
      {row.id, row.ra_deg, row.dec_deg, row.redshift, row.redshift_error, row.ebv, {}}, InputKind::native, {}};
  try {
    const CutoutBuffer cutout = images.read(row);
    result.kind = cutout.input_kind;
    result.row.mass = network.estimate(cutout, member);
  } catch (const InputError& error) {
    result.failure = error.what();
    result.row.mass.flags = flag::no_result;
  }
  return result;
}

/// At most ten lines, so that a broken disk does not flood the terminal.
void say_all(const std::vector<std::string>& messages, const char* what) {
  constexpr std::size_t most = 10;
  for (std::size_t k = 0; k < std::min(messages.size(), most); ++k) tool::say_error(program, messages[k]);
  if (messages.size() > most)
    tool::say_error(program, "and " + std::to_string(messages.size() - most) + " more " + what + " like these");
}

CatalogueOrigin origin_of(const NetworkInfo& network, const std::vector<Result>& results, const std::string& command) {
  const auto resampled =
      std::count_if(results.begin(), results.end(), [](const Result& r) { return r.kind == InputKind::resampled; });
  CatalogueOrigin origin;
  origin.catalogue_version = "1";
  origin.model_id = network.model_id;
  origin.training_set = network.training_set;
  origin.weights_sha256 = network.sha256;
  origin.prior = network.prior;
  origin.input_kind = resampled == 0                                             ? "native"
                      : resampled == static_cast<std::ptrdiff_t>(results.size()) ? "resampled"
                                                                                 : "mixed";
  origin.command = command;
  return origin;
}

}  // namespace

int estimate_list(const EstimateOptions& options, const std::string& command) {
  const std::string output = output_path(options);
  if (std::error_code error; options.shard.second > 1 && fs::exists(output, error)) {
    if (!options.quiet) std::fprintf(stderr, "%s: %s is there already, nothing to do\n", program, output.c_str());
    return tool::Exit::ok;
  }
  const std::vector<ListRow> rows = rows_to_do(options);
  Team team(std::clamp(tool::thread_count(options.threads), 1, std::max(1, static_cast<int>(rows.size()))));
  const Network network(options, team.size());
  const ListImages images({.list = options.list,
                           .frames = options.frames,
                           .pixel_scale_arcsec = options.pixel_scale,
                           .any_unit = options.any_unit,
                           .native = options.native},
                          rows, team);
  if (!options.quiet) say_all(images.messages(), "frames");

  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::vector<Result> results(rows.size());
  std::atomic<std::size_t> done{0};
  {
    tool::Progress progress("estimating", rows.size(), options.quiet);
    team.run(rows.size(), [&](std::size_t k, int member) {
      if (interrupted) return;
      results[k] = estimate_row(rows[k], images, network, member);
      ++done;
      progress.step();
    });
  }
  if (interrupted && done < rows.size()) {
    tool::say_error(program, "interrupted after " + std::to_string(done) + " of " + std::to_string(rows.size()) +
                                 " rows; no file was written. Long lists are best cut with --shard i/N");
    return 128 + interrupted;
  }

  std::vector<CatalogueRow> catalogue;
  std::vector<std::string> failures;
  for (const Result& result : results) {
    catalogue.push_back(result.row);
    if (!result.failure.empty()) failures.push_back("row of ID " + result.row.id + ": " + result.failure);
  }
  if (output.ends_with(".csv"))
    write_catalogue_csv(output, catalogue);
  else
    write_catalogue_fits(output, catalogue, origin_of(network.info(), results, command));

  const auto without = static_cast<std::size_t>(std::count_if(
      catalogue.begin(), catalogue.end(), [](const CatalogueRow& row) { return !row.mass.has_result(); }));
  if (!options.quiet) say_all(failures, "rows");
  if (options.json) {
    const nlohmann::ordered_json json{{"output", output},
                                      {"rows", rows.size()},
                                      {"without_result", without},
                                      {"model_id", network.info().model_id},
                                      {"training_set", network.info().training_set},
                                      {"version", CLUSTERMASS_VERSION_STRING}};
    std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else if (!options.quiet) {
    std::printf("%zu rows, %zu estimates, %zu without result: %s\n", rows.size(), rows.size() - without, without,
                output.c_str());
  }
  return options.strict && without > 0 ? tool::Exit::rows_without_result : tool::Exit::ok;
}
