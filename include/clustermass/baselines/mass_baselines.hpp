// SPDX-License-Identifier: BSD-3-Clause
// What a network has to beat: estimators without a network, fitted on training clusters and asked about others.
//
//   const FittedBaseline richness(MassBaseline::filter_pixels, training_features, training_labels);
//   const Prediction p = richness(features_of(filter(cutout), sky));
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "clustermass/baselines/cluster_features.hpp"
#include "clustermass/stats/least_squares.hpp"
#include "clustermass/stats/scores.hpp"
#include "clustermass/stats/small_network.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// From the least informed on.
enum class MassBaseline {
  constant,          ///< the median of the training labels
  redshift,          ///< the redshift alone
  luminosity,        ///< i-band light of red galaxies in an aperture, as Wen & Han 2015
  abundance,         ///< abundance matching: the same rank among masses as among richnesses
  filter_pixels,     ///< red-sequence matched filter on the cutout's pixels
  filter_catalogue,  ///< the same on a galaxy catalogue
  tabular            ///< nine features of the pixels, a small neural network
};
inline constexpr std::size_t baseline_count = 7;
inline constexpr std::array<std::string_view, baseline_count> baseline_names{
    "constant",     "z only", "i-band light", "abundance matching", "filter on pixels", "filter on catalogue",
    "nine features"};

/// The numbers that a baseline looks at.
inline std::vector<double> inputs_of(MassBaseline baseline, const ClusterFeatures& f) {
  switch (baseline) {
    case MassBaseline::constant:
      break;
    case MassBaseline::redshift:
      return {f.redshift};
    case MassBaseline::luminosity:
      return {f.ln_light, f.redshift, f.coverage};
    case MassBaseline::abundance:
      return {f.ln_lambda};
    case MassBaseline::filter_pixels:
      return {f.filter.log10_m500c, f.filter.log10_m500c_error, f.redshift, f.coverage};
    case MassBaseline::filter_catalogue:
      return {f.catalogue.log10_m500c, f.catalogue.log10_m500c_error, f.redshift, f.coverage};
    case MassBaseline::tabular:
      return {f.ln_lambda, f.ln_light, f.bcg, f.gap, f.concentration, f.blue_ratio, f.masked, f.redshift, f.density};
  }
  return {};
}

/// A baseline that has seen its training clusters. Its error is the same for all: the rms of what it missed among them,
/// left out one by one where there is a fit.
class FittedBaseline {
 public:
  /// Throws InputError: as many features as labels are expected, and enough for the fit.
  FittedBaseline(MassBaseline baseline, std::span<const ClusterFeatures> features, std::span<const double> labels)
      : baseline_(baseline), median_(stats::median(labels)) {
    stats::require_pairs(features.size(), labels.size());
    if (baseline == MassBaseline::constant) {
      error_ = stats::standard_deviation(labels);
    } else if (baseline == MassBaseline::abundance) {
      match_abundance(features, labels);
    } else {
      std::vector<double> rows;
      for (const ClusterFeatures& f : features) {
        const std::vector<double> row = inputs_of(baseline, f);
        rows.insert(rows.end(), row.begin(), row.end());
      }
      const std::size_t dims = inputs_of(baseline, ClusterFeatures{}).size();
      if (baseline == MassBaseline::tabular) {
        network_.emplace(rows, dims, labels);
        error_ = network_->error();
      } else {
        fit_.emplace(rows, dims, labels);
        error_ = fit_->error();
      }
    }
  }

  /// Mean and error; the label is left at 0.
  Prediction operator()(const ClusterFeatures& f) const {
    if (baseline_ == MassBaseline::constant) return {median_, error_, 0, 0};
    if (baseline_ == MassBaseline::abundance) return {matched(f.ln_lambda), error_, 0, 0};
    const std::vector<double> inputs = inputs_of(baseline_, f);
    return {network_ ? (*network_)(inputs) : (*fit_)(inputs), error_, 0, 0};
  }

 private:
  /// Richnesses and masses, both sorted: the k-th richest has the k-th largest mass.
  void match_abundance(std::span<const ClusterFeatures> features, std::span<const double> labels) {
    masses_.assign(labels.begin(), labels.end());
    std::sort(masses_.begin(), masses_.end());
    for (const ClusterFeatures& f : features)
      if (std::isfinite(f.ln_lambda)) richnesses_.push_back(f.ln_lambda);
    std::sort(richnesses_.begin(), richnesses_.end());
    double squares = 0;
    for (std::size_t k = 0; k < labels.size(); ++k) squares += std::pow(matched(features[k].ln_lambda) - labels[k], 2);
    error_ = std::sqrt(squares / static_cast<double>(labels.size()));
  }
  /// The mass at the richness's place among the training clusters.
  double matched(double ln_lambda) const {
    if (!std::isfinite(ln_lambda) || richnesses_.empty()) return median_;
    const auto [low, high] = std::equal_range(richnesses_.begin(), richnesses_.end(), ln_lambda);
    const double below = static_cast<double>(low - richnesses_.begin()),
                 upto = static_cast<double>(high - richnesses_.begin());
    return stats::quantile(masses_, 0.5 * (below + upto) / static_cast<double>(richnesses_.size()));
  }

  MassBaseline baseline_;
  double median_, error_ = 0;
  std::vector<double> richnesses_, masses_;
  std::optional<stats::PolynomialFit> fit_;
  std::optional<stats::SmallNetwork> network_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
