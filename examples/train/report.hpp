// SPDX-License-Identifier: BSD-3-Clause
// What a run says of itself: tables, plots, the model card.
#pragma once

#include <string>
#include <vector>

#include "run.hpp"

/// One predicted cluster beside what is known of it. [dex]
struct Case {
  std::string id, part, source;  ///< part: which test clusters
  double redshift, coverage, masked_fraction;
  double target, target_error;  ///< the truth (error 0) where it is known, else the label
  double mean, sigma;
  double filter, oracle;  ///< o2, o1; NaN where there is none
  int fold;
};

/// One line of a table: the mean absolute error and the standard error of that mean, beside those of the constant
/// predictor and of the oracles on the same clusters.
struct Row {
  std::string name;
  std::size_t count = 0;
  double mae = 0, mae_error = 0, constant = 0, oracle = 0, filter = 0, bias = 0, coverage68 = 0, coverage90 = 0;
};

/// What is known beside the cases: the constant predictor, and the half-width of the 90 % interval in sigma.
struct Yardstick {
  double constant = 0, q90 = 1.645;
};

/// All, then bins in coverage, redshift and mass.
std::vector<Row> tabulate(const std::string& name, const std::vector<Case>& cases, const Yardstick& yardstick);
std::string markdown_table(const std::vector<Row>& rows);
std::string cases_csv(const std::vector<Case>& cases);

/// MAE of each fold, its mean, spread and best, in words; empty without folds.
std::string folds_in_words(const std::vector<Case>& cases, double constant);

/// losses.svg, predicted.svg, residuals.svg, calibration.svg in the run folder.
void draw_losses(const RunFolder& folder, const std::string& metrics);
void draw_cases(const RunFolder& folder, const std::vector<Case>& cases, const std::string& what);

/// clustermass_train compare RUN...: the test clusters of several runs, paired, and the learning curve as an SVG.
std::string compare_runs(const std::vector<std::string>& folders, const std::string& plot);
