// SPDX-License-Identifier: BSD-3-Clause
// clustermass_mock catalogue: clusters of the mock sky as a catalogue would list them, without pixels: true and
// labelled masses, intrinsic and measured richness.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../common/program.hpp"
#include "../common/progress.hpp"
#include "clustermass/baselines/floor.hpp"
#include "clustermass/mock/labels.hpp"
#include "clustermass/mock/mass.hpp"
#include "clustermass/parallel.hpp"
#include "commands.hpp"
#include "sky_choice.hpp"
#include "truth.hpp"

namespace {

using namespace clustermass;

struct CatalogueCommand {
  SkyChoice choice;
  std::uint64_t seed = 1;
  std::size_t count = 1000;
  double area = 0;  // [deg^2], 0: count is given
  double mass_min = 13.7, z_min = 0.08, z_max = 0.55, lambda_min = 0;
  std::string richness = "filter", labels = "default", file = "mock-catalogue.csv";
  bool edges = false, centred = false, quiet = false;
  int threads = 0;

  mock::SkyParameters sky(std::uint64_t index) const {
    mock::SkyParameters parameters = choice.of(seed, index);
    parameters.log10_m500c_min = mass_min;
    parameters.redshift_min = z_min;
    parameters.redshift_max = z_max;
    parameters.star_scale = 0;  // a catalogue of galaxies: stars have a stream of their own, nothing else changes
    return parameters;
  }
};

/// How richness is measured: on which galaxies of the truth.
struct Richness {
  double lambda, ln_error, coverage;
  MassPosterior mass;
};

class RichnessMeter {
 public:
  RichnessMeter(const CatalogueCommand& command, const mock::SkyParameters& sky) : command_(command) {
    if (command.richness != "poisson") filter_.emplace(sky);
  }
  mock::SceneOptions scene() const {
    mock::SceneOptions options;
    options.footprint_probability = command_.edges ? 0.5 : 0;
    options.miscentring = !command_.centred;
    return options;
  }
  Richness operator()(const mock::Scene& scene, const mock::SkyParameters& sky) const {
    if (!filter_) {
      Random random = mock::stream_of(scene.seed, scene.index, mock::Stream::catalogue);
      const double lambda = random.poisson(scene.lambda_int);
      return {lambda, 1 / std::sqrt(std::max(1.0, lambda)), 1, richness_posterior(lambda, scene.redshift, sky)};
    }
    CatalogueOptions options;
    if (command_.richness == "redmapper") {
      options.i_limit = std::min(20.9, mstar_i(scene.redshift) + sky.lf_mstar_offset + 1.75);
      options.radius_mpc = 1;
    }
    const RichnessLikelihood found = (*filter_)(scene, options);
    return {found.lambda, found.ln_lambda_error, found.coverage, filter_posterior(found, scene.redshift, sky)};
  }

