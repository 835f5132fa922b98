// SPDX-License-Identifier: BSD-3-Clause
// Native frames: whole counts, noise, geometry, and agreement with the working scale through the library's own
// resampling.
#include "clustermass/mock/native.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/model/resample.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
Scene frame_scene(double redshift, std::uint64_t index, bool sources, double x = 1023, double y = 744) {
  SkyParameters sky;
  sky.missing_band_probability = 0;
  if (!sources) sky.field_scale = sky.star_scale = sky.amplifier_scale = 0;
  SceneOptions options;
  options.cluster = sources;
  options.redshift = redshift;
  options.footprint_probability = 1;
  options.frame_pixel = {x, y};
  options.half_width_arcsec = 510;
  return draw_scene(sky, 71, index, options);
}
BandImage view(const NativeFrame& frame) {
  BandImage image;
  image.pixels = frame.image.data();
  image.width = NativeField::width;
  image.height = NativeField::height;
  image.map = frame.map;
  return image;
}
double sky_at(const NativeFrame& frame, int i, int j) {
  const double x = std::clamp(static_cast<double>(frame.xinterp[static_cast<std::size_t>(i)]), 0.0, 255.0);
  const double y = std::clamp(static_cast<double>(frame.yinterp[static_cast<std::size_t>(j)]), 0.0, 191.0);
  const int x0 = std::min(254, static_cast<int>(x)), y0 = std::min(190, static_cast<int>(y));
  const auto sky = [&](int b, int a) {
    return static_cast<double>(frame.allsky[static_cast<std::size_t>(b * 256 + a)]);
  };
  return (1 - y + y0) * ((1 - x + x0) * sky(y0, x0) + (x - x0) * sky(y0, x0 + 1)) +
         (y - y0) * ((1 - x + x0) * sky(y0 + 1, x0) + (x - x0) * sky(y0 + 1, x0 + 1));
}
}  // namespace

TEST_CASE("native frames hold whole counts and the noise of their camera column") {
  const SkyParameters sky;
  const Scene scene = frame_scene(0.3, 0, true);
  const NativeField field = render_native(scene, sky);
  CHECK(field.camera_column == scene.camera_column);
  for (std::size_t b = 0; b < 5; ++b) {
    const NativeFrame& frame = field.bands[b];
    const CameraBand& camera = scene.camera[b];
    REQUIRE(frame.image.size() == std::size_t{2048} * 1489);
    double square = 0;
    int count = 0;
    std::vector<double> difference;
    for (int j = 5; j < 1489; j += 7)
      for (int i = 3; i < 2048; i += 11) {
        const auto at = static_cast<std::size_t>(j) * 2048 + static_cast<std::size_t>(i);
        const double pixel = static_cast<double>(frame.image[at]),
                     calibration = static_cast<double>(frame.calibration[static_cast<std::size_t>(i)]);
        const double counts = pixel / calibration + sky_at(frame, i, j), off = counts - std::round(counts);
        square += off * off;
        ++count;
        difference.push_back(std::fabs(pixel - camera.residual(0, 0)));
      }
    CHECK(std::sqrt(square / count) < 0.006);
    std::nth_element(difference.begin(), difference.begin() + count / 2, difference.end());
    const double robust = 1.4826 * difference[static_cast<std::size_t>(count / 2)] / camera.noise();
    CHECK(robust > 0.98);
    CHECK(robust < 1.15);  // sources widen it
  }
}

TEST_CASE("blank native frames have white noise of the predicted rms, and resample to the working scale's noise") {
  SkyParameters sky;
  sky.row_flicker = 0;
  sky.row_drift = {};
  for (const double z : {0.35, 0.55}) {
    Scene scene = frame_scene(z, 1, false);
    NativeOptions options;
    options.sky_residual = options.artefacts = false;
    const NativeField field = render_native(scene, sky, options);
    const double cell = arcsec_of_mpc(2, z) / 128, n = cell / 0.396;
    for (const std::size_t b : {0u, 2u, 4u}) {
      const NativeFrame& frame = field.bands[b];
      double square = 0, lag = 0, sum = 0;
      for (std::size_t k = 0; k + 1 < frame.image.size(); ++k) {
        const double p = static_cast<double>(frame.image[k]);
        sum += p, square += p * p, lag += p * static_cast<double>(frame.image[k + 1]);
      }
      const double count = static_cast<double>(frame.image.size()), sigma = scene.camera[b].noise();
      CHECK(std::fabs(sum / count) < 5 * sigma / std::sqrt(count));
      CHECK(std::sqrt(square / count) == close_to(sigma, 0.001));  // rounding to counts included
      CHECK(std::fabs(lag / square) < 0.003);

      // Turned to north up: rotation shares pixels among more cells, so the correlation may differ, the level hardly.
      NativeFrame straight = frame;
      straight.map.arcsec_per_pixel = {{{-0.396, 0}, {0, 0.396}}};
      for (const bool turned : {false, true}) {
        std::vector<Cell> cells(128 * 128);
        resample(view(turned ? frame : straight), {128, cell}, cells.data());
        double all = 0, right = 0, used = 0;
        for (int j = 0; j < 128; ++j)
          for (int i = 0; i < 127; ++i) {
            const Cell &a = cells[static_cast<std::size_t>(j * 128 + i)],
                       &c = cells[static_cast<std::size_t>(j * 128 + i + 1)];
            if (a.valid < 0.999 || c.valid < 0.999) continue;
            all += a.flux * a.flux, right += a.flux * c.flux, used += 1;
          }
        REQUIRE(used > 10000);
        CAPTURE(z);
        CAPTURE(turned);
        CHECK(std::sqrt(all / used) == close_to(sigma * n * (1 - 1 / (3 * n)), 0.03));
        CHECK(std::fabs(right / all - 1 / (6 * n)) < (turned ? 0.04 : 0.025));
      }
    }
  }
}

TEST_CASE("the two renderers agree on the flux of every source and on its place") {
  const SkyParameters sky;
  Scene scene = frame_scene(0.4, 2, false);
  // Galaxies and stars on a grid 40 arcsec wide, so that apertures do not overlap.
  Random random(5);
  for (int b = -3; b <= 3; ++b)
    for (int a = -3; a <= 3; ++a) {
      Source source;
      source.profile = static_cast<Profile>(random.below(3));
      source.kind = SourceKind::field;
      source.east = 40 * a + random.uniform(-2, 2), source.north = 40 * b + random.uniform(-2, 2);
      source.radius = source.profile == Profile::point ? 0 : random.uniform(0.4, 2.0);
      source.axis_ratio = random.uniform(0.2, 1);
      source.position_angle = random.uniform(0, M_PI);
      source.flux.fill(std::pow(10, random.uniform(0.5, 3)));
      scene.sources.push_back(source);
    }
  NativeOptions native;
  native.noise = native.sky_residual = false;
  WorkingOptions working;
  working.noise = working.sky_residual = working.masks = false;
  const NativeField field = render_native(scene, sky, native);
  const CutoutBuffer cutout = render_working(scene, sky, working);
  const double cell = cutout.bands[0].map.arcsec_per_pixel[1][1];
  for (const std::size_t b : {0u, 3u}) {
    std::vector<Cell> cells(128 * 128);
    resample(view(field.bands[b]), {128, cell}, cells.data());
    for (const Source& source : scene.sources) {
      const int x = static_cast<int>(std::lround(63.5 - source.east / cell)),
                y = static_cast<int>(std::lround(63.5 + source.north / cell));
      double sums[2] = {}, moment[2] = {}, worst = 0;
      for (int j = y - 5; j <= y + 5; ++j)
        for (int i = x - 5; i <= x + 5; ++i) {
          const auto k = static_cast<std::size_t>(j * 128 + i);
          const double value[2] = {cells[k].flux, static_cast<double>(cutout.bands[b].pixels[k])};
          for (int r = 0; r < 2; ++r) sums[r] += value[r], moment[r] += value[r] * i;
          worst = std::max(worst, std::fabs(value[0] - value[1]));
        }
      CAPTURE(source.radius);
      CAPTURE(source.axis_ratio);
      CHECK(sums[1] == close_to(sums[0], 0.005));
      CHECK(std::fabs(moment[1] / sums[1] - moment[0] / sums[0]) < 0.02);
      CHECK(worst < 0.03 * source.flux[b] + 0.3 * scene.camera[b].noise() * cell / 0.396);
    }
  }
}

TEST_CASE("bands are shifted against each other and the header's numbers say where") {
  const Scene scene = frame_scene(0.4, 3, false);
  double spread = 0;
  for (std::size_t b = 0; b < 5; ++b) {
    const AffineMap map = scene.footprint.map(b);
    spread = std::max(spread, std::fabs(map.centre_y - scene.footprint.centre_y[2]));
    const auto& m = map.arcsec_per_pixel;
    CHECK(std::hypot(m[0][0], m[1][0]) == close_to(0.396));
    CHECK(m[0][0] * m[1][1] - m[0][1] * m[1][0] == close_to(-0.396 * 0.396));  // parity of the sky
    const TangentWcs wcs = tangent_wcs(map, 150, 2);
    CHECK(wcs.crval[0] == 150);
    CHECK(wcs.crpix[0] == map.centre_x + 1);
    CHECK(wcs.cd[1][0] == close_to(m[1][0] / 3600));
  }
  CHECK(spread > 0.5);
  CHECK(spread <= 12);
}

TEST_CASE("the two halves of a CCD differ in noise as on real frames, at both scales") {
  SkyParameters sky;
  sky.field_scale = sky.star_scale = sky.missing_band_probability = 0;
  SceneOptions request;
  request.cluster = false;
  request.redshift = 0.5;
  request.footprint_probability = 1;
  request.frame_pixel = {1023.5, 744};
  request.half_width_arcsec = 510;
  request.conditions.camera_column = 2;
  const Scene scene = draw_scene(sky, 72, 0, request);
  NativeOptions native;
  native.sky_residual = native.artefacts = false;
  WorkingOptions working;
  working.sky_residual = working.masks = false;
  const NativeField field = render_native(scene, sky, native);
  const CutoutBuffer cutout = render_working(scene, sky, working);
  // Noise by 256 columns of the real frames 003184-2-0169, over the mean, averaged over each half: u 1.159 and 0.841,
  // i 1.055 and 0.946.
  const std::array<std::size_t, 2> band{0, 3};
  const std::array<double, 2> real{1.159 / 0.841, 1.055 / 0.946};
  for (std::size_t k = 0; k < band.size(); ++k) {
    std::array<double, 2> fine{}, coarse{}, cells{};
    const auto& image = field.bands[band[k]].image;
    for (std::size_t at = 0; at < image.size(); ++at)
      fine[at % 2048 < 1024 ? 0 : 1] += std::pow(static_cast<double>(image[at]), 2);
    CHECK(std::sqrt(fine[0] / fine[1]) == close_to(real[k], 0.02));
    const CutoutBuffer::Plane& plane = cutout.bands[band[k]];
    const RasterMap frame(scene.footprint.map(band[k]));
    for (int at = 0; at < 128 * 128; ++at) {
      const double east = (at % 128 - plane.map.centre_x) * plane.map.arcsec_per_pixel[0][0];
      const double north = (at / 128 - plane.map.centre_y) * plane.map.arcsec_per_pixel[1][1];
      const std::size_t half = frame.x(east, north) < 1023.5 ? 0 : 1;
      coarse[half] += std::pow(static_cast<double>(plane.pixels[static_cast<std::size_t>(at)]), 2);
      cells[half] += 1;
    }
    CHECK(std::sqrt(coarse[0] / cells[0] / (coarse[1] / cells[1])) == close_to(real[k], 0.04));
  }
}
