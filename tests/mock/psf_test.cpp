// SPDX-License-Identifier: BSD-3-Clause
// The PSF's Gaussians against the profiles they stand for, and the drift over a CCD.
#include "clustermass/mock/psf.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "close_to.hpp"
#include "clustermass/mock/sky.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
double brightness(const GaussianMixture& mixture, double r) {
  double sum = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(mixture.size); ++k)
    sum += mixture.weight[k] / (2 * M_PI * mixture.variance[k]) * std::exp(-0.5 * r * r / mixture.variance[k]);
  return sum;
}
double enclosed(const GaussianMixture& mixture, double r) {
  double sum = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(mixture.size); ++k)
    sum += mixture.weight[k] * (1 - std::exp(-0.5 * r * r / mixture.variance[k]));
  return sum;
}
}  // namespace

TEST_CASE("three Gaussians follow the Moffat profile and its encircled light") {
  const GaussianMixture mixture = psf_mixture({1, 0, 0, PsfShape::moffat});
  for (double r = 0; r < 6; r += 0.05) {
    CHECK(std::fabs(brightness(mixture, r) - moffat(r, 1)) < 0.004 * moffat(0, 1));
    if (r > 0) CHECK(std::fabs(enclosed(mixture, r) - moffat_enclosed(r, 1)) < 0.006);
  }
}

TEST_CASE("the two-Gaussian PSF has FWHM 1, a sigma ratio of 2, a peak ratio of 0.1 and all the light") {
  const GaussianMixture mixture = psf_mixture({1, 0, 0, PsfShape::two_gaussians});
  REQUIRE(mixture.size == 2);
  CHECK(brightness(mixture, 0.5) / brightness(mixture, 0) == close_to(0.5, 1e-6));
  CHECK(mixture.variance[1] / mixture.variance[0] == close_to(4));
  CHECK(mixture.weight[1] / mixture.variance[1] / (mixture.weight[0] / mixture.variance[0]) == close_to(0.1));
  CHECK(mixture.weight[0] + mixture.weight[1] == close_to(1));
}

TEST_CASE("the PSF of SDSS stars has its FWHM, light 1 inside 7.4 arcsec, and the wings and halo of real stars") {
  // Surface brightness per arcsec^2 over the flux, in rings about the stars of 13.5 to 14.5 mag (isophotal) of the real
  // frames (median log10 of five fields), in r and in i.
  const std::array<double, 6> radius{3.5, 5, 7, 9, 11.5, 14.5};
  const std::array<std::array<double, 6>, 2> real{
      {{-2.98, -3.61, -3.99, -4.29, -4.65, -4.79}, {-2.93, -3.47, -3.87, -3.99, -4.25, -4.44}}};
  for (const std::size_t band : {0u, 1u, 2u, 3u, 4u})
    for (const double fwhm : {0.8, 1.2, 1.9}) {
      const GaussianMixture mixture = psf_mixture({fwhm, 0, 0, PsfShape::sdss, band});
      CHECK(brightness(mixture, 0.5) / brightness(mixture, 0) == close_to(0.5, 1e-6));
      CHECK(enclosed(mixture, 7.4 / fwhm) == close_to(1, 0.01));
      if (fwhm != 1.2 || band < 2 || band > 3) continue;
      for (std::size_t k = 0; k < radius.size(); ++k)
        CHECK(std::fabs(std::log10(brightness(mixture, radius[k] / fwhm) / (fwhm * fwhm)) - real[band - 2][k]) < 0.25);
    }
}

TEST_CASE("a PSF without its halo has light 1, and without wings as well") {
  const GaussianMixture whole = psf_mixture({1.2, 0, 0, PsfShape::sdss, 3});
  CHECK(whole.size == 6);
  for (const PsfExtent extent : {PsfExtent::without_halo, PsfExtent::without_wings}) {
    const GaussianMixture less = reduced(whole, extent);
    CHECK(less.size == (extent == PsfExtent::without_halo ? 4 : 3));
    CHECK(enclosed(less, 100) == close_to(1, 1e-9));
  }
  CHECK(psf_mixture({1.2, 0, 0, PsfShape::sdss, 3, 0.0}).size == 4);
  CHECK(enclosed(psf_mixture({1.2, 0, 0, PsfShape::sdss, 3, 0.0}), 100) == close_to(1, 1e-9));
  CHECK(reduced(psf_mixture({1.2, 0, 0, PsfShape::moffat}), PsfExtent::without_wings).size == 3);
}

TEST_CASE("the FWHM drifts over a CCD by no more than the parameter, in every direction, and switched off not at all") {
  SkyParameters sky;
  SceneOptions options;
  options.cluster = false;
  sky.field_scale = sky.star_scale = 0;
  double largest = 0, mean = 0;
  int count = 0, rising_east = 0;
  for (std::uint64_t k = 0; k < 200; ++k) {
    const Scene scene = draw_scene(sky, 5, k, options);
    const AffineMap map = scene.footprint.map(2);
    const auto& m = map.arcsec_per_pixel;
    double low = 9, high = 0;
    for (int j = 0; j <= 4; ++j)
      for (int i = 0; i <= 4; ++i) {
        const double dx = 2047 * i / 4.0 - map.centre_x, dy = 1488 * j / 4.0 - map.centre_y;
        const double factor = scene.psf_drift.factor(m[0][0] * dx + m[0][1] * dy, m[1][0] * dx + m[1][1] * dy);
        low = std::min(low, factor), high = std::max(high, factor);
        if (i == 2 && j == 2) CHECK(factor == close_to(1, 1e-9));
      }
    CHECK(high - low <= sky.psf_drift_max);
    CHECK(high - low == close_to(scene.psf_drift.most, 0.002));
    largest = std::max(largest, high - low), mean += high - low, ++count;
    rising_east += scene.psf_drift.per_arcsec_east > 0;
    CHECK(psf_at(scene, 1, 0, 0).fwhm_arcsec == close_to(scene.psf[1].fwhm_arcsec * scene.psf_drift.at_centre));
  }
  CHECK(largest > 0.13);
  CHECK(mean / count == close_to(0.075, 0.15));
  CHECK(rising_east > 70);
  CHECK(rising_east < 130);
  sky.psf_drift_max = 0;
  const Scene steady = draw_scene(sky, 5, 3, options);
  CHECK(steady.psf_drift.factor(300, -200) == 1);
  sky.psf_drift_max = 0.15;
  CHECK(draw_scene(sky, 5, 3, options).psf[2].fwhm_arcsec == steady.psf[2].fwhm_arcsec);
}
