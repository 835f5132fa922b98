// SPDX-License-Identifier: BSD-3-Clause
// Area resampling of an image at any angle, row by row and exactly. A row of pixels is a strip of constant height; with
// P(u) its flux up to u, a cell receives the integral of P over the cell's border inside the strip (Green's theorem).
// So work is done per crossing of a row and a grid line, not per pixel, and a pixel costs one addition; crossings are
// taken two at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "clustermass/model/bad_pixels.hpp"
#include "clustermass/model/grid.hpp"
#include "clustermass/model/pixel_overlap.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail {

using TwoNumbers [[gnu::vector_size(16)]] = double;  // what every machine has: no compiler flag is asked for
using TwoWholes [[gnu::vector_size(8)]] = std::int32_t;
using FourPixels [[gnu::vector_size(16)]] = float;

/// The first two of four pixels.
inline TwoNumbers widen(FourPixels four) {
#if defined(__SSE2__) && !defined(__clang__)
  return __builtin_ia32_cvtps2pd(four);
#else
  return TwoNumbers{static_cast<double>(four[0]), static_cast<double>(four[1])};
#endif
}
inline TwoNumbers sums_of(TwoNumbers v) { return v + __builtin_shufflevector(TwoNumbers{}, v, 0, 2); }
inline TwoNumbers last_of(TwoNumbers v) { return __builtin_shufflevector(v, v, 1, 1); }

/// Sums over a row's pixels from the left, with a pixel of nothing at either end: pixel p, of [p, p + 1], holds
/// below[p + 1] - below[p]; the image's are pixels 1 to count.
struct RowSums {
  static constexpr int capacity = 2048;  // columns that are taken at once
  std::array<double, capacity + 3> below;
  int count;

  /// Pixels of a row; those at `next` are taken after them.
  void take(const float* pixels, int n, const float* next) {
    double* out = below.data() + 2;
    TwoNumbers sum{};  // the same number twice
    below[0] = below[1] = 0;
    int k = 0;
    for (; k + 4 <= n; k += 4, out += 4) {  // short chains of additions
      if (k % 16 == 0) __builtin_prefetch(next + k);
      FourPixels four;
      std::memcpy(&four, pixels + k, sizeof four);
      const TwoNumbers low = sums_of(widen(four)),
                       high = sums_of(widen(__builtin_shufflevector(four, four, 2, 3, 2, 3)));
      const TwoNumbers both = high + last_of(low), one = sum + low, two = sum + both;
      std::memcpy(out, &one, sizeof one);
      std::memcpy(out + 2, &two, sizeof two);
      sum += last_of(both);
    }
    for (; k < n; ++k) *out++ = (sum += static_cast<double>(pixels[k]))[0];
    *out = sum[0];
    count = n;
  }

  /// A row of ones.
  void take_ones(int n) {
    below[0] = below[1] = 0;
    for (int k = 1; k <= n; ++k) below[static_cast<std::size_t>(k + 1)] = k;
    below[static_cast<std::size_t>(n + 2)] = n;
    count = n;
  }

  bool finite() const { return is_finite_number(below[static_cast<std::size_t>(count + 1)]); }
  int pixel_at(double u) const { return static_cast<int>(std::min(std::max(u, 0.0), count + 1.0)); }

  /// Integrals of P from a[k] to b[k], a <= b <= a + 2.
  TwoNumbers integrals(TwoNumbers a, TwoNumbers b) const {
    const TwoNumbers zero{}, end = zero + (count + 1.0);
    const auto pixels_at = [&](TwoNumbers u) {
      const TwoNumbers above = u > zero ? u : zero;
      return __builtin_convertvector(above < end ? above : end, TwoWholes);
    };
    const TwoWholes i = pixels_at(a), j = pixels_at(b);
    const auto borders_of = [&](int pixel) {
      TwoNumbers two;
      std::memcpy(&two, &below[static_cast<std::size_t>(pixel)], sizeof two);
      return two;
    };
    const TwoNumbers i0 = borders_of(i[0]), i1 = borders_of(i[1]), j0 = borders_of(j[0]), j1 = borders_of(j[1]);
    const TwoNumbers i_low = __builtin_shufflevector(i0, i1, 0, 2), i_high = __builtin_shufflevector(i0, i1, 1, 3);
    const TwoNumbers j_low = __builtin_shufflevector(j0, j1, 0, 2), j_high = __builtin_shufflevector(j0, j1, 1, 3);
    // The rest of pixel i and the begin of pixel j; what lies between is a pixel, nothing, or one pixel counted twice.
    const TwoNumbers first = __builtin_convertvector(i, TwoNumbers), last = __builtin_convertvector(j, TwoNumbers);
    const TwoNumbers rest = first + 1 - a, begin = b - last, between = last - first - 1;
    return rest * (i_high + 0.5 * rest * (i_low - i_high)) + begin * (j_low + 0.5 * begin * (j_high - j_low)) +
           0.5 * between * (i_high + j_low);
  }

  /// Mean of P between a and b, in any order, however far apart.
  double mean(double a, double b) const {
    if (a > b) std::swap(a, b);
    const int i = pixel_at(a), j = pixel_at(b);
    const auto at = [&](int border) { return below[static_cast<std::size_t>(border)]; };
    if (i == j || b - a < 1e-9) return at(i) + (at(i + 1) - at(i)) * (0.5 * (a + b) - i);
    const double rest = i + 1 - a, begin = b - j;
    double sum = rest * (at(i + 1) + 0.5 * rest * (at(i) - at(i + 1)));
    for (int p = i + 1; p < j; ++p) sum += 0.5 * (at(p) + at(p + 1));
    return (sum + begin * (at(j) + 0.5 * begin * (at(j + 1) - at(j)))) / (b - a);
  }
};

/// A linear function of a line's number and of a place on it.
struct OnLine {
  double start, per_line, per_other;
  double operator()(double line, double other) const { return start + line * per_line + other * per_other; }
};

/// The lines of one direction of the grid as one row sees them. eta: 0 to 1 across the row; along: place on a line, in
/// cells; u: place along the row, as RowSums counts.
struct Lines {
  OnLine u, along;                           ///< of (line, eta)
  OnLine corner_u, corner_eta;               ///< of (line, along)
  std::ptrdiff_t line_stride, along_stride;  ///< of cells
};

/// The lines a = au u + at t + a0, on which b = bu u + bt t + b0 is the place, in the row t = y, whose pixel 1 is
/// column `first`.
inline Lines lines_of(double au, double at, double a0, double bu, double bt, double b0, int y, int first) {
  const double u = -(a0 + at * y) / au, determinant = au * bt - at * bu;
  Lines lines{};
  lines.u = {u + 1 - first, 1 / au, -at / au};
  lines.along = {bu * u + bt * y + b0, bu / au, determinant / au};
  // Not from the two above: corners are shared with the lines of the other direction and have to agree with theirs.
  lines.corner_u = {(at * b0 - bt * a0) / determinant + 1 - first, bt / determinant, -at / determinant};
  lines.corner_eta = {(bu * a0 - au * b0) / determinant - y, -bu / determinant, au / determinant};
  return lines;
}

/// Adds factor * (integral of P over the lines' pieces in this row) to the cells at either side of each.
inline void add_lines(const Lines& lines, const RowSums& sums, double factor, int side, double Cell::*member,
                      Cell* cells) {
  // Lines that meet the field within the row.
  const double low = -std::max(lines.along.per_other, 0.0) - lines.along.start;
  const double high = side - std::min(lines.along.per_other, 0.0) - lines.along.start;
  double from = 0, to = side;
  if (std::fabs(lines.along.per_line) > 1e-12) {
    const double a = low / lines.along.per_line, b = high / lines.along.per_line;
    from = std::max(from, std::ceil(std::min(a, b)));
    to = std::min(to, std::floor(std::max(a, b)));
  } else if (low > 0 || high < 0) {
    return;
  }
  if (!(from <= to)) return;
  if (lines.u.per_line < 0) factor = -factor;
  const auto give = [&](int k, int cell, double flux) {
    Cell* at = cells + k * lines.line_stride + cell * lines.along_stride;
    if (k > 0) at[-lines.line_stride].*member += flux;
    if (k < side) at->*member -= flux;
  };

  const double run = lines.u.per_other, step = lines.along.per_other, scale = factor / std::fabs(run);
  const auto cell_at = [](double along) { return static_cast<int>(along + 1) - 1; };
  const auto inside = [&](int cell) { return cell >= 0 && cell < side; };
  const auto one_line = [&](int k) {
    const double u = lines.u(k, 0), along = lines.along(k, 0);
    if (std::fabs(step) < 1e6 && cell_at(along) == cell_at(along + step)) {  // one cell on either side
      if (inside(cell_at(along))) give(k, cell_at(along), factor * sums.mean(u, u + run));
      return;
    }
    // A corner of cells lies in the row, or many do.
    const double one = std::clamp(along, 0.0, 1.0 * side), other = std::clamp(along + step, 0.0, 1.0 * side);
    const int last = std::min(static_cast<int>(std::max(one, other)), side - 1);
    for (int cell = static_cast<int>(std::min(one, other)); cell <= last; ++cell) {
      const double a = std::clamp(lines.corner_eta(k, cell), 0.0, 1.0),
                   b = std::clamp(lines.corner_eta(k, cell + 1), 0.0, 1.0);
      const double part = std::fabs(b - a);
      if (part == 0) continue;
      const double u_a = a > 0 && a < 1 ? lines.corner_u(k, cell) : u + a * run;
      const double u_b = b > 0 && b < 1 ? lines.corner_u(k, cell + 1) : u + b * run;
      give(k, cell, part * factor * sums.mean(u_a, u_b));
    }
  };

  int k = static_cast<int>(from);
  const int end = static_cast<int>(to);
  // Two lines at a time where they are short, meet one corner at most, and are not so steep that a difference of sums
  // would lose digits.
  if (std::fabs(run) > 0.25 && std::fabs(run) < 2 && std::fabs(step) < 1)
    for (; k < end; k += 2) {
      const TwoNumbers line{1.0 * k, k + 1.0}, u = lines.u.start + line * lines.u.per_line;
      const TwoNumbers along = lines.along.start + line * lines.along.per_line, other_u = u + run;
      const TwoWholes cell = __builtin_convertvector(along + 1, TwoWholes) - 1;
      const TwoWholes last = __builtin_convertvector(along + (step + 1), TwoWholes) - 1;
      const TwoNumbers left = run > 0 ? u : other_u, right = run > 0 ? other_u : u;
      const TwoNumbers flux = scale * sums.integrals(left, right);
      for (int n = 0; n < 2; ++n) {
        if (cell[n] == last[n]) {
          if (inside(cell[n])) give(k + n, cell[n], flux[n]);
          continue;
        }
        const double corner = lines.corner_u(k + n, std::max(cell[n], last[n]));
        const double below =
            scale * sums.integrals(TwoNumbers{} + std::min(u[n], corner), TwoNumbers{} + std::max(u[n], corner))[0];
        if (inside(cell[n])) give(k + n, cell[n], below);
        if (inside(last[n])) give(k + n, last[n], flux[n] - below);
      }
    }
  for (; k <= end; ++k) one_line(k);
}

/// Adds factor * (what the row's pixels hold) to the cells.
inline void add_row(const PixelToCell& map, int y, int first, const RowSums& sums, double factor, double Cell::*member,
                    Cell* cells) {
  constexpr double parallel = 1e-12;  // lines along the rows bound no part of one
  if (std::fabs(map.xu) > parallel * std::fabs(map.xt)) {
    Lines lines = lines_of(map.xu, map.xt, map.x0, map.yu, map.yt, map.y0, y, first);
    lines.line_stride = 1;
    lines.along_stride = map.side;
    add_lines(lines, sums, factor, map.side, member, cells);
  }
  if (std::fabs(map.yu) > parallel * std::fabs(map.yt)) {
    Lines lines = lines_of(map.yu, map.yt, map.y0, map.xu, map.xt, map.x0, y, first);
    lines.line_stride = map.side;
    lines.along_stride = 1;
    add_lines(lines, sums, factor, map.side, member, cells);
  }
}

/// Adds the area that columns [0, width] and rows [0, height] of the image cover to every cell.
inline void add_area(const PixelToCell& map, double u0, double u1, double height, Cell* cells) {
  const double determinant = map.xu * map.yt - map.xt * map.yu;
  const double ux = map.yt / determinant, uy = -map.xt / determinant, tx = -map.yu / determinant,
               ty = map.xu / determinant;
  const double reach_u = (std::fabs(ux) + std::fabs(uy)) / 2, reach_t = (std::fabs(tx) + std::fabs(ty)) / 2;
  for (int line = 0; line < map.side; ++line)
    for (int column = 0; column < map.side; ++column) {
      const double dx = column + 0.5 - map.x0, dy = line + 0.5 - map.y0;
      const double u = ux * dx + uy * dy, t = tx * dx + ty * dy;
      if (u + reach_u <= u0 || u - reach_u >= u1 || t + reach_t <= 0 || t - reach_t >= height) continue;
      double covered = 1;
      if (u - reach_u < u0 || u + reach_u > u1 || t - reach_t < 0 || t + reach_t > height) {
        Polygon cell;  // in the image
        for (const auto& [a, b] :
             {std::array{-0.5, -0.5}, std::array{0.5, -0.5}, std::array{0.5, 0.5}, std::array{-0.5, 0.5}})
          cell.add(u + ux * a + uy * b, t + tx * a + ty * b);
        covered =
            clip(clip(clip(clip(cell, 0, u0, 1), 0, u1, -1), 1, 0, 1), 1, height, -1).area() * std::fabs(determinant);
      }
      Cell& cell = cells[line * map.side + column];
      cell.seen += covered;
      cell.valid += covered;
    }
}

