// SPDX-License-Identifier: BSD-3-Clause
// Sources on pixels against what was put there, and the richness of the pixels against that of the true galaxies.
#include "clustermass/baselines/pixel_catalogue.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/baselines/floor.hpp"
#include "clustermass/baselines/mass_baselines.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/stats/moments.hpp"

using namespace clustermass;

namespace {

constexpr double test_redshift = 0.3;

/// Blank sky at working scale with noise and a level of its own in each band.
CutoutBuffer blank_sky(double noise, std::uint64_t seed, double level = 0.7, int side = 128) {
  CutoutBuffer cutout;
  cutout.redshift = test_redshift;
  Random random(seed);
  for (CutoutBuffer::Plane& plane : cutout.bands) {
    plane.height = plane.width = side;
    plane.map = mock::working_map(test_redshift, side);
    for (int k = 0; k < side * side; ++k) plane.pixels.push_back(static_cast<float>(level + noise * random.normal()));
  }
  return cutout;
}

/// Adds a round Gaussian by summing a fine grid of points. Offsets in arcsec.
void add_source(CutoutBuffer& cutout, double east, double north, double sigma, const mock::PerBand& flux) {
  constexpr int points = 41;
  for (std::size_t b = 0; b < flux.size(); ++b) {
    CutoutBuffer::Plane& plane = cutout.bands[b];
    if (plane.pixels.empty()) continue;
    const double cell = plane.map.arcsec_per_pixel[1][1];
    double norm = 0;
    for (int pass = 0; pass < 2; ++pass)
      for (int j = 0; j < points; ++j)
        for (int i = 0; i < points; ++i) {
          const double u = 4.0 * (2 * i - points + 1) / points, v = 4.0 * (2 * j - points + 1) / points;
          const double w = std::exp(-0.5 * (u * u + v * v));
          if (pass == 0) {
            norm += w;
            continue;
          }
          const long x = std::lround(plane.map.centre_x - (east + u * sigma) / cell),
                     y = std::lround(plane.map.centre_y + (north + v * sigma) / cell);
          if (x >= 0 && y >= 0 && x < plane.width && y < plane.height)
            plane.pixels[static_cast<std::size_t>(y * plane.width + x)] += static_cast<float>(w / norm * flux[b]);
        }
  }
}

const DetectedSource* nearest(const SourceField& field, double east, double north, double within) {
  const DetectedSource* best = nullptr;
  for (const DetectedSource& s : field.sources)
    if (const double d = std::hypot(s.east - east, s.north - north); d < within) best = &s, within = d;
  return best;
}

const PixelFilter& filter_a() {
  static const PixelFilter filter{mock::SkyParameters{}};
  return filter;
}

}  // namespace

TEST_CASE("a source on blank sky is found where it is, with its fluxes, whatever the sky level") {
  CutoutBuffer cutout = blank_sky(0.1, 1);
  const mock::PerBand flux{3, 8, 20, 30, 40};
  for (const auto& [east, north] : {std::array{0.3, 0.9}, std::array{-31.7, 55.0}, std::array{80.0, -77.2}})
    add_source(cutout, east, north, 1.0, flux);
  const SourceField field = SourceFinder()(cutout);
  for (const auto& [east, north] : {std::array{0.3, 0.9}, std::array{-31.7, 55.0}, std::array{80.0, -77.2}}) {
    const DetectedSource* s = nearest(field, east, north, 1.5);
    REQUIRE(s != nullptr);
    for (std::size_t b = 0; b < 5; ++b) CHECK(std::fabs(s->flux[b] - flux[b]) < 5 * s->error[b] + 0.06 * flux[b]);
  }
  for (const double noise : field.noise) CHECK(noise == close_to(0.1, 0.05));
  CHECK(field.sources.size() < 3 + 6);  // a few beyond four sigma are noise
}

TEST_CASE("fluxes scatter about the truth as their errors say") {
  SourceOptions options;
  options.model_error = 0;
  std::vector<double> pull;
  for (std::uint64_t k = 0; k < 12; ++k) {
    CutoutBuffer cutout = blank_sky(0.1, 100 + k);
    std::vector<std::array<double, 2>> places;
    for (int j = 0; j < 16; ++j) {
      const double east = -90 + 55.0 * (j % 4) + 0.37 * j, north = -85 + 52.0 * (j / 4) - 0.21 * j;
      add_source(cutout, east, north, 0.8, {2, 2, 2, 2, 2});
      places.push_back({east, north});
    }
    const SourceField field = SourceFinder(options)(cutout);
    for (const auto& [east, north] : places)
      if (const DetectedSource* s = nearest(field, east, north, 3))
        for (const std::size_t b : {1u, 4u}) pull.push_back((s->flux[b] - 2) / s->error[b]);
  }
  CHECK(pull.size() > 300);
  CHECK(std::fabs(stats::median(pull)) < 0.6);
  CHECK(stats::normalised_mad(pull) == close_to(1, 0.25));
}

TEST_CASE("neighbours do not count each other's light") {
  CutoutBuffer cutout = blank_sky(0.02, 3);
  const double apart = 2 * mock::working_map(test_redshift, 128).arcsec_per_pixel[1][1];
  add_source(cutout, 0, 0, 1, {5, 10, 20, 20, 20});
  add_source(cutout, apart, 0, 1, {5, 5, 5, 5, 5});
  const SourceField field = SourceFinder()(cutout);
  const DetectedSource *bright = nearest(field, 0, 0, 1.5), *faint = nearest(field, apart, 0, 1.5);
  REQUIRE(bright != nullptr);
  REQUIRE(faint != nullptr);
  CHECK(bright->flux[3] == close_to(20, 0.06));
  CHECK(faint->flux[3] == close_to(5, 0.1));
  CHECK(faint->flux[0] == close_to(5, 0.1));
}

TEST_CASE("native pixels, rotated, give the fluxes of the coarse ones") {
  constexpr int side = 500;
  CutoutBuffer cutout;
  cutout.redshift = test_redshift;
  const double s = 0.396 * std::sin(0.4), c = 0.396 * std::cos(0.4);
  for (CutoutBuffer::Plane& plane : cutout.bands) {
    plane.height = plane.width = side;
    plane.map = {{{{s, c}, {c, -s}}}, 249.5, 249.5};
    plane.pixels.assign(side * side, 0.0f);
    Random random(4);
    for (float& p : plane.pixels) p = static_cast<float>(0.005 * random.normal());
    // A source of sigma 2.5 pixels at (x, y) = (300, 220).
    for (int y = 200; y < 240; ++y)
      for (int x = 280; x < 320; ++x)
        plane.pixels[static_cast<std::size_t>(y * side + x)] += static_cast<float>(
            10 / (2 * std::numbers::pi * 6.25) * std::exp(-0.5 * (std::pow(x - 300, 2) + std::pow(y - 220, 2)) / 6.25));
  }
  const SourceField field = SourceFinder()(cutout);
  const double dx = 300 - 249.5, dy = 220 - 249.5;
  const DetectedSource* found = nearest(field, s * dx + c * dy, c * dx - s * dy, 2);
  REQUIRE(found != nullptr);
  CHECK(found->flux[2] == close_to(10, 0.06));
}

TEST_CASE("a missing band has no flux and no say; without any band there is an error") {
  CutoutBuffer cutout = blank_sky(0.1, 5);
  add_source(cutout, 10, 10, 1, {3, 8, 20, 30, 40});
  cutout.bands[2].pixels.clear();
  const SourceField field = SourceFinder()(cutout);
  const DetectedSource* s = nearest(field, 10, 10, 2);
  REQUIRE(s != nullptr);
  CHECK(s->flux[2] == 0);
  CHECK(std::isinf(s->error[2]));
  CHECK(s->flux[3] == close_to(30, 0.06));
  cutout.bands[3].pixels.clear();
  CHECK(filter_a()(cutout).i_limit == 0);
  CHECK(std::isnan(features_of(filter_a()(cutout), {}).ln_lambda));
  CHECK_THROWS_AS(SourceFinder()(CutoutBuffer{.redshift = 0.3}), InputError);
}

TEST_CASE("masked cells are not searched and lower the coverage") {
  CutoutBuffer cutout = blank_sky(0.1, 6);
  add_source(cutout, 60, 0, 1, {10, 20, 30, 40, 50});
  const PixelCatalogue whole = filter_a()(cutout);
  for (CutoutBuffer::Plane& plane : cutout.bands) {
    plane.mask.assign(plane.pixels.size(), 0);
    for (int y = 0; y < 128; ++y)
      for (int x = 0; x < 64; ++x) plane.mask[static_cast<std::size_t>(y * 128 + x)] = mask_bit::bright_neighbour;
  }
  const PixelCatalogue half = filter_a()(cutout);
  CHECK(nearest(SourceFinder()(cutout), 60, 0, 3) == nullptr);  // the first columns are the eastern ones
  CHECK(whole.masked == 0);
  CHECK(half.masked == close_to(0.5, 0.01));
  CHECK(half.richness.coverage == close_to(0.5 * whole.richness.coverage, 0.05));
}

TEST_CASE("the richness of the pixels is that of the true galaxies") {
  const mock::SkyParameters sky;
  const FilterOracle oracle(sky);
  std::vector<double> of_pixels, of_truth, difference;
  for (std::uint64_t k = 0; k < 60; ++k) {
    mock::SceneOptions options;
    options.footprint_probability = 0;
    const mock::Scene scene = mock::draw_scene(sky, 21, k, options);
    if (scene.missing_band >= 0) continue;
    const PixelCatalogue catalogue = filter_a()(mock::render_working(scene, sky));
    const double truth = std::log(oracle(scene).richness.lambda);
    of_pixels.push_back(std::log(catalogue.richness.lambda));
    of_truth.push_back(truth);
    difference.push_back(of_pixels.back() - truth);
  }
  CHECK(stats::spearman(of_pixels, of_truth) > 0.93);
  CHECK(stats::fit_line(of_truth, of_pixels).slope == close_to(1, 0.15));
  CHECK(std::fabs(stats::median(difference)) < 0.12);
  CHECK(stats::normalised_mad(difference) < 0.25);
}

TEST_CASE("galaxies on the red sequence have the chi^2 of four colours on the pixels, too") {
  const mock::SkyParameters sky;
  const mock::Epoch epoch(test_redshift, sky);
  std::vector<double> chi2;
  for (std::uint64_t k = 0; k < 6; ++k) {
    CutoutBuffer cutout = blank_sky(0.25, 200 + k);
    Random random(31, k);
    std::vector<std::array<double, 2>> places;
    for (int j = 0; j < 16; ++j) {
      const double east = -90 + 55.0 * (j % 4) + 0.3 * j, north = -85 + 52.0 * (j / 4) - 0.2 * j;
      add_source(cutout, east, north, 0.9, mock::fluxes(19.3, epoch.red.draw(19.3, random)));
      places.push_back({std::hypot(east, north) / epoch.arcsec_per_mpc, 0});
    }
    for (const PixelGalaxy& g : filter_a()(cutout).galaxies)
      for (const auto& place : places)
        if (std::fabs(g.radius_mpc - place[0]) < 0.004 && std::fabs(g.i_magnitude - 19.3) < 0.3) chi2.push_back(g.chi2);
  }
  CHECK(chi2.size() > 80);
  CHECK(stats::median(chi2) == close_to(3.36, 0.35));  // of chi^2 with four degrees of freedom
}
