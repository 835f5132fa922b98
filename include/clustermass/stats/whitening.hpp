// SPDX-License-Identifier: BSD-3-Clause
// Mean and whitening matrix of a set of feature vectors, for the out-of-distribution distance.
#pragma once

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Distance |matrix (f - mean)|, scaled so that `quantile` of the set lies within 1.
struct Whitening {
  std::vector<float> mean;    ///< [dims]
  std::vector<float> matrix;  ///< [dims,dims]
};

/// Mahalanobis whitening of rows [count,dims]. Directions of variance below 1e-4 of the mean variance are widened to
/// it, so that a feature that never varied cannot flag everything.
///
/// Source  Mahalanobis 1936; eigenvalue floor: this library
inline Whitening fit_whitening(std::span<const double> rows, std::size_t dims, double quantile) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto n = static_cast<Eigen::Index>(rows.size() / dims), d = static_cast<Eigen::Index>(dims);
  const Eigen::Map<const Matrix> x(rows.data(), n, d);
  const Eigen::RowVectorXd mean = x.colwise().mean();
  const Matrix centred = x.rowwise() - mean;
  const Eigen::MatrixXd covariance =
      centred.transpose() * centred / static_cast<double>(std::max<Eigen::Index>(n - 1, 1));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
  const double floor = std::max(1e-4 * covariance.trace() / static_cast<double>(d), 1e-12);
  const Eigen::VectorXd scale = solver.eigenvalues().cwiseMax(floor).cwiseSqrt().cwiseInverse();
  Matrix whitening = scale.asDiagonal() * solver.eigenvectors().transpose();

  Eigen::VectorXd distances = (centred * whitening.transpose()).rowwise().norm();
  std::sort(distances.begin(), distances.end());
  const auto place = static_cast<Eigen::Index>(std::ceil(quantile * static_cast<double>(n))) - 1;
  whitening /= std::max(distances[std::clamp<Eigen::Index>(place, 0, n - 1)], 1e-12);

  Whitening result;
  for (Eigen::Index k = 0; k < d; ++k) result.mean.push_back(static_cast<float>(mean[k]));
  for (Eigen::Index k = 0; k < d * d; ++k) result.matrix.push_back(static_cast<float>(whitening.data()[k]));
  return result;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