/// Columns [first, second) of row y, within [from, to), that can touch the field.
inline std::pair<int, int> columns_in_field(const PixelToCell& map, int y, int from, int to) {
  double low = from, high = to;
  for (const auto& [slope, across, start] :
       {std::array{map.xu, map.xt, map.x0 + map.xt * y}, std::array{map.yu, map.yt, map.y0 + map.yt * y}}) {
    const double below = -start - std::max(across, 0.0), above = map.side - start - std::min(across, 0.0);
    if (std::fabs(slope) < 1e-12) {
      if (below > 0 || above < 0) return {0, 0};
      continue;
    }
    low = std::max(low, std::min(below / slope, above / slope));
    high = std::min(high, std::max(below / slope, above / slope));
  }
  if (!(low < high)) return {0, 0};
  return {static_cast<int>(std::floor(low)), static_cast<int>(std::ceil(high))};
}

/// Columns [from, to) of an image, no more than RowSums holds.
inline bool resample_turned(const BandImage& image, const PixelToCell& map, int from, int to, Cell* cells) {
  constexpr int long_run = 32;  // pixels from which on a run of bad ones is cheaper as a row of its own
  RowSums sums, ones;
  std::array<float, RowSums::capacity> cleaned;
  const double pixel_area = map.pixel_area();
  const bool quality = image.mask || image.variance;
  bool found_nonfinite = false, touches = false;
  for (int y = 0; y < image.height; ++y) {
    const auto [first, last] = columns_in_field(map, y, from, to);
    if (first >= last) continue;
    touches = true;
    const std::ptrdiff_t row = y * image.stride();
    const float* pixels = image.pixels + row + first;
    const std::ptrdiff_t next_row = y + 1 < image.height ? row + image.stride() : row;
    if (!quality)
      sums.take(pixels, last - first,
                image.pixels + next_row + first);  // a pixel that is not finite shows in the total
    if (quality || !sums.finite()) {
      for_each_bad_run(image, row, next_row, first, last,
                       [&, first = first, last = last](int a, int b, PixelKind kind) {
                         if (pixels != cleaned.data()) std::copy_n(pixels, last - first, cleaned.data());
                         pixels = cleaned.data();
                         std::fill(cleaned.data() + (a - first), cleaned.data() + (b - first), 0.0f);
                         // Takes `width` columns of area off the cells that columns [u0, u1] touch.
                         const auto take_off = [&](double u0, double u1, double width) {
                           share_rectangle(map, u0, u1, y, y + 1, [&](int column, int line, double fraction) {
                             Cell& cell = cells[line * map.side + column];
                             const double area = fraction * width * pixel_area;
                             cell.valid -= area;
                             if (kind == PixelKind::no_data) cell.seen -= area;
                             found_nonfinite |= kind == PixelKind::nonfinite && fraction > 0;
                           });
                         };
                         if (b - a < long_run) return take_off(a, b, b - a);
                         ones.take_ones(b - a);
                         add_row(map, y, a, ones, -pixel_area, &Cell::valid, cells);
                         if (kind == PixelKind::no_data) add_row(map, y, a, ones, -pixel_area, &Cell::seen, cells);
                         if (kind == PixelKind::nonfinite)
                           for (int x = a; x < b && !found_nonfinite; ++x)
                             take_off(x, x + 1, 0);  // whether one lies in the field
                       });
      sums.take(pixels, last - first, pixels);
    }
    add_row(map, y, first, sums, 1, &Cell::flux, cells);
  }
  if (touches) add_area(map, from, to, image.height, cells);
  return found_nonfinite;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail
