// SPDX-License-Identifier: BSD-3-Clause
// clustermass_evaluate: how good a network is, beside everything that needs none. This file reads the command line and
// says what happens in which order; the work is in the files beside it.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "../common/device.hpp"
#include "../common/program.hpp"
#include "bands.hpp"
#include "catalogues.hpp"
#include "clustermass/version.hpp"
#include "fields.hpp"
#include "report.hpp"
#include "run.hpp"

namespace {

constexpr const char* name = "clustermass_evaluate";

void declare(CLI::App& app, EvaluateOptions& o) {
  app.set_version_flag("--version", std::string(CLUSTERMASS_VERSION_STRING));
  const auto sample = [&](CLI::Option* option) { option->group("Clusters"); };
  sample(app.add_option("--sky", o.sky, "mock sky to test on: A, B, or AB-mixed (every ingredient somewhere between)")
             ->capture_default_str()
             ->check(CLI::IsMember({"A", "B", "AB-mixed"})));
  sample(app.add_option("--prior", o.prior,
                        "masses and redshifts of the mock: training (flat), survey (mass function times volume),\n"
                        "label-like (as clusters with an X-ray mass)")
             ->capture_default_str()
             ->check(CLI::IsMember({"training", "survey", "label-like"})));
  sample(app.add_option("-n,--clusters", o.clusters, "clusters of the mock sky")
             ->capture_default_str()
             ->check(CLI::Range(std::size_t{10}, std::size_t{1000000})));
  sample(app.add_option("--seed", o.seed,
                        "number of the simulation; the scenes are others than those that clustermass_train draws")
             ->capture_default_str());
  sample(app.add_option("--list", o.list,
                        "labelled list instead: CSV or FITS table with id, ra, dec, z, label (log10(M500c/Msun)), and\n"
                        "label_err, label_source, ebv, lambda; images by path, by run camcol field, or by place"));
  sample(app.add_option("--frames", o.frames, "folder of the frames of rows without a path"));
  sample(app.add_flag("--native", o.native,
                      "the list's cutout files are detector pixels, not resampled by an image service"));
  sample(app.add_option("--column", o.columns,
                        "a column of the list by another name, such as label=LOGM; may be repeated"));
  sample(app.add_option("--label-offsets", o.label_offsets,
                        "what a source's labels read too high by, taken off them [dex]: \"SOURCE=DEX ...\"")
             ->capture_default_str());
  const auto methods = [&](CLI::Option* option) { option->group("Network and baselines"); };
  methods(app.add_option("--weights", o.weights,
                         "weight file, or the folder that holds model.safetensors; otherwise that of\n"
                         "CLUSTERMASS_WEIGHTS, the embedded one, the installed one. With --matrix several"));
  methods(app.add_flag("--images-alone", o.images_alone,
                       "networks that were taught to weigh the matched filter's answer do without it"));
  methods(
      app.add_flag("--matrix", o.matrix, "each network on mock skies A, B and AB-mixed: MAE, bias, slope, coverage"));
  methods(app.add_option("--training", o.training, "clusters on which the baselines are fitted")
              ->capture_default_str()
              ->check(CLI::Range(std::size_t{100}, std::size_t{1000000})));
  methods(app.add_option("--training-sky", o.training_sky,
                         "mock sky of these clusters [that on which the network was trained, else that of the test]")
              ->check(CLI::IsMember({"A", "B", "AB-mixed"})));
  methods(app.add_option("--label-error", o.label_error, "noise of their labels [dex]")
              ->capture_default_str()
              ->check(CLI::Range(0.0, 1.0)));
  const auto answer = [&](CLI::Option* option) { option->group("Answer"); };
  answer(app.add_flag("--json", o.json, "print JSON instead of tables"));
  answer(app.add_flag("--brief", o.brief, "only the table of the methods, without those in bins"));
  answer(app.add_option("-o,--output", o.output,
                        "folder for plots: predicted against true, residuals, coverage, PIT, as SVG"));
  answer(app.add_option("--features", o.features,
                        "CSV file to write: what the baselines saw of every cluster, for regressors of your own"));
  methods(app.add_option("--device", o.device, "where the network runs: cpu, cuda, or cuda:N for the N-th GPU")
              ->capture_default_str()
              ->check(tool::check_device));
  answer(app.add_option("--threads", o.threads, "threads [OMP_NUM_THREADS, else all this process may use]")
             ->check(CLI::Range(1, 1024)));
  answer(app.add_flag("--quiet", o.quiet, "no progress line"));
  app.footer(
      "On a mock sky the label is the true mass, and two oracles mark the floor: o1 knows the halo's richness, o2\n"
      "filters the true galaxies inside the cutout. A mock sky is a simulation: its figures are not those of real\n"
      "clusters. Exit codes: 0 answered, 2 command line, 3 input, 4 weights, 5 device.");
}

void check_together(const EvaluateOptions& o) {
  const auto refuse = [](const std::string& message) { throw CLI::ValidationError(message); };
  if (o.weights.size() > 1 && !o.matrix) refuse("several --weights need --matrix");
  if (o.matrix && (!o.list.empty() || !o.output.empty() || !o.features.empty()))
    refuse("--matrix is of mock skies and writes no files: leave out --list, --output and --features");
  if (o.list.empty() && (!o.columns.empty() || o.native || !o.frames.empty()))
    refuse("--column, --native and --frames need a --list");
  for (const std::string& pair : o.columns)
    if (pair.find('=') == std::string::npos) refuse("--column " + pair + ": expected role=NAME, such as label=LOGM");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "How good a network's masses are, beside those of methods that need none: a constant, the redshift, light,\n"
      "abundance matching, red-sequence matched filters, a tabular regressor, and on a mock sky the information "
      "floor.\n\n"
      "  clustermass_evaluate --sky A --clusters 2000 --seed 7 -o plots/\n"
      "  clustermass_evaluate --list labelled.csv --native --json\n"
      "  clustermass_evaluate --matrix --weights a/model.safetensors --weights ab/model.safetensors\n"
      "  clustermass_evaluate catalogues --data catalogs/\n"
      "  clustermass_evaluate fields --frames sdss/\n"
      "  clustermass_evaluate bands run-mock run-real --frames sdss/\n",
      name};
  EvaluateOptions options;
  CatalogueOptionsOnDisk catalogue;
  FieldsOptions field;
  BandsOptions band;
  declare(app, options);
  CLI::App* catalogues = declare_catalogues(app, catalogue);
  CLI::App* fields = declare_fields(app, field);
  CLI::App* bands = declare_bands(app, band);
  try {
    app.parse(argc, argv);
    check_together(options);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    tool::say_error(name, std::string(error.what()) + "; see " + name + " --help");
    return tool::Exit::usage;
  }
  return tool::run_program(name, [&] {
    if (catalogues->parsed()) return evaluate_catalogues(catalogue);
    if (fields->parsed()) return evaluate_fields(field);
    if (bands->parsed()) return evaluate_bands(band);
    return options.matrix ? evaluate_matrix(options) : evaluate(options);
  });
}
