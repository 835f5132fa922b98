// SPDX-License-Identifier: BSD-3-Clause
// Positions against astropy's: every header of tests/data/fits/wcs.fits.
#include "clustermass/io/wcs.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "fits_fixtures.hpp"

using namespace clustermass;
using namespace fits_test;

TEST_CASE("positions agree with astropy to 1e-6 pixel, at RA 0/360 and near the poles too") {
  FitsFile file(fixture("wcs.fits"));
  int cases = 0;
  for (int hdu = 1; hdu < file.hdu_count(); ++hdu) {
    file.go_to(hdu);
    CAPTURE(file.name());
    const auto& values = expected()["wcs"][file.name()];
    const Wcs wcs = find_wcs(file).value();
    for (std::size_t k = 0; k < values["pixel"].size(); ++k, ++cases) {
      const PixelPosition pixel{values["pixel"][k][0], values["pixel"][k][1]};
      const SkyPosition sky{values["sky"][k][0], values["sky"][k][1]};
      const PixelPosition found = wcs.sky_to_pixel(sky).value();
      CHECK(std::abs(found.x - pixel.x) < 1e-6);
      CHECK(std::abs(found.y - pixel.y) < 1e-6);
      const SkyPosition back = wcs.pixel_to_sky(pixel);
      CHECK(separation_arcsec(back, sky) < 1e-6 * 0.396);
      CHECK(back.ra_deg >= 0);
      CHECK(back.ra_deg < 360);
    }
  }
  CHECK(cases == 15 * 12);
}

TEST_CASE("the local map is the derivative of astropy's pixel-to-tangent-plane map") {
  FitsFile file(fixture("wcs.fits"));
  file.go_to(1);
  const auto& values = expected()["wcs"]["local_map"];
  const AffineMap map = find_wcs(file)->local_map({values["position"][0], values["position"][1]}).value();
  CHECK(std::abs(map.centre_x - values["centre"][0].get<double>()) < 1e-6);
  CHECK(std::abs(map.centre_y - values["centre"][1].get<double>()) < 1e-6);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j)
      CHECK(std::abs(map.arcsec_per_pixel[i][j] - values["matrix"][i][j].get<double>()) < 1e-8);
}

TEST_CASE(
    "the local map stays within 0.01 arcsec of the exact one over a field of 9 arcmin radius at a frame's corner") {
  Wcs wcs;
  wcs.reference = {10, 60};
  wcs.reference_pixel = {1024, 744};
  wcs.cd = {{{-1.1e-4, 0}, {0, 1.1e-4}}};
  const SkyPosition corner = wcs.pixel_to_sky({2047, 1488});
  const AffineMap map = wcs.local_map(corner).value();
  for (int k = 0; k < 16; ++k) {
    const double angle = k * 0.3927, dx = 1364 * std::cos(angle), dy = 1364 * std::sin(angle);  // 9 arcmin
    const double east = map.arcsec_per_pixel[0][0] * dx + map.arcsec_per_pixel[0][1] * dy;
    const double north = map.arcsec_per_pixel[1][0] * dx + map.arcsec_per_pixel[1][1] * dy;
    Wcs plane;  // offsets in arcsec in the plane tangent at the corner
    plane.reference = corner;
    plane.cd = {{{1 / 3600.0, 0}, {0, 1 / 3600.0}}};
    const PixelPosition exact = plane.sky_to_pixel(wcs.pixel_to_sky({map.centre_x + dx, map.centre_y + dy})).value();
    CHECK(std::hypot(east - exact.x, north - exact.y) < 0.01);
  }
}

TEST_CASE("a position behind the sky has no pixel") {
  Wcs wcs;
  wcs.reference = {10, 60};
  wcs.cd = {{{-1.1e-4, 0}, {0, 1.1e-4}}};
  CHECK_FALSE(wcs.sky_to_pixel({190, -60}));
  CHECK_FALSE(wcs.sky_to_pixel({190, -20}));
  CHECK_FALSE(wcs.local_map({190, -60}));
}

TEST_CASE("other projections, distortions and units are refused, naming file and keyword") {
  FitsFile file(fixture("wcs_refused.fits"));
  const std::pair<const char*, const char*> cases[] = {{"SIP", "CTYPE1 = 'RA---TAN-SIP'"},
                                                       {"SIN", "CTYPE1 = 'RA---SIN'"},
                                                       {"GALACTIC", "CTYPE1 = 'GLON-TAN'"},
                                                       {"SCAMP", "PV1_1"},
                                                       {"RADIAN", "CUNIT1 = 'rad'"},
                                                       {"SINGULAR", "CD, CRVAL and CRPIX"},
                                                       {"B1950", "EQUINOX"}};
  REQUIRE(file.hdu_count() == 8);
  for (int hdu = 1; hdu < file.hdu_count(); ++hdu) {
    file.go_to(hdu);
    const char *name = cases[hdu - 1].first, *word = cases[hdu - 1].second;
    CAPTURE(name);
    REQUIRE(file.name() == name);
    const std::string error = input_error([&] { find_wcs(file); });
    CHECK(mentions(error, word));
    CHECK(mentions(error, "wcs_refused.fits"));
  }
}

TEST_CASE("an image without CTYPE has no position") {
  FitsFile file(fixture("wcs.fits"));
  CHECK_FALSE(find_wcs(file));
}
