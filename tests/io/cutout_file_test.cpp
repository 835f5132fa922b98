// SPDX-License-Identifier: BSD-3-Clause
// Ready-made cutouts made by astropy: cube, extensions, single images, an LSST-like exposure; and what is refused.
#include "clustermass/io/cutout_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "fits_fixtures.hpp"

using namespace clustermass;
using namespace fits_test;

namespace {
double sum(const std::vector<float>& values) {
  double total = 0;
  for (const float v : values) total += static_cast<double>(v);
  return total;
}
}  // namespace

TEST_CASE("a cube of five bands is read plane by plane") {
  const CutoutBuffer buffer = read_cutout_file(fixture("cube.fits"));
  const auto& values = expected()["cutouts"]["cube"];
  for (std::size_t b = 0; b < 5; ++b) {
    const CutoutBuffer::Plane& plane = buffer.bands[b];
    REQUIRE(plane.width == 32);
    REQUIRE(plane.height == 24);
    CHECK(plane.pixels[3 * 32 + 4] == values["at"][b].get<float>());
    CHECK(sum(plane.pixels) == doctest::Approx(values["sums"][b].get<double>()).epsilon(1e-9));
    CHECK(plane.map.centre_x == doctest::Approx(15.5));
    CHECK(plane.map.centre_y == doctest::Approx(11.5));
    CHECK(plane.map.arcsec_per_pixel[0][0] == doctest::Approx(-1.0));
    CHECK(plane.map.arcsec_per_pixel[1][1] == doctest::Approx(1.0));
    CHECK(std::count(plane.mask.begin(), plane.mask.end(), 0) == 32 * 24);
  }
  CHECK(std::isnan(buffer.redshift));
  CHECK(buffer.input_kind == InputKind::resampled);
}

TEST_CASE("a cube of other bands in another order finds each its place, OVERLAP = F is no data") {
  const CutoutBuffer all = read_cutout_file(fixture("cube.fits")), some = read_cutout_file(fixture("cube_rgz.fits"));
  CHECK(some.bands[2].pixels == all.bands[0].pixels);
  CHECK(some.bands[1].pixels == all.bands[1].pixels);
  CHECK(some.bands[4].pixels == all.bands[2].pixels);
  CHECK(some.bands[0].pixels.empty());
  CHECK(some.bands[3].pixels.empty());
  const CutoutBuffer none = read_cutout_file(fixture("cube_no_overlap.fits"));
  CHECK(std::count(none.bands[2].mask.begin(), none.bands[2].mask.end(), mask_bit::no_data) == 32 * 24);
}

TEST_CASE("five extensions of their own grids are placed by their own WCS around the given centre") {
  CutoutFileOptions options;
  options.centre = SkyPosition{150.1, 2.2};
  options.redshift = 0.3;
  const CutoutBuffer buffer = read_cutout_file(fixture("five.fits"), options);
  const CutoutBuffer cube = read_cutout_file(fixture("cube.fits"));
  CHECK(buffer.redshift == 0.3);
  for (std::size_t b = 0; b < 5; ++b) {
    const CutoutBuffer::Plane& plane = buffer.bands[b];
    REQUIRE(plane.width == 20 + static_cast<int>(b));
    CHECK(plane.pixels[static_cast<std::size_t>(2 * plane.width + 3)] == cube.bands[b].pixels[2 * 32 + 3]);
    CHECK(plane.map.centre_x == doctest::Approx(9.0 + static_cast<double>(b)));  // CRPIX1 - 1
    const double angle = static_cast<double>(b) * std::numbers::pi / 18;
    CHECK(plane.map.arcsec_per_pixel[0][1] == doctest::Approx(0.396 * std::sin(angle)));
    CHECK(plane.map.arcsec_per_pixel[1][0] == doctest::Approx(0.396 * std::sin(angle)));
  }
}

TEST_CASE("an LSST exposure brings its mask, by the names of its bits, and its variance") {
  const CutoutBuffer buffer = read_cutout_file(fixture("lsst_r.fits"));
  const auto& values = expected()["cutouts"]["lsst"];
  const CutoutBuffer::Plane& plane = buffer.bands[2];
  REQUIRE(plane.width == values["width"]);
  REQUIRE(plane.height == values["height"]);
  const auto at = [&](int row, int column) { return static_cast<std::size_t>(row * 40 + column); };
  CHECK(plane.pixels[at(9, 9)] == values["image_at"].get<float>());
  CHECK(plane.variance[at(9, 9)] == values["variance_at"].get<float>());
  CHECK(plane.mask[at(0, 17)] == mask_bit::edge);
  CHECK(plane.mask[at(10, 10)] == mask_bit::bad_column);
  CHECK(plane.mask[at(11, 10)] == mask_bit::saturated);
  CHECK(plane.mask[at(12, 10)] == mask_bit::cosmic_ray);
  CHECK(plane.mask[at(13, 10)] == 0);
  CHECK(plane.mask[at(14, 10)] == mask_bit::no_data);
  CHECK(plane.mask[at(15, 10)] == mask_bit::cosmic_ray);
  CHECK(plane.mask[at(4, 5)] == mask_bit::bad_column);  // NaN
  CHECK(plane.pixels[at(4, 5)] == 0);
  CHECK(plane.variance[at(4, 5)] == 0);
  CHECK(static_cast<int>(plane.mask.size()) - std::count(plane.mask.begin(), plane.mask.end(), 0) == values["masked"]);
}

