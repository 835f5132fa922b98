// SPDX-License-Identifier: BSD-3-Clause
#include "sheet.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>
#include <string>

#include "../common/lupton.hpp"
#include "../common/plot.hpp"  // nice_ticks
#include "../common/png.hpp"
#include "../common/raster.hpp"
#include "../common/words.hpp"

using namespace clustermass;
using tool::Rgb;

namespace {

constexpr Rgb ink{27, 31, 36}, faint{89, 99, 110}, grid_colour{228, 231, 235}, white{255, 255, 255},
    no_data{214, 218, 223}, more{178, 24, 43}, less{33, 102, 172};
constexpr int large = 3 * field_side, small = 2 * field_side;  // sides of the maps [pixels]
constexpr int width = 1500, height = 884, left = 30, top = 96, second_row = 546;

template <class... Numbers>
std::string format(const char* pattern, Numbers... numbers) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, numbers...);
  return text;
}

/// Red adds, blue takes away; the root of the value, so that faint parts are seen. t in [-1, 1].
Rgb signed_colour(double t) {
  const double s = std::sqrt(std::min(std::fabs(t), 1.0));
  const Rgb end = t > 0 ? more : less;
  Rgb colour{};
  for (std::size_t k = 0; k < colour.size(); ++k)
    colour[k] = static_cast<std::uint8_t>(std::lround(255 + s * (static_cast<double>(end[k]) - 255)));
  return colour;
}

/// The value that 99.8 % of the cells stay below in size.
double scale_of(std::span<const float> map) {
  std::vector<float> sizes;
  for (const float value : map)
    if (value != 0) sizes.push_back(std::fabs(value));
  if (sizes.empty()) return 0;
  const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(0.998 * static_cast<double>(sizes.size() - 1));
  std::nth_element(sizes.begin(), at, sizes.end());
  return static_cast<double>(*at);
}

/// A Gaussian of 1.5 cells, for the eye; cells without a valid pixel neither give nor take.
std::vector<float> smoothed(const std::vector<float>& map) {
  constexpr int reach = 4;
  constexpr double sigma = 1.5;
  std::vector<float> result(map.size());
  for (int i = 0; i < field_side; ++i)
    for (int j = 0; j < field_side; ++j) {
      if (map[static_cast<std::size_t>(i * field_side + j)] == 0) continue;
      double sum = 0, weight = 0;
      for (int a = std::max(0, i - reach); a <= std::min(field_side - 1, i + reach); ++a)
        for (int b = std::max(0, j - reach); b <= std::min(field_side - 1, j + reach); ++b) {
          const double value = static_cast<double>(map[static_cast<std::size_t>(a * field_side + b)]);
          if (value == 0) continue;
          const double w = std::exp(-0.5 * ((a - i) * (a - i) + (b - j) * (b - j)) / (sigma * sigma));
          sum += w * value;
          weight += w;
        }
      result[static_cast<std::size_t>(i * field_side + j)] = static_cast<float>(sum / weight);
    }
  return result;
}

void draw_map(tool::Raster& sheet, std::span<const float> map, double scale, int x, int y, int zoom) {
  for (int i = 0; i < field_side; ++i)
    for (int j = 0; j < field_side; ++j) {
      const double value = static_cast<double>(map[static_cast<std::size_t>(i * field_side + j)]);
      const Rgb colour = value == 0 ? no_data : signed_colour(scale > 0 ? value / scale : 0);
      sheet.rect(x + zoom * j, y + zoom * (field_side - 1 - i), zoom, zoom, colour);
    }
  sheet.frame(x - 1, y - 1, zoom * field_side + 2, zoom * field_side + 2, faint);
}

void draw_colour_bar(tool::Raster& sheet, double scale, int x, int y, int length) {
  for (int j = 0; j < length; ++j) {
    const double s = 1 - 2.0 * j / (length - 1);  // of the root
    sheet.rect(x, y + j, 18, 1, signed_colour(s * std::fabs(s)));
  }
  sheet.frame(x - 1, y - 1, 20, length + 2, faint);
  for (const double s : {1.0, 0.5, 0.0, -0.5, -1.0}) {
    const int at = y + static_cast<int>((1 - s) / 2 * (length - 1));
    sheet.line(x + 18, at, x + 23, at, faint);
    sheet.text(x + 28, std::clamp(at - 7, y + 2, y + length - 16),
               s == 0 ? "0" : format("%+.1e", s * std::fabs(s) * scale), faint);
  }
}

/// Bars from a zero line, values printed at the ticks of the axis on the left.
void draw_bars(tool::Raster& sheet, const std::vector<double>& values, const std::vector<std::string>& labels, int x,
               int y, int w, int h) {
  const double low = std::min(0.0, *std::min_element(values.begin(), values.end())),
               high = std::max({0.0, *std::max_element(values.begin(), values.end()), low + 1e-6});
  const auto at = [&](double v) { return y + h - static_cast<int>(std::lround((v - low) / (high - low) * h)); };
  const tool::Ticks ticks = tool::nice_ticks(low, high, 4);
  for (const double tick : ticks.at) {
    sheet.rect(x, at(tick), w, 1, grid_colour);
    const std::string text = format("%.*f", ticks.decimals, std::fabs(tick) < 1e-12 ? 0.0 : tick);
    sheet.text(x - 8 - tool::text_width(text, 2), at(tick) - 7, text, faint);
  }
  const int step = w / static_cast<int>(values.size());
  for (std::size_t k = 0; k < values.size(); ++k) {
    const int a = at(std::max(values[k], 0.0)), b = at(std::min(values[k], 0.0)), bar = x + step * static_cast<int>(k);
    sheet.rect(bar + step / 8, a, step - step / 4, std::max(b - a, 1), values[k] < 0 ? less : more);
    sheet.text(bar + (step - tool::text_width(labels[k], 2)) / 2, y + h + 8, labels[k], faint);
  }
  sheet.rect(x, at(0), w, 1, ink);
}

}  // namespace

