// SPDX-License-Identifier: BSD-3-Clause
// Least squares of a target on a few features, their squares and products, slightly damped. What a baseline needs to
// get from a richness or a luminosity to a mass.
#pragma once

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/stats/moments.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats {

/// Centres and scales features by those of a sample; one that is not finite becomes 0, the sample's mean.
class FeatureScaling {
 public:
  /// rows: [count,dims]. Each is scaled by its own spread, or all by the rms of their spreads: then one that hardly
  /// varied in the sample cannot become large elsewhere. Throws InputError if the numbers are not as many.
  FeatureScaling(std::span<const double> rows, std::size_t dims, std::size_t count, bool alike = false)
      : mean_(dims), scale_(dims) {
    if (rows.size() != count * dims)
      detail::raise<InputError>("a fit: expected " + std::to_string(count) + " rows of " + std::to_string(dims) +
                                " features, found " + std::to_string(rows.size()) + " numbers");
    double squares = 0;
    for (std::size_t d = 0; d < dims; ++d) {
      std::vector<double> column;
      for (std::size_t k = 0; k < count; ++k)
        if (std::isfinite(rows[k * dims + d])) column.push_back(rows[k * dims + d]);
      mean_[d] = column.empty() ? 0 : stats::mean(column);
      const double spread = standard_deviation(column);
      scale_[d] = spread > 0 ? 1 / spread : 0;
      if (spread > 0) squares += spread * spread / static_cast<double>(dims);
    }
    if (alike && squares > 0) std::ranges::fill(scale_, 1 / std::sqrt(squares));
  }
  std::size_t dims() const { return mean_.size(); }
  double mean(std::size_t d) const { return mean_[d]; }
  double scale(std::size_t d) const { return scale_[d]; }
  std::vector<double> operator()(std::span<const double> features) const {
    std::vector<double> row(features.size());
    for (std::size_t d = 0; d < row.size(); ++d)
      row[d] = std::isfinite(features[d]) ? (features[d] - mean_[d]) * scale_[d] : 0;
    return row;
  }

 private:
  std::vector<double> mean_, scale_;
};

struct FitOptions {
  bool products = true;   ///< squares and products of two features, not only the features themselves
  bool alike = false;     ///< features are scaled alike, see FeatureScaling
  double damping = 1e-3;  ///< ridge on standardised features, in units of the number of samples
};

/// A fitted polynomial of first or second degree in scaled features. One of second degree runs away where it has seen
/// nothing, so there each feature counts as the nearest one of the training sample.
///
/// Source  ridge regression: Hoerl & Kennard 1970, Technometrics 12, 55; error from leave-one-out residuals: Allen
/// 1974,
///         Technometrics 16, 125
class PolynomialFit {
 public:
  /// rows: [count,dims]. Throws InputError: the shapes do not agree, or there are fewer samples than coefficients.
  PolynomialFit(std::span<const double> rows, std::size_t dims, std::span<const double> targets,
                const FitOptions& options = {})
      : products_(options.products), scaling_(rows, dims, targets.size(), options.alike) {
    const std::size_t count = targets.size();
    const std::size_t terms = expand(std::vector<double>(dims)).size();
    if (count < terms)
      detail::raise<InputError>("a fit of " + std::to_string(terms) +
                                " coefficients needs as many samples at least, found " + std::to_string(count));
    const auto n = static_cast<Eigen::Index>(count), p = static_cast<Eigen::Index>(terms);
    if (products_) hold_within(rows, count);
    Eigen::MatrixXd x(n, p);
    Eigen::VectorXd y(n);
    for (std::size_t k = 0; k < count; ++k) {
      const std::vector<double> row = expand(rows.subspan(k * dims, dims));
      for (Eigen::Index j = 0; j < p; ++j) x(static_cast<Eigen::Index>(k), j) = row[static_cast<std::size_t>(j)];
      y[static_cast<Eigen::Index>(k)] = targets[k];
    }
    Eigen::MatrixXd normal = x.transpose() * x;
    for (Eigen::Index j = 1; j < p; ++j) normal(j, j) += options.damping * static_cast<double>(n);
    const Eigen::LDLT<Eigen::MatrixXd> solver(normal);
    const Eigen::VectorXd solution = solver.solve(x.transpose() * y);
    coefficients_.assign(solution.begin(), solution.end());
    const Eigen::MatrixXd inverse = solver.solve(Eigen::MatrixXd::Identity(p, p));
    double squares = 0;
    for (Eigen::Index k = 0; k < n; ++k) {
      const double leverage = x.row(k) * inverse * x.row(k).transpose();
      squares += std::pow((y[k] - x.row(k).dot(solution)) / std::max(1 - leverage, 0.01), 2);
    }
    error_ = std::sqrt(squares / static_cast<double>(n));
  }

  double operator()(std::span<const double> features) const {
    const std::vector<double> row = expand(features);
    double sum = 0;
    for (std::size_t j = 0; j < row.size(); ++j) sum += coefficients_[j] * row[j];
    return sum;
  }
  /// A fit of first degree as it stands for finite features: its value where all are 0, then its slope along each.
  std::vector<double> plane() const {
    CLUSTERMASS_ASSERT(!products_);
    std::vector<double> plane(coefficients_);
    for (std::size_t d = 0; d < scaling_.dims(); ++d) {
      plane[1 + d] *= scaling_.scale(d);
      plane[0] -= plane[1 + d] * scaling_.mean(d);
    }
    return plane;
  }
  /// Rms of the residuals of samples left out of the fit.
  double error() const { return error_; }

 private:
  /// 1, features, then their products if asked for.
  std::vector<double> expand(std::span<const double> features) const {
    std::vector<double> row = scaling_(features);
    for (std::size_t d = 0; d < lowest_.size(); ++d) row[d] = std::clamp(row[d], lowest_[d], highest_[d]);
    row.insert(row.begin(), 1.0);
    if (products_)
      for (std::size_t a = 1; a <= features.size(); ++a)
        for (std::size_t b = a; b <= features.size(); ++b) row.push_back(row[a] * row[b]);
    return row;
  }

  /// Notes the range of each scaled feature.
  void hold_within(std::span<const double> rows, std::size_t count) {
    std::vector<double> lowest(scaling_.dims(), 0.0), highest = lowest;
    for (std::size_t k = 0; k < count; ++k) {
      const std::vector<double> row = scaling_(rows.subspan(k * scaling_.dims(), scaling_.dims()));
      for (std::size_t d = 0; d < row.size(); ++d) {
        lowest[d] = std::min(lowest[d], row[d]);
        highest[d] = std::max(highest[d], row[d]);
      }
    }
    lowest_ = std::move(lowest);
    highest_ = std::move(highest);
  }

  bool products_;
  FeatureScaling scaling_;
  std::vector<double> lowest_, highest_;  ///< of the scaled features; empty: they are not held
  std::vector<double> coefficients_;
  double error_ = 0;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats
