// SPDX-License-Identifier: BSD-3-Clause
// A cutout with some of its galaxies made brighter: a question to an estimator whose answer has a known sign.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include "clustermass/baselines/pixel_catalogue.hpp"
#include "clustermass/core/cosmology.hpp"
#include "clustermass/cutout.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// The sources of a catalogue in a circle that can be galaxies of the cluster by their magnitude, in two kinds.
struct CircleSources {
  std::vector<DetectedSource> red;     ///< chi^2 from the red sequence below members_chi2
  std::vector<DetectedSource> others;  ///< all else
};
inline constexpr double members_chi2 = 12;  ///< holds 98 % of the red members

/// radius_mpc: about the cutout's centre. Counted are sources brighter than the catalogue's limit, and no brighter than
/// three magnitudes above m*, which are foreground.
inline CircleSources sources_in_circle(const PixelCatalogue& catalogue, double radius_mpc) {
  CircleSources circle;
  const double brightest = mstar_i(catalogue.redshift) - 3;
  for (std::size_t k = 0; k < catalogue.galaxies.size(); ++k) {
    const PixelGalaxy& galaxy = catalogue.galaxies[k];
    if (!(galaxy.radius_mpc < radius_mpc) || !(galaxy.i_magnitude <= catalogue.i_limit) ||
        galaxy.i_magnitude < brightest)
      continue;
    (galaxy.chi2 < members_chi2 ? circle.red : circle.others).push_back(catalogue.sources[k]);
  }
  return circle;
}

/// Adds (factor - 1) times the light of these sources to the pixels of each band, as the Gaussians as which they were
/// found. Their own noise is not scaled, photon noise of the added light is left out; what was found negative stays.
inline void brighten(CutoutBuffer& cutout, std::span<const DetectedSource> sources, double factor) {
  for (std::size_t b = 0; b < cutout.bands.size(); ++b) {
    CutoutBuffer::Plane& plane = cutout.bands[b];
    if (plane.pixels.empty() || !is_invertible(plane.map)) continue;
    const auto& m = plane.map.arcsec_per_pixel;
    const double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    const double area = std::fabs(determinant), pixel_arcsec = std::sqrt(area);
    for (const DetectedSource& source : sources) {
      if (!(source.flux[b] > 0)) continue;
      const double x0 = plane.map.centre_x + (m[1][1] * source.east - m[0][1] * source.north) / determinant;
      const double y0 = plane.map.centre_y + (m[0][0] * source.north - m[1][0] * source.east) / determinant;
      const double reach = 5 * source.sigma / pixel_arcsec + 1;
      // A pixel holds the mean over points that lie closer than half a sigma.
      const int points = std::max(1, static_cast<int>(std::ceil(2 * pixel_arcsec / source.sigma)));
      const double light =
          (factor - 1) * source.flux[b] * area / (2 * std::numbers::pi * source.sigma * source.sigma * points * points);
      const auto low = [&](double at) { return std::max(0, static_cast<int>(std::ceil(at - reach))); };
      const auto high = [&](double at, int extent) {
        return std::min(extent - 1, static_cast<int>(std::floor(at + reach)));
      };
      for (int y = low(y0); y <= high(y0, plane.height); ++y)
        for (int x = low(x0); x <= high(x0, plane.width); ++x) {
          double sum = 0;
          for (int j = 0; j < points; ++j)
            for (int i = 0; i < points; ++i) {
              const double dx = x - x0 + (i + 0.5) / points - 0.5, dy = y - y0 + (j + 0.5) / points - 0.5;
              const double east = m[0][0] * dx + m[0][1] * dy, north = m[1][0] * dx + m[1][1] * dy;
              sum += std::exp(-0.5 * (east * east + north * north) / (source.sigma * source.sigma));
            }
          plane.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(plane.width) +
                       static_cast<std::size_t>(x)] += static_cast<float>(light * sum);
        }
    }
  }
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
