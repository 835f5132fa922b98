// SPDX-License-Identifier: BSD-3-Clause
// Mask files of our own: the reader that opens the survey's gives back what was written.
#include "clustermass/io/sdss_mask.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/io/sdss_folder.hpp"
#include "fits_fixtures.hpp"

using namespace clustermass;
using namespace fits_test;

TEST_CASE("a written mask file comes back bit by bit, in the planes the survey knows") {
  constexpr int height = 60, width = 90;
  std::vector<std::int32_t> mask(height * width);
  Random random(4);
  const std::int32_t written[] = {mask_bit::saturated,  mask_bit::bleed,        mask_bit::cosmic_ray,
                                  mask_bit::bad_column, mask_bit::interpolated, mask_bit::bright_neighbour,
                                  mask_bit::ghost,      mask_bit::edge,         mask_bit::no_data};
  for (int k = 0; k < 1500; ++k) mask[random.below(height * width)] |= written[random.below(9)];
  for (int y = 0; y < height; ++y) mask[static_cast<std::size_t>(y * width + 17)] |= mask_bit::bad_column;
  for (int y = 20; y < 33; ++y)
    for (int x = 80; x < 90; ++x) mask[static_cast<std::size_t>(y * width + x)] |= mask_bit::saturated;
  const TemporaryFolder folder;
  const std::string path = folder.file(mask_file_name(Band::r, 9001, 3, 7));
  CHECK(path.ends_with("fpM-009001-r3-0007.fit"));
  write_sdss_mask(path, mask, height, width, {{"MOCKSKY", std::string("test"), ""}});
  const std::vector<std::int32_t> found = read_fpm_mask(path, height, width);
  REQUIRE(found.size() == mask.size());
  for (std::size_t k = 0; k < mask.size(); ++k) {
    const auto has = [&](std::int32_t bits) { return (mask[k] & bits) != 0; };
    std::int32_t expected = 0;
    if (has(mask_bit::saturated | mask_bit::bleed | mask_bit::bright_neighbour)) expected |= mask_bit::saturated;
    if (has(mask_bit::interpolated | mask_bit::bad_column)) expected |= mask_bit::interpolated;
    if (has(mask_bit::cosmic_ray)) expected |= mask_bit::cosmic_ray;
    if (has(mask_bit::ghost)) expected |= mask_bit::ghost;
    REQUIRE(found[k] == expected);
  }
}

TEST_CASE("the reader of frames finds a written mask beside its frame") {
  const TemporaryFolder folder;
  write_bytes(folder.file("frame-r-009001-3-0007.fits"), {'x'});
  write_sdss_mask(folder.file(mask_file_name(Band::r, 9001, 3, 7)), std::vector<std::int32_t>(20), 4, 5);
  const std::vector<FrameFile> files = find_frames(folder.path.string());
  REQUIRE(files.size() == 1);
  CHECK(files[0].mask_path.ends_with("fpM-009001-r3-0007.fit"));
  for (const std::int32_t bits : read_fpm_mask(files[0].mask_path, 4, 5)) CHECK(bits == 0);
}

TEST_CASE("boxes join alike runs of consecutive rows, so that a disc or a trail costs few rows of a table") {
  std::vector<std::int32_t> mask(100 * 100);
  for (std::size_t y = 10; y < 90; ++y) mask[y * 100 + 50] = mask[y * 100 + 51] = mask_bit::saturated;
  const TemporaryFolder folder;
  write_sdss_mask(folder.file("a.fit"), mask, 100, 100);
  FitsFile file(folder.file("a.fit"));
  file.go_to(2);  // SATUR
  REQUIRE(file.row_count() == 1);
  CHECK(file.read_column<std::int64_t>("rmin").values[0] == 10);
  CHECK(file.read_column<std::int64_t>("rmax").values[0] == 89);
  CHECK(file.read_column<std::int64_t>("cmin").values[0] == 50);
  CHECK(file.read_column<std::int64_t>("cmax").values[0] == 51);
}

TEST_CASE("a mask of another size than its frame and a folder that is not there are refused") {
  const TemporaryFolder folder;
  CHECK(mentions(input_error([&] { write_sdss_mask(folder.file("a.fit"), std::vector<std::int32_t>(7), 4, 5); }),
                 "7 values"));
  CHECK(mentions(input_error([&] { write_sdss_mask(folder.file("none/a.fit"), std::vector<std::int32_t>(20), 4, 5); }),
                 "none"));
}
