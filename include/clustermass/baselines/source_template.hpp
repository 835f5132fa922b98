// SPDX-License-Identifier: BSD-3-Clause
// The shape of a source on a grid of cells: a round Gaussian integrated over the cells. Knows no sky.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "clustermass/model/resample.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A Gaussian on the grid: a window of products wx wy of unit sum over the whole plane.
struct SourceTemplate {
  double x = 0, y = 0, sigma_arcsec = 0;
  int x0 = 0, y0 = 0;
  std::vector<float> wx, wy;

  SourceTemplate(double at_x, double at_y, double sigma, const Grid& grid) : x(at_x), y(at_y), sigma_arcsec(sigma) {
    const double s = sigma / grid.cell_arcsec;
    wx = profile(x, s, grid.side, x0);
    wy = profile(y, s, grid.side, y0);
  }
  static std::vector<float> profile(double centre, double sigma, int side, int& first) {
    const double reach = 3.5 * sigma + 0.5;
    first = std::max(0, static_cast<int>(std::ceil(centre - reach)));
    const int last = std::min(side - 1, static_cast<int>(std::floor(centre + reach)));
    std::vector<float> w;
    const auto below = [&](double edge) { return 0.5 * std::erf((edge - centre) / (std::numbers::sqrt2 * sigma)); };
    for (int k = first; k <= last; ++k) w.push_back(static_cast<float>(below(k + 0.5) - below(k - 0.5)));
    return w;
  }
  /// visit(cell, weight) over the window.
  template <class Visit>
  void for_each(int side, Visit&& visit) const {
    for (std::size_t j = 0; j < wy.size(); ++j)
      for (std::size_t i = 0; i < wx.size(); ++i)
        visit((static_cast<std::size_t>(y0) + j) * static_cast<std::size_t>(side) + static_cast<std::size_t>(x0) + i,
              wx[i] * wy[j]);
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
