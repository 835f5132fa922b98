// SPDX-License-Identifier: BSD-3-Clause
// Figures of a network on clusters of the mock sky that it never saw, through the library's front door: the estimator
// as a user loads it, on cutouts as a user hands them in.
#pragma once

#include <string>
#include <vector>

#include "clustermass/estimator.hpp"
#include "clustermass/stats/calibration.hpp"
#include "data.hpp"

/// One test cluster: what was estimated and what is true.
struct Outcome {
  clustermass::MassEstimate mass;
  double truth = 0, redshift = 0, lambda = 0, oracle = 0, filter = 0;  // o1 and o2 of baselines/floor.hpp
};

/// Estimates `count` clusters of a part.
std::vector<Outcome> estimate_part(const clustermass::Estimator& estimator, const clustermass::mock::SkyParameters& sky,
                                   std::uint64_t seed, Part part, std::size_t count, clustermass::Team& team);

/// One line of a table: the mean absolute error against truth beside those of the constant predictor, of o1 and of o2
/// on the same clusters. [dex]
struct Row {
  std::string name;
  std::size_t count = 0;
  double mae = 0, constant = 0, oracle = 0, filter = 0, bias = 0, coverage68 = 0, coverage90 = 0;
};

/// All, then bins in coverage, redshift and mass.
std::vector<Row> tabulate(const std::vector<Outcome>& outcomes, double constant);
std::string markdown_table(const std::vector<Row>& rows);

/// Predictions beside the truth, for calibration.
std::vector<clustermass::Prediction> predictions_of(const std::vector<Outcome>& outcomes);
