// SPDX-License-Identifier: BSD-3-Clause
// Light added to galaxies against what was asked for: how much, where, and to which.
#include "clustermass/baselines/brighten.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "close_to.hpp"

using namespace clustermass;

namespace {

/// Blank planes whose pixels are turned by an angle and `scale` arcsec wide, the cluster's centre off the middle.
CutoutBuffer blank(int side, double scale, double angle) {
  CutoutBuffer cutout;
  cutout.redshift = 0.3;
  for (CutoutBuffer::Plane& plane : cutout.bands) {
    plane.height = plane.width = side;
    plane.pixels.assign(static_cast<std::size_t>(side) * static_cast<std::size_t>(side), 0.0f);
    const double s = scale * std::sin(angle), c = scale * std::cos(angle);
    plane.map = {{{{-c, s}, {s, c}}}, side / 2 - 3.3, side / 2 + 4.1};
  }
  return cutout;
}

struct Light {
  double sum = 0, east = 0, north = 0;
};
Light light_of(const CutoutBuffer::Plane& plane) {
  Light light;
  const auto& m = plane.map.arcsec_per_pixel;
  for (int y = 0; y < plane.height; ++y)
    for (int x = 0; x < plane.width; ++x) {
      const double value = static_cast<double>(plane.pixels[static_cast<std::size_t>(y * plane.width + x)]);
      const double dx = x - plane.map.centre_x, dy = y - plane.map.centre_y;
      light.sum += value;
      light.east += value * (m[0][0] * dx + m[0][1] * dy);
      light.north += value * (m[1][0] * dx + m[1][1] * dy);
    }
  light.east /= light.sum;
  light.north /= light.sum;
  return light;
}

}  // namespace

TEST_CASE("brightened galaxies gain the light that was asked for, where they are") {
  DetectedSource source;
  source.east = 21.3, source.north = -14.2, source.sigma = 1.1;
  source.flux = {0.5, 3, 10, 14, 16};
  for (const double scale : {0.396, 0.8, 4.0}) {  // detector pixels, coarser ones, cells of the network's input
    CAPTURE(scale);
    CutoutBuffer cutout = blank(static_cast<int>(120 / scale), scale, 0.7);
    brighten(cutout, std::vector{source}, 2.5);
    for (std::size_t b = 0; b < cutout.bands.size(); ++b) {
      const Light light = light_of(cutout.bands[b]);
      CHECK(light.sum == close_to(1.5 * source.flux[b], 2e-3));
      CHECK(light.east == close_to(source.east, 0.01 * scale));
      CHECK(light.north == close_to(source.north, 0.01 * scale));
    }
  }
}

TEST_CASE("what has no light, and bands that are missing, gain none") {
  DetectedSource source;
  source.sigma = 1.1;
  source.flux = {-0.5, 0, 10, 14, 16};
  CutoutBuffer cutout = blank(80, 0.396, 0);
  cutout.bands[4].pixels.clear();
  brighten(cutout, std::vector{source}, 2.5);
  CHECK(light_of(cutout.bands[0]).sum == 0);
  CHECK(light_of(cutout.bands[1]).sum == 0);
  CHECK(light_of(cutout.bands[2]).sum > 0);
  CHECK(cutout.bands[4].pixels.empty());
}

TEST_CASE("a galaxy beside the frame loses what falls outside, and nothing else is touched") {
  DetectedSource source;
  source.sigma = 2, source.flux = {4, 4, 4, 4, 4};
  CutoutBuffer cutout = blank(80, 0.396, 0);
  for (CutoutBuffer::Plane& plane : cutout.bands) plane.map.centre_x = -0.5;  // on the left edge
  brighten(cutout, std::vector{source}, 2);
  CHECK(light_of(cutout.bands[2]).sum == close_to(2, 0.01));
}

TEST_CASE("members are told from the others in the circle by colour, and foreground is neither") {
  PixelCatalogue catalogue;
  catalogue.redshift = 0.3;
  catalogue.i_limit = 20.5;
  const double mstar = mstar_i(0.3);
  const auto add = [&](double radius, double i, double chi2, double mark) {
    catalogue.galaxies.push_back({radius, i, chi2, 0});
    catalogue.sources.push_back({mark, 0, 1, {}, {}});
  };
  add(0.1, mstar, 2, 1);         // a member
  add(0.1, mstar, 30, 2);        // of another colour
  add(0.7, mstar, 2, 3);         // outside the circle
  add(0.1, 20.6, 2, 4);          // too faint
  add(0.1, mstar - 3.5, 30, 5);  // a star
  add(0.3, INFINITY, INFINITY, 6);
  const CircleSources circle = sources_in_circle(catalogue, 0.5);
  REQUIRE(circle.red.size() == 1);
  REQUIRE(circle.others.size() == 1);
  CHECK(circle.red[0].east == 1);
  CHECK(circle.others[0].east == 2);
}
