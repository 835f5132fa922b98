// SPDX-License-Identifier: BSD-3-Clause
// A scene as a cutout at working scale, as prepare.hpp would make it from native pixels: for training, where a native
// render of five frames would cost a thousand times more. Not a way around prepare.hpp: that one reads this cutout too.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/mock/noise.hpp"
#include "clustermass/mock/raster.hpp"
#include "clustermass/mock/sky.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// What goes into a working-scale image beside the sources.
struct WorkingOptions {
  int side = 128;            ///< cells along 2 Mpc
  bool noise = true;         ///< photon, sky and dark noise
  bool sky_residual = true;  ///< offset and gradient left by the sky subtraction
  bool masks = true;         ///< frame edge, saturated stars, missing band
};

/// Cells of `side` x `side` over 2 Mpc at a redshift, north up and east left.
inline AffineMap working_map(double redshift, int side) {
  const double cell = arcsec_of_mpc(2, redshift) / side, centre = 0.5 * (side - 1);
  return {{{{-cell, 0}, {0, cell}}}, centre, centre};
}

/// Noise of a cell made of N x N native pixels by area resampling, N not an integer: the factor on the noise of one
/// pixel, and the correlation of neighbours.
struct ResampledNoise {
  double gain;         ///< N (1 - 1/(3N))
  double shrink;       ///< 1 - 1/(3N)
  double correlation;  ///< 1/(6N)

  explicit ResampledNoise(double pixels_per_cell)
      : gain(pixels_per_cell - 1.0 / 3),
        shrink(1 - 1 / (3 * pixels_per_cell)),
        correlation(1 / (6 * pixels_per_cell)) {}
};

/// Adds the noise of resampled native pixels to a plane [side,side] of expected fluxes.
inline void add_resampled_noise(std::vector<float>& plane, int side, double pixels_per_cell, const CameraBand& camera,
                                NormalStream normal) {
  const ResampledNoise resampled(pixels_per_cell);
  // A two-point filter (a, b) with a^2 + b^2 = 1 and a b = correlation, along both axes.
  const double angle = 0.5 * std::asin(2 * resampled.correlation);
  const auto a = static_cast<float>(std::cos(angle)), b = static_cast<float>(std::sin(angle));
  const double sky = camera.noise() * resampled.gain;
  const auto sky_variance = static_cast<float>(sky * sky);
  const auto photon = static_cast<float>(camera.nmgy_per_count / camera.gain * resampled.shrink * resampled.shrink);

  const auto n = static_cast<std::size_t>(side);
  std::vector<float> previous(n), current(n);
  const auto draw_row = [&](std::vector<float>& row) {
    float left = normal();
    for (float& value : row) {
      const float next = normal();
      value = a * next + b * left;
      left = next;
    }
  };
  draw_row(previous);
  for (std::size_t j = 0; j < n; ++j) {
    draw_row(current);
    float* const row = plane.data() + j * n;
    for (std::size_t i = 0; i < n; ++i)
      row[i] += std::sqrt(sky_variance + photon * std::max(row[i], 0.0f)) * (a * current[i] + b * previous[i]);
    previous.swap(current);
  }
}

/// Five bands [side,side] over exactly 2 Mpc at the scene's redshift, in nanomaggies per cell. A missing band is an
/// empty plane; cells outside the frame are 0 with mask_bit::no_data; cells near saturated stars carry
/// mask_bit::saturated. The mask stays empty where nothing is masked.
///
/// Throws  InputError if side is not in [8, 4096]
inline CutoutBuffer render_working(const Scene& scene, const SkyParameters& sky, const WorkingOptions& options = {}) {
  if (options.side < 8 || options.side > 4096)
    detail::raise<InputError>("render_working: expected a side in [8, 4096] cells, found " +
                              std::to_string(options.side));
  const int side = options.side;
  const auto cells = static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
  const AffineMap map = working_map(scene.redshift, side);
  const double cell_arcsec = map.arcsec_per_pixel[1][1], pixels_per_cell = cell_arcsec / Footprint::pixel_arcsec;
  const double pixels = pixels_per_cell * pixels_per_cell;

  CutoutBuffer cutout;
  cutout.redshift = scene.redshift;
  cutout.ebv = scene.ebv;
  std::array<float*, 5> planes{};
  PerBand noise;
  for (std::size_t b = 0; b < planes.size(); ++b) {
    noise[b] = scene.camera[b].noise() * pixels_per_cell;
    if (options.masks && static_cast<int>(b) == scene.missing_band) continue;
    CutoutBuffer::Plane& plane = cutout.bands[b];
    plane.height = plane.width = side;
    plane.map = map;
    plane.pixels.assign(cells, 0.0f);
    planes[b] = plane.pixels.data();
  }
  SourceRenderer renderer(map, side, side, scene.psf, noise, sky.accuracy);
  for (const Source& source : scene.sources) renderer.add(source, planes);

  const auto east = [&](int i) { return (i - map.centre_x) * map.arcsec_per_pixel[0][0]; };
  const auto north = [&](int j) { return (j - map.centre_y) * map.arcsec_per_pixel[1][1]; };
  for (std::size_t b = 0; b < planes.size(); ++b) {
    CutoutBuffer::Plane& plane = cutout.bands[b];
    if (planes[b] == nullptr) continue;
    if (options.noise)
      add_resampled_noise(plane.pixels, side, pixels_per_cell, scene.camera[b], noise_of(scene, Stream::noise, b));
    if (options.sky_residual)
      for (int j = 0; j < side; ++j)
        for (int i = 0; i < side; ++i)
          planes[b][j * side + i] += static_cast<float>(pixels * scene.camera[b].residual(east(i), north(j)));
    if (!options.masks) continue;

    const auto mark = [&](int i, int j, std::int32_t bit) {
      if (plane.mask.empty()) plane.mask.assign(cells, 0);
      plane.mask[static_cast<std::size_t>(j * side + i)] |= bit;
    };
    for (const Source& source : scene.sources) {
      const double radius = saturation_radius_arcsec(source, b, sky) / cell_arcsec;
      if (!(radius > 0)) continue;
      const double x = map.centre_x - source.east / cell_arcsec, y = map.centre_y + source.north / cell_arcsec;
      const int reach = static_cast<int>(std::ceil(radius));
      const int x0 = static_cast<int>(std::lround(x)), y0 = static_cast<int>(std::lround(y));
      for (int j = std::max(0, y0 - reach); j <= std::min(side - 1, y0 + reach); ++j)
        for (int i = std::max(0, x0 - reach); i <= std::min(side - 1, x0 + reach); ++i)
          if (std::hypot(i - x, j - y) < radius || (i == x0 && j == y0)) mark(i, j, mask_bit::saturated);
    }
    if (!scene.footprint.limited) continue;
    const RasterMap frame(scene.footprint.map(b));
    for (int j = 0; j < side; ++j)
      for (int i = 0; i < side; ++i) {
        if (Footprint::holds(frame.x(east(i), north(j)), frame.y(east(i), north(j)))) continue;
        mark(i, j, mask_bit::no_data);
        planes[b][j * side + i] = 0;
      }
  }
  return cutout;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