TEST_CASE("single images in files of their own, without WCS, need a pixel scale") {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  for (const char* band : {"g", "r"}) {
    FitsWriter writer;
    writer.image(std::vector<float>(30, 1.5f), {6, 5});
    writer.card({"BUNIT", std::string("nanomaggy"), ""});
    paths.push_back(folder.file(std::string(band) + ".fits"));
    writer.save(paths.back());
  }
  CHECK(mentions(input_error([&] { read_cutout_file(paths); }), "has no WCS (CTYPE1); give the pixel scale"));
  CutoutFileOptions options;
  options.pixel_scale_arcsec = 0.5;
  const CutoutBuffer buffer = read_cutout_file(paths, options);
  CHECK(buffer.bands[1].pixels.size() == 30);
  CHECK(buffer.bands[2].map.arcsec_per_pixel[0][0] == -0.5);
  CHECK(buffer.bands[2].map.centre_x == 2.5);
  CHECK(buffer.bands[0].pixels.empty());
  paths.push_back(paths.front());
  CHECK(mentions(input_error([&] { read_cutout_file(paths, options); }), "a second image of band g"));
  options.pixel_scale_arcsec = -1;
  CHECK(mentions(input_error([&] { read_cutout_file(paths.front(), options); }), "is not possible"));
}

TEST_CASE("a cutout of a wrong unit, an unknown band, a picture or a centre elsewhere is refused") {
  const TemporaryFolder folder;
  const auto changed = [&](const char* name, const std::string& card, const std::string& key) {
    std::vector<char> bytes = read_bytes(fixture(name));
    set_card(bytes, card, key);
    write_bytes(folder.file("c.fits"), bytes);
    return input_error([&] { read_cutout_file(folder.file("c.fits")); });
  };
  CHECK(mentions(changed("cube.fits", "BUNIT   = 'Jy      '", "BUNIT"), "BUNIT = 'Jy', expected 'nanomaggy'"));
  CHECK(mentions(changed("cube.fits", "COMMENT", "BUNIT"), "keyword BUNIT is missing"));
  CHECK(mentions(changed("cube.fits", "BANDS   = 'ugri    '", "BANDS"), "names 4 bands, the cube has 5 planes"));
  CHECK(mentions(changed("cube.fits", "COMMENT", "BANDS"), "neither BANDS nor BAND0"));
  CHECK(mentions(changed("cube.fits", "BANDS   = 'JHKYZ   '", "BANDS"), "holds no image of the bands"));
  CHECK(mentions(changed("five.fits", "EXTNAME = 'X       '", "EXTNAME"), "neither EXTNAME nor FILTER names"));
  CHECK(mentions(changed("lsst_r.fits", "FILTER  = 'y       '", "FILTER"), "FILTER names none"));
  CutoutFileOptions options;
  options.any_unit = true;
  CHECK(changed("cube.fits", "BUNIT   = 'Jy      '", "BUNIT") != "");
  CHECK(input_error([&] { read_cutout_file(folder.file("c.fits"), options); }).empty());
  options.centre = SkyPosition{150.2, 2.2};
  CHECK(mentions(input_error([&] { read_cutout_file(fixture("cube.fits"), options); }),
                 "lies outside the image of 32 x 24"));
  write_bytes(folder.file("p.jpeg"), {'\xFF', '\xD8', '\xFF', '\xE0', 0, 0, 0, 0, 0, 0});
  CHECK(mentions(input_error([&] { read_cutout_file(folder.file("p.jpeg")); }), "JPEG or PNG picture"));
  CHECK(mentions(input_error([&] { read_cutout_file(fixture("fpM-000756-g2-0044.fit.gz")); }),
                 "holds no image of 2 or 3"));
  CHECK(mentions(input_error([] { read_cutout_file(std::span<const std::string>()); }), "no file was given"));
}

TEST_CASE("names of bands are found as surveys write them") {
  using CLUSTERMASS_CODE_TAG::detail::band_from_text;
  for (const char* name : {"r", "R", "sdss_r", "SDSS r", "r.MP9602", "BAND-R"}) CHECK(band_from_text(name) == Band::r);
  for (const char* name : {"", "y", "image", "ugriz", "PRIMARY"}) CHECK_FALSE(band_from_text(name));
}

TEST_CASE("the five real crops of a cluster make one cutout around the galaxy") {
  std::vector<std::string> paths;
  for (const char* band : {"u", "g", "r", "i", "z"})
    paths.push_back(real_data(std::string("sdss/cluster_z0.18_cutout/") + band + ".fits.gz"));
  if (paths[0].empty()) {
    MESSAGE("skipped: the real data are not at hand");
    return;
  }
  CutoutFileOptions options;
  options.centre = SkyPosition{200.50999, 36.73089};
  options.input_kind = InputKind::native;
  const CutoutBuffer buffer = read_cutout_file(paths, options);
  CHECK(buffer.input_kind == InputKind::native);
  for (const CutoutBuffer::Plane& plane : buffer.bands) {
    REQUIRE(plane.width == 400);
    CHECK(std::abs(plane.map.centre_x - 200) < 1.5);
    CHECK(std::abs(plane.map.centre_y - 200) < 1.5);
  }
}
