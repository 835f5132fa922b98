// SPDX-License-Identifier: BSD-3-Clause
// A scene as a cutout at working scale, as prepare.hpp would make it from native pixels: for training, where a native
// render of five frames would cost a thousand times more. Not a way around prepare.hpp: that one reads this cutout too.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/mock/artefacts.hpp"
#include "clustermass/mock/noise.hpp"
#include "clustermass/mock/raster.hpp"
#include "clustermass/mock/sky.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// What goes into a working-scale image beside the sources.
struct WorkingOptions {
  int side = 128;            ///< cells along 2 Mpc
  bool noise = true;         ///< photon, sky and dark noise
  bool sky_residual = true;  ///< offset, gradient and over-subtraction left by the sky subtraction
  bool masks = true;         ///< frame edge, missing band, saturated stars, bleed trails, bad columns, cosmic rays
};

/// Cells of `side` x `side` over 2 Mpc at a redshift, north up and east left.
inline AffineMap working_map(double redshift, int side) {
  const double cell = arcsec_of_mpc(2, redshift) / side, centre = 0.5 * (side - 1);
  return {{{{-cell, 0}, {0, cell}}}, centre, centre};
}

/// Geometry of a working-scale image beside the CCD of one band.
struct WorkingGrid {
  AffineMap map;
  int side;
  double cell_arcsec;

  WorkingGrid(double redshift, int cells)
      : map(working_map(redshift, cells)), side(cells), cell_arcsec(map.arcsec_per_pixel[1][1]) {}

  double east(double i) const { return (i - map.centre_x) * map.arcsec_per_pixel[0][0]; }
  double north(double j) const { return (j - map.centre_y) * map.arcsec_per_pixel[1][1]; }
  double x(double east) const { return map.centre_x - east / cell_arcsec; }
  double y(double north) const { return map.centre_y + north / cell_arcsec; }
  std::size_t cells() const { return static_cast<std::size_t>(side) * static_cast<std::size_t>(side); }

  /// Index of the cell at an offset on the sky, or cells() outside.
  std::size_t cell_at(double at_east, double at_north) const {
    const double i = std::floor(x(at_east) + 0.5), j = std::floor(y(at_north) + 0.5);
    if (!(i >= 0 && i < side && j >= 0 && j < side)) return cells();
    return static_cast<std::size_t>(j) * static_cast<std::size_t>(side) + static_cast<std::size_t>(i);
  }
  /// Calls visit(i, j) for the cells whose centre lies in a disc. [arcsec]
  template <class Visit>
  void for_each_in_disc(double at_east, double at_north, double radius, Visit&& visit) const {
    const double centre_x = x(at_east), centre_y = y(at_north), r = radius / cell_arcsec;
    const int j0 = std::max(0, static_cast<int>(std::ceil(centre_y - r)));
    for (int j = j0; j < side && j <= centre_y + r; ++j) {
      const double half = std::sqrt(std::max(0.0, r * r - (j - centre_y) * (j - centre_y)));
      for (int i = std::max(0, static_cast<int>(std::ceil(centre_x - half))); i < side && i <= centre_x + half; ++i)
        visit(i, j);
    }
  }
};

/// Adds the noise of resampled native pixels to a plane [side,side] of expected fluxes. A cell is as wide across rows
/// as a box of its side, whatever its angle, as far as second moments go. lost: share of each cell's area without valid
/// pixels, or empty; what is left is scaled up to the whole cell and so is its noise.
inline void add_resampled_noise(std::vector<float>& plane, const WorkingGrid& grid, const CameraBand& camera,
                                const AffineMap& frame, const NoiseKernel& kernel, const RowNoise& row_noise,
                                const std::vector<float>& lost, NormalStream normal) {
  const double pixels_per_cell = grid.cell_arcsec / Footprint::pixel_arcsec;
  const ResampledNoise resampled(pixels_per_cell, kernel.spread());
  // A two-point filter (a, b) with a^2 + b^2 = 1 and a b = correlation, along both axes.
  const double angle = 0.5 * std::asin(std::min(1.0, 2 * resampled.correlation));
  const auto a = static_cast<float>(std::cos(angle)), b = static_cast<float>(std::sin(angle));
  const double sky = camera.noise() * resampled.gain;
  const auto sky_variance = static_cast<float>(sky * sky);
  const auto photon = static_cast<float>(camera.nmgy_per_count / camera.gain * resampled.shrink * resampled.shrink);

  // Column and row of the frame are linear in the cell.
  const RasterMap pixels(frame);
  const double x0 = pixels.x(grid.east(0), grid.north(0)), x_per_i = pixels.x(grid.east(1), grid.north(0)) - x0,
               x_per_j = pixels.x(grid.east(0), grid.north(1)) - x0;
  const double y0 = pixels.y(grid.east(0), grid.north(0)), y_per_i = pixels.y(grid.east(1), grid.north(0)) - y0,
               y_per_j = pixels.y(grid.east(0), grid.north(1)) - y0;
  const double last = grid.side - 1,
               corners[] = {y0, y0 + last * y_per_i, y0 + last * y_per_j, y0 + last * (y_per_i + y_per_j)};
  const RowMeans rows(row_noise, pixels_per_cell, *std::min_element(corners, corners + 4),
                      *std::max_element(corners, corners + 4));
  const auto area = static_cast<float>(pixels_per_cell * pixels_per_cell);

  const auto n = static_cast<std::size_t>(grid.side);
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
    const float* const gone = lost.empty() ? nullptr : lost.data() + j * n;
    for (std::size_t i = 0; i < n; ++i) {
      const float variance = sky_variance + photon * std::max(row[i], 0.0f);
      const float kept = gone == nullptr ? 1.0f : std::max(0.1f, 1 - gone[i]);
      const double x = x0 + x_per_i * static_cast<double>(i) + x_per_j * static_cast<double>(j);
      const auto factor = static_cast<float>(camera.noise_factor(x));
      row[i] += factor * std::sqrt(variance / kept) * (a * current[i] + b * previous[i]);
      if (row_noise.none()) continue;
      const double y = y0 + y_per_i * static_cast<double>(i) + y_per_j * static_cast<double>(j);
      row[i] += area * rows.at(x, y);
    }
    previous.swap(current);
  }
}

/// What artefacts take from a band at working scale: the share of each cell's area without valid pixels, and why.
/// Both stay empty where nothing is lost.
struct LostCells {
  std::vector<float> share;
  std::vector<std::int32_t> bits;

  void add(std::size_t cell, double area, std::int32_t why, const WorkingGrid& grid) {
    if (cell >= grid.cells()) return;
    if (share.empty()) {
      share.assign(grid.cells(), 0);
      bits.assign(grid.cells(), 0);
    }
    share[cell] += static_cast<float>(area);
    bits[cell] |= why;
  }
};

/// Cell that holds a pixel of a CCD, or grid.cells().
inline std::size_t cell_of_pixel(const AffineMap& ccd, int i, int j, const WorkingGrid& grid) {
  const auto& m = ccd.arcsec_per_pixel;
  const double dx = i - ccd.centre_x, dy = j - ccd.centre_y;
  return grid.cell_at(m[0][0] * dx + m[0][1] * dy, m[1][0] * dx + m[1][1] * dy);
}

/// Saturated pixels, bleed trails and bad columns of one band, as native.hpp puts them on its frame: the same columns,
/// trails from the star's PSF. They end at the frame's edge also where the cutout sees beyond it.
inline LostCells lose_cells(const Scene& scene, std::size_t band, const SkyParameters& sky, const WorkingGrid& grid) {
  LostCells lost;
  const AffineMap ccd = scene.footprint.map(band);
  const RasterMap to_ccd(ccd);
  const double pixel = Footprint::pixel_arcsec / grid.cell_arcsec, area = pixel * pixel;

  for (const Source& source : scene.sources) {
    if (!(saturation_radius_arcsec(source, band, sky) > 0)) continue;
    bleed_star(to_ccd.x(source.east, source.north), to_ccd.y(source.east, source.north), source.flux[band],
               psf_at(scene, band, source.east, source.north), scene.camera[band], sky.full_well_counts,
               [&](int i, int j, bool core) {
                 const std::int32_t why = core ? mask_bit::saturated : mask_bit::bleed;
                 lost.add(cell_of_pixel(ccd, i, j, grid), area, why | mask_bit::interpolated, grid);
               });
  }
  Random bad = stream_of(scene.seed, scene.index, Stream::bad_columns, band);
  for (const int i : draw_bad_columns(sky, bad))
    for (int j = 0; j < Footprint::height; ++j)
      lost.add(cell_of_pixel(ccd, i, j, grid), area, mask_bit::bad_column | mask_bit::interpolated, grid);
  return lost;
}

/// Charge of the cosmic rays that the pipeline overlooks. Those it finds spoil a few pixels, too few to matter for a
/// cell.
inline void add_overlooked_rays(float* plane, const Scene& scene, std::size_t band, const SkyParameters& sky,
                                const WorkingGrid& grid) {
  constexpr int width = Footprint::width, height = Footprint::height;
  const CameraBand& camera = scene.camera[band];
  const AffineMap ccd = scene.footprint.map(band);
  Random random = stream_of(scene.seed, scene.index, Stream::cosmic_rays, band);
  for (const CosmicRay& ray : draw_cosmic_rays(-0.5, width - 0.5, -0.5, height - 0.5, sky, random)) {
    if (!ray.missed) continue;
    ray.for_each_pixel([&](int i, int j, double share) {
      const std::size_t cell = cell_of_pixel(ccd, i, j, grid);
      if (cell < grid.cells() && Footprint::holds(i, j))
        plane[cell] += static_cast<float>(share * ray.electrons / camera.gain * camera.nmgy_per_count);
    });
  }
}

/// Mask of one band: the discs of saturated stars, cells that lost more than half their area, cells outside the frame.
/// The latter are set to 0. Stays empty where nothing is masked.
inline void mask_cells(CutoutBuffer::Plane& plane, const Scene& scene, std::size_t band, const SkyParameters& sky,
                       const WorkingGrid& grid, const LostCells& lost) {
  const auto mark = [&](std::size_t cell, std::int32_t bits) {
    if (plane.mask.empty()) plane.mask.assign(grid.cells(), 0);
    plane.mask[cell] |= bits;
  };
  for (std::size_t cell = 0; cell < lost.share.size(); ++cell)
    if (lost.share[cell] > 0.5f) mark(cell, lost.bits[cell]);
  for (const Source& source : scene.sources) {
    const double radius = saturation_radius_arcsec(source, band, sky);
    if (!(radius > 0)) continue;
    if (const std::size_t cell = grid.cell_at(source.east, source.north); cell < grid.cells())
      mark(cell, mask_bit::saturated | mask_bit::bright_neighbour);
    grid.for_each_in_disc(source.east, source.north, radius, [&](int i, int j) {
      mark(static_cast<std::size_t>(j * grid.side + i), mask_bit::bright_neighbour);
    });
  }
  if (!scene.footprint.limited) return;
  const RasterMap frame(scene.footprint.map(band));
  for (int j = 0; j < grid.side; ++j)
    for (int i = 0; i < grid.side; ++i) {
      const double east = grid.east(i), north = grid.north(j);
      if (Footprint::holds(frame.x(east, north), frame.y(east, north))) continue;
      const auto cell = static_cast<std::size_t>(j * grid.side + i);
      mark(cell, mask_bit::no_data);
      plane.pixels[cell] = 0;
    }
}

/// Where the columns (or rows) of a working-scale image lie between the nodes of a mesh; its axes are theirs.
struct MeshPlace {
  int low = 0;
  float share = 0;
};
inline std::vector<MeshPlace> mesh_places(const SkyMesh& mesh, const WorkingGrid& grid, bool columns) {
  std::vector<MeshPlace> places(static_cast<std::size_t>(grid.side));
  if (mesh.node.empty()) return places;
  for (int k = 0; k < grid.side; ++k) {
    const double offset = columns ? grid.east(k) : grid.north(k);
    const double at = std::clamp(offset / mesh.spacing_arcsec + 0.5 * (mesh.side - 1), 0.0, mesh.side - 1.001);
    MeshPlace& place = places[static_cast<std::size_t>(k)];
    place.low = static_cast<int>(at);
    place.share = static_cast<float>(at - place.low);
  }
  return places;
}

/// What the sky subtraction left in one band: offset and slope, and a disc too deep around each bright source.
inline void add_working_residual(float* plane, const Scene& scene, std::size_t band, const SkyParameters& sky,
                                 const WorkingGrid& grid) {
  const double area = grid.cell_arcsec * grid.cell_arcsec,
               pixels = area / (Footprint::pixel_arcsec * Footprint::pixel_arcsec);
  const CameraBand& camera = scene.camera[band];
  const SkyMesh& mesh = camera.mesh;
  const std::vector<MeshPlace> columns = mesh_places(mesh, grid, true), rows = mesh_places(mesh, grid, false);
  std::vector<float> line(static_cast<std::size_t>(mesh.side) + 2);  // the mesh at one row of cells
  for (int j = 0; j < grid.side; ++j) {
    const MeshPlace row = rows[static_cast<std::size_t>(j)];
    const float* const low = mesh.node.data() + static_cast<std::ptrdiff_t>(row.low) * mesh.side;
    for (int k = 0; k < mesh.side; ++k)
      line[static_cast<std::size_t>(k)] = low[k] + row.share * (low[k + mesh.side] - low[k]);
    const auto base = static_cast<float>(camera.sky_offset + camera.gradient_north * grid.north(j));
    const auto slope = static_cast<float>(camera.gradient_east);
    for (int i = 0; i < grid.side; ++i) {
      const MeshPlace column = columns[static_cast<std::size_t>(i)];
      const float* const node = line.data() + column.low;
      plane[j * grid.side + i] += static_cast<float>(pixels) * (base + slope * static_cast<float>(grid.east(i)) +
                                                                node[0] + column.share * (node[1] - node[0]));
    }
  }
  for (const Source& source : scene.sources)
    if (const auto depth = static_cast<float>(over_subtraction_depth(source, band, sky) * area); depth > 0)
      grid.for_each_in_disc(source.east, source.north, sky.over_subtraction_radius_arcsec,
                            [&](int i, int j) { plane[j * grid.side + i] -= depth; });
}

/// Draws sources into five planes [side,side]; a null plane is left out. `sources` yields Source references.
template <class Sources>
void draw_sources(const Scene& scene, const SkyParameters& sky, const WorkingGrid& grid, const Sources& sources,
                  const std::array<float*, 5>& planes) {
  PerBand noise;
  for (std::size_t b = 0; b < noise.size(); ++b)
    noise[b] = scene.camera[b].noise() * grid.cell_arcsec / Footprint::pixel_arcsec;
  SourceRenderer renderer(grid.map, grid.side, grid.side, scene.psf, noise, sky.accuracy, scene.psf_drift);
  for (const Source& source : sources) renderer.add(source, planes);
}

/// Planes of zeros [side,side] over 2 Mpc, in the bands that `has` names.
template <class Has>
CutoutBuffer empty_cutout(const Scene& scene, const WorkingGrid& grid, Has&& has) {
  CutoutBuffer cutout;
  cutout.redshift = scene.redshift;
  cutout.ebv = scene.ebv;
  for (std::size_t b = 0; b < cutout.bands.size(); ++b) {
    if (!has(b)) continue;
    CutoutBuffer::Plane& plane = cutout.bands[b];
    plane.height = plane.width = grid.side;
    plane.map = grid.map;
    plane.pixels.assign(grid.cells(), 0.0f);
  }
  return cutout;
}

/// The planes of a cutout to draw into; null where a band is missing.
inline std::array<float*, 5> planes_of(CutoutBuffer& cutout) {
  std::array<float*, 5> planes{};
  for (std::size_t b = 0; b < planes.size(); ++b)
    if (!cutout.bands[b].pixels.empty()) planes[b] = cutout.bands[b].pixels.data();
  return planes;
}

/// Throws  InputError if a working-scale image cannot have so many cells along its side
inline void check_side(const char* function, int side) {
  if (side < 8 || side > 4096)
    detail::raise<InputError>(std::string(function) + ": expected a side in [8, 4096] cells, found " +
                              std::to_string(side));
}

/// Five bands [side,side] over exactly 2 Mpc at the scene's redshift, in nanomaggies per cell. A missing band is an
/// empty plane; cells outside the frame are 0 with mask_bit::no_data; cells near saturated stars carry
/// mask_bit::bright_neighbour, those that lost more than half their area to artefacts the bits of these. The mask stays
/// empty where nothing is masked.
///
/// Throws  InputError if side is not in [8, 4096]
inline CutoutBuffer render_working(const Scene& scene, const SkyParameters& sky, const WorkingOptions& options = {}) {
  check_side("render_working", options.side);
  const WorkingGrid grid(scene.redshift, options.side);
  CutoutBuffer cutout = empty_cutout(
      scene, grid, [&](std::size_t b) { return !options.masks || static_cast<int>(b) != scene.missing_band; });
  const std::array<float*, 5> planes = planes_of(cutout);
  draw_sources(scene, sky, grid, scene.sources, planes);

  const NoiseKernel kernel(sky.noise_correlation_pixels);
  for (std::size_t b = 0; b < planes.size(); ++b) {
    if (planes[b] == nullptr) continue;
    CutoutBuffer::Plane& plane = cutout.bands[b];
    LostCells lost;
    if (options.masks) lost = lose_cells(scene, b, sky, grid);
    if (options.sky_residual) add_working_residual(planes[b], scene, b, sky, grid);
    if (options.noise)
      add_resampled_noise(plane.pixels, grid, scene.camera[b], scene.footprint.map(b), kernel,
                          row_noise_of(scene, b, sky), lost.share, noise_of(scene, Stream::noise, b));
    if (options.noise && options.masks) add_overlooked_rays(planes[b], scene, b, sky, grid);
    if (options.masks) mask_cells(plane, scene, b, sky, grid, lost);
  }
  return cutout;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
