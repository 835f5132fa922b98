// SPDX-License-Identifier: BSD-3-Clause
#include "validate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "../common/program.hpp"
#include "../common/progress.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/parallel.hpp"
#include "clustermass/version.hpp"
#include "network.hpp"
#include "sanity.hpp"
#include "statistics.hpp"
#include "truth.hpp"

using namespace clustermass;
using statistics::mean;

namespace {

constexpr double no_limit = std::numeric_limits<double>::infinity();
constexpr std::uint64_t first_scene = 5'000'000'000;  // scenes that no network of this project is trained or tested on
constexpr std::size_t method_gradients = static_cast<std::size_t>(Method::gradients),
                      method_joint = static_cast<std::size_t>(Method::joint),
                      method_light = static_cast<std::size_t>(Method::light);

/// One measured number and the range it must lie in; without a range it is information.
struct Check {
  std::string name;
  double value = 0, low = -no_limit, high = no_limit;
  bool passed() const { return value >= low && value <= high; }
};

/// What one map says of all clusters.
struct Row {
  double members = 0, stars = 0, field = 0;  ///< enrichment: share of what is positive over share of the area
  double net_members = 0, net_stars = 0, net_field = 0;  ///< shares of the signed sum
  double spearman = 0, spearman_error = 0, occlusion = 0;
  statistics::Line half, all;
  double half_r = 0, all_r = 0;
};

Row row_of(const std::vector<ClusterScore>& scores, std::size_t method) {
  Row row;
  std::vector<double> said_half, lost_half, said_all, lost_all, spearman, occlusion;
  double members = 0, stars = 0, field = 0, area_members = 0, area_stars = 0, area_field = 0, net = 0;
  for (const ClusterScore& score : scores) {
    const MapScore& map = score.maps[method];
    members += map.members, stars += map.stars, field += map.field;
    area_members += score.area_members, area_stars += score.area_stars, area_field += score.area_field;
    net += map.net_all;
    row.net_members += map.net_members, row.net_stars += map.net_stars, row.net_field += map.net_field;
    said_half.push_back(map.half), lost_half.push_back(score.half);
    said_all.push_back(map.all), lost_all.push_back(score.all);
    if (std::isfinite(map.spearman)) spearman.push_back(map.spearman);
    if (std::isfinite(map.occlusion)) occlusion.push_back(map.occlusion);
  }
  row.members = members / area_members, row.stars = stars / area_stars, row.field = field / area_field;
  for (double* share : {&row.net_members, &row.net_stars, &row.net_field}) *share /= net;
  row.spearman = mean(spearman), row.spearman_error = statistics::mean_error(spearman);
  row.occlusion = mean(occlusion);
  row.half = statistics::fit_line(said_half, lost_half), row.all = statistics::fit_line(said_all, lost_all);
  row.half_r = statistics::pearson(said_half, lost_half), row.all_r = statistics::pearson(said_all, lost_all);
  return row;
}

/// |sum - difference| of the integrated gradients of what the workspace holds, from no light, with just so many steps.
double residual_after(const Explainer& explainer, ExplainerWorkspace& memory, int steps) {
  const std::span<const float> prepared = memory.estimate.prepared().input;
  const std::vector<float> input(prepared.begin(), prepared.end()), dark(input.size());
  std::vector<float> point(input.size());
  std::vector<double> attribution(input.size()), gradient(input.size());
  integrate_gradients<float>(input, dark, steps, point, attribution,
                             [&](std::span<const float> x, std::span<double> sum) {
                               explainer.gradient_of(x, memory, gradient);
                               for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += gradient[k];
                             });
  const double difference = explainer.value_of(input, memory) - explainer.value_of(dark, memory);
  return std::fabs(std::accumulate(attribution.begin(), attribution.end(), -difference));
}

struct Cost {
  double ratio = 0, passes_up = 0, megabytes = 0;
};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Processor time of an explanation against as many passes up and down, and against passes up; the best of several.
Cost measure_cost(const Explainer& explainer, const Cutout& cutout) {
  ExplainerWorkspace memory = explainer.workspace();
  const int steps = explainer.explain(cutout, memory).backward_passes;
  const std::span<const float> prepared = memory.estimate.prepared().input;
  const std::vector<float> input(prepared.begin(), prepared.end());
  double whole = no_limit, passes = no_limit, up = no_limit;
  const auto timed = [](double& best, auto&& work) {
    const double start = cpu_seconds();
    work();
    best = std::min(best, cpu_seconds() - start);
  };
  for (int round = 0; round < 7; ++round) {
    timed(whole, [&] { explainer.explain(cutout, memory); });
    timed(passes, [&] {
      for (int k = 0; k < steps; ++k) explainer.gradient_of(input, memory, memory.d_input);
    });
    timed(up, [&] {
      for (int k = 0; k < steps; ++k) explainer.value_of(input, memory);
    });
  }
  return {whole / passes, whole / (up / steps), static_cast<double>(memory.bytes()) / (1 << 20)};
}

std::string markdown(const std::array<Row, method_count>& rows) {
  std::string text =
      "| map | on members | on stars | on field galaxies | net on members, stars, field | Spearman with filter weight "
      "| "
      "half the members away: slope, scatter, r | all away: slope, scatter, r | occlusion r |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (std::size_t m = 0; m < method_count; ++m) {
    const Row& r = rows[m];
    char line[320], slopes[2][64];
    const bool unit = m != method_light;  // the light's own sum has no unit of mass
    for (int k = 0; k < 2; ++k) {
      const statistics::Line& fit = k == 0 ? r.half : r.all;
      if (unit)
        std::snprintf(slopes[k], sizeof slopes[k], "%.2f, %.3f, %.2f", fit.slope, fit.scatter,
                      k == 0 ? r.half_r : r.all_r);
      else
        std::snprintf(slopes[k], sizeof slopes[k], "-, %.3f, %.2f", fit.scatter, k == 0 ? r.half_r : r.all_r);
    }
    std::snprintf(line, sizeof line,
                  "| %s | %.2f | %.2f | %.2f | %.0f %%, %.0f %%, %.0f %% | %.3f +- %.3f | %s | %s | %.2f |\n",
                  method_names[m], r.members, r.stars, r.field, 100 * r.net_members, 100 * r.net_stars,
                  100 * r.net_field, r.spearman, r.spearman_error, slopes[0], slopes[1], r.occlusion);
    text += line;
  }
  return text;
}

nlohmann::ordered_json json_of(const Row& r) {
  const auto line = [](const statistics::Line& fit, double correlation) {
    return nlohmann::ordered_json{{"slope", fit.slope}, {"scatter", fit.scatter}, {"r", correlation}};
  };
  return {{"enrichment", {{"members", r.members}, {"stars", r.stars}, {"field", r.field}}},
          {"net_share", {{"members", r.net_members}, {"stars", r.net_stars}, {"field", r.net_field}}},
          {"spearman_filter_weight", r.spearman},
          {"spearman_error", r.spearman_error},
          {"deletion_half", line(r.half, r.half_r)},
          {"deletion_all", line(r.all, r.all_r)},
          {"occlusion", r.occlusion}};
}

}  // namespace

int validate(const ValidateOptions& options) {
  const Network network = open_network(options.weights);
  Team team(tool::thread_count(options.threads));
  ExplainOptions how;
  how.steps = options.steps;
  how.baseline = options.baseline == "zero" ? Baseline::zero : Baseline::noise;
  how.noise_baselines = 4;
  const mock::SkyParameters sky;
  const FilterWeight filter(sky);

  // The truth of every cluster.
  const Explainer explainer(network.estimator, how);
  std::vector<ExplainerWorkspace> memory;
  for (int member = 0; member < team.size(); ++member) memory.push_back(explainer.workspace());
  std::vector<ClusterScore> scores(options.clusters);
  {
    tool::Progress progress("explaining", options.clusters, options.quiet);
    team.run(options.clusters, [&](std::size_t k, int member) {
      scores[k] = score_cluster(mock::draw_scene(sky, options.seed, first_scene + k), sky, filter, explainer,
                                memory[static_cast<std::size_t>(member)], k % 4 == 0);
      progress.step();
    });
  }
  std::erase_if(scores, [](const ClusterScore& score) { return !score.explained; });
  if (scores.size() < 3)
    throw InputError("only " + std::to_string(scores.size()) + " clusters have an estimate; give more --clusters");

  std::vector<Check> checks{{"clusters explained", static_cast<double>(scores.size())}};
  double gradients_within = 0, joint_within = 0, zero = 0;
  for (const ClusterScore& score : scores) {
    const double limit = completeness_limit(score.difference);
    gradients_within += std::fabs(score.gradients_residual) <= limit;
    joint_within += std::fabs(score.joint_residual) <= limit;
    zero += score.all_zero_where_masked;
  }
  const double n = static_cast<double>(scores.size());
  checks.push_back(
      {"share of integrated gradients that sum to the difference within 1 % and 0.001 dex", gradients_within / n, 1});
  checks.push_back({"the same of joint maps", joint_within / n, 1});
  checks.push_back({"share of maps that are exactly zero where there is no valid pixel", zero / n, 1});

  // A few fields for what needs many maps each.
  const std::size_t few = std::min<std::size_t>(10, options.clusters / 2);
  std::vector<sanity::Field> fields;
  for (std::size_t k = 0; fields.size() < few && k < 10 * few; ++k) {
    mock::Scene scene = mock::draw_scene(sky, options.seed, first_scene - 1 - k, {.footprint_probability = 0});
    if (scene.missing_band >= 0) continue;
    CutoutBuffer cutout = mock::render_working(scene, sky);
    fields.push_back({std::move(scene), std::move(cutout)});
  }
  {
    double coarse = 0, fine = 0;
    for (const sanity::Field& field : fields) {
      explainer.explain(field.cutout, memory[0]);
      coarse += residual_after(explainer, memory[0], std::max(1, options.steps / 4));
      fine += residual_after(explainer, memory[0], options.steps);
    }
    checks.push_back(
        {"residual of the integrated gradients over that with a quarter of the steps", fine / coarse, -no_limit, 0.5});
  }
  ExplainOptions quick = how;
  quick.steps = std::min(options.steps, 32);
  const std::vector<sanity::Likeness> cascade =
      sanity::randomise_from_the_top(network.estimator.network(), quick, fields, team);
  checks.push_back({"rank correlation with the map of a network randomised from top to bottom: integrated gradients",
                    cascade.back().gradients, -statistics::most_alike, statistics::most_alike});
  checks.push_back({"the same of joint maps", cascade.back().joint, -statistics::most_alike, statistics::most_alike});
  const sanity::Likeness permuted = sanity::permute_labels(network.estimator.network(), quick, fields,
                                                           std::min<std::size_t>(480, 8 * options.clusters), team);
  checks.push_back({"rank correlation with the map of a network trained on shuffled masses: integrated gradients",
                    permuted.gradients, -statistics::most_alike, statistics::most_alike});
  checks.push_back({"the same of joint maps", permuted.joint, -statistics::most_alike, statistics::most_alike});
  const sanity::Likeness shift = sanity::shift_by_a_cell(network.estimator, quick, fields, team);
  checks.push_back(
      {"correlation of the moved field's map with the moved map: integrated gradients", shift.gradients, 0.7});
  checks.push_back({"the same of joint maps", shift.joint, 0.7});

  std::array<Row, method_count> rows;
  for (std::size_t m = 0; m < method_count; ++m) rows[m] = row_of(scores, m);
  const Row &best = rows[method_gradients], &joint = rows[method_joint];
  double other_half = -1, other_all = -1;
  for (std::size_t m = 0; m < method_count; ++m)
    if (m != method_gradients) {
      other_half = std::max(other_half, rows[m].half_r);
      other_all = std::max(other_all, rows[m].all_r);
    }
  checks.push_back({"enrichment of positive attribution on members over their area", best.members, 2});
  checks.push_back({"its enrichment on members over that on stars", best.members / best.stars, 1});
  checks.push_back({"share of the explained dex that lies on members", best.net_members, 0.5});
  checks.push_back({"half the members rendered away: slope of the loss on the default map's", best.half.slope, 0.5, 2});
  checks.push_back({"its correlation less the best other map's, which may be noise", best.half_r - other_half, -0.03});
  checks.push_back({"its correlation less the joint map's", best.half_r - joint.half_r, 0});
  checks.push_back({"all members rendered away: correlation less the best other map's", best.all_r - other_all, 0});
  checks.push_back({"correlation with occlusion by patches less the joint map's", best.occlusion - joint.occlusion, 0});
  const Explainer timed(network.estimator, {.steps = options.steps});
  const Cost cost = measure_cost(timed, fields[0].cutout);
  checks.push_back({"time of an explanation over that of its passes up and down", cost.ratio, -no_limit, 1.15});
  checks.push_back({"cost in passes up (estimates without a redshift's response)", cost.passes_up});
  checks.push_back({"memory of an explanation [MiB]", cost.megabytes});

  const bool passed = std::all_of(checks.begin(), checks.end(), [](const Check& c) { return c.passed(); });
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array(), table, layers = list;
    for (const Check& check : checks) {
      nlohmann::ordered_json target = nlohmann::ordered_json::array({nullptr, nullptr});
      if (std::isfinite(check.low)) target[0] = check.low;
      if (std::isfinite(check.high)) target[1] = check.high;
      list.push_back({{"name", check.name}, {"value", check.value}, {"target", target}, {"passed", check.passed()}});
    }
    for (std::size_t m = 0; m < method_count; ++m) table[method_names[m]] = json_of(rows[m]);
    for (const sanity::Likeness& l : cascade)
      layers.push_back({{"random", l.network}, {"gradients", l.gradients}, {"joint", l.joint}});
    const nlohmann::ordered_json answer{{"model_id", network.estimator.model_id()},
                                        {"training_set", network.estimator.training_set()},
                                        {"seed", options.seed},
                                        {"clusters", options.clusters},
                                        {"baseline", options.baseline},
                                        {"steps", options.steps},
                                        {"version", CLUSTERMASS_VERSION_STRING},
                                        {"passed", passed},
                                        {"checks", list},
                                        {"maps", table},
                                        {"cascade", layers}};
    std::printf("%s\n", answer.dump(2).c_str());
  } else {
    std::printf("%zu clusters of mock sky A, network %s, %s baseline, %d steps\n\n%s", scores.size(),
                network.estimator.model_id().c_str(), options.baseline.c_str(), options.steps, markdown(rows).c_str());
    if (!options.table) {
      std::printf("\n");
      for (const sanity::Likeness& l : cascade)
        std::printf("random: %-26s rank correlation of integrated gradients %+.2f, of joint maps %+.2f\n",
                    l.network.c_str(), l.gradients, l.joint);
      std::printf("\n");
      for (const Check& check : checks) {
        std::printf("%-100s %9.4g", check.name.c_str(), check.value);
        if (std::isfinite(check.low) || std::isfinite(check.high))
          std::printf("   in [%.4g, %.4g]   %s", check.low, check.high, check.passed() ? "passed" : "FAILED");
        std::printf("\n");
      }
    }
  }
  std::fflush(stdout);
  return passed ? tool::Exit::ok : tool::Exit::rows_without_result;
}
