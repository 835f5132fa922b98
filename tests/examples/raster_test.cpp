// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/common/raster.hpp"

#include <doctest/doctest.h>

#include <set>

TEST_CASE("every printable character has a glyph of its own") {
  std::set<tool::Glyph> seen;
  for (char c = ' '; c <= '~'; ++c) {
    const tool::Glyph glyph = tool::glyph_of(c);
    for (const std::uint8_t row : glyph) CHECK(row < 32);
    CHECK(seen.insert(glyph).second);
  }
  CHECK(seen.count(tool::glyph_of('\n')) == 0);
}

TEST_CASE("a sheet is drawn inside its edges only, where it was told to") {
  tool::Raster sheet(40, 30);
  const auto at = [&](int x, int y) {
    const std::uint8_t* pixel = sheet.rgb().data() + 3 * (y * 40 + x);
    return tool::Rgb{pixel[0], pixel[1], pixel[2]};
  };
  const tool::Rgb white{255, 255, 255}, red{255, 0, 0};
  REQUIRE(sheet.rgb().size() == 40 * 30 * 3);
  sheet.text(-30, 100, "outside", red, 3);
  sheet.ring(20, 15, 60, red);
  sheet.rect(38, 28, 10, 10, red);
  CHECK(at(39, 29) == red);
  CHECK(at(37, 28) == white);
  sheet.text(2, 2, "!", red, 2);  // the third of five columns
  CHECK(at(6, 2) == red);
  CHECK(at(7, 3) == red);
  CHECK(at(5, 2) == white);
  CHECK(at(6, 12) == white);  // the gap above the dot
  CHECK(at(6, 14) == red);
  sheet.line(0, 29, 10, 19, red);
  CHECK(at(5, 24) == red);
  CHECK(at(5, 23) == white);
  CHECK(tool::text_width("ab", 2) == 22);
}
