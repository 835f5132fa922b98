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

/// Sums of rows, by column, and a column of nothing after them.
struct ColumnSums {
  static constexpr int capacity = 2048;  // columns that are taken at once
  static constexpr int most_rows = 16;   // that may be added before they are given away: floats stay exact to 1e-6
  std::array<float, capacity + 1> sum;

  /// Rows that lie `stride` apart: the first and the last by their weights, those between whole.
  struct Rows {
    const float* pixels;
    std::ptrdiff_t stride;
    int count;
    float first_weight, last_weight;
    bool adds;  ///< to what is there, else in its place
    int ahead;  ///< rows after these that are read soon
  };

  /// Columns [from, to); returns whether their sums are finite.
  bool take(const Rows& rows, int from, int to) {
    FourBits bad{};
    int k = from;
    for (; k + 16 <= to; k += 16) {
      for (int y = 0; y < rows.ahead; ++y) __builtin_prefetch(rows.pixels + (rows.count + y) * rows.stride + k);
      bad |= take_vectors<4>(rows, k);
    }
    for (; k + 4 <= to; k += 4) bad |= take_vectors<1>(rows, k);
    bool finite = (bad[0] | bad[1] | bad[2] | bad[3]) == 0;
    for (; k < to; ++k) {
      float total = rows.first_weight * rows.pixels[k];
      if (rows.adds) total += sum[static_cast<std::size_t>(k)];
      for (int y = 1; y < rows.count; ++y)
        total += (y < rows.count - 1 ? 1.0f : rows.last_weight) * rows.pixels[y * rows.stride + k];
      sum[static_cast<std::size_t>(k)] = total;
      finite = finite && is_finite_number(total);
    }
    return finite;
  }

 private:
  /// Four columns for each vector; returns which sums are not finite.
  template <int vectors>
  FourBits take_vectors(const Rows& rows, int k) {
    using Four [[gnu::vector_size(16)]] = float;
    const float* row = rows.pixels + k;
    const auto pixels = [&](int v) {
      Four four;
      std::memcpy(&four, row + 4 * v, sizeof four);
      return four;
    };
    Four total[std::size_t{vectors}];
    float* const place = &sum[static_cast<std::size_t>(k)];
    for (int v = 0; v < vectors; ++v) total[v] = rows.first_weight * pixels(v);
    if (rows.adds)
      for (int v = 0; v < vectors; ++v) {
        Four have;
        std::memcpy(&have, place + 4 * v, sizeof have);
        total[v] += have;
      }
    for (int y = 2; y < rows.count; ++y) {
      row += rows.stride;
      for (int v = 0; v < vectors; ++v) total[v] += pixels(v);
    }
    if (rows.count > 1) {
      row += rows.stride;
      for (int v = 0; v < vectors; ++v) total[v] += rows.last_weight * pixels(v);
    }
    FourBits bad{};
    for (int v = 0; v < vectors; ++v) {
      std::memcpy(place + 4 * v, &total[v], sizeof total[v]);
      bad |= (four_bits(place + 4 * v) & 0x7f800000) == 0x7f800000;
    }
    return bad;
  }
};

/// The columns of a cell: a part of the first, those between whole, a part of the last, which may be nothing.
struct CellColumns {
  int cell, first, last;
  double first_part, last_part, width;

  /// The columns between a and b, counted from the first one kept.
  CellColumns(int k, double a, double b)
      : cell(k), first(static_cast<int>(a)), last(static_cast<int>(b)), width(b - a) {
    first_part = first == last ? b - a : first + 1 - a;
    last_part = b - last;
  }
  CellColumns() = default;

  double sum_of(const ColumnSums& sums) const {
    const float* const column = sums.sum.data();
    double total = first_part * static_cast<double>(column[first]);
    if (first == last) return total;
    for (int k = first + 1; k < last; ++k) total += static_cast<double>(column[k]);
    return total + last_part * static_cast<double>(column[last]);
  }
};

/// Whether the image's rows run along the grid's lines (or columns, if turned) to 1e-9 of a pixel.
inline bool is_aligned(const PixelToCell& map, const BandImage& image, bool turned) {
  const double limit = 1e-9 / (image.width + image.height);
  const double xu = std::fabs(map.xu), xt = std::fabs(map.xt), yu = std::fabs(map.yu), yt = std::fabs(map.yt);
  return turned ? xu < limit * xt && yt < limit * yu : xt < limit * xu && yu < limit * yt;
}

