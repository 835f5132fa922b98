// SPDX-License-Identifier: BSD-3-Clause
// What spoils pixels of a CCD: saturation and bleed trails along the columns, cosmic rays, bad columns, and the sky
// that is subtracted too deep around bright sources. Geometry and charge only; native.hpp and working.hpp put them on
// images.
//
// Like the survey's frames pipeline, which interpolates over bad columns, cosmic rays and bleed trails (Lupton et al.
// 2001, astro-ph/0101420), native.hpp replaces what is spoiled by the mean of the pixels beside it and masks it. Only
// the cosmic rays that the pipeline overlooks stay in the image.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/mock/scene.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Radius of the disc that is masked around a saturated star; 0 if it is not saturated in this band. [arcsec]
inline double saturation_radius_arcsec(const Source& source, std::size_t band, const SkyParameters& sky) {
  if (source.kind != SourceKind::star) return 0;
  const double m = magnitude(source.flux[band]);
  if (m >= sky.saturation_magnitude[band]) return 0;
  return sky.saturation_radius_arcsec * std::exp(std::numbers::ln10 * sky.saturation_radius_slope * (m - 12));
}

/// Sky brightness that is missing inside the over-subtraction's disc around a source; 0 for faint ones. [nMgy/arcsec^2]
inline double over_subtraction_depth(const Source& source, std::size_t band, const SkyParameters& sky) {
  constexpr auto i = static_cast<std::size_t>(Band::i);
  if (!(sky.over_subtraction > 0) || !(magnitude(source.flux[i]) < sky.over_subtraction_limit_i)) return 0;
  const double radius = sky.over_subtraction_radius_arcsec;
  double flux = source.flux[band];
  if (source.kind == SourceKind::star)
    flux = std::min(flux, std::exp(0.4 * std::numbers::ln10 * (22.5 - sky.saturation_magnitude[band])));
  return sky.over_subtraction * flux / (std::numbers::pi * radius * radius);
}

/// The track of a charged particle in one exposure: a straight line in the plane of the pixels.
struct CosmicRay {
  double x = 0, y = 0;           ///< where it enters [pixel]
  double length = 0, angle = 0;  ///< of its path in the plane [pixel, rad]
  double electrons = 0;
  bool missed = false;  ///< the pipeline overlooks it: it stays in the image and out of the mask

  /// Calls visit(i, j, share of the charge) along the track; a pixel may come more than once.
  template <class Visit>
  void for_each_pixel(Visit&& visit) const {
    const int steps = 1 + static_cast<int>(8 * length);
    for (int k = 0; k < steps; ++k) {
      const double t = length * (k + 0.5) / steps;
      visit(static_cast<int>(std::floor(x + t * std::cos(angle) + 0.5)),
            static_cast<int>(std::floor(y + t * std::sin(angle) + 0.5)), 1.0 / steps);
    }
  }
};

/// Cosmic rays inside a rectangle of pixels [x0, x1] x [y0, y1]. Muons lose 80 electrons per micron in 15 um of silicon
/// (minimum ionisation; thickness: design) and come from zenith angles of a cos^2 law.
inline std::vector<CosmicRay> draw_cosmic_rays(double x0, double x1, double y0, double y1, const SkyParameters& sky,
                                               Random& random) {
  constexpr double thickness_um = 15, pixel_um = 24, electrons_per_um = 80;
  std::vector<CosmicRay> rays;
  const double area = std::max(0.0, x1 - x0) * std::max(0.0, y1 - y0);
  const int count = random.poisson(sky.cosmic_rays_per_mpix * 1e-6 * area);
  for (int k = 0; k < count; ++k) {
    CosmicRay ray;
    ray.x = random.uniform(x0, x1);
    ray.y = random.uniform(y0, y1);
    ray.angle = 2 * std::numbers::pi * random.uniform();
    // Flux through a horizontal plane per solid angle ~ cos^3: cos of the zenith angle is u^(1/4).
    const double cosine = std::max(0.05, std::pow(random.uniform(), 0.25));
    const double path_um = thickness_um / cosine;
    ray.length = path_um * std::sqrt(1 - cosine * cosine) / pixel_um;
    // Energy loss fluctuates upwards (Landau): a log-normal tail.
    ray.electrons = electrons_per_um * path_um * std::exp(0.3 * std::fabs(random.normal()));
    ray.missed = random.uniform() < sky.cosmic_ray_missed_share;
    rays.push_back(ray);
  }
  return rays;
}

/// Bad columns of a CCD, in rising order.
inline std::vector<int> draw_bad_columns(const SkyParameters& sky, Random& random) {
  std::vector<int> columns;
  const int count = random.poisson(sky.bad_column_share * Footprint::width);
  for (int k = 0; k < count; ++k) columns.push_back(static_cast<int>(random.below(Footprint::width)));
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  return columns;
}

/// Charge above the full well of one column between rows `low` and `high` flows up and down in equal parts until it
/// finds room or leaves the column. counts(j): charge of row j, up to the rows [first, last] of the CCD. Calls fill(j)
/// for every row that ends up full.
template <class Counts, class Fill>
void bleed(int low, int high, int first, int last, double full_well, Counts&& counts, Fill&& fill) {
  double over = 0;
  for (int j = low; j <= high; ++j)
    if (const double c = counts(j); c > full_well) {
      over += c - full_well;
      fill(j);
    }
  for (const int step : {-1, 1}) {
    double charge = 0.5 * over;
    // Start from the middle: room between full rows is filled first.
    for (int j = step > 0 ? (low + high) / 2 + 1 : (low + high) / 2; charge > 0 && j >= first && j <= last; j += step) {
      const double room = full_well - counts(j);
      if (room <= 0) continue;
      charge -= room;
      if (charge > 0) fill(j);
    }
  }
}

/// Expected saturated and bled pixels of a star on its CCD, from its PSF alone: calls fill(i, j, in the core). Round
/// PSF, sampled at pixel centres.
template <class Fill>
void bleed_star(double x, double y, double flux_nmgy, const Psf& psf, const CameraBand& camera, double full_well,
                Fill&& fill) {
  const GaussianMixture parts = psf_mixture(psf);
  const double fwhm = psf.fwhm_arcsec / Footprint::pixel_arcsec, total = flux_nmgy / camera.nmgy_per_count;
  std::array<double, 8> height{}, rate{};
  const auto size = static_cast<std::size_t>(parts.size);
  for (std::size_t k = 0; k < size; ++k) {
    const double variance = parts.variance[k] * fwhm * fwhm + 1.0 / 12;  // a pixel blurs like 1/12
    height[k] = total * parts.weight[k] / (2 * std::numbers::pi * variance);
    rate[k] = 0.5 / variance;
  }
  const auto profile = [&](double r2) {
    double sum = camera.sky_counts;
    for (std::size_t k = 0; k < size; ++k) sum += height[k] * std::exp(-rate[k] * r2);
    return sum;
  };
  if (!(full_well > 0) || profile(0) <= full_well) return;
  double reach = 1;
  while (profile(reach * reach) > full_well) ++reach;
  const auto r = static_cast<int>(reach);
  const int i0 = static_cast<int>(std::lround(x)), j0 = static_cast<int>(std::lround(y));
  for (int i = std::max(0, i0 - r); i <= std::min(Footprint::width - 1, i0 + r); ++i) {
    const int low = std::clamp(j0 - r, 0, Footprint::height - 1), high = std::clamp(j0 + r, 0, Footprint::height - 1);
    const auto counts = [&](int j) {
      const double r2 = (i - x) * (i - x) + (j - y) * (j - y);
      return r2 > 100 * fwhm * fwhm ? camera.sky_counts : profile(r2);
    };
    bleed(low, high, 0, Footprint::height - 1, full_well, counts, [&](int j) { fill(i, j, counts(j) > full_well); });
  }
}

/// Marks saturated pixels of a CCD [height,width] and those their charge bleeds into. mask: same extents.
inline void mark_saturation(const std::vector<float>& counts, int width, int height, double full_well,
                            std::vector<std::int32_t>& mask) {
  if (!(full_well > 0)) return;
  // Full pixels, column by column.
  std::vector<std::pair<int, int>> full;  // column, row
  for (int j = 0; j < height; ++j)
    for (int i = 0; i < width; ++i)
      if (static_cast<double>(
              counts[static_cast<std::size_t>(j) * static_cast<std::size_t>(width) + static_cast<std::size_t>(i)]) >
          full_well)
        full.emplace_back(i, j);
  std::sort(full.begin(), full.end());
  for (std::size_t first = 0; first < full.size();) {
    // One star's part of a column: full rows less than 20 apart.
    std::size_t last = first;
    while (last + 1 < full.size() && full[last + 1].first == full[first].first &&
           full[last + 1].second - full[last].second < 20)
      ++last;
    const int i = full[first].first;
    const auto at = [&](int j) {
      return static_cast<std::size_t>(j) * static_cast<std::size_t>(width) + static_cast<std::size_t>(i);
    };
    bleed(
        full[first].second, full[last].second, 0, height - 1, full_well,
        [&](int j) { return static_cast<double>(counts[at(j)]); },
        [&](int j) {
          const bool core = static_cast<double>(counts[at(j)]) > full_well;
          mask[at(j)] |= core ? mask_bit::saturated | mask_bit::interpolated : mask_bit::bleed | mask_bit::interpolated;
        });
    first = last + 1;
  }
}

/// Replaces every run of interpolated pixels of a row by the straight line between the good pixels beside it. A run
/// that reaches the edge takes the value of its one neighbour.
inline void interpolate_rows(std::vector<float>& counts, int width, int height, const std::vector<std::int32_t>& mask) {
  for (int j = 0; j < height; ++j) {
    float* const row = counts.data() + static_cast<std::ptrdiff_t>(j) * width;
    const std::int32_t* const bits = mask.data() + static_cast<std::ptrdiff_t>(j) * width;
    for (int i = 0; i < width; ++i) {
      if ((bits[i] & mask_bit::interpolated) == 0) continue;
      int end = i;
      while (end < width && (bits[end] & mask_bit::interpolated) != 0) ++end;
      if (i == 0 && end == width) break;
      const double left = static_cast<double>(row[i > 0 ? i - 1 : end]),
                   right = static_cast<double>(row[end < width ? end : i - 1]);
      for (int k = i; k < end; ++k)
        row[k] = static_cast<float>(left + (right - left) * (k - i + 1) / static_cast<double>(end - i + 1));
      i = end;
    }
  }
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
