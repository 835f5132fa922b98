// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/common/lupton.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace clustermass;

namespace {
constexpr int side = 40;

/// Five bands of blank sky, north up, east left, one arcsec per pixel, with one bright pixel in band i.
CutoutBuffer sky_with_source(int row, int column) {
  CutoutBuffer buffer;
  for (CutoutBuffer::Plane& plane : buffer.bands) {
    plane.height = plane.width = side;
    plane.pixels.assign(side * side, 0.0f);
    plane.mask.assign(side * side, 0);
    plane.map = {{{{-1, 0}, {0, 1}}}, (side - 1) / 2.0, (side - 1) / 2.0};
  }
  buffer.bands[3].pixels[static_cast<std::size_t>(row * side + column)] = 100;
  return buffer;
}

std::array<int, 3> pixel(const tool::ColourImage& image, int row, int column) {
  const std::uint8_t* p = &image.rgb[3 * static_cast<std::size_t>(row * image.side + column)];
  return {p[0], p[1], p[2]};
}
}  // namespace

TEST_CASE("the asinh stretch keeps the ratio of the channels and never leaves 0 to 1") {
  // by hand for Q = 20, (0.1, 0.05, 0): I = 0.05, asinh(1) / sqrt(20) = 0.1970811, over I = 3.941623
  const auto faint = tool::lupton_rgb({0.1, 0.05, 0}, 20);
  CHECK(faint[0] == doctest::Approx(0.3941623).epsilon(1e-6));
  CHECK(faint[1] == doctest::Approx(0.1970811).epsilon(1e-6));
  CHECK(faint[2] == 0);
  const auto bright = tool::lupton_rgb({1000, 500, 250}, 20);
  CHECK(bright[0] == doctest::Approx(1));
  CHECK(bright[1] == doctest::Approx(0.5));
  CHECK(bright[2] == doctest::Approx(0.25));
  for (const double c : tool::lupton_rgb({-1, -2, 0}, 20)) CHECK(c == 0);
}

TEST_CASE("north is up, east is left, band i is red") {
  // 15 pixels north and 10 east of the middle: rows rise to the north, columns to the west
  const CutoutBuffer buffer = sky_with_source(34, 9);
  const tool::ColourImage image = tool::colour_image(buffer, side, side);
  const auto source = pixel(image, side - 1 - 34, 9), sky = pixel(image, 20, 20);
  CHECK(source[0] == 255);
  CHECK(source[1] < 10);
  CHECK(sky[0] == sky[1]);
  CHECK(sky[1] == sky[2]);
  CHECK(sky[0] > 0);
  CHECK(sky[0] < 40);
}

TEST_CASE("masked pixels, missing bands and sky outside the images have their own look") {
  CutoutBuffer buffer = sky_with_source(20, 20);
  for (CutoutBuffer::Plane& plane : buffer.bands) plane.mask[5 * side + 5] = mask_bit::saturated;
  const tool::LuptonOptions look;
  const tool::ColourImage image = tool::colour_image(buffer, 2 * side, 2 * side);
  CHECK(pixel(image, 0, 0) == std::array<int, 3>{look.outside[0], look.outside[1], look.outside[2]});
  CHECK(pixel(image, 2 * side - 1 - (5 + side / 2), 5 + side / 2) ==
        std::array<int, 3>{look.masked[0], look.masked[1], look.masked[2]});
  for (const std::size_t band : {1u, 2u}) buffer.bands[band] = {};
  const auto grey = pixel(tool::colour_image(buffer, side, side), side - 1 - 20, 20);  // i alone
  CHECK(grey[0] == grey[1]);
  CHECK(grey[1] == grey[2]);
  CHECK(grey[0] == 255);
}
