// SPDX-License-Identifier: BSD-3-Clause
// A sheet of pixels for pictures that must be PNG: images, rectangles, lines, and text in a face of 5 x 7 dots. What
// can be SVG is better drawn with svg.hpp; png.hpp makes the file.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace tool {

using Rgb = std::array<std::uint8_t, 3>;

/// A glyph: seven rows from top to bottom, each of five dots, the leftmost being the bit of 16.
using Glyph = std::array<std::uint8_t, 7>;

/// Glyphs of the printable ASCII characters; others are drawn as a box.
inline Glyph glyph_of(char c) {
  static constexpr std::array<Glyph, 95> face{{
      {0, 0, 0, 0, 0, 0, 0},        {4, 4, 4, 4, 4, 0, 4},        {10, 10, 0, 0, 0, 0, 0},
      {10, 10, 31, 10, 31, 10, 10}, {4, 15, 20, 14, 5, 30, 4},    {24, 25, 2, 4, 8, 19, 3},
      {12, 18, 20, 8, 21, 18, 13},  {4, 4, 0, 0, 0, 0, 0},        {2, 4, 8, 8, 8, 4, 2},
      {8, 4, 2, 2, 2, 4, 8},        {0, 4, 21, 14, 21, 4, 0},     {0, 4, 4, 31, 4, 4, 0},
      {0, 0, 0, 0, 4, 4, 8},        {0, 0, 0, 14, 0, 0, 0},       {0, 0, 0, 0, 0, 0, 4},
      {1, 1, 2, 4, 8, 16, 16},      {14, 17, 19, 21, 25, 17, 14}, {4, 12, 4, 4, 4, 4, 14},
      {14, 17, 1, 2, 4, 8, 31},     {31, 2, 4, 2, 1, 17, 14},     {2, 6, 10, 18, 31, 2, 2},
      {31, 16, 30, 1, 1, 17, 14},   {6, 8, 16, 30, 17, 17, 14},   {31, 1, 2, 4, 4, 4, 4},
      {14, 17, 17, 14, 17, 17, 14}, {14, 17, 17, 15, 1, 2, 12},   {0, 0, 4, 0, 0, 4, 0},
      {0, 0, 4, 0, 4, 4, 8},        {1, 2, 4, 8, 4, 2, 1},        {0, 0, 31, 0, 31, 0, 0},
      {16, 8, 4, 2, 4, 8, 16},      {14, 17, 1, 2, 4, 0, 4},      {14, 17, 23, 21, 23, 16, 14},
      {14, 17, 17, 31, 17, 17, 17}, {30, 17, 17, 30, 17, 17, 30}, {14, 17, 16, 16, 16, 17, 14},
      {30, 17, 17, 17, 17, 17, 30}, {31, 16, 16, 30, 16, 16, 31}, {31, 16, 16, 30, 16, 16, 16},
      {14, 17, 16, 23, 17, 17, 15}, {17, 17, 17, 31, 17, 17, 17}, {14, 4, 4, 4, 4, 4, 14},
      {7, 2, 2, 2, 2, 18, 12},      {17, 18, 20, 24, 20, 18, 17}, {16, 16, 16, 16, 16, 16, 31},
      {17, 27, 21, 21, 17, 17, 17}, {17, 25, 21, 19, 17, 17, 17}, {14, 17, 17, 17, 17, 17, 14},
      {30, 17, 17, 30, 16, 16, 16}, {14, 17, 17, 17, 21, 18, 13}, {30, 17, 17, 30, 20, 18, 17},
      {15, 16, 16, 14, 1, 1, 30},   {31, 4, 4, 4, 4, 4, 4},       {17, 17, 17, 17, 17, 17, 14},
      {17, 17, 17, 17, 17, 10, 4},  {17, 17, 17, 21, 21, 27, 17}, {17, 17, 10, 4, 10, 17, 17},
      {17, 17, 10, 4, 4, 4, 4},     {31, 1, 2, 4, 8, 16, 31},     {14, 8, 8, 8, 8, 8, 14},
      {16, 16, 8, 4, 2, 1, 1},      {14, 2, 2, 2, 2, 2, 14},      {4, 10, 17, 0, 0, 0, 0},
      {0, 0, 0, 0, 0, 0, 31},       {8, 4, 0, 0, 0, 0, 0},        {0, 0, 14, 1, 15, 17, 15},
      {16, 16, 22, 25, 17, 17, 30}, {0, 0, 14, 16, 16, 17, 14},   {1, 1, 13, 19, 17, 17, 15},
      {0, 0, 14, 17, 31, 16, 14},   {6, 9, 8, 28, 8, 8, 8},       {0, 15, 17, 17, 15, 1, 14},
      {16, 16, 22, 25, 17, 17, 17}, {4, 0, 12, 4, 4, 4, 14},      {2, 0, 6, 2, 2, 18, 12},
      {16, 16, 18, 20, 24, 20, 18}, {12, 4, 4, 4, 4, 4, 14},      {0, 0, 26, 21, 21, 17, 17},
      {0, 0, 22, 25, 17, 17, 17},   {0, 0, 14, 17, 17, 17, 14},   {0, 0, 30, 17, 30, 16, 16},
      {0, 0, 13, 19, 15, 1, 1},     {0, 0, 22, 25, 16, 16, 16},   {0, 0, 14, 16, 14, 1, 30},
      {8, 8, 28, 8, 8, 9, 6},       {0, 0, 17, 17, 17, 19, 13},   {0, 0, 17, 17, 17, 10, 4},
      {0, 0, 17, 17, 21, 21, 10},   {0, 0, 17, 10, 4, 10, 17},    {0, 0, 17, 17, 15, 1, 14},
      {0, 0, 31, 2, 4, 8, 31},      {2, 4, 4, 8, 4, 4, 2},        {4, 4, 4, 4, 4, 4, 4},
      {8, 4, 4, 2, 4, 4, 8},        {0, 0, 8, 21, 2, 0, 0},
  }};
  return c >= ' ' && c <= '~' ? face[static_cast<std::size_t>(c - ' ')] : Glyph{31, 17, 17, 17, 17, 17, 31};
}

/// Width of a text. [pixels]
inline int text_width(std::string_view text, int scale) { return static_cast<int>(text.size()) * 6 * scale - scale; }

class Raster {
 public:
  Raster(int width, int height, Rgb paper = {255, 255, 255}) : width_(width), height_(height) {
    rgb_.reserve(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    for (int k = 0; k < width * height; ++k) rgb_.insert(rgb_.end(), paper.begin(), paper.end());
  }

  void dot(int x, int y, Rgb colour) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    std::copy(colour.begin(), colour.end(), rgb_.begin() + 3 * (static_cast<std::ptrdiff_t>(y) * width_ + x));
  }
  void rect(int x, int y, int width, int height, Rgb colour) {
    for (int j = y; j < y + height; ++j)
      for (int i = x; i < x + width; ++i) dot(i, j, colour);
  }
  void frame(int x, int y, int width, int height, Rgb colour) {
    rect(x, y, width, 1, colour);
    rect(x, y + height - 1, width, 1, colour);
    rect(x, y, 1, height, colour);
    rect(x + width - 1, y, 1, height, colour);
  }
  void line(double x0, double y0, double x1, double y1, Rgb colour, int thickness = 1) {
    const int steps = 1 + static_cast<int>(std::max(std::fabs(x1 - x0), std::fabs(y1 - y0)));
    for (int k = 0; k <= steps; ++k) {
      const double t = static_cast<double>(k) / steps;
      rect(static_cast<int>(std::lround(x0 + t * (x1 - x0))) - thickness / 2,
           static_cast<int>(std::lround(y0 + t * (y1 - y0))) - thickness / 2, thickness, thickness, colour);
    }
  }
  void ring(double x, double y, double radius, Rgb colour) {
    const int steps = std::max(16, static_cast<int>(7 * radius));
    for (int k = 0; k < steps; ++k) {
      const double angle = 6.283185307179586 * k / steps;
      dot(static_cast<int>(std::lround(x + radius * std::cos(angle))),
          static_cast<int>(std::lround(y + radius * std::sin(angle))), colour);
    }
  }
  /// scale: pixels of a dot. The upper left corner is given.
  void text(int x, int y, std::string_view content, Rgb colour, int scale = 2) {
    for (const char c : content) {
      const Glyph glyph = glyph_of(c);
      for (int j = 0; j < 7; ++j)
        for (int i = 0; i < 5; ++i)
          if (glyph[static_cast<std::size_t>(j)] >> (4 - i) & 1)
            rect(x + i * scale, y + j * scale, scale, scale, colour);
      x += 6 * scale;
    }
  }

  int width() const { return width_; }
  int height() const { return height_; }
  /// [height,width,3], row 0 at the top, as encode_png takes it.
  const std::vector<std::uint8_t>& rgb() const { return rgb_; }

 private:
  int width_, height_;
  std::vector<std::uint8_t> rgb_;
};

}  // namespace tool
