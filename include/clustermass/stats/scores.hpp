// SPDX-License-Identifier: BSD-3-Clause
// How good point estimates are: errors against labels, over folds, and beside their yardsticks. Errors are prediction
// minus label [dex]. An empty sample scores NaN.
//
//   const stats::PointScores s = stats::point_scores(predictions);
//   std::printf("MAE %.3f, of a constant %.3f: skill %.2f\n", s.mae, constant, stats::skill(s.mae, constant));
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "clustermass/stats/calibration.hpp"
#include "clustermass/stats/moments.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats {

/// An error beyond this is an outlier. [dex]
inline constexpr double outlier_dex = 0.4;

/// One column of Prediction, as plain numbers: column(predictions, &Prediction::mean).
inline std::vector<double> column(std::span<const Prediction> predictions, double Prediction::*member) {
  std::vector<double> values;
  values.reserve(predictions.size());
  for (const Prediction& p : predictions) values.push_back(p.*member);
  return values;
}

/// Prediction minus label. [dex]
inline std::vector<double> errors(std::span<const Prediction> predictions) {
  std::vector<double> values;
  values.reserve(predictions.size());
  for (const Prediction& p : predictions) values.push_back(p.mean - p.label);
  return values;
}

inline double mean_absolute(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += std::fabs(v);
  return sum / static_cast<double>(values.size());
}

/// Scores that need no predicted error.
struct PointScores {
  std::size_t n = 0;
  double mae = NAN;          ///< mean |error| [dex]
  double rms = NAN;          ///< [dex]
  double bias = NAN;         ///< mean error [dex]
  double median_bias = NAN;  ///< median error [dex]
  double nmad = NAN;         ///< 1.4826 median |error - median error| [dex]
  double outliers = NAN;     ///< share with |error| > outlier_dex
  double spearman = NAN;     ///< rank correlation of prediction and label
};

inline PointScores point_scores(std::span<const Prediction> predictions) {
  PointScores s;
  s.n = predictions.size();
  const std::vector<double> error = errors(predictions);
  double squares = 0, beyond = 0;
  for (const double e : error) {
    squares += e * e;
    beyond += std::fabs(e) > outlier_dex ? 1 : 0;
  }
  const double n = static_cast<double>(s.n);
  s.mae = mean_absolute(error);
  s.rms = std::sqrt(squares / n);
  s.bias = mean(error);
  s.median_bias = median(error);
  s.nmad = normalised_mad(error);
  s.outliers = beyond / n;
  s.spearman = spearman(column(predictions, &Prediction::mean), column(predictions, &Prediction::label));
  return s;
}

/// The MAE of each fold, summed up as the paper does. The best fold is a selection, never the headline.
struct FoldScores {
  std::vector<double> mae;  ///< of each fold that has members, by fold number
  double mean = NAN, sd = NAN, best = NAN;
};

/// fold: the fold in which each prediction was held out. Throws InputError if the lists differ in length.
inline FoldScores fold_scores(std::span<const Prediction> predictions, std::span<const int> fold) {
  require_pairs(predictions.size(), fold.size());
  std::map<int, std::vector<double>> by_fold;
  for (std::size_t k = 0; k < fold.size(); ++k) by_fold[fold[k]].push_back(predictions[k].mean - predictions[k].label);
  FoldScores s;
  for (const auto& [number, error] : by_fold) s.mae.push_back(mean_absolute(error));
  s.mean = stats::mean(s.mae);
  s.sd = standard_deviation(s.mae);
  if (!s.mae.empty()) s.best = *std::min_element(s.mae.begin(), s.mae.end());
  return s;
}

/// 1 - MAE / MAE of the constant predictor: 0 has learned nothing, 1 knows all.
inline double skill(double mae, double constant) { return 1 - mae / constant; }

/// How much of the way from the constant predictor to the information floor is gone; above 1 is below the floor.
inline double attained_fraction(double mae, double constant, double floor) {
  return (constant - mae) / (constant - floor);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats
