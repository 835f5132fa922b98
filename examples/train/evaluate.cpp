// SPDX-License-Identifier: BSD-3-Clause
#include "evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "clustermass/baselines/floor.hpp"

using namespace clustermass;

std::vector<Outcome> estimate_part(const Estimator& estimator, const mock::SkyParameters& sky, std::uint64_t seed,
                                   Part part, std::size_t count, Team& team) {
  std::vector<Outcome> outcomes(count);
  const FilterOracle filter(sky);
  std::vector<Workspace> workspaces;
  for (int member = 0; member < team.size(); ++member) workspaces.push_back(estimator.workspace());
  team.run(count, [&](std::size_t k, int member) {
    const mock::Scene scene = scene_of(sky, seed, part, k);
    const CutoutBuffer cutout = mock::render_working(scene, sky);
    Outcome& outcome = outcomes[k];
    outcome.mass = estimator.estimate_mass(cutout, workspaces[static_cast<std::size_t>(member)]);
    outcome.truth = scene.log10_m500c;
    outcome.redshift = scene.redshift;
    outcome.lambda = scene.lambda_int;
    outcome.oracle = oracle_richness(scene.lambda_int, scene.redshift, sky);
    outcome.filter = filter(scene).mass.log10_m500c;
  });
  return outcomes;
}

std::vector<Prediction> predictions_of(const std::vector<Outcome>& outcomes) {
  std::vector<Prediction> predictions;
  for (const Outcome& o : outcomes)
    if (o.mass.has_result()) predictions.push_back({o.mass.log10_m500c, o.mass.log10_m500c_error, o.truth, 0});
  return predictions;
}

namespace {
Row row_of(const std::string& name, const std::vector<Outcome>& outcomes, double constant,
           const std::function<bool(const Outcome&)>& in) {
  Row row;
  row.name = name;
  for (const Outcome& o : outcomes) {
    if (!o.mass.has_result() || !in(o)) continue;
    const double error = o.mass.log10_m500c - o.truth;
    ++row.count;
    row.mae += std::fabs(error);
    row.bias += error;
    row.constant += std::fabs(constant - o.truth);
    row.oracle += std::fabs(o.oracle - o.truth);
    row.filter += std::fabs(o.filter - o.truth);
    row.coverage68 += std::fabs(error) <= o.mass.log10_m500c_error ? 1 : 0;
    row.coverage90 += o.truth >= o.mass.lo90 && o.truth <= o.mass.hi90 ? 1 : 0;
  }
  const double n = std::max<double>(1, static_cast<double>(row.count));
  for (double* value : {&row.mae, &row.constant, &row.oracle, &row.filter, &row.bias, &row.coverage68, &row.coverage90})
    *value /= n;
  return row;
}
}  // namespace

std::vector<Row> tabulate(const std::vector<Outcome>& outcomes, double constant) {
  std::vector<Row> rows{row_of("all", outcomes, constant, [](const Outcome&) { return true; })};
  const auto bins = [&](const char* what, std::initializer_list<double> edges, auto value) {
    for (const double* edge = edges.begin(); edge + 1 != edges.end(); ++edge) {
      char name[64];
      std::snprintf(name, sizeof name, "%s %.2f to %.2f", what, edge[0], edge[1]);
      rows.push_back(row_of(name, outcomes, constant,
                            [&, edge](const Outcome& o) { return value(o) >= edge[0] && value(o) < edge[1]; }));
    }
  };
  bins("coverage", {0.0, 0.4, 0.6, 0.8, 0.999, 1.01}, [](const Outcome& o) { return o.mass.coverage; });
  bins("z", {0.08, 0.2, 0.35, 0.551}, [](const Outcome& o) { return o.redshift; });
  bins("true log10 M500c", {13.7, 14.2, 14.7, 15.21}, [](const Outcome& o) { return o.truth; });
  return rows;
}

std::string markdown_table(const std::vector<Row>& rows) {
  std::string text =
      "| sample | clusters | MAE | constant's MAE | oracle o1 | oracle o2 | bias | within 1 sigma | within lo90-hi90 "
      "|\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const Row& row : rows) {
    char line[256];
    std::snprintf(line, sizeof line, "| %s | %zu | %.3f | %.3f | %.3f | %.3f | %+.3f | %.1f %% | %.1f %% |\n",
                  row.name.c_str(), row.count, row.mae, row.constant, row.oracle, row.filter, row.bias,
                  100 * row.coverage68, 100 * row.coverage90);
    text += line;
  }
  return text;
}