inline constexpr int most_cells = 256;  ///< of a line that are filled at once

/// Columns [from, to) of an image that is aligned, no more than ColumnSums holds, to `count` of the cells of a line
/// from first_cell on, no more than most_cells. Turned: rows run along the grid's columns.
inline bool resample_aligned(const BandImage& image, const PixelToCell& map, bool turned, int from, int to,
                             int first_cell, int count, Cell* cells) {
  const double middle_u = image.width / 2.0, middle_t = image.height / 2.0;  // what is left of the angle: none here
  const CellBorders columns = turned ? CellBorders{1 / map.yu, map.y0 + map.yt * middle_t - first_cell}
                                     : CellBorders{1 / map.xu, map.x0 + map.xt * middle_t - first_cell};
  const CellBorders rows = turned ? CellBorders{1 / map.xt, map.x0 + map.xu * middle_u}
                                  : CellBorders{1 / map.yt, map.y0 + map.yu * middle_u};
  const std::ptrdiff_t column_stride = turned ? map.side : 1, row_stride = turned ? 1 : map.side;
  const double one = columns.at(0), other = columns.at(count), pixel_area = map.pixel_area();
  const double low = std::max(std::min(one, other), 1.0 * from), high = std::min(std::max(one, other), 1.0 * to);
  if (!(low < high)) return false;
  const int first = static_cast<int>(std::floor(low)), last = static_cast<int>(std::ceil(high)), n = last - first;
  std::array<CellColumns, most_cells> shares;
  std::size_t share_count = 0;
  columns.for_each(count, low, high, [&](int k, double a, double b) {
    shares[share_count++] = {k, a - first, b - first};
  });
  ColumnSums sums;
  sums.sum[static_cast<std::size_t>(n)] = 0;
  const bool quality = image.mask || image.variance;
  bool found_nonfinite = false;

  rows.for_each(map.side, 0, image.height, [&](int r, double below, double above) {
    Cell* const line = cells + r * row_stride + first_cell * column_stride;
    /// Adds row y without the pixels that do not count.
    const auto take_checked = [&](int y, double weight, bool adds) {
      const std::ptrdiff_t row = y * image.stride();
      const ColumnSums::Rows one_row{image.pixels + row + first, 0, 1, static_cast<float>(weight), 0, adds, 0};
      int good = first;
      for_each_bad_run(image, row, y + 1 < image.height ? row + image.stride() : row, first, last,
                       [&](int a, int b, PixelKind kind) {
                         sums.take(one_row, good - first, a - first);
                         if (!adds)
                           std::fill(&sums.sum[static_cast<std::size_t>(a - first)],
                                     &sums.sum[static_cast<std::size_t>(b - first)], 0.0f);
                         good = b;
                         columns.for_each(count, std::max(low, 1.0 * a), std::min(high, 1.0 * b),
                                          [&](int k, double u0, double u1) {
                                            const double area = (u1 - u0) * weight * pixel_area;
                                            Cell& cell = line[k * column_stride];
                                            cell.valid -= area;
                                            if (kind == PixelKind::no_data) cell.seen -= area;
                                            found_nonfinite |= kind == PixelKind::nonfinite;
                                          });
                       });
      sums.take(one_row, good - first, last - first);
    };
    const int bottom = static_cast<int>(below), top = static_cast<int>(std::ceil(above));
    for (int y = bottom; y < top; y += ColumnSums::most_rows) {
      const int end = std::min(top, y + ColumnSums::most_rows);
      const auto weight = [&](int at) { return std::min(above, at + 1.0) - std::max(below, 1.0 * at); };
      const ColumnSums::Rows all{image.pixels + y * image.stride() + first,
                                 image.stride(),
                                 end - y,
                                 static_cast<float>(weight(y)),
                                 static_cast<float>(weight(end - 1)),
                                 false,
                                 std::min(end - y, image.height - end)};
      if (quality || !sums.take(all, 0, n))
        for (int at = y; at < end; ++at) take_checked(at, weight(at), at > y);
      const double height = y == bottom ? (above - below) * pixel_area : 0;
      for (std::size_t k = 0; k < share_count; ++k) {
        const CellColumns& share = shares[k];
        Cell& cell = line[share.cell * column_stride];
        cell.flux += share.sum_of(sums);
        cell.seen += share.width * height;
        cell.valid += share.width * height;
      }
    }
  });
  return found_nonfinite;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail
