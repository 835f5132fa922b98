// SPDX-License-Identifier: BSD-3-Clause
// A sheet of colour images in rows and columns with short labels, as one PNG file.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../common/lupton.hpp"
#include "../common/png.hpp"
#include "clustermass/io/file.hpp"

/// An RGB picture, row 0 at the top.
class Canvas {
 public:
  Canvas(int width, int height)
      : width_(width),
        height_(height),
        rgb_(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height), std::uint8_t{255}) {}

  void put(const tool::ColourImage& image, int x, int y) {
    for (int j = 0; j < image.side; ++j)
      for (int i = 0; i < image.side; ++i) {
        const auto from = 3 * static_cast<std::size_t>(j * image.side + i);
        dot(x + i, y + j, {image.rgb[from], image.rgb[from + 1], image.rgb[from + 2]});
      }
  }

  /// Text of digits, small letters of "log m z real mock", dot and equals sign; 8 x 12 pixels a character.
  void write(const std::string& text, int x, int y) {
    for (const char c : text) {
      const std::array<const char*, 5> rows = glyph(c);
      for (int j = 0; j < 10; ++j)
        for (int i = 0; i < 6; ++i)
          if (rows[static_cast<std::size_t>(j / 2)][i / 2] == '#') dot(x + i, y + j, {40, 44, 52});
      x += 8;
    }
  }

  void save(const std::string& path) const {
    clustermass::write_file<clustermass::InputError>(path, tool::encode_png(width_, height_, rgb_));
  }

 private:
  void dot(int x, int y, std::array<std::uint8_t, 3> colour) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    std::copy(colour.begin(), colour.end(), rgb_.begin() + 3 * (static_cast<std::ptrdiff_t>(y) * width_ + x));
  }

  static std::array<const char*, 5> glyph(char c) {
    switch (c) {
      case '0':
        return {"###", "# #", "# #", "# #", "###"};
      case '1':
        return {" # ", "## ", " # ", " # ", "###"};
      case '2':
        return {"###", "  #", "###", "#  ", "###"};
      case '3':
        return {"###", "  #", "###", "  #", "###"};
      case '4':
        return {"# #", "# #", "###", "  #", "  #"};
      case '5':
        return {"###", "#  ", "###", "  #", "###"};
      case '6':
        return {"###", "#  ", "###", "# #", "###"};
      case '7':
        return {"###", "  #", "  #", "  #", "  #"};
      case '8':
        return {"###", "# #", "###", "# #", "###"};
      case '9':
        return {"###", "# #", "###", "  #", "###"};
      case '.':
        return {"   ", "   ", "   ", "   ", " # "};
      case '=':
        return {"   ", "###", "   ", "###", "   "};
      case 'a':
        return {"   ", "## ", " ##", "# #", "###"};
      case 'c':
        return {"   ", "###", "#  ", "#  ", "###"};
      case 'e':
        return {"   ", "###", "###", "#  ", "###"};
      case 'g':
        return {"###", "# #", "###", "  #", "## "};
      case 'k':
        return {"#  ", "# #", "## ", "# #", "# #"};
      case 'l':
        return {" # ", " # ", " # ", " # ", " ##"};
      case 'm':
        return {"   ", "###", "###", "# #", "# #"};
      case 'o':
        return {"   ", "###", "# #", "# #", "###"};
      case 'r':
        return {"   ", "###", "#  ", "#  ", "#  "};
      case 'z':
        return {"   ", "###", " ##", "## ", "###"};
      default:
        return {"   ", "   ", "   ", "   ", "   "};
    }
  }

  int width_, height_;
  std::vector<std::uint8_t> rgb_;
};
