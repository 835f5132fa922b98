// SPDX-License-Identifier: BSD-3-Clause
#include "report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>

#include "../common/plot.hpp"
#include "clustermass/io/csv.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/stats/bootstrap.hpp"
#include "clustermass/stats/scores.hpp"

using namespace clustermass;

namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[400];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

Row row_of(const std::string& name, const std::vector<Case>& cases, const Yardstick& yardstick,
           const std::function<bool(const Case&)>& in) {
  Row row;
  row.name = name;
  double square = 0;
  for (const Case& c : cases) {
    if (!in(c)) continue;
    const double error = c.mean - c.target, width = std::hypot(c.sigma, c.target_error);
    ++row.count;
    row.mae += std::fabs(error);
    square += error * error;
    row.bias += error;
    row.constant += std::fabs(yardstick.constant - c.target);
    row.oracle += std::fabs(c.oracle - c.target);
    row.filter += std::fabs(c.filter - c.target);
    row.coverage68 += std::fabs(error) <= width ? 1 : 0;
    row.coverage90 += std::fabs(error) <= yardstick.q90 * width ? 1 : 0;
  }
  const double n = std::max<double>(1, static_cast<double>(row.count));
  for (double* value : {&row.mae, &row.constant, &row.oracle, &row.filter, &row.bias, &row.coverage68, &row.coverage90})
    *value /= n;
  row.mae_error = std::sqrt(std::max(0.0, square / n - row.mae * row.mae) / n);
  return row;
}

std::string or_dash(double value) { return value == value ? format("%.3f", value) : "-"; }

}  // namespace

std::vector<Row> tabulate(const std::string& name, const std::vector<Case>& cases, const Yardstick& yardstick) {
  std::vector<Row> rows{row_of(name, cases, yardstick, [](const Case&) { return true; })};
  const auto bins = [&](const char* what, std::initializer_list<double> edges, auto value) {
    for (const double* edge = edges.begin(); edge + 1 != edges.end(); ++edge)
      rows.push_back(row_of(format("%s %.2f to %.2f", what, edge[0], edge[1]), cases, yardstick,
                            [&, edge](const Case& c) { return value(c) >= edge[0] && value(c) < edge[1]; }));
  };
  bins("coverage", {0.0, 0.4, 0.6, 0.8, 0.999, 1.01}, [](const Case& c) { return c.coverage; });
  bins("masked", {0.0, 0.02, 0.1, 1.01}, [](const Case& c) { return c.masked_fraction; });
  bins("z", {0.02, 0.2, 0.35, 1.01}, [](const Case& c) { return c.redshift; });
  bins("log10 M500c", {12.0, 14.2, 14.7, 17.0}, [](const Case& c) { return c.target; });
  std::erase_if(rows, [](const Row& row) { return row.count == 0; });
  return rows;
}

std::string markdown_table(const std::vector<Row>& rows) {
  std::string text =
      "| sample | clusters | MAE | constant's MAE | oracle o1 | oracle o2 | bias | within 1 sigma | within lo90-hi90 "
      "|\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const Row& row : rows)
    text += format("| %s | %zu | %.3f +- %.3f | %.3f | %s | %s | %+.3f | %.1f %% | %.1f %% |\n", row.name.c_str(),
                   row.count, row.mae, row.mae_error, row.constant, or_dash(row.oracle).c_str(),
                   or_dash(row.filter).c_str(), row.bias, 100 * row.coverage68, 100 * row.coverage90);
  return text;
}

std::string cases_csv(const std::vector<Case>& cases) {
  std::string text = "id,part,source,z,coverage,target,target_error,mean,sigma,filter_o2,oracle_o1,fold\n";
  for (const Case& c : cases)
    text += c.id + "," + c.part + "," + c.source +
            format(",%.6g,%.6g,%.9g,%.6g,%.9g,%.9g,%.9g,%.9g,%d\n", c.redshift, c.coverage, c.target, c.target_error,
                   c.mean, c.sigma, c.filter, c.oracle, c.fold);
  return text;
}

std::string folds_in_words(const std::vector<Case>& cases, double constant) {
  std::vector<Prediction> predictions;
  std::vector<int> fold;
  double plain = 0;
  for (const Case& c : cases) {
    predictions.push_back({c.mean, c.sigma, c.target, c.target_error});
    fold.push_back(c.fold);
    plain += std::fabs(constant - c.target) / static_cast<double>(cases.size());
  }
  const stats::FoldScores scores = stats::fold_scores(predictions, fold);
  if (scores.mae.size() < 2) return {};
  return format(
      "%zu folds, %zu clusters: MAE against the labels %.3f dex, standard deviation over folds %.3f, best fold %.3f "
      "(a selection); constant predictor %.3f",
      scores.mae.size(), cases.size(), scores.mean, scores.sd, scores.best, plain);
}

void draw_losses(const RunFolder& folder, const std::string& metrics) {
  struct Curve {
    std::vector<double> epoch, loss, training, validation;
  };
  std::map<std::string, Curve> curves;
  CsvReader reader(metrics, "metrics");
  CsvRow row;
  reader.next(row);
  while (reader.next(row)) {
    Curve& curve = curves[row.fields[0] + (row.fields[1].empty() ? "" : " without fold " + row.fields[1])];
    const auto number = [&](std::size_t k) {
      return row.fields[k].empty() ? NAN : std::strtod(row.fields[k].c_str(), nullptr);
    };
    curve.epoch.push_back(number(2));
    curve.loss.push_back(number(3));
    curve.training.push_back(number(5));
    curve.validation.push_back(number(7));
  }
  tool::Plot loss("Loss of each stage", "epoch of the stage", "mean loss"),
      error("Error of the mass stages", "epoch of the stage", "MAE [dex]");
  for (const auto& [name, curve] : curves) {
    loss.line(curve.epoch, curve.loss, {.label = curves.size() < 7 ? name : ""});
    if (name.starts_with("bands")) continue;
    error.line(curve.epoch, curve.training, {.label = curves.size() < 7 ? name + ", training" : ""});
    error.line(curve.epoch, curve.validation, {.label = curves.size() < 7 ? name + ", validation" : "", .dash = "5 3"});
  }
  tool::Svg svg(1040, 400);
  loss.draw(svg, {0, 0}, 520, 400);
  error.draw(svg, {520, 0}, 520, 400);
  svg.save(folder.file("losses.svg"));
}

void draw_cases(const RunFolder& folder, const std::vector<Case>& cases, const std::string& what) {
  std::vector<double> target, mean, sigma, residual, z, pit;
  for (const Case& c : cases) {
    const double width = std::hypot(c.sigma, c.target_error);
    pit.push_back(0.5 * std::erfc(-(c.target - c.mean) / width / std::sqrt(2.0)));
    if (target.size() >= 600) continue;  // so many points can still be told apart
    target.push_back(c.target);
    mean.push_back(c.mean);
    sigma.push_back(c.sigma);
    residual.push_back(c.mean - c.target);
    z.push_back(c.redshift);
  }
  const std::string count = format(", %zu of %zu clusters", target.size(), cases.size());
  tool::Plot(what + count, "true log10(M500c/Msun), or label", "predicted, with 1-sigma error")
      .diagonal()
      .scatter(target, mean, {.opacity = 0.6}, sigma)
      .save(folder.file("predicted.svg"));
  tool::Svg residuals(1040, 400);
  tool::Plot("Residual and redshift", "z", "predicted - true [dex]")
      .scatter(z, residual, {.opacity = 0.6})
      .horizontal(0)
      .draw(residuals, {0, 0}, 520, 400);
  tool::Plot("Residual and mass", "true log10(M500c/Msun), or label", "predicted - true [dex]")
      .scatter(target, residual, {.opacity = 0.6})
      .horizontal(0)
      .draw(residuals, {520, 0}, 520, 400);
  residuals.save(folder.file("residuals.svg"));

  std::vector<double> wanted, found;
  for (int k = 1; k < 50; ++k) {
    const double share = k / 50.0;
    double inside = 0;
    for (const double p : pit) inside += std::fabs(2 * p - 1) <= share ? 1 : 0;
    wanted.push_back(share);
    found.push_back(inside / static_cast<double>(pit.size()));
  }
  tool::Svg calibration(1040, 400);
  tool::Plot("Coverage of central intervals", "wanted", "found")
      .diagonal()
      .line(wanted, found)
      .draw(calibration, {0, 0}, 520, 400);
  tool::Plot("Probability integral transform", "share of the posterior below the truth", "density")
      .histogram(pit, 20, {}, true, 0, 1)
      .horizontal(1)
      .draw(calibration, {520, 0}, 520, 400);
  calibration.save(folder.file("calibration.svg"));
}

std::string compare_runs(const std::vector<std::string>& folders, const std::string& plot) {
  struct Finished {
    std::string name;
    std::map<std::string, double> error, constant, filter;
    double labelled = 0;
  };
  std::vector<Finished> runs;
  for (const std::string& folder : folders) {
    Finished run;
    run.name = folder.substr(folder.find_last_of('/', folder.size() - 2) + 1);
    const auto text_of = [&](const std::string& name) {
      const std::vector<std::byte> bytes = read_file<InputError>(folder + "/" + name);
      return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    const std::string text = text_of("predictions.csv"), config = text_of("run_config.toml");
    CsvReader reader(text, folder + "/predictions.csv");
    CsvRow row;
    std::string part;
    reader.next(row);
    while (reader.next(row)) {
      if (row.fields.size() < 12) reader.fail(row.line, "expected the 12 fields that a run writes");
      if (part.empty()) part = row.fields[1];
      if (row.fields[1] != part) continue;  // clusters of another sky
      const auto number = [&](std::size_t k) { return std::strtod(row.fields[k].c_str(), nullptr); };
      run.error[row.fields[0]] = std::fabs(number(7) - number(5));
      run.filter[row.fields[0]] = std::fabs(number(9) - number(5));
    }
    if (run.error.empty()) throw InputError(folder + "/predictions.csv holds no cluster; finish the run first");
    if (const std::size_t at = config.find("\nclusters = "); at != std::string::npos)
      run.labelled = std::strtod(config.c_str() + at + 12, nullptr);
    runs.push_back(std::move(run));
  }
  // Differences to the first run on the clusters that both have; bootstrap over clusters.
  std::string text =
      "| run | clusters trained on | MAE | - first run's, 1 sigma of a paired bootstrap | oracle o2 |\n| --- | --- | "
      "--- | --- | --- |\n";
  std::vector<double> labelled, mae, spread;
  for (const Finished& run : runs) {
    std::vector<double> difference, error;
    double filter = 0;
    for (const auto& [id, value] : run.error) {
      error.push_back(value);
      filter += run.filter.at(id) / static_cast<double>(run.error.size());
      if (const auto other = runs[0].error.find(id); other != runs[0].error.end())
        difference.push_back(value - other->second);
    }
    labelled.push_back(run.labelled);
    const stats::BootstrapResult own = stats::bootstrap_mean(error), paired = stats::bootstrap_mean(difference);
    mae.push_back(own.value);
    spread.push_back(own.error);
    text += format("| %s | %.0f | %.3f +- %.3f | %+.3f +- %.3f | %s |\n", run.name.c_str(), run.labelled, own.value,
                   own.error, paired.value, paired.error, or_dash(filter).c_str());
  }
  if (!plot.empty())
    tool::Plot("Learning curve", "labelled clusters", "MAE on the test clusters [dex]")
        .scatter(labelled, mae, {}, spread)
        .save(plot);
  return text;
}