std::vector<std::byte> draw_sheet(const Cutout& cutout, const Report& report) {
  const Explanation& why = report.why;
  const std::vector<float>& map = report.map();
  std::vector<float> total(field_cells);
  for (std::size_t k = 0; k < map.size(); ++k) total[k % field_cells] += map[k];
  const char* unit = unit_of(why.target);
  const double whole = why.difference();

  tool::Raster sheet(width, height);
  const std::string title =
      why.target == Target::mass ? format("log10(M500c/Msun) = %.2f +- %.2f: %.2f without light, %+.2f dex from it",
                                          why.mass.log10_m500c, why.mass.log10_m500c_error, why.baseline_value, whole)
      : why.target == Target::band
          ? format("Naming the bands: margin %.2f, %.2f without light", why.value, why.baseline_value)
          : format("ln of the variance = %.2f: %.2f without light, %+.2f from it", why.value, why.baseline_value,
                   whole);
  sheet.text(left, 18, title, ink, 3);
  const char* map_words = report.map_name == "joint" ? "joint map" : "integrated gradients";
  sheet.text(left, 50,
             format("z = %.3f, 2 Mpc across, north up, east left; %s, %s baseline; complete to %.4f", why.redshift,
                    map_words, report.baseline.c_str(), std::fabs(report.residual())),
             faint);

  // The field, and circles of 0.3 and 0.5 Mpc on it.
  const tool::ColourImage image = tool::colour_image(cutout, why.grid.cell_arcsec * why.grid.side, large);
  for (int j = 0; j < large; ++j)
    for (int i = 0; i < large; ++i) {
      const std::size_t from = 3 * static_cast<std::size_t>(j * large + i);
      sheet.dot(left + i, top + j, {image.rgb[from], image.rgb[from + 1], image.rgb[from + 2]});
    }
  const double per_mpc = large / field_mpc;
  sheet.text(left, top - 20, "the field in i, r, g", ink);
  const int map_x = left + large + 36;
  sheet.text(map_x, top - 20, std::string("what it adds, smoothed [") + unit + " per cell]", ink);
  total = smoothed(total);
  const double scale = scale_of(total);
  draw_map(sheet, total, scale, map_x, top, 3);
  for (const int x : {left, map_x})
    for (const double radius : {0.3, 0.5})
      sheet.ring(x + large / 2.0, top + large / 2.0, radius * per_mpc, x == left ? white : faint);
  draw_colour_bar(sheet, scale, map_x + large + 16, top, large);

  const int plot_x = map_x + large + 240, plot_w = width - plot_x - 24, plot_h = 140;
  std::vector<double> rings, bands;
  std::vector<std::string> ring_labels, band_labels;
  for (const RingShare& ring : ring_profile(why, map)) {
    rings.push_back(ring.sum);
    ring_labels.push_back(format(".%d", static_cast<int>(std::lround(10 * ring.inner_mpc))));
  }
  const auto sums = band_sums(map);
  for (std::size_t b = 0; b < band_count; ++b) bands.push_back(sums[b]), band_labels.emplace_back(1, band_names[b]);
  sheet.text(plot_x, top - 20, std::string("by ring of 0.1 Mpc [") + unit + "]", ink);
  draw_bars(sheet, rings, ring_labels, plot_x, top + 10, plot_w, plot_h);
  sheet.text(plot_x, top + 208, std::string("by band [") + unit + "]", ink);
  draw_bars(sheet, bands, band_labels, plot_x, top + 238, plot_w, plot_h);

  const double band_scale = scale_of(map);
  sheet.text(left, second_row - 42,
             format("band by band as it is, colours from %+.1e to %+.1e %s per cell", -band_scale, band_scale, unit),
             ink);
  for (std::size_t b = 0; b < band_count; ++b) {
    const int x = left + static_cast<int>(b) * (small + 38);
    std::string label = format("%c %+.3f", band_names[b], sums[b]);
    if (std::fabs(whole) > 1e-9) label += format(" (%.0f %%)", 100 * sums[b] / whole);
    sheet.text(x, second_row - 18, label, ink);
    draw_map(sheet, std::span(map).subspan(b * field_cells, field_cells), band_scale, x, second_row, 2);
  }
  sheet.text(left, height - 60, "Network " + report.model_id + ", " + tool::training_words(report.training_set), ink);
  sheet.text(left, height - 34,
             "red adds, blue takes away, grey: no valid pixel; colours go with the root of the value; circles of 0.3 "
             "and 0.5 Mpc",
             faint);
  return tool::encode_png(sheet.width(), sheet.height(), sheet.rgb());
}
