// SPDX-License-Identifier: BSD-3-Clause
// Scenes as pure functions of their seed and index, their priors, and what the survey adds.
#include "clustermass/mock/sky.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "close_to.hpp"
#include "clustermass/mock/working.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
bool same(const Scene& a, const Scene& b) {
  if (a.sources.size() != b.sources.size() || a.redshift != b.redshift || a.lambda_int != b.lambda_int ||
      a.ebv != b.ebv)
    return false;
  for (std::size_t k = 0; k < a.sources.size(); ++k) {
    const Source &s = a.sources[k], &t = b.sources[k];
    if (s.kind != t.kind || s.east != t.east || s.north != t.north || s.flux != t.flux || s.radius != t.radius ||
        s.axis_ratio != t.axis_ratio || s.position_angle != t.position_angle)
      return false;
  }
  return true;
}
bool same(const CutoutBuffer& a, const CutoutBuffer& b) {
  for (std::size_t k = 0; k < a.bands.size(); ++k)
    if (a.bands[k].pixels != b.bands[k].pixels || a.bands[k].mask != b.bands[k].mask) return false;
  return true;
}
}  // namespace

TEST_CASE("scenes and cutouts are bitwise the same in any order and on any thread") {
  const SkyParameters sky;
  constexpr int count = 6;
  std::array<Scene, count> forward, backward, threaded;
  std::array<CutoutBuffer, count> pixels, pixels_backward, pixels_threaded;
  const auto make = [&](int k, auto& scenes, auto& cutouts) {
    const auto at = static_cast<std::size_t>(k);
    scenes[at] = draw_scene(sky, 51, at);
    cutouts[at] = render_working(scenes[at], sky);
  };
  for (int k = 0; k < count; ++k) make(k, forward, pixels);
  for (int k = count; k-- > 0;) make(k, backward, pixels_backward);
  std::thread other([&] {
    for (int k = 0; k < count; k += 2) make(k, threaded, pixels_threaded);
  });
  for (int k = 1; k < count; k += 2) make(k, threaded, pixels_threaded);
  other.join();
  for (std::size_t k = 0; k < count; ++k) {
    CHECK(same(forward[k], backward[k]));
    CHECK(same(forward[k], threaded[k]));
    CHECK(same(pixels[k], pixels_backward[k]));
    CHECK(same(pixels[k], pixels_threaded[k]));
  }
  CHECK(!same(forward[0], forward[1]));
  CHECK(!same(forward[0], draw_scene(sky, 52, 0)));
}

TEST_CASE("the training prior is flat in log mass and redshift") {
  SkyParameters sky;
  sky.field_scale = sky.star_scale = 0;
  SceneOptions options;
  options.half_width_arcsec = 20;
  std::array<int, 5> masses{}, redshifts{};
  constexpr int draws = 2000;
  for (std::uint64_t k = 0; k < draws; ++k) {
    const Scene scene = draw_scene(sky, 53, k, options);
    REQUIRE(scene.log10_m500c > 13.7);
    REQUIRE(scene.log10_m500c < 15.2);
    REQUIRE(scene.redshift > 0.08);
    REQUIRE(scene.redshift < 0.55);
    ++masses[static_cast<std::size_t>((scene.log10_m500c - 13.7) / 0.3)];
    ++redshifts[static_cast<std::size_t>((scene.redshift - 0.08) / 0.094)];
  }
  for (std::size_t b = 0; b < 5; ++b) {
    CHECK(std::fabs(masses[b] - draws / 5.0) < 4 * std::sqrt(draws / 5.0));
    CHECK(std::fabs(redshifts[b] - draws / 5.0) < 4 * std::sqrt(draws / 5.0));
  }
}

