// SPDX-License-Identifier: BSD-3-Clause
#include <filesystem>

#include "../common/plot.hpp"
#include "clustermass/stats/bins.hpp"
#include "clustermass/stats/posterior_scores.hpp"
#include "clustermass/stats/scores.hpp"
#include "report.hpp"

using namespace clustermass;

namespace {
/// Median and 16th to 84th percentile of y in bins of x, drawn over points.
void draw_residuals(tool::Plot& plot, std::span<const double> x, std::span<const double> y,
                    std::span<const double> edges) {
  plot.scatter(x, y, {.label = "clusters", .colour = tool::colour::sky, .opacity = 0.35, .size = 1.8});
  std::vector<double> middle, centre, low, high;
  for (const stats::BinMembers& bin : stats::bin_members(x, edges)) {
    if (bin.members.size() < 5) continue;
    const auto some = stats::take(y, bin.members);
    middle.push_back(0.5 * (bin.bin.low + bin.bin.high));
    centre.push_back(stats::median(some));
    low.push_back(stats::quantile(some, 0.16));
    high.push_back(stats::quantile(some, 0.84));
  }
  plot.band(middle, low, high, {.label = "16 to 84 %", .colour = tool::colour::blue, .opacity = 0.2});
  plot.line(middle, centre, {.label = "median", .colour = tool::colour::blue});
  plot.horizontal(0, {.colour = tool::colour::faint, .dash = "5 4"});
}

std::vector<double> steps(double low, double high, int count) {
  std::vector<double> edges;
  for (int k = 0; k <= count; ++k) edges.push_back(low + (high - low) * k / count);
  return edges;
}
}  // namespace

void save_plots(const Comparison& c, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::vector<Prediction>& p = c.methods.front().predictions;
  const std::vector<double> truth = stats::column(p, &Prediction::label), mean = stats::column(p, &Prediction::mean),
                            sigma = stats::column(p, &Prediction::sigma), residual = stats::errors(p);
  std::vector<double> redshift;
  for (const Case* one : c.cases) redshift.push_back(one->redshift);
  const std::string x = c.simulated ? "true log10(M500c/Msun), mock sky" : "label, log10(M500c/Msun)";
  const auto path = [&](const char* name) { return (std::filesystem::path(folder) / name).string(); };

  tool::Plot scatter("Predicted against " + std::string(c.simulated ? "true" : "label"), x, "predicted");
  scatter.diagonal().scatter(truth, mean, {.label = "network", .opacity = 0.5, .size = 1.8}, sigma);
  scatter.save(path("predicted.svg"));

  tool::Plot by_redshift("Residual against redshift", "redshift",
                         "predicted - " + std::string(c.simulated ? "true" : "label") + " [dex]");
  draw_residuals(by_redshift, redshift, residual, steps(0.05, 0.6, 11));
  by_redshift.save(path("residual_redshift.svg"));
  tool::Plot by_mass("Residual against mass", x,
                     "predicted - " + std::string(c.simulated ? "true" : "label") + " [dex]");
  draw_residuals(by_mass, truth, residual, steps(13.4, 15.4, 10));
  by_mass.save(path("residual_mass.svg"));

  std::vector<double> level, held, best;
  for (int k = 1; k < 20; ++k) {
    level.push_back(0.05 * k);
    held.push_back(stats::coverage(p, level.back()));
  }
  tool::Plot coverage("Coverage", "nominal share of the interval", "share of the clusters inside");
  coverage.x_range(0, 1).y_range(0, 1).diagonal();
  coverage.line(level, held, {.label = "network"});
  if (const Method* filter = c.find("filter on pixels")) {
    for (const double l : level) best.push_back(stats::coverage(filter->predictions, l));
    coverage.line(level, best, {.label = "filter on pixels", .dash = "6 3"});
  }
  coverage.save(path("coverage.svg"));

  tool::Plot pit("Probability integral transform", "share of the posterior below the label", "density");
  pit.x_range(0, 1).histogram(stats::pit_values(p), 20, {.label = "network"}, true, 0, 1);
  pit.horizontal(1, {.colour = tool::colour::faint, .dash = "5 4"});
  pit.save(path("pit.svg"));
}