 private:
  const CatalogueCommand& command_;
  std::optional<MatchedFilter> filter_;
};

std::string header() {
  std::vector<std::string> names{"ID",         "Z",          "LOGM500C",        "LOGM200M",
                                 "LAMBDA_INT", "LAMBDA_OBS", "LN_LAMBDA_ERROR", "COVERAGE",
                                 "ORACLE_O1",  "ORACLE_O2"};
  for (const auto source : mock::label_source_names)
    for (const char* what : {"LOGM_", "LOGM_ERROR_", "OUTLIER_"}) {
      names.push_back(what);
      for (const char c : source) names.back() += static_cast<char>(c - 'a' + 'A');
    }
  names.push_back("SKY");
  return truth::csv_line(names);
}

double log10_m200m(const mock::Scene& scene) {
  const double m200c = mock::m200c_of_m500c(mock::exp10(scene.log10_m500c), scene.redshift);
  const double c = mock::duffy_concentration(m200c, mock::MassDefinition::c200, scene.redshift);
  return std::log10(
      mock::convert_mass(m200c, c, mock::MassDefinition::c200, mock::MassDefinition::m200, scene.redshift));
}

/// One line, or none if the cluster is too poor.
std::string line_of(const CatalogueCommand& command, const RichnessMeter& meter, const mock::LabelModel& labels,
                    std::uint64_t index) {
  const mock::SkyParameters sky = command.sky(index);
  const mock::Scene scene = mock::draw_scene(sky, command.seed, index, meter.scene());
  const Richness found = meter(scene, sky);
  if (found.lambda < command.lambda_min) return {};
  using truth::number;
  std::vector<std::string> row{std::to_string(index),
                               number(scene.redshift),
                               number(scene.log10_m500c),
                               number(log10_m200m(scene)),
                               number(scene.lambda_int),
                               number(found.lambda),
                               std::isfinite(found.ln_error) ? number(found.ln_error) : "",
                               number(found.coverage),
                               number(oracle_richness(scene.lambda_int, scene.redshift, sky)),
                               number(found.mass.log10_m500c)};
  for (std::size_t k = 0; k < mock::label_source_count; ++k) {
    const auto source = static_cast<mock::LabelSource>(k);
    const mock::Label label = mock::draw_label(scene.log10_m500c, source, command.seed, index, labels);
    row.push_back(number(label.log10_m500c));
    row.push_back(number(label.log10_m500c_error));
    row.push_back(label.outlier ? "1" : "0");
  }
  row.push_back(sky.name);
  return truth::csv_line(row);
}

std::size_t cluster_count(const CatalogueCommand& command, const mock::SkyParameters& sky) {
  if (command.area == 0) return command.count;
  if (sky.prior != mock::Prior::survey)
    throw InputError("--area: only the survey prior knows how many clusters a square degree holds; add --prior survey");
  const double expected = mock::survey_prior(sky)->per_square_degree() * command.area;
  if (!(expected < 1e8))
    throw InputError("--area " + truth::number(command.area) + ": that is " + truth::number(std::round(expected)) +
                     " clusters, expected at most 1e8; give a smaller area or a higher --mass-min");
  Random random(command.seed, 0, 901);
  return static_cast<std::size_t>(random.poisson(expected));
}

/// A place that cannot be written to is found out before the work, not after it.
void check_place(const std::string& file) {
  if (std::filesystem::is_directory(file))
    throw InputError("'" + file + "' is a folder; give the name of a file with -o");
  truth::write_text(file + ".unfinished", "");
  std::filesystem::remove(file + ".unfinished");
}

void write_catalogue(const CatalogueCommand& command) {
  const mock::SkyParameters sky = command.sky(0);
  mock::check(sky);
  const std::size_t count = cluster_count(command, sky);
  check_place(command.file);
  // The filter knows the recipe of A or B; of a mixture nobody does, and A's is used.
  CatalogueCommand known = command;
  if (command.choice.sky == "mixed") known.choice.sky = "A";
  const RichnessMeter meter(command, known.sky(0));
  const mock::LabelModel labels = command.labels == "chances" ? mock::chances_labels() : mock::LabelModel{};
  Team team(tool::thread_count(command.threads));
  tool::Progress progress("Drawing clusters", count, command.quiet);
  std::vector<std::string> lines(count);
  team.run(count, [&](std::size_t k, int) {
    lines[k] = line_of(command, meter, labels, k);
    progress.step();
  });
  std::string text = header();
  for (const std::string& line : lines) text += line;
  truth::write_text(command.file, text);
}

void add_population_options(CLI::App& catalogue, CatalogueCommand& options) {
  catalogue.add_option("--mass-min", options.mass_min, "lowest log10(M500c / Msun) of the training and survey priors")
      ->capture_default_str()
      ->check(CLI::Range(12.5, 15.1));
  catalogue.add_option("--z-min", options.z_min, "lowest redshift")
      ->capture_default_str()
      ->check(CLI::Range(0.05, 0.6));
  catalogue.add_option("--z-max", options.z_max, "highest redshift")
      ->capture_default_str()
      ->check(CLI::Range(0.05, 0.6));
  catalogue.add_option("--lambda-min", options.lambda_min, "leave out clusters of lower measured richness")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1000.0));
  catalogue
      .add_option("--richness", options.richness,
                  "how LAMBDA_OBS is measured: filter (matched filter on the true galaxies in the 2 Mpc cutout to\n"
                  "i = 20.9), redmapper (the same, brighter than 0.2 L* and within 1 Mpc), poisson (a Poisson number\n"
                  "of mean LAMBDA_INT: no background, no projections; fastest)")
      ->capture_default_str()
      ->check(CLI::IsMember({"filter", "redmapper", "poisson"}));
  catalogue.add_option("--labels", options.labels, "offsets of the label sources: default or chances")
      ->capture_default_str()
      ->check(CLI::IsMember({"default", "chances"}));
  catalogue.add_flag("--centred", options.centred, "every cutout centred on its cluster");
  catalogue.add_flag("--edges", options.edges,
                     "half of the clusters lie in a single frame, its edge cutting the field");
}

}  // namespace

void add_catalogue_command(CLI::App& app, Work& work) {
  const auto options = std::make_shared<CatalogueCommand>();
  CLI::App* catalogue = app.add_subcommand(
      "catalogue",
      "List clusters without drawing pixels, as a CSV file: Z, true masses LOGM500C and LOGM200M (log10 Msun, h = "
      "0.7),\n"
      "intrinsic and measured richness, what the two oracles say of the mass, and the mass as an X-ray and an SZ\n"
      "catalogue would quote it. Row ID is scene ID of `clustermass_mock sky` with the same seed, sky and prior.\n\n"
      "  clustermass_mock catalogue --prior survey --area 500 --lambda-min 20 -o survey.csv");
  options->choice.add_options(*catalogue, true);
  CLI::Option* count = catalogue->add_option("-n,--count", options->count, "clusters")
                           ->capture_default_str()
                           ->check(CLI::Range(std::size_t{1}, std::size_t{100000000}));
  catalogue
      ->add_option("--area", options->area, "as many clusters as so many square degrees hold (survey prior) [deg^2]")
      ->check(CLI::Range(1e-3, 41253.0))
      ->excludes(count);
  catalogue->add_option("--seed", options->seed, "number of the simulation")->capture_default_str()->check(check_seed);
  add_population_options(*catalogue, *options);
  catalogue->add_option("-o,--output", options->file, "file to write")->capture_default_str();
  catalogue->add_option("--threads", options->threads, "threads; 0: as many as there are processors")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  catalogue->add_flag("--quiet", options->quiet, "no progress line");
  catalogue->callback([options, &work] {
    work = [options] {
      write_catalogue(*options);
      return static_cast<int>(tool::Exit::ok);
    };
  });
}
