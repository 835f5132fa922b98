// SPDX-License-Identifier: BSD-3-Clause
// The two renderers of one scene agree: native frames of any orientation, brought to the working scale by prepare.hpp,
// have the fluxes, the noise and the masks of the working-scale image.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/mock/native.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/model/prepare.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
/// What the network would read of a cutout, with the stretch and the dereddening undone. [nMgy per cell]
struct Prepared {
  std::vector<float> input = std::vector<float>(band_count * field_cells);
  std::vector<float> band_coverage = std::vector<float>(band_count * coarse_cells);
  std::vector<float> coverage = std::vector<float>(coarse_cells);
  std::vector<float> context = std::vector<float>(context_count);
  double ebv;

  explicit Prepared(const Cutout& cutout) : ebv(cutout.ebv) {
    std::vector<Cell> cells(field_cells);
    prepare(cutout, cutout.redshift, cells, {input, band_coverage, coverage, context});
  }
  double flux(std::size_t band, int j, int i) const {
    const double y =
        static_cast<double>(input[(band * 128 + static_cast<std::size_t>(j)) * 128 + static_cast<std::size_t>(i)]);
    return 2 * stretch_scale[band] * std::sinh(2 * y) *
           std::pow(10.0, -0.4 * clustermass::extinction_per_ebv[band] * ebv);
  }
};

Cutout view(const NativeField& field, const Scene& scene) {
  Cutout cutout;
  cutout.redshift = scene.redshift;
  cutout.ebv = scene.ebv;
  for (std::size_t b = 0; b < 5; ++b) {
    const NativeFrame& frame = field.bands[b];
    BandImage& image = cutout.bands[b];
    image.pixels = frame.image.data();
    image.mask = frame.mask.empty() ? nullptr : frame.mask.data();
    image.width = NativeField::width, image.height = NativeField::height;
    image.map = frame.map;
  }
  return cutout;
}

/// A survey without a source; the frame turned as it comes.
Scene empty_scene(double redshift, std::uint64_t index, SkyParameters sky) {
  sky.field_scale = sky.star_scale = sky.missing_band_probability = 0;
  SceneOptions options;
  options.cluster = false;
  options.redshift = redshift;
  options.footprint_probability = 1;
  options.frame_pixel = {1023, 744};
  return draw_scene(sky, 101, index, options);
}

struct Statistics {
  double cells = 0, square = 0, right = 0, up = 0, diagonal = 0;

  /// Adds the cells of a band that lie inside the frame with all their neighbours.
  void add(const Prepared& image, std::size_t band, const Scene& scene) {
    const WorkingGrid grid(scene.redshift, 128);
    const RasterMap frame(scene.footprint.map(band));
    const double unit = scene.camera[band].noise() * grid.cell_arcsec / Footprint::pixel_arcsec;
    const double margin = 2 * grid.cell_arcsec / Footprint::pixel_arcsec;
    for (int j = 0; j < 127; ++j)
      for (int i = 0; i < 127; ++i) {
        const double x = frame.x(grid.east(i), grid.north(j)), y = frame.y(grid.east(i), grid.north(j));
        if (x < margin || x > 2047 - margin || y < margin || y > 1488 - margin) continue;
        const double value = image.flux(band, j, i) / unit;
        cells += 1;
        square += value * value;
        right += value * image.flux(band, j, i + 1) / unit;
        up += value * image.flux(band, j + 1, i) / unit;
        diagonal += value * image.flux(band, j + 1, i + 1) / unit;
      }
  }
};
}  // namespace

TEST_CASE("native frames prepared for the network give each galaxy the flux of the working scale") {
  const SkyParameters sky;
  double worst = 0;
  int compared = 0;
  for (const double z : {0.10, 0.25, 0.55}) {
    Scene scene = empty_scene(z, 3, sky);
    for (double& angle : scene.footprint.position_angle) angle += 0.6;
    const double cell = WorkingGrid(z, 128).cell_arcsec, spacing = std::max(40.0, 12 * cell);
    const int reach = static_cast<int>(std::min(130.0, 60 * cell) / spacing) + (z < 0.2 ? 1 : 0);
    Random random(7);
    for (int b = -reach; b <= reach; ++b)
      for (int a = -reach; a <= reach; ++a) {
        Source source;
        source.profile = static_cast<Profile>(random.below(3));
        source.kind = SourceKind::field;
        source.east = spacing * a + random.uniform(-2, 2), source.north = spacing * b + random.uniform(-2, 2);
        source.radius = source.profile == Profile::point ? 0 : random.uniform(0.4, 2.5);
        source.axis_ratio = random.uniform(0.2, 1);
        source.position_angle = random.uniform(0, M_PI);
        source.flux.fill(std::pow(10, random.uniform(0, 3)));
        scene.sources.push_back(source);
      }
    NativeOptions native;
    native.noise = native.sky_residual = false;
    WorkingOptions working;
    working.noise = working.sky_residual = working.masks = false;
    const Prepared a(view(render_native(scene, sky, native), scene)), b(render_working(scene, sky, working));
    const WorkingGrid grid(z, 128);
    for (std::size_t band = 0; band < 5; ++band)
      for (const Source& source : scene.sources) {
        const int x = static_cast<int>(std::lround(grid.x(source.east))),
                  y = static_cast<int>(std::lround(grid.y(source.north)));
        const RasterMap frame(scene.footprint.map(band));
        const double margin = 9 * cell / Footprint::pixel_arcsec, column = frame.x(source.east, source.north),
                     row = frame.y(source.east, source.north);
        if (column < margin || column > 2047 - margin || row < margin || row > 1488 - margin) continue;
        ++compared;
        double sums[2] = {};
        for (int j = y - 5; j <= y + 5; ++j)
          for (int i = x - 5; i <= x + 5; ++i) sums[0] += a.flux(band, j, i), sums[1] += b.flux(band, j, i);
        CAPTURE(z);
        CAPTURE(source.radius);
        CAPTURE(source.flux[band]);
        CHECK(sums[1] == close_to(sums[0], 0.01));
        worst = std::max(worst, std::fabs(sums[1] / sums[0] - 1));
      }
  }
  CHECK(compared > 300);
  MESSAGE("largest difference of a galaxy's flux: " << 100 * worst << " %");
}

