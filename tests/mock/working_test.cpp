// SPDX-License-Identifier: BSD-3-Clause
// The working-scale cutout: geometry, noise, masks, and what the approximations cost.
#include "clustermass/mock/working.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "close_to.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
/// A scene with the survey of a drawn one, and no source.
Scene empty_scene(double redshift, std::uint64_t index) {
  SkyParameters sky;
  sky.field_scale = sky.star_scale = sky.amplifier_scale = 0;
  SceneOptions options;
  options.cluster = false;
  options.redshift = redshift;
  options.footprint_probability = 0;
  Scene scene = draw_scene(sky, 61, index, options);
  scene.missing_band = -1;
  return scene;
}
}  // namespace

TEST_CASE("the cutout spans 2 Mpc, north up and east left, centred on the given position") {
  const CutoutBuffer cutout = render_working(empty_scene(0.3, 0), SkyParameters{});
  for (const auto& plane : cutout.bands) {
    CHECK(plane.width == 128);
    CHECK(plane.height == 128);
    CHECK(plane.pixels.size() == 128 * 128);
    CHECK(plane.map.centre_x == 63.5);
    CHECK(plane.map.arcsec_per_pixel[0][0] * 128 == close_to(-2000 / 4.4543, 1e-4));
    CHECK(plane.map.arcsec_per_pixel[1][1] * 128 == close_to(2000 / 4.4543, 1e-4));
  }
  CHECK(cutout.redshift == 0.3);

  Scene scene = empty_scene(0.3, 0);
  Source star;
  star.kind = SourceKind::star;
  star.east = 100, star.north = 60;
  star.flux.fill(100);
  scene.sources.push_back(star);
  WorkingOptions plain;
  plain.noise = plain.sky_residual = false;
  const CutoutBuffer one = render_working(scene, SkyParameters{}, plain);
  const auto& pixels = one.bands[2].pixels;
  const auto peak = std::max_element(pixels.begin(), pixels.end()) - pixels.begin();
  const double cell = 2000 / 4.4543 / 128;
  CHECK(peak % 128 == std::lround(63.5 - 100 / cell));
  CHECK(peak / 128 == std::lround(63.5 + 60 / cell));
}

TEST_CASE("blank cells have the noise and the correlation of area-resampled pixels") {
  SkyParameters sky;
  sky.row_flicker = 0;
  sky.row_drift = {};
  for (const double z : {0.08, 0.2, 0.5}) {
    CAPTURE(z);
    std::array<double, 5> square{}, expected{};
    double right = 0, up = 0, diagonal = 0, cells = 0, all = 0;
    const double n = arcsec_of_mpc(2, z) / 128 / 0.396;
    for (std::uint64_t k = 0; k < 5; ++k) {
      const Scene scene = empty_scene(z, k);
      WorkingOptions options;
      options.sky_residual = options.masks = false;
      const CutoutBuffer cutout = render_working(scene, sky, options);
      for (std::size_t b = 0; b < 5; ++b) {
        const auto& p = cutout.bands[b].pixels;
        const double sigma = scene.camera[b].noise() * n * (1 - 1 / (3 * n));
        for (int j = 0; j < 127; ++j)
          for (int i = 0; i < 127; ++i) {
            const auto at = [&](int y, int x) {
              return static_cast<double>(p[static_cast<std::size_t>(y * 128 + x)]) / sigma;
            };
            square[b] += at(j, i) * at(j, i);
            all += at(j, i) * at(j, i);
            right += at(j, i) * at(j, i + 1), up += at(j, i) * at(j + 1, i), diagonal += at(j, i) * at(j + 1, i + 1);
            cells += 1;
            expected[b] += 1;
          }
      }
    }
    for (std::size_t b = 0; b < 5; ++b) CHECK(std::sqrt(square[b] / expected[b]) == close_to(1, 0.015));
    const double neighbours = 1 / (6 * n - 2);  // exactly; 1/(6n) to first order
    CHECK(std::fabs(right / all - neighbours) < 0.006);
    CHECK(std::fabs(up / all - neighbours) < 0.006);
    CHECK(std::fabs(diagonal / all) < 0.006);
    CHECK(cells > 0);
  }
}

TEST_CASE("photon noise of a source grows with its flux") {
  SkyParameters sky;
  Scene scene = empty_scene(0.3, 1);
  Source bright;
  bright.profile = Profile::exponential;
  bright.radius = 60;
  bright.flux.fill(3e6);
  scene.sources.push_back(bright);
  WorkingOptions plain, noisy;
  plain.noise = plain.sky_residual = noisy.sky_residual = false;
  const CutoutBuffer expected = render_working(scene, sky, plain), drawn = render_working(scene, sky, noisy);
  const double n = arcsec_of_mpc(2, 0.3) / 128 / 0.396, shrink = 1 - 1 / (3 * n);
  for (std::size_t b = 0; b < 5; ++b) {
    const CameraBand& camera = scene.camera[b];
    double chi2 = 0;
    int cells = 0;
    for (std::size_t k = 0; k < expected.bands[b].pixels.size(); ++k) {
      const double flux = static_cast<double>(expected.bands[b].pixels[k]);
      const double source = flux * camera.nmgy_per_count / camera.gain, background = std::pow(camera.noise() * n, 2);
      if (source < 3 * background) continue;
      const double difference = static_cast<double>(drawn.bands[b].pixels[k]) - flux;
      chi2 += difference * difference / ((source + background) * shrink * shrink);
      ++cells;
    }
    REQUIRE(cells > 100);
    CHECK(chi2 / cells == close_to(1, 5 * std::sqrt(2.0 / cells)));
  }
}

TEST_CASE("what the renderer neglects stays far below the noise") {
  SkyParameters fast, exact;
  exact.accuracy.reach_sigma = 4;
  exact.accuracy.merge_bright = exact.accuracy.merge_faint = 0;
  exact.accuracy.merge_bright_sum = exact.accuracy.merge_faint_sum = 0;
  exact.accuracy.faint_flux = exact.accuracy.shared_flux = exact.accuracy.wing_peak = 0;
  exact.accuracy.wide_ratio = 1e9;
  exact.accuracy.tilt_flux = 0;
  WorkingOptions plain;
  plain.noise = plain.sky_residual = plain.masks = false;
  double square = 0, count = 0, worst = 0, flux_fast = 0, flux_exact = 0;
  for (std::uint64_t k = 0; k < 6; ++k) {
    const Scene scene = draw_scene(fast, 62, k);
    const CutoutBuffer a = render_working(scene, fast, plain), b = render_working(scene, exact, plain);
    const double n = arcsec_of_mpc(2, scene.redshift) / 128 / 0.396;
    for (std::size_t band = 0; band < 5; ++band) {
      const CameraBand& camera = scene.camera[band];
      for (std::size_t p = 0; p < a.bands[band].pixels.size(); ++p) {
        const double x = static_cast<double>(a.bands[band].pixels[p]), y = static_cast<double>(b.bands[band].pixels[p]);
        const double variance = std::pow(camera.noise() * n, 2) + y * camera.nmgy_per_count / camera.gain;
        // One per cent of the flux is the agreed error; below, it must drown in the noise.
        const double error = std::fmax(0, std::fabs(x - y) - 0.01 * y) / std::sqrt(variance);
        square += (x - y) * (x - y) / variance;
        worst = std::fmax(worst, error);
        count += 1;
        flux_fast += x, flux_exact += y;
      }
    }
  }
  MESSAGE("fast against exact rendering: rms " << std::sqrt(square / count) << " and at most " << worst
                                               << " sigma of a cell");
  CHECK(std::sqrt(square / count) < 0.03);
  CHECK(worst < 0.7);
  CHECK(flux_fast / flux_exact == close_to(1, 1e-3));
}

TEST_CASE("what is spared on faint galaxies does not change the counts in cells of a field of them") {
  SkyParameters fast, exact;
  exact.accuracy.merge_bright = exact.accuracy.merge_faint = 0;
  exact.accuracy.merge_bright_sum = exact.accuracy.merge_faint_sum = 0;
  exact.accuracy.faint_flux = exact.accuracy.shared_flux = 0;
  exact.accuracy.wide_ratio = 1e9;
  exact.accuracy.tilt_flux = exact.accuracy.wing_peak = 0;
  exact.accuracy.reach_sigma = 4;
  WorkingOptions plain;
  plain.noise = plain.sky_residual = plain.masks = false;
  for (const double z : {0.12, 0.5}) {
    CAPTURE(z);
    SceneOptions options;
    options.redshift = z;
    std::array<std::vector<float>, 2> cells;
    double noise = 1e9;
    for (std::uint64_t k = 0; k < 3; ++k) {
      Scene scene = draw_scene(fast, 63, k, options);
      noise = std::min(noise, scene.camera[3].noise() * WorkingGrid(z, 128).cell_arcsec / Footprint::pixel_arcsec);
      std::erase_if(scene.sources, [](const Source& s) { return magnitude(s.flux[3]) < 21.5; });
      for (const std::size_t way : {0u, 1u}) {
        const CutoutBuffer image = render_working(scene, way == 0 ? fast : exact, plain);
        cells[way].insert(cells[way].end(), image.bands[3].pixels.begin(), image.bands[3].pixels.end());
      }
    }
    std::array<double, 2> sum{}, square{};
    for (const std::size_t way : {0u, 1u}) {
      for (const float c : cells[way])
        sum[way] += static_cast<double>(c), square[way] += static_cast<double>(c) * static_cast<double>(c);
      std::sort(cells[way].begin(), cells[way].end());
    }
    CHECK(sum[0] == close_to(sum[1], 0.002));
    CHECK(square[0] == close_to(square[1], 0.02));
    for (const double share : {0.5, 0.75, 0.9, 0.97, 0.99, 0.999}) {
      CAPTURE(share);
      const auto at = static_cast<std::size_t>(share * static_cast<double>(cells[0].size()));
      // 2 % of the count, or of the noise that it drowns in.
      const double found = static_cast<double>(cells[0][at]), expected = static_cast<double>(cells[1][at]);
      CHECK(std::fabs(found - expected) < 0.02 * std::max(expected, noise));
    }
  }
}

TEST_CASE("what the sky subtraction left is added cell by cell") {
  Scene scene = empty_scene(0.2, 5);
  SkyMesh mesh;
  mesh.spacing_arcsec = 90;
  mesh.side = 9;
  Random random(2);
  for (int k = 0; k < 81; ++k) mesh.node.push_back(static_cast<float>(random.normal()));
  scene.camera[2].mesh = mesh;
  scene.camera[3].mesh = SkyMesh{};
  WorkingOptions options;
  options.noise = options.masks = false;
  const CutoutBuffer cutout = render_working(scene, SkyParameters{}, options);
  const WorkingGrid grid(0.2, 128);
  const double pixels = std::pow(grid.cell_arcsec / Footprint::pixel_arcsec, 2);
  for (const std::size_t b : {2u, 3u})
    for (int j = 0; j < 128; ++j)
      for (int i = 0; i < 128; ++i) {
        const double expected = pixels * scene.camera[b].residual(grid.east(i), grid.north(j));
        const double found = static_cast<double>(cutout.bands[b].pixels[static_cast<std::size_t>(j * 128 + i)]);
        REQUIRE(std::fabs(found - expected) < 1e-4 + 1e-4 * std::fabs(expected));
      }
}

TEST_CASE("cells outside the frame are empty and marked, those inside are untouched") {
  SkyParameters sky;
  sky.missing_band_probability = 0;
  SceneOptions options;
  options.redshift = 0.2;
  options.footprint_probability = 1;
  options.frame_pixel = {100, 100};
  Scene scene = draw_scene(sky, 63, 0, options);
  const CutoutBuffer cut = render_working(scene, sky);
  scene.footprint.limited = false;
  const CutoutBuffer whole = render_working(scene, sky);
  for (std::size_t b = 0; b < 5; ++b) {
    const auto& plane = cut.bands[b];
    REQUIRE(plane.mask.size() == plane.pixels.size());
    int outside = 0;
    for (std::size_t k = 0; k < plane.pixels.size(); ++k) {
      if ((plane.mask[k] & mask_bit::no_data) != 0) {
        REQUIRE(plane.pixels[k] == 0.0f);
        ++outside;
      } else {
        REQUIRE(plane.pixels[k] == whole.bands[b].pixels[k]);
      }
    }
    // The centre lies 40 arcsec from two edges of the frame: about three quarters of the field are cut off.
    CHECK(outside / (128.0 * 128) > 0.5);
    CHECK(outside / (128.0 * 128) < 0.85);
    CHECK((plane.mask[64 * 128 + 64] & mask_bit::no_data) == 0);
  }
}

TEST_CASE("saturated stars are masked in the bands where they saturate, with the radius of the parameters") {
  const SkyParameters sky;
  Scene scene = empty_scene(0.2, 3);
  Source star;
  star.kind = SourceKind::star;
  star.flux.fill(std::pow(10, 0.4 * (22.5 - 13.5)));  // saturated in griz (14), not in u (13)
  scene.sources.push_back(star);
  const CutoutBuffer cutout = render_working(scene, sky);
  CHECK(cutout.bands[0].mask.empty());
  const double radius = 20 * std::pow(10, -0.15 * 1.5), cell = cutout.bands[2].map.arcsec_per_pixel[1][1];
  for (std::size_t b = 1; b < 5; ++b) {
    int marked = 0;
    for (const auto bits : cutout.bands[b].mask) marked += (bits & mask_bit::bright_neighbour) != 0;
    CHECK(marked == close_to(M_PI * std::pow(radius / cell, 2), 0.25));
  }
  scene.sources[0].kind = SourceKind::field;  // a galaxy as bright is no star
  CHECK(render_working(scene, sky).bands[2].mask.empty());
}

TEST_CASE("a missing band is an empty plane") {
  Scene scene = empty_scene(0.2, 4);
  scene.missing_band = 1;
  const CutoutBuffer cutout = render_working(scene, SkyParameters{});
  CHECK(cutout.bands[1].pixels.empty());
  CHECK(!cutout.view().bands[1].present());
  CHECK(cutout.view().bands[2].present());
}
