// SPDX-License-Identifier: BSD-3-Clause
// Axes, ticks and legend around points, lines, bands and histograms, drawn on an Svg. One plot is one pair of linear
// axes; several of them may stand on one drawing. One class does all of it, hence the length.
//
//   tool::Plot plot("Held-out clusters", "true log10 M500c", "predicted");
//   plot.diagonal().scatter(truth, predicted, {.label = "test"}, error);
//   plot.save("scatter.svg");
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "svg.hpp"

namespace tool {

/// How a series looks. Without a colour the series take turns; without a label it is not in the legend.
struct Series {
  std::string label{}, colour{};
  double opacity = 1;
  double size = 2.5;   ///< radius of points [pixels]
  double width = 1.8;  ///< of lines [pixels]
  std::string dash{};
};

/// Positions of axis ticks and the decimals their numbers need.
struct Ticks {
  std::vector<double> at;
  int decimals = 0;
};

/// About `wanted` ticks at steps of 1, 2 or 5 times a power of ten inside [low, high].
inline Ticks nice_ticks(double low, double high, int wanted = 6) {
  Ticks ticks;
  if (!(high > low) || !std::isfinite(high - low)) return ticks;
  const double raw = (high - low) / wanted, power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * power >= raw * 0.999) step = factor * power;
  ticks.decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) ticks.at.push_back(k * step);
  return ticks;
}

class Plot {
 public:
  explicit Plot(std::string title = {}, std::string x_label = {}, std::string y_label = {})
      : title_(std::move(title)), x_label_(std::move(x_label)), y_label_(std::move(y_label)) {}

  /// Fixed ends of an axis; without a call they follow the data.
  Plot& x_range(double low, double high) { return x_fixed_ = {low, high, true}, *this; }
  Plot& y_range(double low, double high) { return y_fixed_ = {low, high, true}, *this; }

  /// Points, with vertical 1-sigma bars if y_error is not empty. A point that is not finite is left out.
  Plot& scatter(std::span<const double> x, std::span<const double> y, Series series = {},
                std::span<const double> y_error = {}) {
    return add(Kind::points, x, y, std::move(series), y_error);
  }
  /// A line through the points in their order; it breaks where a number is not finite.
  Plot& line(std::span<const double> x, std::span<const double> y, Series series = {}) {
    return add(Kind::line, x, y, std::move(series), {});
  }
  /// The area between y_low and y_high.
  Plot& band(std::span<const double> x, std::span<const double> y_low, std::span<const double> y_high,
             Series series = {}) {
    return add(Kind::band, x, y_low, std::move(series), y_high);
  }
  /// Counts of the values in equal bins over [low, high]; without a range that of the values. A density has unit area.
  Plot& histogram(std::span<const double> values, int bins, Series series = {}, bool density = false,
                  double low = std::numeric_limits<double>::quiet_NaN(),
                  double high = std::numeric_limits<double>::quiet_NaN()) {
    std::vector<double> good;
    for (const double v : values)
      if (std::isfinite(v)) good.push_back(v);
    if (good.empty() || bins < 1) return *this;
    const auto [least, most] = std::minmax_element(good.begin(), good.end());
    if (!std::isfinite(low)) low = *least;
    if (!std::isfinite(high)) high = *most;
    if (!(high > low)) low -= 0.5, high += 0.5;
    const double step = (high - low) / bins;
    std::vector<double> edge, count(static_cast<std::size_t>(bins), 0.0);
    for (int k = 0; k <= bins; ++k) edge.push_back(low + k * step);
    for (const double v : good)
      if (v >= low && v <= high) count[std::min(static_cast<std::size_t>((v - low) / step), count.size() - 1)] += 1;
    if (density)
      for (double& c : count) c /= static_cast<double>(good.size()) * step;
    return add(Kind::steps, edge, count, std::move(series), {});
  }
  /// A line across the whole plot at one value.
  Plot& vertical(double x, Series series = {}) { return add(Kind::vertical, {&x, 1}, {&x, 1}, std::move(series), {}); }
  Plot& horizontal(double y, Series series = {}) {
    return add(Kind::horizontal, {&y, 1}, {&y, 1}, std::move(series), {});
  }
  /// The line y = x, behind all else.
  Plot& diagonal() { return diagonal_ = true, *this; }

  /// Draws title, axes and data into a box of the drawing whose upper left corner is given.
  void draw(Svg& svg, Point corner, double width, double height) const {
    const Range x = range(true), y = range(false);
    const double left = corner.x + 62, top = corner.y + (title_.empty() ? 14 : 34);
    const double right = corner.x + width - 16, bottom = corner.y + height - 48;
    const auto px = [&](double v) { return left + (v - x.low) / (x.high - x.low) * (right - left); };
    const auto py = [&](double v) { return bottom - (v - y.low) / (y.high - y.low) * (bottom - top); };

    svg.text({corner.x + 62, corner.y + 20}, title_, {.size = 15, .bold = true});
    const Ticks x_ticks = nice_ticks(x.low, x.high, std::max(3, static_cast<int>((right - left) / 75)));
    const Ticks y_ticks = nice_ticks(y.low, y.high, std::max(3, static_cast<int>((bottom - top) / 50)));
    const Stroke grid{colour::grid, 1, 1, {}};
    for (const double t : x_ticks.at) {
      svg.line({px(t), top}, {px(t), bottom}, grid);
      svg.text({px(t), bottom + 18}, fixed(t, x_ticks.decimals),
               {.size = 12, .anchor = Anchor::middle, .colour = colour::faint});
    }
    for (const double t : y_ticks.at) {
      svg.line({left, py(t)}, {right, py(t)}, grid);
      svg.text({left - 8, py(t) + 4}, fixed(t, y_ticks.decimals),
               {.size = 12, .anchor = Anchor::end, .colour = colour::faint});
    }
    svg.text({(left + right) / 2, bottom + 40}, x_label_, {.anchor = Anchor::middle});
    svg.text({corner.x + 16, (top + bottom) / 2}, y_label_, {.anchor = Anchor::middle, .rotate = -90});

    svg.begin_clip({left, top}, right - left, bottom - top);
    if (diagonal_) {
      const double low = std::max(x.low, y.low), high = std::min(x.high, y.high);
      if (low < high) svg.line({px(low), py(low)}, {px(high), py(high)}, {colour::faint, 1.2, 1, "5 4"});
    }
    for (const Item& item : items_) draw_item(svg, item, px, py, {left, top}, {right, bottom});
    svg.end_clip();
    svg.frame({left, top}, right - left, bottom - top, {colour::faint, 1, 1, {}});
    draw_legend(svg, px, py, {left + 12, top + 10}, right - 12);
  }

  Svg drawing(double width = 640, double height = 480) const {
    Svg svg(width, height);
    draw(svg, {0, 0}, width, height);
    return svg;
  }
  void save(const std::string& path, double width = 640, double height = 480) const {
    drawing(width, height).save(path);
  }

 private:
  enum class Kind { points, line, band, steps, vertical, horizontal };
  struct Range {
    double low = 0, high = 1;
    bool fixed = false;
  };
  struct Item {
    Kind kind;
    std::vector<double> x, y, extra;  // extra: errors of points, upper edge of a band
    Series series;
  };

  Plot& add(Kind kind, std::span<const double> x, std::span<const double> y, Series series,
            std::span<const double> extra) {
    constexpr std::array turns{colour::blue,   colour::orange, colour::green,
                               colour::purple, colour::sky,    colour::yellow};
    if (series.colour.empty()) series.colour = turns[items_.size() % turns.size()];
    items_.push_back(
        {kind, {x.begin(), x.end()}, {y.begin(), y.end()}, {extra.begin(), extra.end()}, std::move(series)});
    return *this;
  }

  /// Exactly `decimals` places, so that all ticks of an axis look alike.
  static std::string fixed(double value, int decimals) {
    char buffer[352];
    if (std::fabs(value) < 0.5 * std::pow(10.0, -decimals)) value = 0;
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, decimals).ptr};
  }

  /// Ends of an axis: fixed, or those of the finite data with a margin.
  Range range(bool of_x) const {
    const Range& wanted = of_x ? x_fixed_ : y_fixed_;
    if (wanted.fixed && wanted.high > wanted.low) return wanted;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    const auto take = [&](double v) {
      if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
    };
    bool from_zero = false;
    for (const Item& item : items_) {
      if (item.kind == (of_x ? Kind::horizontal : Kind::vertical)) continue;
      const std::vector<double>& values = of_x ? item.x : item.y;
      for (std::size_t k = 0; k < values.size(); ++k) {
        take(values[k]);
        if (!of_x && item.kind == Kind::band && k < item.extra.size()) take(item.extra[k]);
        if (!of_x && item.kind == Kind::points && k < item.extra.size()) {
          take(values[k] - item.extra[k]);
          take(values[k] + item.extra[k]);
        }
      }
      from_zero |= !of_x && item.kind == Kind::steps;
    }
    if (from_zero) take(0);
    if (!(low <= high)) return {0, 1, false};
    const double margin = high > low ? 0.05 * (high - low) : std::max(0.5, 0.05 * std::fabs(low));
    return {from_zero && low == 0 ? 0 : low - margin, high + margin, false};
  }

  template <class ToX, class ToY>
  static void draw_item(Svg& svg, const Item& item, const ToX& px, const ToY& py, Point top_left, Point bottom_right) {
    const Series& s = item.series;
    const Stroke stroke{s.colour, s.width, s.opacity, s.dash};
    const std::size_t count = std::min(item.x.size(), item.y.size());
    const auto good = [&](std::size_t k) { return std::isfinite(item.x[k]) && std::isfinite(item.y[k]); };
    switch (item.kind) {
      case Kind::points:
        for (std::size_t k = 0; k < count; ++k)
          if (good(k) && k < item.extra.size() && std::isfinite(item.extra[k]))
            svg.line({px(item.x[k]), py(item.y[k] - item.extra[k])}, {px(item.x[k]), py(item.y[k] + item.extra[k])},
                     {s.colour, 1, 0.4 * s.opacity, {}});
        for (std::size_t k = 0; k < count; ++k)
          if (good(k)) svg.circle({px(item.x[k]), py(item.y[k])}, s.size, {s.colour, s.opacity});
        break;
      case Kind::line: {
        std::vector<Point> points;
        for (std::size_t k = 0; k <= count; ++k) {
          if (k < count && good(k)) {
            points.push_back({px(item.x[k]), py(item.y[k])});
          } else {
            svg.polyline(points, stroke);
            points.clear();
          }
        }
        break;
      }
      case Kind::band: {
        std::vector<Point> points;
        const std::size_t both = std::min(count, item.extra.size());
        for (std::size_t k = 0; k < both; ++k)
          if (good(k)) points.push_back({px(item.x[k]), py(item.y[k])});
        for (std::size_t k = both; k-- > 0;)
          if (good(k) && std::isfinite(item.extra[k])) points.push_back({px(item.x[k]), py(item.extra[k])});
        svg.polygon(points, {s.colour, s.opacity});
        break;
      }
      case Kind::steps: {
        std::vector<Point> outline{{px(item.x.front()), py(0)}};
        for (std::size_t k = 0; k < item.y.size(); ++k) {
          outline.push_back({px(item.x[k]), py(item.y[k])});
          outline.push_back({px(item.x[k + 1]), py(item.y[k])});
        }
        outline.push_back({px(item.x.back()), py(0)});
        svg.polygon(outline, {s.colour, 0.25 * s.opacity});
        svg.polyline(outline, stroke);
        break;
      }
      case Kind::vertical:
        svg.line({px(item.x[0]), top_left.y}, {px(item.x[0]), bottom_right.y}, stroke);
        break;
      case Kind::horizontal:
        svg.line({top_left.x, py(item.y[0])}, {bottom_right.x, py(item.y[0])}, stroke);
        break;
    }
  }

  /// In the upper left corner, or in the upper right one if less of the data lies there.
  template <class ToX, class ToY>
  void draw_legend(Svg& svg, const ToX& px, const ToY& py, Point corner, double right) const {
    std::size_t rows = 0, longest = 0;
    for (const Item& item : items_)
      if (!item.series.label.empty()) ++rows, longest = std::max(longest, item.series.label.size());
    if (rows == 0) return;
    const double width = 38 + 6.6 * static_cast<double>(longest), height = 8 + 18 * static_cast<double>(rows);
    const auto hidden = [&](double x0) {
      std::size_t count = 0;
      for (const Item& item : items_)
        for (std::size_t k = 0; k < std::min(item.x.size(), item.y.size()); ++k) {
          const double x = px(item.x[k]) - x0, y = py(item.y[k]) - corner.y;
          count += x > -10 && x < width + 10 && y > -10 && y < height + 10;
        }
      return count;
    };
    if (hidden(right - width) < hidden(corner.x)) corner.x = right - width;
    svg.rect(corner, width, height, {colour::paper, 0.85}, 3);
    double y = corner.y + 17;
    for (const Item& item : items_) {
      const Series& s = item.series;
      if (s.label.empty()) continue;
      if (item.kind == Kind::points)
        svg.circle({corner.x + 15, y - 4}, 4, {s.colour, 1});
      else if (item.kind == Kind::band)
        svg.rect({corner.x + 5, y - 10}, 20, 11, {s.colour, s.opacity});
      else
        svg.line({corner.x + 5, y - 4}, {corner.x + 25, y - 4}, {s.colour, s.width, s.opacity, s.dash});
      svg.text({corner.x + 32, y}, s.label, {.size = 12});
      y += 18;
    }
  }

  std::string title_, x_label_, y_label_;
  Range x_fixed_, y_fixed_;
  bool diagonal_ = false;
  std::vector<Item> items_;
};

}  // namespace tool
