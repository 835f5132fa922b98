// SPDX-License-Identifier: BSD-3-Clause
// clustermass_explain: where the mass comes from. This file reads the command line and says what happens in which
// order; the work is in the files beside it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "../common/device.hpp"
#include "../common/image_command_line.hpp"
#include "../common/images.hpp"
#include "../common/program.hpp"
#include "../common/staged_folder.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/io/list.hpp"
#include "clustermass/version.hpp"
#include "cutout_explainer.hpp"
#include "options.hpp"
#include "report.hpp"
#include "sheet.hpp"
#include "validate.hpp"

using namespace clustermass;

namespace {

constexpr const char* name = "clustermass_explain";

/// The position the maps are centred on: the one that was given, else the middle of the first image with a WCS.
std::optional<SkyPosition> centre_of(const ExplainProgramOptions& options) {
  if (options.ra) return SkyPosition{*options.ra, *options.dec};
  for (const std::string& path : options.cutout) {
    FitsFile file(path);
    for (int hdu = 0; hdu < file.hdu_count(); ++hdu) {
      file.go_to(hdu);
      const std::vector<int> extents = file.extents();
      if (extents.size() < 2) continue;
      if (const std::optional<Wcs> wcs = find_wcs(file))
        return wcs->pixel_to_sky({(extents[0] - 1) / 2.0, (extents[1] - 1) / 2.0});
    }
  }
  return std::nullopt;
}

/// The rows of a list as offsets from the centre, each with the sum of the map on it, most first. Rows far outside the
/// field get nothing.
std::vector<NamedSource> share_among(const ExplainProgramOptions& options, const Report& report) {
  if (options.sources.empty()) return {};
  if (!report.centre)
    throw InputError("the images have no WCS, so the positions of '" + options.sources +
                     "' cannot be found on them; give --ra and --dec");
  constexpr double arcsec = 1.0 / 3600;
  const Wcs tangent{*report.centre, {0, 0}, {{{arcsec, 0}, {0, arcsec}}}};
  std::vector<NamedSource> sources;
  std::vector<SourcePlace> places;
  for (const ListRow& row : read_list(options.sources)) {
    const auto offset = tangent.sky_to_pixel({row.ra_deg, row.dec_deg});
    if (!offset) continue;
    sources.push_back({row.id, {offset->x, offset->y, 1.5 * report.why.grid.cell_arcsec}, 0});
    places.push_back(sources.back().place);
  }
  const std::vector<double> sums = source_sums(report.map(), report.why.grid, places);
  for (std::size_t k = 0; k < sums.size(); ++k) sources[k].sum = sums[k];
  std::stable_sort(sources.begin(), sources.end(), [](const auto& a, const auto& b) { return a.sum > b.sum; });
  return sources;
}

std::string why_not(std::uint32_t flags) {
  std::string words;
  for (const flag::Name& flag : flag::names)
    if (flags & flag.bit) words += (words.empty() ? "" : ", ") + std::string(flag.name);
  return words;
}

int explain_one(const ExplainProgramOptions& options, const std::string& command) {
  const int threads = tool::thread_count(options.threads);
  ExplainOptions how;
  how.target = options.target == "mass" ? Target::mass : options.target == "band" ? Target::band : Target::log_variance;
  how.baseline = options.baseline == "zero" ? Baseline::zero : Baseline::noise;
  how.steps = options.steps;
  const std::unique_ptr<CutoutExplainer> explainer = open_explainer(options.weights, options.device, how);
  const tool::Images input = tool::read_images(options, threads);
  Report report;
  report.centre = centre_of(options);
  report.why = explainer->explain(input.cutout);
  if (!report.why.has_result()) {
    tool::say_error(name,
                    "there is no estimate to explain: " + why_not(report.why.mass.flags) + "; nothing was written");
    return tool::Exit::rows_without_result;
  }
  report.map_name = options.joint ? "joint" : "gradients";
  report.baseline = options.baseline;
  report.steps = options.steps;
  report.model_id = explainer->model_id;
  report.training_set = explainer->training_set;
  report.sha256 = explainer->sha256;
  report.command = command;
  report.sources = share_among(options, report);

  const std::string json = as_json(report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  StagedFolder folder(options.output);
  const auto file = [&](const char* leaf) { return (folder.path() / leaf).string(); };
  save_maps(file("maps.fits"), report);
  write_file<InputError>(file("explanation.png"), draw_sheet(input.cutout, report));
  write_file<InputError>(file("explanation.json"), std::as_bytes(std::span(json)));
  folder.publish();
  std::fputs(options.json ? json.c_str() : as_text(report).c_str(), stdout);
  return tool::Exit::ok;
}

void declare(CLI::App& app, ExplainProgramOptions& options) {
  app.set_version_flag("--version", std::string(CLUSTERMASS_VERSION_STRING));
  tool::declare_images(app, options, "CUTOUT");
  const auto answer = [&](CLI::Option* option) { option->group("Explanation"); };
  answer(app.add_option("-o,--output", options.output,
                        "folder for maps.fits (every method and band, with WCS), explanation.png, explanation.json"));
  answer(app.add_option("--target", options.target,
                        "what is explained: the mass, the log_variance of it, or how the bands' names are told [mass]")
             ->check(CLI::IsMember({"mass", "log_variance", "band"})));
  answer(app.add_option("--baseline", options.baseline,
                        "what the light is compared with: no light (zero), or the mean over 16 fields of noise alone\n"
                        "(noise), at 16 times the cost [zero]")
             ->check(CLI::IsMember({"zero", "noise"})));
  answer(app.add_option("--steps", options.steps, "steps between the two [64]")->check(CLI::Range(1, 65536)));
  answer(app.add_option("--sources", options.sources,
                        "list of sources (CSV or FITS with RA, DEC and ID): what each adds to the estimate"));
  answer(app.add_flag("--joint", options.joint,
                      "picture and report show the joint map instead of the integrated gradients"));
  answer(app.add_flag("--json", options.json, "print JSON instead of text"));
  const auto machine = [&](CLI::Option* option) { option->group("Network and machine"); };
  machine(app.add_option("--weights", options.weights,
                         "weight file, or the folder that holds model.safetensors; otherwise that of\n"
                         "CLUSTERMASS_WEIGHTS, the embedded one, the installed one"));
  machine(
      app.add_option("--device", options.device, "where the network runs: cpu, cuda, or cuda:N for the N-th GPU [cpu]")
          ->check(tool::check_device));
  machine(app.add_option("--threads", options.threads, "threads [OMP_NUM_THREADS, else all this process may use]")
              ->check(CLI::Range(1, 1024)));
  app.footer(
      "Exit codes: 0 explained, 1 no estimate to explain or a check failed, 2 command line, 3 input, 4 weights,\n5 "
      "device.\n"
      "A map says what the network looks at, not what is true: see docs/explanations.md.");
}

void declare_validate(CLI::App& app, ValidateOptions& options) {
  app.add_option("--clusters", options.clusters, "clusters of mock sky A [500]")
      ->check(CLI::Range(std::size_t{4}, std::size_t{1000000}));
  app.add_option("--seed", options.seed, "number of the simulation [1]");
  app.add_option("--baseline", options.baseline, "zero, or noise at four times the cost (4 fields of noise) [zero]")
      ->check(CLI::IsMember({"zero", "noise"}));
  app.add_option("--steps", options.steps, "steps of each map [64]")->check(CLI::Range(1, 65536));
  app.add_option("--weights", options.weights, "weight file; otherwise as for an explanation");
  app.add_option("--threads", options.threads, "threads [OMP_NUM_THREADS, else all this process may use]")
      ->check(CLI::Range(1, 1024));
  app.add_flag("--json", options.json, "the answer as JSON");
  app.add_flag("--table", options.table, "the table of the maps in Markdown, without the checks");
  app.add_flag("--quiet", options.quiet, "no progress line");
}

std::string command_line(int argc, char** argv) {
  std::string text = name;
  for (int k = 1; k < argc; ++k) text.append(" ").append(argv[k]);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Where does the mass come from? Maps of what each pixel of u g r i z adds to the estimate.\n\n"
      "  clustermass_explain cutout.fits --z 0.30 -o why\n"
      "  clustermass_explain --frames frames/ --ra 200.50999 --dec 36.73089 --z 0.180 -o why\n"
      "  clustermass_explain validate --clusters 500 --table\n",
      name};
  ExplainProgramOptions options;
  ValidateOptions validation;
  declare(app, options);
  CLI::App* validating = app.add_subcommand("validate",
                                            "Check the maps on the mock sky: complete, changed when the network's "
                                            "weights are, and true: do they point at the\n"
                                            "members, and does the estimate lose what they say when members are "
                                            "rendered away? Exit code 1 if a check fails.");
  declare_validate(*validating, validation);
  try {
    app.parse(argc, argv);
    if (argc == 1) throw CLI::CallForHelp();
    if (!validating->parsed()) {
      tool::check_images(options, "give a CUTOUT, or --frames DIR");
      if (options.output.empty()) throw CLI::ValidationError("the maps need a folder: -o DIR");
    }
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    tool::say_error(name, std::string(error.what()) + "; see " + name + " --help");
    return tool::Exit::usage;
  }
  return tool::run_program(name, [&] {
    return validating->parsed() ? validate(validation) : explain_one(options, command_line(argc, argv));
  });
}
