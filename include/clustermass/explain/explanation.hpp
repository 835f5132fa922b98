// SPDX-License-Identifier: BSD-3-Clause
// What an explanation consists of, and what can be read off it: shares of bands, radii and sources. No network here.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/explain/joint_map.hpp"
#include "clustermass/mass_estimate.hpp"
#include "clustermass/model/prepare.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Which number is explained.
enum class Target {
  mass,          ///< log10(M500c/Msun), the estimate itself [dex]
  log_variance,  ///< ln of the estimate's variance in dex^2, without the redshift's share
  band           ///< how the band head names the five images: the sum of their margins
};

/// What the light is compared with.
enum class Baseline {
  zero,  ///< no light at all: a flux of zero in every valid cell
  noise  ///< the expectation over noise-only cutouts
};

/// How far the sum of a complete map may be off the difference it explains: 1 % and 0.001.
inline double completeness_limit(double difference) { return 0.01 * std::fabs(difference) + 1e-3; }

/// The explanation of one cutout. Maps lie on the network's own grid: 2 Mpc in 128 x 128 cells around the cluster's
/// centre, north up and east left, five bands u g r i z. Their numbers are signed, in units of the target (dex for the
/// mass), and say how much a cell's light adds to the answer over what the baseline gives.
struct Explanation {
  Target target = Target::mass;
  MassEstimate mass{};  ///< the estimate; with NO_RESULT there are no maps
  double redshift = MassEstimate::none;
  Grid grid{};
  double value = MassEstimate::none;           ///< F(x)
  double baseline_value = MassEstimate::none;  ///< F(x'), mean over the baselines

  std::vector<float> joint;                ///< [5,128,128] the joint map: complete
  std::vector<float> gradients;            ///< [5,128,128] integrated gradients: complete
  std::vector<float> product;              ///< [5,128,128] |gradients| x cells, for display only: not complete
  std::vector<float> cells;                ///< [5,8,8] integrated gradients of the features: complete
  std::vector<float> grad_cam;             ///< [5,8,8] Grad-CAM on the features: not complete
  std::vector<float> integrated_grad_cam;  ///< [5,8,8] not complete
  std::vector<float> class_activation;     ///< [5,8,8] plain CAM less the baseline's; target band only: complete

  double joint_residual = MassEstimate::none;      ///< sum of the map less F(x) - F(x')
  double gradients_residual = MassEstimate::none;  ///< the same for the integrated gradients
  int forward_passes = 0, backward_passes = 0;     ///< through the whole network
  int head_passes = 0;                             ///< up and down the heads alone

  bool has_result() const { return !gradients.empty(); }
  /// The map to look at and to add up, [5,128,128]: the integrated gradients, which tell best what the estimate loses
  /// when light is taken away (docs/explanations.md).
  std::span<const float> map() const { return gradients; }
  double difference() const { return value - baseline_value; }
  /// Whether both complete maps sum to the difference within completeness_limit.
  bool complete() const {
    const double limit = completeness_limit(difference());
    return std::fabs(joint_residual) <= limit && std::fabs(gradients_residual) <= limit;
  }
};

/// Offset of the middle of row i (north) or, with the sign turned, of column j (east) from the cluster's centre.
inline double cell_offset_arcsec(const Grid& grid, int index) {
  return (index + 0.5 - grid.side / 2.0) * grid.cell_arcsec;
}

/// Sum of a map [5,side,side] or [5,coarse,coarse] over each band, in the map's units.
inline std::array<double, band_count> band_sums(std::span<const float> map) {
  std::array<double, band_count> sums{};
  const std::size_t plane = map.size() / band_count;
  for (std::size_t k = 0; k < plane * band_count; ++k) sums[k / plane] += static_cast<double>(map[k]);
  return sums;
}

/// Sum of a map [5,side,side] over cells whose middle lies within a radius of the cluster's centre.
inline double sum_within(std::span<const float> map, const Grid& grid, double radius_arcsec) {
  double sum = 0;
  const std::size_t side = static_cast<std::size_t>(grid.side);
  for (std::size_t k = 0; k < map.size(); ++k) {
    const double north = cell_offset_arcsec(grid, static_cast<int>(k / side % side)),
                 west = cell_offset_arcsec(grid, static_cast<int>(k % side));
    if (north * north + west * west <= radius_arcsec * radius_arcsec) sum += static_cast<double>(map[k]);
  }
  return sum;
}

