// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "clustermass/stats/bins.hpp"
#include "clustermass/stats/bootstrap.hpp"
#include "clustermass/stats/conditional_bias.hpp"
#include "clustermass/stats/posterior_scores.hpp"
#include "clustermass/stats/scores.hpp"
#include "report.hpp"

using namespace clustermass;

namespace {

std::vector<double> costs(std::span<const Prediction> predictions) {
  std::vector<double> values = stats::errors(predictions);
  for (double& v : values) v = std::fabs(v);
  return values;
}

double mae_of(const Comparison& c, std::string_view name) {
  const Method* method = c.find(name);
  return method ? stats::mean_absolute(stats::errors(method->predictions)) : NAN;
}

/// Share of the labels inside the network's own 90 % interval, widened by the label's error.
double interval_coverage(const Comparison& c, std::span<const std::size_t> members) {
  double inside = 0;
  for (const std::size_t k : members) {
    const MassEstimate& m = c.cases[k]->masses[c.network];
    const double units = 0.5 * (m.hi90 - m.lo90) / m.log10_m500c_error;
    inside += std::fabs(c.cases[k]->label - m.log10_m500c) <=
              units * std::hypot(m.log10_m500c_error, c.cases[k]->label_error);
  }
  return inside / static_cast<double>(members.size());
}

/// The scores of one method, with its yardsticks on the same clusters.
Figures scores_of(const Method& method, double constant, double floor) {
  const stats::PointScores s = stats::point_scores(method.predictions);
  const stats::PosteriorScores p = stats::posterior_scores(method.predictions);
  Figures j;
  j["name"] = method.name;
  j["mae"] = s.mae;
  j["mae_error"] = stats::bootstrap_mean(costs(method.predictions)).error;
  j["skill"] = stats::skill(s.mae, constant);
  j["attained_fraction"] = stats::attained_fraction(s.mae, constant, floor);
  j["ratio_o2"] = s.mae / floor;
  j["bias"] = s.bias;
  j["median_bias"] = s.median_bias;
  j["nmad"] = s.nmad;
  j["rms"] = s.rms;
  j["outliers"] = s.outliers;
  j["spearman"] = s.spearman;
  j["crps"] = p.crps;
  j["nll"] = p.nll;
  j["coverage_50"] = p.coverage50;
  j["coverage_68"] = p.coverage68;
  j["coverage_90"] = p.coverage90;
  j["coverage_95"] = p.coverage95;
  j["pit_ks_distance"] = p.pit.distance;
  j["pit_ks_p"] = p.pit.p_value;
  j["width_68"] = p.width68;
  return j;
}

/// One row of a table: every method on some of the clusters.
Figures row_of(const Comparison& c, std::span<const std::size_t> members) {
  Figures row{{"n", members.size()}};
  for (const Method& method : c.methods) {
    const auto some = stats::take(std::span<const Prediction>(method.predictions), members);
    const std::vector<double> error = stats::errors(some);
    row["mae"][method.name] = stats::mean_absolute(error);
    if (method.name != "network") continue;
    row["bias"] = stats::mean(error);
    row["coverage_68"] = stats::coverage(some, 0.68);
  }
  row["coverage_90"] = interval_coverage(c, members);
  return row;
}

/// One table: the clusters in bins of a number.
Figures table_of(const Comparison& c, const std::string& name, const std::function<double(std::size_t)>& value,
                 std::span<const double> edges) {
  std::vector<double> values;
  for (std::size_t k = 0; k < c.cases.size(); ++k) values.push_back(value(k));
  Figures rows = Figures::array();
  for (const stats::BinMembers& bin : stats::bin_members(values, edges)) {
    if (bin.members.empty()) continue;
    Figures row{{"low", bin.bin.low}, {"high", bin.bin.high}};
    row.update(row_of(c, bin.members));
    rows.push_back(row);
  }
  return {{"of", name}, {"rows", rows}};
}

Figures bias_rows(const stats::ConditionalBias& bias) {
  Figures rows = Figures::array();
  for (const stats::BiasBin& b : bias.bins)
    if (b.n > 0)
      rows.push_back({{"low", b.bin.low}, {"high", b.bin.high}, {"n", b.n}, {"bias", b.bias}, {"error", b.error}});
  return rows;
}

/// The first method's mean |error| minus the second's, on the same clusters.
Figures paired(const Method& first, const Method& second) {
  const stats::PairedResult r = stats::paired_bootstrap(costs(first.predictions), costs(second.predictions));
  return {{"against", second.name},      {"difference", r.difference.value}, {"error", r.difference.error},
          {"low95", r.difference.low95}, {"high95", r.difference.high95},    {"better_in", r.first_better}};
}

}  // namespace

Figures figures_of(const Comparison& c) {
  const Method& network = c.methods.front();
  const double constant = mae_of(c, "constant"), o1 = mae_of(c, "o1"), o2 = mae_of(c, "o2");
  std::vector<std::size_t> all(c.cases.size());
  for (std::size_t k = 0; k < all.size(); ++k) all[k] = k;

  Figures j;
  j["n"] = c.cases.size();
  j["n_without_result"] = c.without_result;
  j.update(scores_of(network, constant, o2));
  j.erase("name");
  j["coverage_90_normal"] = j["coverage_90"];
  j["coverage_90"] = interval_coverage(c, all);
  j["mae_const"] = constant;
  j["mae_o1"] = o1;
  j["mae_o2"] = o2;
  j["ratio_o1"] = j["mae"].get<double>() / o1;

  std::vector<int> fold;
  std::vector<double> labels;
  double outside = 0;
  for (const Case* one : c.cases) {
    fold.push_back(one->fold);
    labels.push_back(one->label);
    outside += one->masses[c.network].flags & flag::ood ? 1 : 0;
  }
  const stats::FoldScores folds = stats::fold_scores(network.predictions, fold);
  j["mae_fold_mean"] = folds.mean;
  j["mae_fold_sd"] = folds.sd;
  j["mae_fold_best"] = folds.best;
  j["flagged_ood"] = outside / static_cast<double>(c.cases.size());

  const std::array<double, 7> masses{13.4, 13.7, 14.0, 14.3, 14.6, 14.9, 15.5};
  const stats::ConditionalBias calibration = stats::calibration_bias(network.predictions, masses),
                               shrinkage = stats::shrinkage_bias(network.predictions, masses);
  j["slope"] = shrinkage.line.slope;
  j["calibration_slope"] = calibration.line.slope;
  j["conditional_bias"] = {{"given_prediction", bias_rows(calibration)}, {"given_truth", bias_rows(shrinkage)}};

  // The sample's own spread stands for the prior; on the training prior it is that.
  const stats::NormalPrior prior{stats::mean(labels), stats::standard_deviation(labels)};
  std::vector<Prediction> likelihood;
  for (const Prediction& p : network.predictions)
    if (const Prediction free = stats::without_prior(p, prior); std::isfinite(free.mean)) likelihood.push_back(free);
  j["without_prior"] = {{"prior_mean", prior.mean},
                        {"prior_sigma", prior.sigma},
                        {"n", likelihood.size()},
                        {"mae", stats::mean_absolute(stats::errors(likelihood))},
                        {"slope", stats::shrinkage_bias(likelihood, masses).line.slope}};

  j["methods"] = Figures::array();
  for (const Method& method : c.methods) j["methods"].push_back(scores_of(method, constant, o2));
  j["paired"] = Figures::array();
  for (const char* name : {"filter on pixels", "filter on catalogue", "nine features", "network and filter"})
    if (const Method* method = c.find(name)) j["paired"].push_back(paired(network, *method));

  const auto mass = [&](std::size_t k) -> const MassEstimate& { return c.cases[k]->masses[c.network]; };
  j["tables"] = Figures::array();
  const auto add = [&](const std::string& name, std::initializer_list<double> edges, auto&& value) {
    j["tables"].push_back(table_of(c, name, value, std::span(edges.begin(), edges.size())));
  };
  add(c.simulated ? "true log10 M500c" : "label", {13.0, 13.7, 14.2, 14.7, 15.2, 16.0},
      [&](std::size_t k) { return c.cases[k]->label; });
  add("predicted log10 M500c", {13.0, 13.7, 14.2, 14.7, 15.2, 16.0},
      [&](std::size_t k) { return mass(k).log10_m500c; });
  add("redshift", {0.02, 0.08, 0.2, 0.35, 0.551, 1.0}, [&](std::size_t k) { return c.cases[k]->redshift; });
  if (std::isfinite(c.cases.front()->lambda))
    add("richness", {0, 20, 40, 80, 160, 1000}, [&](std::size_t k) { return c.cases[k]->lambda; });
  add("coverage", {0.0, 0.4, 0.6, 0.8, 0.999, 1.001}, [&](std::size_t k) { return mass(k).coverage; });
  std::map<std::string, std::vector<std::size_t>> by_source;
  for (std::size_t k = 0; k < c.cases.size(); ++k) by_source[c.cases[k]->label_source].push_back(k);
  if (by_source.size() > 1) {
    Figures rows = Figures::array();
    for (const auto& [source, members] : by_source) {
      Figures row{{"name", source}};
      row.update(row_of(c, members));
      rows.push_back(row);
    }
    j["tables"].push_back({{"of", "label source"}, {"rows", rows}});
  }
  add("masked fraction", {0.0, 0.001, 0.01, 0.05, 0.2, 1.0}, [&](std::size_t k) { return mass(k).masked_fraction; });
  return j;
}
