// SPDX-License-Identifier: BSD-3-Clause
// Artefacts: charge is conserved when it bleeds, rates are the parameters', both renderers lose the same places, and
// each ingredient can be switched off without touching the others.
#include "clustermass/mock/artefacts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "close_to.hpp"
#include "clustermass/mock/native.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/model/resample.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
constexpr int width = Footprint::width, height = Footprint::height;

/// A scene with the survey of a drawn one and no source, its centre near the middle of the frame.
Scene empty_scene(double redshift, std::uint64_t index, const SkyParameters& parameters = {}) {
  SkyParameters sky = parameters;
  sky.field_scale = sky.star_scale = sky.missing_band_probability = 0;
  SceneOptions options;
  options.cluster = false;
  options.redshift = redshift;
  options.footprint_probability = 1;
  options.frame_pixel = {1000, 700};
  return draw_scene(sky, 81, index, options);
}
Source star(double magnitude, double east = 0, double north = 0) {
  Source source;
  source.kind = SourceKind::star;
  source.east = east, source.north = north;
  source.flux.fill(std::pow(10, 0.4 * (22.5 - magnitude)));
  return source;
}
std::size_t count_bits(const std::vector<std::int32_t>& mask, std::int32_t bits) {
  return static_cast<std::size_t>(
      std::count_if(mask.begin(), mask.end(), [=](std::int32_t m) { return (m & bits) != 0; }));
}
}  // namespace

TEST_CASE("charge above the full well fills the column up and down until it finds room") {
  // A column of 100 rows with 40 counts of background, full well 100: 3 x 500 above in rows 49-51.
  std::vector<double> column(100, 40);
  for (int j = 49; j <= 51; ++j) column[static_cast<std::size_t>(j)] = 600;
  std::set<int> filled;
  bleed(
      49, 51, 0, 99, 100, [&](int j) { return column[static_cast<std::size_t>(j)]; }, [&](int j) { filled.insert(j); });
  // 1500 counts need 25 rows of room for 60 each; the last of each side stays partly empty.
  CHECK(filled.size() >= 3 + 23);
  CHECK(filled.size() <= 3 + 25);
  CHECK(*filled.begin() == close_to(50 - 13, 0.03));
  CHECK(*filled.rbegin() == close_to(50 + 13, 0.03));
  filled.clear();  // at the end of the CCD the charge is lost
  bleed(
      0, 1, 0, 99, 100, [&](int j) { return j < 2 ? 1300.0 : 40.0; }, [&](int j) { filled.insert(j); });
  CHECK(*filled.rbegin() < 25);
}

TEST_CASE("cosmic rays come at their rate, most of them short, with the charge of a muon in silicon") {
  SkyParameters sky;
  Random random(3);
  const auto rays = draw_cosmic_rays(0, 1e5, 0, 2e4, sky, random);  // 2000 million pixels
  CHECK(rays.size() == close_to(10000, 0.05));
  double missed = 0;
  std::vector<double> length, charge;
  for (const CosmicRay& ray : rays) {
    missed += ray.missed;
    length.push_back(ray.length), charge.push_back(ray.electrons);
    double share = 0;
    ray.for_each_pixel([&](int, int, double s) { share += s; });
    CHECK(share == close_to(1, 1e-9));
  }
  CHECK(missed / static_cast<double>(rays.size()) == close_to(0.1, 0.1));
  std::nth_element(length.begin(), length.begin() + 5000, length.end());
  std::nth_element(charge.begin(), charge.begin() + 5000, charge.end());
  CHECK(length[5000] < 1);
  CHECK(charge[5000] > 1200);  // 80 electrons/um in 15 um, at least
  CHECK(charge[5000] < 2500);
  sky.cosmic_rays_per_mpix = 0;
  CHECK(draw_cosmic_rays(0, 1e5, 0, 2e4, sky, random).empty());
}

TEST_CASE("a native frame interpolates and masks what is spoiled, and leaves every other pixel as it was") {
  SkyParameters sky;
  Scene scene = empty_scene(0.4, 1);
  scene.sources = {star(10.5, 30, -20), star(18, -60, 10)};
  const NativeField field = render_native(scene, sky);
  NativeOptions clean;
  clean.artefacts = false;
  const NativeField before = render_native(scene, sky, clean);
  CHECK(before.bands[2].mask.empty());
  const NativeFrame& frame = field.bands[2];
  REQUIRE(frame.mask.size() == frame.image.size());
  Random bad = stream_of(scene.seed, scene.index, Stream::bad_columns, 2);
  const std::vector<int> columns = draw_bad_columns(sky, bad);
  CHECK(count_bits(frame.mask, mask_bit::bad_column) == columns.size() * height);
  CHECK(count_bits(frame.mask, mask_bit::saturated) > 20);
  CHECK(count_bits(frame.mask, mask_bit::bleed) > 20);

  std::size_t touched = 0;
  float brightest = 0;
  for (std::size_t k = 0; k < frame.image.size(); ++k) {
    const bool spoiled = (frame.mask[k] & mask_bit::interpolated) != 0;
    touched += !spoiled && frame.image[k] != before.bands[2].image[k];
    brightest = std::max(brightest, frame.image[k]);
  }
  CHECK(touched <= 40);  // rays that the pipeline overlooks
  CHECK(static_cast<double>(brightest) < 1.01 * sky.full_well_counts * scene.camera[2].nmgy_per_count);

  // The trail lies in the columns of the core and runs both ways.
  const RasterMap map(frame.map);
  const double x = map.x(30, -20), y = map.y(30, -20);
  int up = 0, down = 0, aside = 0;
  for (int j = 0; j < height; ++j)
    for (int i = 0; i < width; ++i) {
      if ((frame.mask[static_cast<std::size_t>(j) * width + static_cast<std::size_t>(i)] & mask_bit::bleed) == 0)
        continue;
      aside += std::fabs(i - x) > 12;
      (j > y ? up : down) += 1;
    }
  CHECK(aside == 0);
  CHECK(up == close_to(down, 0.2));

  SkyParameters off = sky;
  off.full_well_counts = off.cosmic_rays_per_mpix = off.bad_column_share = 0;
  const NativeField none = render_native(scene, off);
  CHECK(none.bands[2].image == before.bands[2].image);
  off.bad_column_share = sky.bad_column_share;  // one ingredient at a time: the columns are the same ones
  CHECK(count_bits(render_native(scene, off).bands[2].mask, mask_bit::bad_column) == columns.size() * height);
}

TEST_CASE("both renderers lose the same places to saturated stars, trails and bad columns") {
  SkyParameters sky;
  sky.cosmic_rays_per_mpix = 0;
  sky.bad_column_share = 0.01;
  for (const double z : {0.25, 0.55}) {
    Scene scene = empty_scene(z, 2);
    scene.sources = {star(9.5, 25, -30), star(12, -50, 40), star(13.7, 60, 60)};
    const NativeField field = render_native(scene, sky);
    const CutoutBuffer cutout = render_working(scene, sky);
    const WorkingGrid grid(z, 128);
    for (const std::size_t b : {1u, 2u, 3u}) {
      CAPTURE(z);
      CAPTURE(b);
      const NativeFrame& frame = field.bands[b];
      BandImage image;
      image.pixels = frame.image.data();
      image.mask = frame.mask.data();
      image.width = width, image.height = height;
      image.map = frame.map;
      std::vector<Cell> cells(grid.cells());
      resample(image, {128, grid.cell_arcsec}, cells.data());
      const LostCells lost = lose_cells(scene, b, sky, grid);
      double native_invalid = 0, working_invalid = 0, differ = 0, native_area = 0, working_area = 0;
      for (std::size_t k = 0; k < cells.size(); ++k) {
        if (cells[k].seen < 0.999) continue;
        const bool invalid = cells[k].valid < 0.5, masked = cutout.bands[b].mask[k] != 0;
        native_invalid += invalid, working_invalid += masked, differ += invalid != masked;
        // Beyond the discs, which reach partly into cells that stay.
        const int i = static_cast<int>(k % 128), j = static_cast<int>(k / 128);
        bool near = false;
        for (const Source& source : scene.sources)
          near |= std::hypot(grid.east(i) - source.east, grid.north(j) - source.north) <
                  saturation_radius_arcsec(source, b, sky) + grid.cell_arcsec;
        if (!masked && !near) native_area += 1 - cells[k].valid, working_area += static_cast<double>(lost.share[k]);
      }
      CHECK(working_invalid == close_to(native_invalid, 0.06));
      CHECK(differ < 0.08 * native_invalid + 3);
      CHECK(std::fabs(working_area - native_area) < 0.05 * native_area + 0.1);
    }
    // Saturated pixels and their trails, pixel by pixel.
    std::size_t expected = 0;
    for (const Source& source : scene.sources) {
      const RasterMap map(field.bands[2].map);
      bleed_star(map.x(source.east, source.north), map.y(source.east, source.north), source.flux[2],
                 psf_at(scene, 2, source.east, source.north), scene.camera[2], sky.full_well_counts,
                 [&](int, int, bool) { ++expected; });
    }
    const std::size_t found = count_bits(field.bands[2].mask, mask_bit::saturated | mask_bit::bleed);
    CHECK(static_cast<double>(expected) == close_to(static_cast<double>(found), 0.1));
  }
}

TEST_CASE("the sky is subtracted too deep around bright sources, in both renderers alike, and nowhere else") {
  SkyParameters sky;
  sky.sky_offset_mean = sky.sky_offset_rms = sky.sky_gradient_rms = 0;
  sky.sky_mesh_rms = {};
  Scene scene = empty_scene(0.4, 3, sky);
  Source galaxy;
  galaxy.kind = SourceKind::field;
  galaxy.profile = Profile::exponential;
  galaxy.radius = 2;
  galaxy.east = 10, galaxy.north = 5;
  galaxy.flux.fill(500);  // i = 15.75
  scene.sources = {galaxy, star(12, -80, -80), star(17.5, 90, 90)};
  NativeOptions native;
  native.noise = false;
  WorkingOptions working;
  working.noise = working.masks = false;
  const auto total = [](const std::vector<float>& pixels) {
    double sum = 0;
    for (const float p : pixels) sum += static_cast<double>(p);
    return sum;
  };
  const NativeField with = render_native(scene, sky, native);
  const CutoutBuffer cutout = render_working(scene, sky, working);
  native.sky_residual = working.sky_residual = false;
  const NativeField without = render_native(scene, sky, native);
  const CutoutBuffer plain = render_working(scene, sky, working);
  // 2 % of the galaxy's flux, and of the star's as far as it does not saturate (14).
  const double missing = 0.02 * (500 + std::pow(10, 0.4 * 8.5));
  CHECK(total(without.bands[3].image) - total(with.bands[3].image) == close_to(missing, 0.01));
  CHECK(total(plain.bands[3].pixels) - total(cutout.bands[3].pixels) == close_to(missing, 0.02));
  sky.over_subtraction = 0;
  native.sky_residual = true;
  CHECK(render_native(scene, sky, native).bands[3].image == without.bands[3].image);
}

TEST_CASE("noise that a resampling smeared keeps its level on large areas and correlates neighbours") {
  const NoiseKernel kernel(1.5);
  double sum = 0, distance = 0;
  for (const double tap : kernel.taps) sum += tap;
  CHECK(sum == close_to(1));
  CHECK(NoiseKernel(0).white());
  CHECK(NoiseKernel(0).spread() == close_to(1.0 / 3));
  // A Gaussian of FWHM 1.5 and squares: mean distance of two draws of that sum, by brute force.
  const double sigma = 1.5 / 2.3548;
  Random random(8);
  for (int k = 0; k < 400000; ++k)
    distance += std::fabs(sigma * (random.normal() - random.normal()) + random.uniform() - random.uniform());
  CHECK(kernel.spread() == close_to(distance / 400000, 0.02));

  SkyParameters sky;
  sky.noise_correlation_pixels = 1.5;
  const Scene scene = empty_scene(0.4, 4);
  NativeOptions options;
  options.sky_residual = options.artefacts = false;
  const NativeField field = render_native(scene, sky, options);
  const NativeFrame& frame = field.bands[2];
  std::array<double, 3> lag{};
  for (int j = 10; j < height - 10; ++j)
    for (int i = 10; i < width - 10; ++i)
      for (std::size_t d = 0; d < lag.size(); ++d) {
        const std::size_t at = static_cast<std::size_t>(j) * width + static_cast<std::size_t>(i);
        lag[d] += static_cast<double>(frame.image[at]) * static_cast<double>(frame.image[at + d]);
      }
  CHECK(lag[1] / lag[0] == close_to(kernel.covariance(1) / kernel.covariance(0), 0.03));
  CHECK(lag[2] / lag[0] == close_to(kernel.covariance(2) / kernel.covariance(0), 0.1));
}
