// SPDX-License-Identifier: BSD-3-Clause
#include "fields.hpp"

#include <cstdio>
#include <filesystem>

#include "../common/program.hpp"
#include "text_table.hpp"

using namespace clustermass;

CLI::App* declare_fields(CLI::App& app, FieldsOptions& o) {
  CLI::App* command = app.add_subcommand(
      "fields",
      "Real frames, no masses: how far their cutouts lie from the network's training set, and null tests at the\n"
      "clusters that a catalogue lists there: the answer beside those at other places of the same field, the mass\n"
      "that the catalogue's richness stands for, and what brighter members do to the answer.");
  command->add_option("--frames", o.frames,
                      "folder of SDSS frames; of the fields below it those with all five bands are used\n"
                      "[$CLUSTERMASS_REAL_DATA/sdss, else ../shared/data/sdss]");
  command->add_option("--clusters", o.clusters,
                      "CSV list of known clusters: frame (run-camcol-field), ra, dec, z, richness_corrected,\n"
                      "richness_raw [clusters_in_frames.csv in that folder]");
  command->add_option("--weights", o.weights,
                      "weight file, or the folder that holds model.safetensors; otherwise that of\n"
                      "CLUSTERMASS_WEIGHTS, the embedded one, the installed one. May be repeated");
  command->add_option("--nulls", o.nulls, "null places in each field, 3 arcmin from every listed cluster")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{2}, std::size_t{1000}));
  command->add_option("--edge", o.edge_arcsec, "how far they are off the frames' edges [arcsec]")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 200.0));
  command->add_option("--radius", o.radius_mpc, "of the circle whose galaxies are brightened [Mpc]")
      ->capture_default_str()
      ->check(CLI::Range(0.05, 1.0));
  command->add_option("--light", o.light_dex, "by how much they are brightened [dex]")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 2.0));
  command->add_option("--cutouts", o.cutouts, "cutouts of each field for the distances, at random places and redshifts")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{2}, std::size_t{100000}));
  command->add_option("--ebv", o.ebv, "E(B-V) of the fields [mag]")->capture_default_str()->check(CLI::Range(0.0, 2.0));
  command->add_option("--seed", o.seed, "of places, redshifts and the mock sky beside them")->capture_default_str();
  command->add_flag("--json", o.json, "print JSON instead of tables");
  command->add_option("--threads", o.threads, "threads [OMP_NUM_THREADS, else all this process may use]")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--quiet", o.quiet, "no progress line");
  return command;
}

namespace {

std::string percent(const Figures& share) {
  return share.is_number() ? shown(100 * share.get<double>(), "%.1f %%") : std::string("-");
}

std::string flags_text(const Figures& flags) {
  std::string text;
  for (const Figures& name : flags) text += (text.empty() ? "" : " ") + name.get<std::string>();
  return text.empty() ? "-" : text;
}

std::string text_of_network(const FieldsOptions& options, const Figures& j) {
  char words[800];
  std::string text = "Network " + j["model_id"].get<std::string>() + " (" + j["training_set"].get<std::string>() +
                     ") on real fields. Masses are log10(M500c/Msun).\n\n";
  TextTable nulls({"field", "z", "coverage", "network", "null places", "percentile", "of all fields", "on the mock",
                   "filter", "its percentile", "richness", "its mass", "members", "brighter", "others", "brighter",
                   "flags"});
  for (const Figures& c : j["clusters"])
    nulls.add({c["field"], shown(c["z"], "%.3f"),
               shown(c["coverage"], "%.2f") + " (" + shown(c["null_coverage"], "%.2f") + ")",
               shown(c["log10_m500c"], "%.2f") + " +- " + shown(c["log10_m500c_error"], "%.2f"),
               shown(c["null_median"], "%.2f") + " (" + shown(c["null_median_mock"], "%.2f") + ")",
               shown(c["percentile"], "%.0f"), shown(c["percentile_all_fields"], "%.0f"),
               shown(c["percentile_mock"], "%.0f"), shown(c["filter"], "%.2f"), shown(c["filter_percentile"], "%.0f"),
               shown(c["richness"], "%.1f"),
               shown(c["richness_mass"], "%.2f") + " +- " + shown(c["richness_mass_error"], "%.2f"),
               shown(c["members"], "%.0f"), shown(c["members_change"], "%+.3f"), shown(c["others"], "%.0f"),
               shown(c["others_change"], "%+.3f"), flags_text(c["flags"])});
  std::snprintf(
      words, sizeof words,
      "null places: median answer at %zu places of the field, the same redshift (in mock fields without a cluster). "
      "percentile: share of them "
      "(and of those in all fields)\nwith a lower answer. on the mock: the mean percentile of mock clusters "
      "with the richness's mass, seen there, among mock fields\nwithout a cluster: what this network can "
      "reach. coverage: in brackets the places' median. brighter: change of the answer when the\ngalaxies near "
      "the red sequence inside %.2g Mpc (members), or all others there, get %.2g dex more light.",
      options.nulls, options.radius_mpc, options.light_dex);
  text += nulls.str() + "\n" + words + "\n\n";
  TextTable table({"cutouts of", "number", "median distance", "90 % below", "flagged OOD", "ROC area"});
  for (const Figures& row : j["distances"])
    table.add({row["of"], shown(row["n"], "%.0f"), shown(row["median"], "%.3f"), shown(row["q90"], "%.3f"),
               percent(row["flagged_ood"]), shown(row["roc_area"], "%.3f")});
  return text + table.str() +
         "\nDistance from the training set over the network's limit; above 1 is flagged OOD. The mock fields have no "
         "cluster and are seen\nthrough frames at the same pixels and redshifts. ROC area: probability that a real "
         "cutout is farther than a mock one.\n";
}

}  // namespace

int evaluate_fields(const FieldsOptions& options) {
  const std::string folder = find_real_frames(options.frames);
  if (!std::filesystem::is_directory(folder))
    throw InputError("there is no folder '" + folder + "' of frames; name it with --frames or CLUSTERMASS_REAL_DATA");
  const std::vector<KnownCluster> clusters =
      read_known_clusters(options.clusters.empty() ? folder + "/clusters_in_frames.csv" : options.clusters);
  Team team(tool::thread_count(options.threads));
  std::vector<std::unique_ptr<Network>> networks;
  for (const std::string& file : options.weights.empty() ? std::vector<std::string>{""} : options.weights)
    networks.push_back(open_network(file, team.size()));
  const std::vector<SdssField> fields = read_sdss_fields(folder, team, options.quiet);
  Figures figures{{"frames", folder}, {"seed", options.seed}, {"ebv", options.ebv}};
  for (const SdssField& field : fields) figures["fields"].push_back(field.name);
  figures["networks"] = Figures::array();
  std::string text;
  for (const auto& network : networks) {
    const std::string named = sky_named_in(network->training_set), sky = named.empty() ? "A" : named;
    const Filters filters(recipe_of(sky, "training"));
    Figures one{{"model_id", network->model_id},
                {"training_set", network->training_set},
                {"weights_sha256", network->sha256},
                {"clusters", null_tests(options, fields, clusters, *network, filters, team)},
                {"distances", distances(options, fields, *network, sky, team)}};
    if (!options.json) text += (text.empty() ? "" : "\n") + text_of_network(options, one);
    figures["networks"].push_back(std::move(one));
  }
  std::printf("%s", options.json ? (figures.dump(2, ' ', false, Figures::error_handler_t::replace) + "\n").c_str()
                                 : text.c_str());
  return tool::Exit::ok;
}
