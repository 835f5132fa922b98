// SPDX-License-Identifier: BSD-3-Clause
// Class-activation maps on the coarse grid of the features, and the way from its cells to pixels. Plain arithmetic on
// arrays: no network and no engine.
//
// Legend  a features [5,C,h,w], g their gradients, c a cell of the h x w grid, b a band
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "clustermass/core/shape.hpp"
#include "clustermass/cutout.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Sums over channels: from numbers [5,C,h,w] to cells [5,h,w], which are added to.
template <class Number>
void add_cell_sums(std::span<const Number> values, Shape features, std::span<double> cells) {
  const std::size_t count = static_cast<std::size_t>(features.h) * static_cast<std::size_t>(features.w),
                    channels = static_cast<std::size_t>(features.c);
  for (std::size_t row = 0; row < static_cast<std::size_t>(features.n) * channels; ++row)
    for (std::size_t c = 0; c < count; ++c)
      cells[row / channels * count + c] += static_cast<double>(values[row * count + c]);
}

/// Grad-CAM, signed: adds factor x sum over channels of alpha_k a_k(c), alpha_k the mean of dF/da_k over the cells.
/// If F is linear in the means of the features it sums to F less its constant; else it is not complete.
///
/// Shapes  a, baseline, g [5,C,h,w]   cells [5,h,w]; an empty baseline counts as zero
/// Source  Selvaraju et al. 2017, arXiv:1610.02391, eq. 1; with a baseline one step of Sattarzadeh et al. 2021,
///         arXiv:2102.07805
inline void add_grad_cam(std::span<const float> a, std::span<const float> baseline, std::span<const float> g,
                         Shape features, double factor, std::span<double> cells) {
  const std::size_t count = static_cast<std::size_t>(features.h) * static_cast<std::size_t>(features.w),
                    channels = static_cast<std::size_t>(features.c);
  for (std::size_t row = 0; row < static_cast<std::size_t>(features.n) * channels; ++row) {
    double alpha = 0;
    for (std::size_t c = 0; c < count; ++c) alpha += static_cast<double>(g[row * count + c]);
    alpha *= factor / static_cast<double>(count);
    for (std::size_t c = 0; c < count; ++c) {
      const double zero = baseline.empty() ? 0 : static_cast<double>(baseline[row * count + c]);
      cells[row / channels * count + c] += alpha * (static_cast<double>(a[row * count + c]) - zero);
    }
  }
}

/// Class activation of a head that is a weighted mean and one dense layer, for a direction in its logits:
///
///   CAM_n(c) = w_n(c) / sum of w_n  sum over channels of  v_k a_nk(c),    v_k = sum over classes of direction x weight
///
/// The cells of image n sum to direction . logits less direction . bias, exactly.
///
/// Shapes  a [5,C,h,w]   weights of the means w [5,1,h,w]   weight [5,C]   direction [5,5], a row for each image
/// Source  Zhou et al. 2016, arXiv:1512.04150, eq. 2
inline std::vector<double> class_activation(std::span<const float> a, Shape features, std::span<const float> w,
                                            std::span<const float> weight,
                                            const std::array<double, band_count * band_count>& direction) {
  const std::size_t count = static_cast<std::size_t>(features.h) * static_cast<std::size_t>(features.w),
                    channels = static_cast<std::size_t>(features.c);
  std::vector<double> cells(band_count * count);
  for (std::size_t n = 0; n < band_count; ++n) {
    double total = 0;
    for (std::size_t c = 0; c < count; ++c) total += static_cast<double>(w[n * count + c]);
    if (!(total > 0)) continue;
    for (std::size_t k = 0; k < channels; ++k) {
      double v = 0;
      for (std::size_t l = 0; l < band_count; ++l)
        v += direction[n * band_count + l] * static_cast<double>(weight[l * channels + k]);
      for (std::size_t c = 0; c < count; ++c)
        cells[n * count + c] +=
            v * static_cast<double>(a[(n * channels + k) * count + c]) * static_cast<double>(w[n * count + c]) / total;
    }
  }
  return cells;
}

/// Bilinear weights between the pixels of a side x side map and the cells of a coarse x coarse one: at most four cells
/// for each pixel, whose weights sum to one. Beyond the outer cells' centres the nearest cell counts alone.
class CellWeights {
 public:
  CellWeights(int side, int coarse) : coarse_(coarse), axis_(static_cast<std::size_t>(side)) {
    for (int i = 0; i < side; ++i) {
      const double at = std::min(std::max((i + 0.5) * coarse / side - 0.5, 0.0), coarse - 1.0);
      Place& place = axis_[static_cast<std::size_t>(i)];
      place.low = std::min(static_cast<int>(at), std::max(coarse - 2, 0));
      place.share = at - place.low;
    }
  }

  /// visit(pixel, cell, weight) for every pair with a weight above zero.
  template <class Visit>
  void for_each(Visit&& visit) const {
    std::size_t pixel = 0;
    for (const Place& row : axis_)
      for (const Place& column : axis_) {
        for (int down = 0; down < 2; ++down)
          for (int right = 0; right < 2; ++right) {
            const double u = (down ? row.share : 1 - row.share) * (right ? column.share : 1 - column.share);
            if (u > 0) visit(pixel, static_cast<std::size_t>((row.low + down) * coarse_ + column.low + right), u);
          }
        ++pixel;
      }
  }

 private:
  struct Place {
    int low = 0;
    double share = 0;
  };
  int coarse_;
  std::vector<Place> axis_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
