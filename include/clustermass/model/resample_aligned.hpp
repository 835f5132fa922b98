// SPDX-License-Identifier: BSD-3-Clause
// Area resampling of an image whose rows run along the grid's lines or columns: the overlap of a pixel and a cell is a
// product, so rows are added up first and a cell's columns afterwards. Ready-made grids pass through bit for bit.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "clustermass/model/bad_pixels.hpp"
#include "clustermass/model/grid.hpp"
#include "clustermass/model/pixel_overlap.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail {

/// Cells along one axis of an image: cell k lies between scale * (k - offset) and scale * (k + 1 - offset).
struct CellBorders {
  double scale, offset;

  double at(int k) const {
    const double border = scale * (k - offset);
    if (std::fabs(border) > 1e9) return border;
    const double nearest = static_cast<int>(border < 0 ? border - 0.5 : border + 0.5);
    return std::fabs(border - nearest) < 1e-6 * std::min(std::fabs(scale), 1.0) ? nearest : border;  // else rounding
  }

  /// Calls give(k, from, to) for every of the cells 0 to count - 1 that has a part within [low, high].
  template <class Give>
  void for_each(int count, double low, double high, Give&& give) const {
    const double a = low / scale + offset, b = high / scale + offset;
    const int begin = static_cast<int>(std::clamp(std::min(a, b) - 1, 0.0, 1.0 * count));
    const int end = static_cast<int>(std::clamp(std::max(a, b) + 1, 0.0, 1.0 * count));
    double border = at(begin);
    for (int k = begin; k < end; ++k) {
      const double next = at(k + 1);
      const double from = std::max(std::min(border, next), low), to = std::min(std::max(border, next), high);
      if (from < to) give(k, from, to);
      border = next;
    }
  }
};

/// Sums of rows, by column.
struct ColumnSums {
  static constexpr int capacity = 2048;  // columns that are taken at once
  static constexpr int most_rows = 16;   // that may be added before they are given away: floats stay exact to 1e-6
  std::array<float, capacity> sum;
  int rows = 0;

  /// Adds weight * pixels; the first row replaces what was there.
  void add(const float* pixels, int n, float weight) {
    using Four [[gnu::vector_size(16)]] = float;
    const auto each = [&](auto&& combine) {
      int k = 0;
      for (; k + 4 <= n; k += 4) {
        Four have, more;
        std::memcpy(&have, &sum[static_cast<std::size_t>(k)], sizeof have);
        std::memcpy(&more, pixels + k, sizeof more);
        have = combine(have, more);
        std::memcpy(&sum[static_cast<std::size_t>(k)], &have, sizeof have);
      }
      for (; k < n; ++k) sum[static_cast<std::size_t>(k)] = combine(sum[static_cast<std::size_t>(k)], pixels[k]);
    };
    if (rows == 0)
      each([&](auto, auto pixel) { return weight * pixel; });
    else if (weight == 1)
      each([&](auto have, auto pixel) { return have + pixel; });
    else
      each([&](auto have, auto pixel) { return have + weight * pixel; });
    ++rows;
  }

  bool finite(int n) const {
    FourBits bad{};
    int k = 0;
    for (; k + 4 <= n; k += 4) bad |= (four_bits(&sum[static_cast<std::size_t>(k)]) & 0x7f800000) == 0x7f800000;
    bool good = (bad[0] | bad[1] | bad[2] | bad[3]) == 0;
    for (; k < n; ++k) good = good && is_finite_number(sum[static_cast<std::size_t>(k)]);
    return good;
  }

  /// The columns between a and b, counted from the first one kept, parts of columns by their share.
  double between(double a, double b) const {
    const int i = static_cast<int>(a), j = static_cast<int>(b);
    const auto column = [&](int k) { return static_cast<double>(sum[static_cast<std::size_t>(k)]); };
    if (i == j) return (b - a) * column(i);
    double total = a == i ? column(i) : (i + 1 - a) * column(i);
    for (int k = i + 1; k < j; ++k) total += column(k);
    return b > j ? total + (b - j) * column(j) : total;
  }
};

/// Whether the image's rows run along the grid's lines (or columns, if turned) to 1e-9 of a pixel.
inline bool is_aligned(const PixelToCell& map, const BandImage& image, bool turned) {
  const double limit = 1e-9 / (image.width + image.height);
  const double xu = std::fabs(map.xu), xt = std::fabs(map.xt), yu = std::fabs(map.yu), yt = std::fabs(map.yt);
  return turned ? xu < limit * xt && yt < limit * yu : xt < limit * xu && yu < limit * yt;
}

/// Columns [from, to) of an image that is aligned, no more than ColumnSums holds. Turned: rows run along the grid's
/// columns.
inline bool resample_aligned(const BandImage& image, const PixelToCell& map, bool turned, int from, int to,
                             Cell* cells) {
  const double middle_u = image.width / 2.0, middle_t = image.height / 2.0;  // what is left of the angle: none here
  const CellBorders columns = turned ? CellBorders{1 / map.yu, map.y0 + map.yt * middle_t}
                                     : CellBorders{1 / map.xu, map.x0 + map.xt * middle_t};
  const CellBorders rows = turned ? CellBorders{1 / map.xt, map.x0 + map.xu * middle_u}
                                  : CellBorders{1 / map.yt, map.y0 + map.yu * middle_u};
  const std::ptrdiff_t column_stride = turned ? map.side : 1, row_stride = turned ? 1 : map.side;
  const double one = columns.at(0), other = columns.at(map.side), pixel_area = map.pixel_area();
  const double low = std::max(std::min(one, other), 1.0 * from), high = std::min(std::max(one, other), 1.0 * to);
  if (!(low < high)) return false;
  const int first = static_cast<int>(std::floor(low)), last = static_cast<int>(std::ceil(high));
  ColumnSums sums;
  std::array<float, ColumnSums::capacity> cleaned;
  const bool quality = image.mask || image.variance;
  bool found_nonfinite = false;

  rows.for_each(map.side, 0, image.height, [&](int r, double below, double above) {
    Cell* line = cells + r * row_stride;
    const auto for_each_cell = [&](double a, double b, auto&& give) {
      columns.for_each(map.side, a, b, [&](int k, double u0, double u1) { give(line[k * column_stride], u0, u1); });
    };
    /// Adds rows [begin, end); when checked, without the pixels that do not count.
    const auto add_rows = [&](int begin, int end, bool checked) {
      sums.rows = 0;
      for (int y = begin; y < end; ++y) {
        const double weight = std::min(above, y + 1.0) - std::max(below, 1.0 * y);
        const std::ptrdiff_t row = y * image.stride();
        const float* pixels = image.pixels + row + first;
        if (checked)
          for_each_bad_run(image, row, first, last, [&](int a, int b, PixelKind kind) {
            if (pixels != cleaned.data()) std::copy_n(pixels, last - first, cleaned.data());
            pixels = cleaned.data();
            std::fill(cleaned.data() + (a - first), cleaned.data() + (b - first), 0.0f);
            for_each_cell(std::max(low, 1.0 * a), std::min(high, 1.0 * b), [&](Cell& cell, double u0, double u1) {
              const double area = (u1 - u0) * weight * pixel_area;
              cell.valid -= area;
              if (kind == PixelKind::no_data) cell.seen -= area;
              found_nonfinite |= kind == PixelKind::nonfinite;
            });
          });
        sums.add(pixels, last - first, static_cast<float>(weight));
      }
    };
    const int bottom = static_cast<int>(below), top = static_cast<int>(std::ceil(above));
    for (int y = bottom; y < top; y += ColumnSums::most_rows) {
      const int end = std::min(top, y + ColumnSums::most_rows);
      add_rows(y, end, quality);
      if (!quality && !sums.finite(last - first)) add_rows(y, end, true);
      const double height = y == bottom ? (above - below) * pixel_area : 0;
      for_each_cell(low, high, [&](Cell& cell, double a, double b) {
        cell.flux += sums.between(a - first, b - first);
        cell.seen += (b - a) * height;
        cell.valid += (b - a) * height;
      });
    }
  });
  return found_nonfinite;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail
