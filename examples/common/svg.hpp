// SPDX-License-Identifier: BSD-3-Clause
// A drawing surface that becomes an SVG file: lines, shapes, text, embedded images. It knows no axes (plot.hpp does)
// and no astronomy. Lengths are pixels, x to the right and y down, as in SVG itself.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clustermass/io/file.hpp"

namespace tool {

/// Decimal text without the host's locale: at most `decimals` places, trailing zeros dropped.
inline std::string plain_number(double value, int decimals = 2) {
  if (!std::isfinite(value)) return "0";
  char buffer[352];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, decimals).ptr;
  std::string text(buffer, end);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

/// Text as it may stand inside an XML element or attribute.
inline std::string xml_escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t')
      result += c;
  }
  return result;
}

/// Base64 of RFC 4648, for images inside the file.
inline std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve(4 * ((bytes.size() + 2) / 3));
  for (std::size_t k = 0; k < bytes.size(); k += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (k + j < bytes.size() ? std::to_integer<unsigned>(bytes[k + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) text += k + j > bytes.size() ? '=' : digits[group >> (18 - 6 * j) & 63u];
  }
  return text;
}

struct Point {
  double x = 0, y = 0;
};

/// Colours of all figures: the set of Okabe & Ito, which colour-blind readers can tell apart.
namespace colour {
inline constexpr const char *ink = "#1b1f24", *faint = "#59636e", *grid = "#e4e7eb", *paper = "#ffffff";
inline constexpr const char *blue = "#0072b2", *orange = "#d55e00", *green = "#009e73", *purple = "#cc79a7",
                            *sky = "#56b4e9", *yellow = "#e69f00";
}  // namespace colour

struct Stroke {
  std::string colour = colour::ink;
  double width = 1, opacity = 1;
  std::string dash{};  ///< as in SVG, for example "4 3"
};

struct Fill {
  std::string colour = colour::blue;
  double opacity = 1;
};

enum class Anchor { start, middle, end };

struct TextStyle {
  double size = 13;
  Anchor anchor = Anchor::start;
  bool bold = false;
  std::string colour = colour::ink;
  double rotate = 0;  ///< degrees clockwise around the point
};

class Svg {
 public:
  Svg(double width, double height) : width_(width), height_(height) { rect({0, 0}, width, height, {colour::paper, 1}); }

  double width() const { return width_; }
  double height() const { return height_; }

  void line(Point a, Point b, const Stroke& stroke = {}) {
    add("<line x1=\"" + n(a.x) + "\" y1=\"" + n(a.y) + "\" x2=\"" + n(b.x) + "\" y2=\"" + n(b.y) + "\"" +
        style(stroke) + "/>");
  }
  void polyline(std::span<const Point> points, const Stroke& stroke = {}) {
    if (points.size() > 1)
      add("<polyline points=\"" + list(points) + "\" fill=\"none\" stroke-linejoin=\"round\"" + style(stroke) + "/>");
  }
  void polygon(std::span<const Point> points, const Fill& fill) {
    if (points.size() > 2) add("<polygon points=\"" + list(points) + "\"" + style(fill) + "/>");
  }
  void rect(Point corner, double width, double height, const Fill& fill, double round = 0) {
    add("<rect x=\"" + n(corner.x) + "\" y=\"" + n(corner.y) + "\" width=\"" + n(width) + "\" height=\"" + n(height) +
        "\" rx=\"" + n(round) + "\"" + style(fill) + "/>");
  }
  void frame(Point corner, double width, double height, const Stroke& stroke) {
    add("<rect x=\"" + n(corner.x) + "\" y=\"" + n(corner.y) + "\" width=\"" + n(width) + "\" height=\"" + n(height) +
        "\" fill=\"none\"" + style(stroke) + "/>");
  }
  void circle(Point centre, double radius, const Fill& fill) {
    add("<circle cx=\"" + n(centre.x) + "\" cy=\"" + n(centre.y) + "\" r=\"" + n(radius) + "\"" + style(fill) + "/>");
  }
  void ring(Point centre, double radius, const Stroke& stroke) {
    add("<circle cx=\"" + n(centre.x) + "\" cy=\"" + n(centre.y) + "\" r=\"" + n(radius) + "\" fill=\"none\"" +
        style(stroke) + "/>");
  }
  void text(Point at, std::string_view content, const TextStyle& s = {}) {
    constexpr const char* anchors[] = {"start", "middle", "end"};
    std::string element = "<text x=\"" + n(at.x) + "\" y=\"" + n(at.y) + "\" font-size=\"" + n(s.size) + "\" fill=\"" +
                          s.colour + "\" text-anchor=\"" + anchors[static_cast<int>(s.anchor)] + "\"";
    if (s.bold) element += " font-weight=\"bold\"";
    if (s.rotate != 0) element += " transform=\"rotate(" + n(s.rotate) + " " + n(at.x) + " " + n(at.y) + ")\"";
    add(element + ">" + xml_escape(content) + "</text>");
  }
  /// png: the bytes of a PNG file, which travel inside the SVG. Pixels stay sharp squares.
  void image(Point corner, double width, double height, std::span<const std::byte> png) {
    add("<image x=\"" + n(corner.x) + "\" y=\"" + n(corner.y) + "\" width=\"" + n(width) + "\" height=\"" + n(height) +
        "\" preserveAspectRatio=\"none\" href=\"data:image/png;base64," + base64(png) + "\"/>");
  }
  /// What is drawn until end_clip() stays inside the rectangle.
  void begin_clip(Point corner, double width, double height) {
    const std::string id = "clip" + std::to_string(++clips_);
    add("<clipPath id=\"" + id + "\"><rect x=\"" + n(corner.x) + "\" y=\"" + n(corner.y) + "\" width=\"" + n(width) +
        "\" height=\"" + n(height) + "\"/></clipPath>");
    add("<g clip-path=\"url(#" + id + ")\">");
  }
  void end_clip() { add("</g>"); }

  std::string str() const {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + n(width_) + "\" height=\"" + n(height_) +
           "\" viewBox=\"0 0 " + n(width_) + " " + n(height_) +
           "\" font-family=\"Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif\">\n" + body_ + "</svg>\n";
  }

  /// Written beside the target and renamed. Throws clustermass::InputError if it cannot be.
  void save(const std::string& path) const {
    const std::string content = str();
    clustermass::write_file(path, std::as_bytes(std::span(content)));
  }

 private:
  static std::string n(double value) { return plain_number(value, 2); }
  static std::string list(std::span<const Point> points) {
    std::string text;
    for (const Point& p : points) text += (text.empty() ? "" : " ") + n(p.x) + "," + n(p.y);
    return text;
  }
  static std::string style(const Stroke& s) {
    std::string text = " stroke=\"" + s.colour + "\" stroke-width=\"" + n(s.width) + "\"";
    if (s.opacity != 1) text += " stroke-opacity=\"" + n(s.opacity) + "\"";
    if (!s.dash.empty()) text += " stroke-dasharray=\"" + s.dash + "\"";
    return text;
  }
  static std::string style(const Fill& f) {
    return " fill=\"" + f.colour + "\"" + (f.opacity != 1 ? " fill-opacity=\"" + n(f.opacity) + "\"" : std::string());
  }
  void add(const std::string& element) { (body_ += element) += '\n'; }

  double width_, height_;
  std::string body_;
  int clips_ = 0;
};

}  // namespace tool
