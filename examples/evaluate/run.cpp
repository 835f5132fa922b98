// SPDX-License-Identifier: BSD-3-Clause
#include "run.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <numbers>

#include "../common/program.hpp"
#include "clustermass/mock/cluster.hpp"
#include "report.hpp"

using namespace clustermass;

namespace {

using Networks = std::vector<std::unique_ptr<Network>>;

Networks open_networks(const EvaluateOptions& options, int members) {
  Networks networks;
  for (const std::string& file : options.weights.empty() ? std::vector<std::string>{""} : options.weights) {
    networks.push_back(open_network(file, members, options.device));
    networks.back()->images_alone = options.images_alone;
  }
  return networks;
}

/// On which sky the baselines of a network are fitted: what was asked for, else the network's own, else the test's.
std::string training_sky_of(const EvaluateOptions& options, const Network& network, const std::string& test_sky) {
  if (!options.training_sky.empty()) return options.training_sky;
  const std::string own = sky_named_in(network.training_set);
  return own.empty() ? test_sky : own;
}

/// Training clusters of the baselines: never those of a test, nor those of a network. networks: to be asked about them
/// as well, or nothing.
std::vector<Case> training_cases(const EvaluateOptions& options, const std::string& sky, const Filters& filters,
                                 const Networks* networks, Team& team) {
  SkyRequest request{sky,
                     options.prior,
                     options.seed,
                     baseline_scenes,
                     options.training,
                     networks,
                     {&filters},
                     nullptr,
                     "Clusters for the baselines, mock sky " + sky,
                     options.quiet};
  std::vector<Case> cases = measure_sky(request, team);
  for (std::size_t k = 0; k < cases.size(); ++k)
    cases[k].label += options.label_error * Random(options.seed, baseline_scenes + k, 0xba5e).normal();
  return cases;
}

std::vector<FittedBaseline> fit_baselines(const std::vector<Case>& training) {
  std::vector<ClusterFeatures> features;
  std::vector<double> labels;
  for (const Case& one : training) {
    features.push_back(one.features[0]);
    labels.push_back(one.label);
  }
  std::vector<FittedBaseline> baselines;
  for (std::size_t b = 0; b < baseline_count; ++b)
    baselines.emplace_back(static_cast<MassBaseline>(b), features, labels);
  return baselines;
}

Figures network_json(const Network& network) {
  return {{"model_id", network.model_id},
          {"arch", network.arch},
          {"training_set", network.training_set},
          {"sha256", network.sha256}};
}

/// What the baselines saw, one line a cluster.
void write_features(const std::string& path, const std::vector<Case>& training, const std::vector<Case>& test) {
  std::string text =
      "part,label,network,filter,filter_error,coverage,ln_lambda,ln_light,bcg,gap,concentration,blue_ratio,"
      "masked,redshift,density\n";
  const auto add = [&](const Case& one, const char* part) {
    const ClusterFeatures& f = one.features[0];
    text += part;
    std::vector<double> row{one.label, one.masses.empty() ? NAN : one.masses[0].log10_m500c, f.filter.log10_m500c,
                            f.filter.log10_m500c_error, f.coverage};
    for (const double value : inputs_of(MassBaseline::tabular, f)) row.push_back(value);
    for (const double value : row) {
      char number[32] = ",";
      if (std::isfinite(value)) std::snprintf(number, sizeof number, ",%.6g", value);
      text += number;
    }
    text += "\n";
  };
  for (const Case& one : training) add(one, "train");
  for (const Case& one : test) add(one, "test");
  write_file<InputError>(path, std::as_bytes(std::span(text)));
}

}  // namespace