/// One ring around the cluster's centre.
struct RingShare {
  double inner_mpc = 0, outer_mpc = 0;
  double sum = 0;        ///< of the map [its units]
  double area_mpc2 = 0;  ///< of the ring's cells
};

/// The map [5,side,side] in rings of `step_mpc` out to 1 Mpc.
inline std::vector<RingShare> ring_profile(const Explanation& explanation, std::span<const float> map,
                                           double step_mpc = 0.1) {
  const Grid& grid = explanation.grid;
  const double mpc = 1 / arcsec_of_mpc(1, explanation.redshift), cell_mpc = grid.cell_arcsec * mpc;
  std::vector<RingShare> rings;
  for (double inner = 0; inner < 1 - 1e-9; inner += step_mpc) rings.push_back({inner, inner + step_mpc, 0, 0});
  const std::size_t side = static_cast<std::size_t>(grid.side);
  for (std::size_t k = 0; k < map.size(); ++k) {
    const double north = cell_offset_arcsec(grid, static_cast<int>(k / side % side)),
                 west = cell_offset_arcsec(grid, static_cast<int>(k % side));
    const std::size_t ring = static_cast<std::size_t>(std::hypot(north, west) * mpc / step_mpc);
    if (ring >= rings.size()) continue;
    rings[ring].sum += static_cast<double>(map[k]);
    if (k < side * side) rings[ring].area_mpc2 += cell_mpc * cell_mpc;
  }
  return rings;
}

/// A place on the sky whose share is asked for: offsets from the cluster's centre and the radius of its light. [arcsec]
struct SourcePlace {
  double east = 0, north = 0, radius = 0;
};

/// Sum of the map [5,side,side] over the cells of each source. A cell belongs to the nearest source whose radius, or
/// three quarters of a cell if that is more, reaches the cell's middle; each cell counts once.
inline std::vector<double> source_sums(std::span<const float> map, const Grid& grid,
                                       std::span<const SourcePlace> sources) {
  const std::size_t side = static_cast<std::size_t>(grid.side), plane = side * side;
  std::vector<double> nearest(plane, std::numeric_limits<double>::infinity()), sums(sources.size());
  std::vector<std::size_t> owner(plane, sources.size());
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const double reach = std::max(sources[s].radius, 0.75 * grid.cell_arcsec);
    const double row = sources[s].north / grid.cell_arcsec + grid.side / 2.0 - 0.5,
                 column = -sources[s].east / grid.cell_arcsec + grid.side / 2.0 - 0.5, cells = reach / grid.cell_arcsec;
    if (!(std::fabs(row) < 1e6) || !(std::fabs(column) < 1e6)) continue;
    const int top = std::max(0, static_cast<int>(std::ceil(row - cells))),
              bottom = std::min(grid.side - 1, static_cast<int>(std::floor(row + cells))),
              left = std::max(0, static_cast<int>(std::ceil(column - cells))),
              right = std::min(grid.side - 1, static_cast<int>(std::floor(column + cells)));
    for (int i = top; i <= bottom; ++i)
      for (int j = left; j <= right; ++j) {
        const double square = (i - row) * (i - row) + (j - column) * (j - column);
        const std::size_t p = static_cast<std::size_t>(i) * side + static_cast<std::size_t>(j);
        if (square > cells * cells || square >= nearest[p]) continue;
        nearest[p] = square;
        owner[p] = s;
      }
  }
  for (std::size_t k = 0; k < map.size(); ++k)
    if (owner[k % plane] < sources.size()) sums[owner[k % plane]] += static_cast<double>(map[k]);
  return sums;
}

/// Cells [5,coarse,coarse] spread bilinearly over [5,side,side], which keeps their sum.
inline std::vector<float> spread_bilinearly(std::span<const float> cells, int side) {
  const std::size_t count = cells.size() / band_count,
                    plane = static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
  const CellWeights weights(side, static_cast<int>(std::lround(std::sqrt(static_cast<double>(count)))));
  std::vector<double> reach(count);
  weights.for_each([&](std::size_t, std::size_t c, double u) { reach[c] += u; });
  std::vector<float> map(band_count * plane);
  for (std::size_t b = 0; b < band_count; ++b)
    weights.for_each([&](std::size_t p, std::size_t c, double u) {
      map[b * plane + p] += static_cast<float>(static_cast<double>(cells[b * count + c]) * u / reach[c]);
    });
  return map;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
