// SPDX-License-Identifier: BSD-3-Clause
// Cutouts written and read again: pixels, masks, places; undated files; masks that fit no image.
#include "clustermass/io/cutout_writer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "close_to.hpp"
#include "clustermass/io/cutout_file.hpp"

using namespace clustermass;

namespace {
/// A rotated cutout of four bands; r has a mask.
CutoutBuffer example() {
  CutoutBuffer cutout;
  for (std::size_t b = 0; b < 4; ++b) {
    CutoutBuffer::Plane& plane = cutout.bands[b];
    plane.height = 6 + static_cast<int>(b);
    plane.width = 9;
    const double s = 4.7 + 0.1 * static_cast<double>(b);
    plane.map = {{{{-0.6 * s, 0.8 * s}, {0.8 * s, 0.6 * s}}}, 4.25, 2.5};
    for (int k = 0; k < plane.height * plane.width; ++k) plane.pixels.push_back(std::sin(static_cast<float>(k)));
  }
  CutoutBuffer::Plane& r = cutout.bands[2];
  r.mask.assign(r.pixels.size(), 0);
  r.mask[3] = mask_bit::no_data;
  r.mask[10] = mask_bit::saturated | mask_bit::cosmic_ray;
  r.mask[11] = mask_bit::bleed;
  return cutout;
}
struct File {
  std::string path;
  explicit File(const char* name) : path((std::filesystem::temp_directory_path() / name).string()) {}
  ~File() { std::filesystem::remove(path); }
};
}  // namespace

TEST_CASE("a cutout that is written comes back: every pixel, its place, its mask, its missing band") {
  const CutoutBuffer cutout = example();
  const SkyPosition centre{211.25, 38.5};
  const File file("clustermass_cutout_writer_test.fits");
  FitsWriter writer;
  add_cutout(writer, cutout, centre);
  writer.save(file.path, false);
  CutoutFileOptions options;
  options.centre = centre;
  const CutoutBuffer back = read_cutout_file(file.path, options);
  for (std::size_t b = 0; b < 4; ++b) {
    CAPTURE(b);
    CHECK(back.bands[b].pixels == cutout.bands[b].pixels);
    CHECK(back.bands[b].height == cutout.bands[b].height);
    CHECK(std::fabs(back.bands[b].map.centre_x - 4.25) < 1e-9);
    CHECK(std::fabs(back.bands[b].map.centre_y - 2.5) < 1e-9);
    for (std::size_t k = 0; k < 4; ++k)
      CHECK(back.bands[b].map.arcsec_per_pixel[k / 2][k % 2] ==
            close_to(cutout.bands[b].map.arcsec_per_pixel[k / 2][k % 2], 1e-9));
  }
  CHECK(back.bands[4].pixels.empty());
  CHECK(back.bands[2].mask[3] == mask_bit::no_data);
  CHECK(back.bands[2].mask[10] == (mask_bit::saturated | mask_bit::cosmic_ray));
  CHECK(back.bands[2].mask[11] == mask_bit::bad_column);  // no keyword of its own
  CHECK(back.bands[2].mask[12] == 0);
  CHECK(back.bands[1].mask[3] == 0);
}

TEST_CASE("an undated file holds no time") {
  FitsWriter writer;
  add_cutout(writer, example(), {10, 20});
  const std::vector<char> bytes = writer.bytes(false);
  const std::string text(bytes.begin(), bytes.end());
  CHECK(text.find("DATE") == std::string::npos);
  CHECK(text.find("CHECKSUM") == std::string::npos);
  CHECK(text.find("MP_NO_DATA") != std::string::npos);
}

TEST_CASE("planes of wrong size, no plane at all and a mask without its image are refused") {
  CutoutBuffer bad = example();
  bad.bands[1].pixels.pop_back();
  FitsWriter writer;
  CHECK_THROWS_AS(add_cutout(writer, bad, {10, 20}), InputError);
  CHECK_THROWS_AS(add_cutout(writer, CutoutBuffer{}, {10, 20}), InputError);

  const File file("clustermass_cutout_writer_test_mask.fits");
  const auto save = [&](const std::string& image, const std::string& mask, long width) {
    FitsWriter other;
    other.image(std::vector<float>(12, 1.0f), {4, 3}, image);
    other.card({"FILTER", image, ""});
    other.card({"BUNIT", std::string("nanomaggy"), ""});
    other.bits(std::vector<std::int16_t>(static_cast<std::size_t>(width * 3), 0), {width, 3}, mask);
    other.card({"MP_BAD", std::int64_t{3}, ""});
    other.save(file.path);
  };
  CutoutFileOptions options;
  options.pixel_scale_arcsec = 1;
  save("g", "MASK_G", 4);
  CHECK_NOTHROW(read_cutout_file(file.path, options));
  save("g", "MASK_R", 4);
  CHECK_THROWS_WITH_AS(read_cutout_file(file.path, options), doctest::Contains("no image of band r"), InputError);
  save("g", "MASK_G", 5);
  CHECK_THROWS_WITH_AS(read_cutout_file(file.path, options), doctest::Contains("extents differ"), InputError);
}
