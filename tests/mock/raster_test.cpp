// SPDX-License-Identifier: BSD-3-Clause
// Pixel integrals against sums over fine sub-pixels and against the Moffat profile itself.
#include "clustermass/mock/raster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "close_to.hpp"
#include "clustermass/mock/psf.hpp"
#include "clustermass/mock/working.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
std::vector<double> integrated(int width, int height, double x, double y, const Covariance& c, bool tilted) {
  std::vector<double> image(static_cast<std::size_t>(width * height));
  RasterScratch scratch;
  integrate_gaussian(width, height, x, y, c, tilted, 5, scratch,
                     [&](int j, int i0, const float* values, int count, float scale) {
                       for (int k = 0; k < count; ++k)
                         image[static_cast<std::size_t>(j * width + i0 + k)] += static_cast<double>(scale * values[k]);
                     });
  return image;
}
/// The same by brute force.
std::vector<double> sampled(int width, int height, double x, double y, const Covariance& c) {
  constexpr int fine = 48;
  const double determinant = c.xx * c.yy - c.xy * c.xy;
  std::vector<double> image(static_cast<std::size_t>(width * height));
  for (int j = 0; j < height * fine; ++j)
    for (int i = 0; i < width * fine; ++i) {
      const double dx = (i + 0.5) / fine - 0.5 - x, dy = (j + 0.5) / fine - 0.5 - y;
      const double q = (c.yy * dx * dx - 2 * c.xy * dx * dy + c.xx * dy * dy) / determinant;
      image[static_cast<std::size_t>(j / fine * width + i / fine)] +=
          std::exp(-0.5 * q) / (2 * M_PI * std::sqrt(determinant)) / (fine * fine);
    }
  return image;
}
}  // namespace

TEST_CASE("the cumulative normal of the table is the error function's") {
  const NormalCdf& cdf = NormalCdf::instance();
  for (double t = -4.4; t < 4.4; t += 0.0137)
    CHECK(std::fabs(static_cast<double>(cdf(static_cast<float>(t))) - 0.5 * std::erfc(-t / std::sqrt(2.0))) < 5e-7);
  CHECK(cdf(-100.0f) == 0.0f);
  CHECK(cdf(100.0f) == close_to(1.0f));
}

TEST_CASE("Gaussians of any size, tilt and position are integrated over pixels exactly") {
  const Covariance shapes[] = {{0.04, 0.04, 0}, {0.02, 0.3, 0}, {0.05, 0.06, 0.04}, {0.3, 0.2, -0.2},
                               {1.2, 3.0, 1.5}, {9, 4, -5},     {30, 60, 35}};
  for (const Covariance& c : shapes)
    for (const auto& place :
         {std::array{10.0, 9.0}, std::array{10.5, 9.5}, std::array{9.31, 10.42}, std::array{0.2, -0.9}}) {
      CAPTURE(c.xx);
      const double x = place[0], y = place[1];
      CAPTURE(x);
      const auto found = integrated(21, 19, x, y, c, c.xy != 0), expected = sampled(21, 19, x, y, c);
      double worst = 0;
      for (std::size_t k = 0; k < found.size(); ++k) worst = std::max(worst, std::fabs(found[k] - expected[k]));
      CHECK(worst < 1.5e-3 * *std::max_element(expected.begin(), expected.end()) + 5e-5);
    }
}

TEST_CASE("an upright Gaussian drawn by the tilted method is the same") {
  const Covariance c{0.4, 0.7, 0};
  const auto a = integrated(15, 15, 7.2, 6.9, c, false), b = integrated(15, 15, 7.2, 6.9, c, true);
  for (std::size_t k = 0; k < a.size(); ++k) CHECK(std::fabs(a[k] - b[k]) < 3e-5);
}

TEST_CASE("moments turn with the map from sky to pixels") {
  // A source stretched to the north on an image whose x axis points north.
  const RasterMap map(AffineMap{{{{0, 0.5}, {0.5, 0}}}, 3, 4});
  const Covariance c = map.moments(4, 1, 0);
  CHECK(c.xx == close_to(16));
  CHECK(c.yy == close_to(4));
  CHECK(std::fabs(c.xy) < 1e-12);
  CHECK(map.x(0, 1) == close_to(5));
  CHECK(map.y(1, 0) == close_to(6));
  CHECK(map.pixel_area() == close_to(0.25));
  // Stretched to the north-east, on north-up, east-left: rising to the upper left.
  CHECK(RasterMap(working_map(0.3, 128)).moments(4, 1, M_PI / 4).xy < 0);
}

TEST_CASE("a star at native scale is the Moffat profile integrated over pixels") {
  constexpr int side = 41;
  constexpr double pixel = 0.396, fwhm = 1.3;
  std::array<Psf, 5> psf;
  psf.fill({fwhm, 0, 0, PsfShape::moffat});
  const AffineMap map{{{{-pixel, 0}, {0, pixel}}}, 20.3, 19.8};
  SourceRenderer renderer(map, side, side, psf, {1, 1, 1, 1, 1}, RenderAccuracy{});
  std::vector<float> plane(side * side);
  Source star;
  star.kind = SourceKind::star;
  star.flux.fill(1000);
  renderer.add(star, {nullptr, nullptr, plane.data(), nullptr, nullptr});
  double worst = 0, peak = 0, sum = 0;
  for (int j = 0; j < side; ++j)
    for (int i = 0; i < side; ++i) {
      double expected = 0;
      for (int b = 0; b < 11; ++b)
        for (int a = 0; a < 11; ++a)
          expected += 1000 * pixel * pixel / 121 *
                      moffat(pixel * std::hypot(i - 20.3 + (a - 5) / 11.0, j - 19.8 + (b - 5) / 11.0), fwhm);
      const double found = static_cast<double>(plane[static_cast<std::size_t>(j * side + i)]);
      worst = std::max(worst, std::fabs(found - expected));
      peak = std::max(peak, expected);
      sum += found;
    }
  CHECK(worst < 0.003 * peak);
  CHECK(sum == close_to(1000, 0.001));
}

TEST_CASE("the FWHM of a drawn star is the one asked for") {
  constexpr int side = 61;
  for (const double fwhm : {1.0, 1.3, 1.9}) {
    std::array<Psf, 5> psf;
    psf.fill({fwhm, 0, 0});
    constexpr double pixel = 0.1;  // fine, so that a pixel does not widen the profile
    const AffineMap map{{{{-pixel, 0}, {0, pixel}}}, 30, 30};
    SourceRenderer renderer(map, side, side, psf, {1e-9, 1e-9, 1e-9, 1e-9, 1e-9}, RenderAccuracy{});
    std::vector<float> plane(side * side);
    Source star;
    star.flux.fill(1);
    renderer.add(star, {nullptr, nullptr, plane.data(), nullptr, nullptr});
    const float half = plane[30 * side + 30] / 2;
    int i = 30;
    while (plane[static_cast<std::size_t>(30 * side + i)] > half) ++i;
    const float above = plane[static_cast<std::size_t>(30 * side + i - 1)],
                below = plane[static_cast<std::size_t>(30 * side + i)];
    const double radius = pixel * (i - 1 - 30 + static_cast<double>((above - half) / (above - below)));
    CHECK(2 * radius == close_to(fwhm, 0.01));
  }
}

TEST_CASE("the flux of every kind of source is conserved at working scale, at all redshifts") {
  for (const double z : {0.08, 0.2, 0.35, 0.55}) {
    const AffineMap map = working_map(z, 128);
    std::array<Psf, 5> psf;
    for (std::size_t b = 0; b < 5; ++b) {
      psf[b] = {1.2 + 0.1 * static_cast<double>(b), 0.05, 0.6};
      psf[b].band = b;
    }
    SourceRenderer renderer(map, 128, 128, psf, {0.5, 0.5, 0.5, 0.5, 0.5}, RenderAccuracy{});
    for (const Profile profile : {Profile::point, Profile::exponential, Profile::de_vaucouleurs})
      for (const double radius : {0.3, 1.0, 4.0})
        for (const double q : {0.2, 0.6, 1.0})
          for (const double flux : {0.5, 2.1, 3000.0}) {
            CAPTURE(z);
            CAPTURE(radius);
            CAPTURE(q);
            Source source;
            source.profile = profile;
            source.east = 3.3, source.north = -7.1;
            source.radius = profile == Profile::point ? 0 : radius;
            source.axis_ratio = q;
            source.position_angle = 0.7;
            source.flux.fill(flux);
            std::vector<float> planes[5];
            std::array<float*, 5> pointers;
            for (std::size_t b = 0; b < 5; ++b) planes[b].assign(128 * 128, 0), pointers[b] = planes[b].data();
            renderer.add(source, pointers);
            for (const auto& plane : planes) {
              double sum = 0, x = 0;
              for (std::size_t k = 0; k < plane.size(); ++k) {
                sum += static_cast<double>(plane[k]);
                x += static_cast<double>(plane[k]) * static_cast<double>(k % 128);
              }
              double light = 1;  // inside 7.4 arcsec; a bright source's halo comes on top
              if (flux > 1000) {
                const GaussianMixture whole = psf_mixture(psf[static_cast<std::size_t>(&plane - planes)]);
                light = std::accumulate(whole.weight.begin(), whole.weight.end(), 0.0);
              }
              CHECK(sum == close_to(light * flux, 0.003));
              CHECK(x / sum == close_to(63.5 - 3.3 / map.arcsec_per_pixel[1][1], 0.003));
            }
          }
  }
}

TEST_CASE(
    "a bright star has four diffraction spikes at right angles, along which light falls as measured; a galaxy none") {
  // Native pixels, x to the east, one spike 20 degrees east of north.
  constexpr int side = 301;
  constexpr double pixel = 0.396, tilt = 20 * M_PI / 180;
  const AffineMap map{{{{pixel, 0}, {0, pixel}}}, 150, 150};
  std::array<Psf, 5> with, without;
  with.fill({1.2, 0, 0});
  without = with;
  for (Psf& psf : with) psf.spikes = 1, psf.spike_angle = tilt;
  Source star;
  star.kind = SourceKind::star;
  star.flux.fill(1e5);
  const auto drawn = [&](const Source& source, const std::array<Psf, 5>& psf) {
    std::vector<float> plane(side * side);
    SourceRenderer renderer(map, side, side, psf, {.03, .03, .03, .03, .03}, RenderAccuracy{});
    renderer.add(source, {nullptr, nullptr, plane.data(), nullptr, nullptr});
    return plane;
  };
  const std::vector<float> spiked = drawn(star, with), round = drawn(star, without);
  // Light across a strip 8 arcsec wide about the direction, from r1 to r2, per arcsec and flux.
  const auto along = [&](double angle, double r1, double r2) {
    double sum = 0;
    for (int j = 0; j < side; ++j)
      for (int i = 0; i < side; ++i) {
        const double east = (i - 150) * pixel, north = (j - 150) * pixel;
        const double r = east * std::sin(angle) + north * std::cos(angle),
                     across = east * std::cos(angle) - north * std::sin(angle);
        const auto at = static_cast<std::size_t>(j * side + i);
        if (r > r1 && r < r2 && std::fabs(across) < 4) sum += static_cast<double>(spiked[at] - round[at]);
      }
    return sum / (r2 - r1) / 1e5;
  };
  for (int k = 0; k < 4; ++k)
    for (const double r1 : {9.0, 18.0, 27.0}) {
      const double r2 = 1.2 * r1;
      CAPTURE(k);
      CAPTURE(r1);
      CHECK(along(tilt + k * M_PI / 2, r1, r2) == close_to(0.0134 / (r1 * r2), 0.2));
      CHECK(along(tilt + (k + 0.5) * M_PI / 2, r1, r2) < 1e-6);
    }
  star.kind = SourceKind::field;
  CHECK(drawn(star, with) == drawn(star, without));
}
