// SPDX-License-Identifier: BSD-3-Clause
// The joint map of integrated gradients and class activation: what the cells of the features add to the answer, spread
// over the pixels that the gradients point at. This is the library's definition of the two-step map of Lin et al. 2022,
// whose exact formula is not published in the paper's abstract.
//
// Legend  T_b(c) attribution of the mass head to cell c of band b; u_c(p) bilinear weight of pixel p in cell c
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "clustermass/explain/class_activation.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// The joint map of one band, signed, which sums to the sum of its cells.
///
///   J(p) = sum over c of  T(c) u_c(p) |IG(p)| / sum over q of u_c(q) |IG(q)|
///
/// A pixel that is not valid gets exactly zero. Where a cell has no gradient at all, its share is spread over its valid
/// pixels by u_c; where it has no valid pixel (its features saw light beyond the mask), over all pixels of the band by
/// |IG|, and failing that evenly over the valid ones.
///
/// Shapes  cells [coarse,coarse]   gradients, valid, joint [side,side]
inline void spread_cells(const CellWeights& weights, std::span<const double> cells, std::span<const double> gradients,
                         std::span<const std::uint8_t> valid, std::span<double> joint) {
  std::vector<double> pointed(cells.size()), covered(cells.size());
  double all_pointed = 0, all_covered = 0, homeless = 0;
  for (std::size_t p = 0; p < joint.size(); ++p) {
    joint[p] = 0;
    if (!valid[p]) continue;
    all_pointed += std::fabs(gradients[p]);
    all_covered += 1;
  }
  weights.for_each([&](std::size_t p, std::size_t c, double u) {
    if (!valid[p]) return;
    pointed[c] += u * std::fabs(gradients[p]);
    covered[c] += u;
  });
  for (std::size_t c = 0; c < cells.size(); ++c)
    if (!(pointed[c] > 0) && !(covered[c] > 0)) homeless += cells[c];
  weights.for_each([&](std::size_t p, std::size_t c, double u) {
    if (!valid[p]) return;
    if (pointed[c] > 0)
      joint[p] += cells[c] * u * std::fabs(gradients[p]) / pointed[c];
    else
      joint[p] += cells[c] * u / covered[c];
  });
  if (homeless == 0 || !(all_covered > 0)) return;
  for (std::size_t p = 0; p < joint.size(); ++p)
    if (valid[p]) joint[p] += homeless * (all_pointed > 0 ? std::fabs(gradients[p]) / all_pointed : 1 / all_covered);
}

/// |IG| times the cells, bilinear: the map as it is often drawn. For display only: it sums to nothing in particular.
inline void product_of(const CellWeights& weights, std::span<const double> cells, std::span<const double> gradients,
                       std::span<double> product) {
  for (double& value : product) value = 0;
  weights.for_each(
      [&](std::size_t p, std::size_t c, double u) { product[p] += u * cells[c] * std::fabs(gradients[p]); });
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