TEST_CASE("halo and spikes of a bright star are the same in both renderers, and can be switched off") {
  NativeOptions native;
  native.noise = native.sky_residual = false;
  WorkingOptions working;
  working.noise = working.sky_residual = working.masks = false;
  double light[3] = {};  // from 12 to 40 arcsec: whole, without spikes, without halo too
  for (const int without : {0, 1, 2}) {
    SkyParameters sky;
    sky.spike_scale = without > 0 ? 0 : 1;
    sky.psf_halo_scale = without > 1 ? 0 : 1;
    Scene scene = empty_scene(0.35, 3, sky);
    Source star;
    star.kind = SourceKind::star;
    star.east = 7, star.north = -11;
    star.flux.fill(2e4);
    scene.sources.push_back(star);
    const Prepared a(view(render_native(scene, sky, native), scene)), b(render_working(scene, sky, working));
    const WorkingGrid grid(0.35, 128);
    for (const std::size_t band : {1u, 3u}) {
      double sums[2] = {}, most[2] = {};
      for (int j = 0; j < 128; ++j)
        for (int i = 0; i < 128; ++i) {
          const double r = std::hypot(grid.east(i) - star.east, grid.north(j) - star.north);
          if (r < 12 || r > 40) continue;
          sums[0] += a.flux(band, j, i), sums[1] += b.flux(band, j, i);
          most[0] = std::max(most[0], a.flux(band, j, i)), most[1] = std::max(most[1], b.flux(band, j, i));
        }
      CAPTURE(without);
      CAPTURE(band);
      if (without < 2) CHECK(sums[1] == close_to(sums[0], 0.03));
      if (without < 2) CHECK(most[1] == close_to(most[0], 0.15));
      if (band == 3) light[without] = sums[0] / 2e4;
    }
  }
  // Of the light: four spikes from 12 to 40 arcsec hold 4 x 0.0134 (1/12 - 1/40), the halo most of its 8 %.
  CHECK(light[0] - light[1] == close_to(4 * 0.0134 * (1.0 / 12 - 1.0 / 40), 0.2));
  CHECK(light[1] - light[2] > 0.03);
  CHECK(light[2] < 0.001);
}

TEST_CASE("native frames prepared for the network have the noise of the working scale, and its correlation") {
  for (const double correlated : {0.0, 1.5})
    for (const double z : {0.10, 0.25, 0.55}) {
      if (correlated > 0 && z != 0.25) continue;
      SkyParameters sky;
      sky.noise_correlation_pixels = correlated;
      Statistics native, working;
      NativeOptions native_options;
      native_options.sky_residual = native_options.artefacts = false;
      WorkingOptions working_options;
      working_options.sky_residual = working_options.masks = false;
      for (std::uint64_t k = 0; k < (z < 0.2 ? 2u : 1u); ++k) {
        Scene scene = empty_scene(z, 20 + k, sky);
        for (double& angle : scene.footprint.position_angle) angle = 0.6;  // rows and columns lie across cells
        const Prepared a(view(render_native(scene, sky, native_options), scene)),
            b(render_working(scene, sky, working_options));
        for (std::size_t band = 0; band < 5; ++band) native.add(a, band, scene), working.add(b, band, scene);
      }
      CAPTURE(correlated);
      CAPTURE(z);
      MESSAGE("z = " << z << ", kernel " << correlated << ": level " << std::sqrt(native.square / native.cells)
                     << " and " << std::sqrt(working.square / working.cells) << ", neighbours "
                     << native.right / native.square << " " << native.up / native.square << " and "
                     << working.right / working.square << " " << working.up / working.square << ", diagonal "
                     << native.diagonal / native.square << " and " << working.diagonal / working.square << " cells "
                     << native.cells);
      CHECK(std::sqrt(working.square / working.cells) == close_to(std::sqrt(native.square / native.cells), 0.02));
      CHECK(std::fabs(working.right / working.square - native.right / native.square) < 0.02);
      CHECK(std::fabs(working.up / working.square - native.up / native.square) < 0.02);
      CHECK(std::fabs(working.diagonal / working.square - native.diagonal / native.square) < 0.02);
    }
}
