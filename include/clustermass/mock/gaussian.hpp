// SPDX-License-Identifier: BSD-3-Clause
// Gaussians integrated over pixels. A pixel (i, j) covers [i - 0.5, i + 0.5] x [j - 0.5, j + 0.5]; lengths are in
// pixels.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "clustermass/cutout.hpp"
#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Cumulative standard normal distribution from a table, linear between its points: error below 2e-7.
class NormalCdf {
 public:
  static const NormalCdf& instance() {
    static const NormalCdf table;
    return table;
  }
  float operator()(float t) const {
    const float position = std::clamp((t + limit) * density, 0.0f, static_cast<float>(intervals) - 0.001f);
    const auto k = static_cast<std::size_t>(static_cast<int>(position));
    return value_[k] + (position - static_cast<float>(k)) * (value_[k + 1] - value_[k]);
  }

 private:
  static constexpr int intervals = 4096;
  static constexpr float limit = 4.5f, density = intervals / (2 * limit);
  NormalCdf() {
    for (std::size_t k = 0; k <= intervals; ++k)
      value_[k] =
          static_cast<float>(0.5 * std::erfc(-(static_cast<double>(k) / density - limit) / std::numbers::sqrt2));
    value_[0] = 0;
    value_[intervals] = 1;
  }
  std::array<float, intervals + 1> value_{};
};

/// Second moments of a Gaussian. [pixel^2]
struct Covariance {
  double xx = 0, yy = 0, xy = 0;

  friend Covariance operator+(const Covariance& a, const Covariance& b) {
    return {a.xx + b.xx, a.yy + b.yy, a.xy + b.xy};
  }
  friend Covariance operator*(double s, const Covariance& c) { return {s * c.xx, s * c.yy, s * c.xy}; }
};

/// Rows of intermediate values, reused from source to source.
struct RasterScratch {
  std::vector<float> edge, row;
};

/// Integrates a Gaussian of unit flux over the pixels of an image, row by row:
/// emit(j, first column, values, count, scale) adds scale * values to row j.
///
/// Upright, the integral is a product of differences of the cumulative normal. Tilted, x given y is again a Gaussian,
/// so the integral over x stays exact and Gauss-Legendre nodes within each row integrate over y.
template <class Emit>
void integrate_gaussian(int width, int height, double x, double y, const Covariance& moments, bool tilted, double reach,
                        RasterScratch& scratch, Emit&& emit) {
  const NormalCdf& cdf = NormalCdf::instance();
  const double sigma_x = std::sqrt(moments.xx), sigma_y = std::sqrt(moments.yy);
  const int i0 = static_cast<int>(std::clamp(std::floor(x - reach * sigma_x + 0.5), 0.0, static_cast<double>(width)));
  const int i1 = static_cast<int>(std::clamp(std::floor(x + reach * sigma_x + 0.5), -1.0, width - 1.0));
  const int j0 = static_cast<int>(std::clamp(std::floor(y - reach * sigma_y + 0.5), 0.0, static_cast<double>(height)));
  const int j1 = static_cast<int>(std::clamp(std::floor(y + reach * sigma_y + 0.5), -1.0, height - 1.0));
  if (i0 > i1 || j0 > j1) return;
  const int count = i1 - i0 + 1;
  const auto size = static_cast<std::size_t>(count);
  if (scratch.row.size() < size) scratch.row.resize(size), scratch.edge.resize(size + 1);
  float* const row = scratch.row.data();
  float* const edge = scratch.edge.data();

  /// Differences of the cumulative normal over `number` columns from `first`, times `weight`; set or added.
  const auto columns = [&](int first, int number, double centre, double sigma, float weight, bool add) {
    const float step = static_cast<float>(1 / sigma), start = static_cast<float>((first - 0.5 - centre) / sigma);
    for (int k = 0; k <= number; ++k) edge[k] = cdf(start + static_cast<float>(k) * step);
    for (int k = 0; k < number; ++k) {
      const float value = weight * (edge[k + 1] - edge[k]);
      row[k] = add ? row[k] + value : value;
    }
  };

  if (!tilted) {
    columns(i0, count, x, sigma_x, 1.0f, false);
    float below = cdf(static_cast<float>((j0 - 0.5 - y) / sigma_y));
    for (int j = j0; j <= j1; ++j) {
      const float above = cdf(static_cast<float>((j + 0.5 - y) / sigma_y));
      emit(j, i0, row, count, above - below);
      below = above;
    }
    return;
  }

  const double slope = moments.xy / moments.yy, rest = moments.xx - slope * moments.xy, sigma = std::sqrt(rest);
  // Height of a row in units of the shortest length on which the integrand changes.
  const double unit = 1 / (sigma_y * std::sqrt(rest / moments.xx));
  constexpr std::array<double, 3> node3{-0.3872983346207417, 0, 0.3872983346207417};
  constexpr std::array<double, 3> weight3{5.0 / 18, 8.0 / 18, 5.0 / 18};
  const int panels = unit < 0.12 ? 1 : static_cast<int>(std::ceil(unit / 1.5)), nodes = unit < 0.12 ? 1 : 3;
  const double margin = reach * sigma + 0.5 * std::fabs(slope);  // columns that a row of a slanting source reaches
  for (int j = j0; j <= j1; ++j) {
    const double middle = x + slope * (j - y);
    const int first = std::max(i0, static_cast<int>(std::floor(middle - margin + 0.5))),
              number = std::min(i1, static_cast<int>(std::floor(middle + margin + 0.5))) - first + 1;
    if (number <= 0) continue;
    bool add = false;
    for (int panel = 0; panel < panels; ++panel)
      for (int k = 0; k < nodes; ++k) {
        const double inside = nodes == 1 ? 0 : node3[static_cast<std::size_t>(k)];
        const double share = nodes == 1 ? 1 : weight3[static_cast<std::size_t>(k)];
        const double dy = j - 0.5 + (panel + 0.5 + inside) / panels - y;
        if (std::fabs(dy) > reach * sigma_y) continue;
        const double density = std::exp(-0.5 * dy * dy / moments.yy) / (sigma_y * std::sqrt(2 * std::numbers::pi));
        columns(first, number, x + slope * dy, sigma, static_cast<float>(share / panels * density), add);
        add = true;
      }
    if (add) emit(j, first, row, number, 1.0f);
  }
}

/// Where a raster lies on the sky: pixels from arcsec.
struct RasterMap {
  std::array<std::array<double, 2>, 2> pixel_per_arcsec{};  ///< [x, y] x [east, north]
  double centre_x = 0, centre_y = 0;

  explicit RasterMap(const AffineMap& map) : centre_x(map.centre_x), centre_y(map.centre_y) {
    const auto& m = map.arcsec_per_pixel;
    const double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    pixel_per_arcsec = {
        {{m[1][1] / determinant, -m[0][1] / determinant}, {-m[1][0] / determinant, m[0][0] / determinant}}};
  }
  double x(double east, double north) const {
    return centre_x + pixel_per_arcsec[0][0] * east + pixel_per_arcsec[0][1] * north;
  }
  double y(double east, double north) const {
    return centre_y + pixel_per_arcsec[1][0] * east + pixel_per_arcsec[1][1] * north;
  }
  /// Area of a pixel. [arcsec^2]
  double pixel_area() const {
    return 1 /
           std::fabs(pixel_per_arcsec[0][0] * pixel_per_arcsec[1][1] - pixel_per_arcsec[0][1] * pixel_per_arcsec[1][0]);
  }
  /// Moments of an ellipse with variances along its major and minor axis [arcsec^2], in pixels.
  Covariance moments(double major, double minor, double position_angle) const {
    const double s = std::sin(position_angle), c = std::cos(position_angle);
    const double ee = major * s * s + minor * c * c, nn = major * c * c + minor * s * s, en = (major - minor) * s * c;
    const auto& p = pixel_per_arcsec;
    const auto product = [&](std::size_t a, std::size_t b) {
      return p[a][0] * p[b][0] * ee + p[a][1] * p[b][1] * nn + (p[a][0] * p[b][1] + p[a][1] * p[b][0]) * en;
    };
    return {product(0, 0), product(1, 1), product(0, 1)};
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