TEST_CASE("a blank field holds no cluster and the same field galaxies as the one with a cluster") {
  const SkyParameters sky;
  SceneOptions blank;
  blank.cluster = false;
  const Scene with = draw_scene(sky, 54, 3), without = draw_scene(sky, 54, 3, blank);
  CHECK(std::isnan(without.log10_m500c));
  CHECK(without.lambda_int == 0);
  CHECK(with.redshift == without.redshift);
  std::size_t field = 0;
  for (const Source& source : with.sources)
    field += source.kind == SourceKind::field || source.kind == SourceKind::star;
  CHECK(field == without.sources.size());
  for (const Source& source : without.sources)
    REQUIRE((source.kind == SourceKind::field || source.kind == SourceKind::star));
}

TEST_CASE("noise, PSF and extinction are distributed like the measured real frames") {
  SkyParameters sky;
  sky.field_scale = sky.star_scale = 0;
  SceneOptions options;
  options.cluster = false;
  std::array<std::vector<double>, 5> noise, fwhm;
  std::vector<double> ebv;
  int missing = 0, limited = 0;
  constexpr int fields = 6000;
  for (std::uint64_t k = 0; k < fields; ++k) {
    const Scene scene = draw_scene(sky, 55, k, options);
    for (std::size_t b = 0; b < 5; ++b) {
      noise[b].push_back(scene.camera[b].noise());
      fwhm[b].push_back(scene.psf[b].fwhm_arcsec);
    }
    ebv.push_back(scene.ebv);
    missing += scene.missing_band >= 0;
    limited += scene.footprint.limited;
  }
  const auto median = [](std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + fields / 2, values.end());
    return values[fields / 2];
  };
  const double real_noise[] = {0.0454, 0.0172, 0.0276, 0.0427, 0.1743}, real_fwhm[] = {1.50, 1.44, 1.27, 1.19, 1.25};
  for (std::size_t b = 0; b < 5; ++b) {
    CAPTURE(b);
    CHECK(median(noise[b]) == close_to(real_noise[b], 0.05));
    CHECK(median(fwhm[b]) == close_to(real_fwhm[b], 0.03));
  }
  CHECK(median(ebv) == close_to(0.035, 0.05));
  CHECK(missing / double(fields) == close_to(0.01, 0.4));
  CHECK(limited / double(fields) == close_to(0.5, 0.04));
}

TEST_CASE("extinction dims each band by its own coefficient and the same field elsewhere is unchanged") {
  SkyParameters sky, clear = sky;
  clear.ebv_median = 1e-12;
  const Scene dusty = draw_scene(sky, 56, 0), bare = draw_scene(clear, 56, 0);
  REQUIRE(dusty.sources.size() == bare.sources.size());
  for (std::size_t b = 0; b < 5; ++b)
    CHECK(-2.5 * std::log10(dusty.sources[0].flux[b] / bare.sources[0].flux[b]) ==
          close_to(extinction_per_ebv[b] * dusty.ebv, 1e-6));
}

TEST_CASE("a random frame covers as much of the 2 Mpc field as real geometry allows") {
  SkyParameters sky;
  sky.field_scale = sky.star_scale = 0;
  sky.missing_band_probability = 0;
  SceneOptions options;
  options.cluster = false;
  options.footprint_probability = 1;
  const double z[] = {0.10, 0.20, 0.45}, expected[] = {0.40, 0.60, 0.80};
  for (int k = 0; k < 3; ++k) {
    options.redshift = z[k];
    double covered = 0;
    constexpr int fields = 150;
    for (std::uint64_t n = 0; n < fields; ++n) {
      const Scene scene = draw_scene(sky, 57, n, options);
      WorkingOptions plain;
      plain.side = 32;
      plain.noise = false;
      const CutoutBuffer cutout = render_working(scene, sky, plain);
      const auto& mask = cutout.bands[2].mask;
      double lost = 0;
      for (const auto bits : mask) lost += (bits & mask_bit::no_data) != 0;
      covered += (1 - lost / (32.0 * 32)) / fields;
    }
    MESSAGE("mean coverage at z = " << z[k] << ": " << covered);
    CHECK(std::fabs(covered - expected[k]) < 0.06);
  }
}

TEST_CASE("impossible requests are refused in a sentence") {
  const SkyParameters sky;
  SceneOptions options;
  options.redshift = -0.1;
  CHECK_THROWS_WITH_AS(draw_scene(sky, 1, 0, options), doctest::Contains("redshift in [0.05, 0.60]"), InputError);
  options.redshift = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(draw_scene(sky, 1, 0, options), InputError);
  options = {};
  options.log10_m500c = 20;
  CHECK_THROWS_WITH_AS(draw_scene(sky, 1, 0, options), doctest::Contains("[12.5, 16]"), InputError);
  options = {};
  options.half_width_arcsec = -1;
  CHECK_THROWS_AS(draw_scene(sky, 1, 0, options), InputError);
  options = {};
  options.footprint_probability = 2;
  CHECK_THROWS_AS(draw_scene(sky, 1, 0, options), InputError);
  options = {};
  options.frame_pixel = {5000, 0};
  CHECK_THROWS_AS(draw_scene(sky, 1, 0, options), InputError);
  WorkingOptions none;
  none.side = 0;
  CHECK_THROWS_AS(render_working(draw_scene(sky, 1, 0), sky, none), InputError);
}

TEST_CASE("a given night replaces the drawn one and leaves all else as it was") {
  const SkyParameters sky;
  SceneOptions options;
  options.conditions.camera_column = 4;
  options.conditions.fwhm_arcsec = {1.02, 1.01, 0.99, 0.88, 0.94};
  options.conditions.sky_counts = {15.7, 57.9, 93.1, 115.5, 55.3};
  options.conditions.nmgy_per_count = {.0098, .0036, .0051, .0063, .0365};
  const Scene drawn = draw_scene(sky, 51, 2), given = draw_scene(sky, 51, 2, options);
  CHECK(same(drawn, given));
  CHECK(given.camera_column == 4);
  for (std::size_t b = 0; b < 5; ++b) {
    CHECK(given.psf[b].fwhm_arcsec == options.conditions.fwhm_arcsec[b]);
    CHECK(given.psf[b].ellipticity == drawn.psf[b].ellipticity);
    CHECK(given.camera[b].sky_counts == options.conditions.sky_counts[b]);
  }
  // Measured on the real i frame of this night: 0.0355 nMgy per pixel.
  CHECK(given.camera[3].noise() == close_to(0.0355, 0.02));

  options.conditions.camera_column = 7;
  CHECK_THROWS_AS(draw_scene(sky, 51, 2, options), InputError);
  options.conditions.camera_column = 4;
  options.conditions.fwhm_arcsec[0] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(draw_scene(sky, 51, 2, options), InputError);
}

TEST_CASE("the sky that is left over has the level and the unevenness of real blank sky") {
  // Five real fields: blank sky is too bright by 0.024 of a pixel's noise once faint sources are taken off, in each
  // band within 0.002; blocks of 64 pixels scatter by 0.036 about it (mean of g, r and i).
  const SkyParameters sky;
  SceneOptions options;
  options.cluster = false;
  options.half_width_arcsec = 300;
  double mean = 0, square = 0, count = 0;
  for (std::uint64_t k = 0; k < 40; ++k) {
    const Scene scene = draw_scene(sky, 52, k, options);
    for (const CameraBand& camera : scene.camera) {
      double own = 0, own_square = 0;
      for (int j = 0; j < 20; ++j)
        for (int i = 0; i < 20; ++i) {
          const double x = camera.residual(-290 + 30.5 * i, -290 + 30.5 * j) / camera.noise();
          own += x / 400, own_square += x * x / 400;
        }
      mean += own, square += own_square - own * own, count += 1;
    }
  }
  CHECK(mean / count == close_to(0.024, 0.2));
  CHECK(std::sqrt(square / count) == close_to(0.036, 0.2));
}
