// SPDX-License-Identifier: BSD-3-Clause
// From measured clusters to figures: every method on the same clusters, tables in bins, both conditional biases; as
// JSON and as text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "clustermass/stats/calibration.hpp"
#include "clustermass/stats/least_squares.hpp"
#include "sample.hpp"

using Figures = nlohmann::ordered_json;

/// One method's answers for the clusters that the network has an answer for.
struct Method {
  std::string name;
  std::vector<clustermass::Prediction> predictions;
  bool has_error = true;  ///< predicted errors of its own
};

/// Everything that a report needs. The methods: the network, the baselines, o1 and o2 where they are known.
struct Comparison {
  std::vector<const Case*> cases;  ///< with an answer of the network
  std::size_t without_result = 0;
  std::size_t network = 0;  ///< whose answers
  std::vector<Method> methods;
  bool simulated = false;

  const Method* find(std::string_view name) const;
};

/// The network's answer and the filter's on the same pixels, brought together by a fit on training clusters. Where it
/// is better than both, each sees what the other misses.
clustermass::stats::PolynomialFit fit_network_and_filter(const std::vector<const Case*>& training, std::size_t network,
                                                         std::size_t recipe);

/// Puts the methods side by side. baselines: fitted on training clusters of the recipe, asked about `cases`; combined:
/// likewise, or nothing; the labels' own errors count in coverage and PIT.
Comparison compare(const std::vector<Case>& cases, std::size_t network, std::size_t recipe,
                   const std::vector<clustermass::FittedBaseline>& baselines,
                   const clustermass::stats::PolynomialFit* combined, bool simulated);

/// The same for a list without training clusters: baselines fitted on nine folds, asked about the tenth.
Comparison compare_by_folds(const std::vector<Case>& cases, std::size_t network);

/// All figures.
Figures figures_of(const Comparison& comparison);
/// As tables for people; brief: without those in bins.
std::string text_of(const Figures& figures, bool brief);

/// The rows of a matrix of networks and skies, as a table.
std::string matrix_text(const Figures& rows);

/// Plots of a comparison as SVG files in a folder, which is made.
void save_plots(const Comparison& comparison, const std::string& folder);