int evaluate(const EvaluateOptions& options) {
  Team team(tool::thread_count(options.threads));
  const Networks networks = open_networks(options, team.size());
  const bool simulated = options.list.empty();
  Figures figures;
  std::string head;
  Comparison comparison;
  std::vector<Case> training, test;
  if (simulated) {
    const std::string training_sky = training_sky_of(options, *networks[0], options.sky);
    const Filters filters(recipe_of(training_sky, options.prior));
    std::unique_ptr<FilterOracle> other;
    if (training_sky != options.sky) other = std::make_unique<FilterOracle>(recipe_of(options.sky, options.prior));
    training = training_cases(options, training_sky, filters, &networks, team);
    test = measure_sky({options.sky,
                        options.prior,
                        options.seed,
                        test_scenes,
                        options.clusters,
                        &networks,
                        {&filters},
                        other ? other.get() : &filters.catalogue,
                        "Test clusters, mock sky " + options.sky,
                        options.quiet},
                       team);
    std::vector<const Case*> known;
    for (const Case& one : training) known.push_back(&one);
    const stats::PolynomialFit combined = fit_network_and_filter(known, 0, 0);
    comparison = compare(test, 0, 0, fit_baselines(training), &combined, true);
    figures["sample"] = {{"kind", "mock sky"},
                         {"simulated", true},
                         {"sky", options.sky},
                         {"prior", options.prior},
                         {"seed", options.seed},
                         {"first_scene", test_scenes},
                         {"baselines_sky", training_sky},
                         {"baselines_clusters", options.training},
                         {"baselines_label_error", options.label_error}};
    head = "Simulated clusters, not real ones: mock sky " + options.sky + ", prior '" + options.prior + "', seed " +
           std::to_string(options.seed) + ".\nBaselines fitted on " + std::to_string(options.training) +
           " other clusters of mock sky " + training_sky + ".\n";
  } else {
    const std::string recipe = options.training_sky.empty() ? "A" : options.training_sky;
    const std::vector<ListRow> rows = read_labelled_list(options);
    const Filters filters(recipe_of(recipe, "training"));
    test = measure_list(rows, options, networks, filters, team);
    comparison = compare_by_folds(test, 0);
    figures["sample"] = {
        {"kind", "list"}, {"file", options.list}, {"label_offsets", options.label_offsets}, {"folds", fold_count}};
    head =
        "Clusters of '" + options.list + "'. Baselines fitted on nine folds of the list and asked about the tenth.\n";
  }
  figures["network"] = network_json(*networks[0]);
  figures.update(figures_of(comparison));
  if (options.json)
    std::printf("%s\n", figures.dump(2, ' ', false, Figures::error_handler_t::replace).c_str());
  else
    std::printf("%s%zu clusters, network %s (%s).\n\n%s", head.c_str(), comparison.cases.size(),
                networks[0]->model_id.c_str(), networks[0]->training_set.c_str(),
                text_of(figures, options.brief).c_str());
  std::fflush(stdout);  // the figures stand, whatever becomes of the files
  if (!options.features.empty()) write_features(options.features, training, test);
  if (!options.output.empty()) save_plots(comparison, options.output);
  return tool::Exit::ok;
}

int evaluate_matrix(const EvaluateOptions& options) {
  Team team(tool::thread_count(options.threads));
  const Networks networks = open_networks(options, team.size());
  std::map<std::string, std::unique_ptr<Filters>> filters;
  std::map<std::string, std::vector<FittedBaseline>> baselines;
  std::vector<std::string> trained_on;
  for (const auto& network : networks) {
    const std::string sky = training_sky_of(options, *network, "A");
    trained_on.push_back(sky);
    if (filters.contains(sky)) continue;
    filters[sky] = std::make_unique<Filters>(recipe_of(sky, options.prior));
    baselines[sky] = fit_baselines(training_cases(options, sky, *filters[sky], nullptr, team));
  }
  Figures rows = Figures::array();
  for (const char* test_sky : {"A", "B", "AB-mixed"}) {
    const FilterOracle oracle(recipe_of(test_sky, options.prior));
    SkyRequest request{test_sky,     options.prior,    options.seed,
                       test_scenes,  options.clusters, &networks,
                       {},           &oracle,          std::string("Test clusters, mock sky ") + test_sky,
                       options.quiet};
    std::vector<std::string> recipes;
    for (const auto& [sky, filter] : filters) {
      recipes.push_back(sky);
      request.recipes.push_back(filter.get());
    }
    const std::vector<Case> cases = measure_sky(request, team);
    for (std::size_t k = 0; k < networks.size(); ++k) {
      const auto recipe =
          static_cast<std::size_t>(std::find(recipes.begin(), recipes.end(), trained_on[k]) - recipes.begin());
      const Figures all = figures_of(compare(cases, k, recipe, baselines[trained_on[k]], nullptr, true));
      // What the other richness relation alone does to a posterior mean: its shift, drawn in by the slope.
      const mock::SkyParameters from = recipe_of(trained_on[k], options.prior), to = recipe_of(test_sky, options.prior);
      double shift = 0;
      for (const Case& one : cases)
        shift += (mock::mean_ln_richness(one.label, one.redshift, to) -
                  mock::mean_ln_richness(one.label, one.redshift, from)) /
                 (from.richness_slope * std::numbers::ln10 * static_cast<double>(cases.size()));
      Figures row{{"model_id", networks[k]->model_id}, {"trained_on", trained_on[k]}, {"tested_on", test_sky}};
      for (const char* key : {"n", "mae", "mae_const", "mae_o1", "mae_o2", "ratio_o2", "bias", "slope", "coverage_68",
                              "coverage_90", "pit_ks_p", "flagged_ood"})
        row[key] = all[key];
      for (const Figures& method : all["methods"])
        if (method["name"] == "filter on pixels") {
          row["mae_filter"] = method["mae"];
          row["bias_filter"] = method["bias"];
        }
      row["richness_shift"] = shift;
      row["excess_bias"] = row["bias"].get<double>() - shift * row["slope"].get<double>();
      rows.push_back(row);
    }
  }
  if (options.json) {
    const Figures out{
        {"sample", {{"kind", "mock sky"}, {"simulated", true}, {"prior", options.prior}, {"seed", options.seed}}},
        {"matrix", rows}};
    std::printf("%s\n", out.dump(2, ' ', false, Figures::error_handler_t::replace).c_str());
    return tool::Exit::ok;
  }
  std::printf(
      "Simulated clusters, not real ones; prior '%s', seed %llu. Baselines fitted on the network's own training "
      "sky.\n\n%s",
      options.prior.c_str(), static_cast<unsigned long long>(options.seed), matrix_text(rows).c_str());
  return tool::Exit::ok;
}
