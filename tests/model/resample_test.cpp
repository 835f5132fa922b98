// SPDX-License-Identifier: BSD-3-Clause
// Area resampling: flux conserved, each cell right against an independent sampler and against the polygons of its
// pixels, an aligned grid passed through.
#include "clustermass/model/resample.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "clustermass/core/random.hpp"
#include "support/resample_by_polygons.hpp"
#include "support/resampling.hpp"

using namespace clustermass;
using namespace clustermass::support;

namespace {

struct Picture {
  std::vector<float> pixels;
  BandImage image;

  Picture(int height, int width, const AffineMap& map, std::uint64_t seed = 1)
      : pixels(static_cast<std::size_t>(height * width)) {
    Random random(seed);
    for (float& value : pixels) value = static_cast<float>(random.normal(1, 1));
    image.pixels = pixels.data();
    image.height = height;
    image.width = width;
    image.map = map;
  }
  Picture(const Picture&) = delete;

  double total() const {
    double sum = 0;
    for (const float value : pixels) sum += static_cast<double>(value);
    return sum;
  }
};

struct Sums {
  double flux = 0, seen = 0, valid = 0;
};
Sums sums_of(const std::vector<Cell>& cells) {
  Sums sums;
  for (const Cell& cell : cells) {
    sums.flux += cell.flux;
    sums.seen += cell.seen;
    sums.valid += cell.valid;
  }
  return sums;
}

std::vector<Cell> resampled(const BandImage& image, const Grid& grid) {
  std::vector<Cell> cells(static_cast<std::size_t>(grid.side * grid.side));
  CHECK_FALSE(resample(image, grid, cells.data()));
  return cells;
}

struct Geometry {
  const char* name;
  AffineMap map;       // of a 41 x 37 image
  bool along = false;  // rows of points lie along the cells' borders
};

AffineMap with_matrix(double xx, double xy, double yx, double yy) {
  AffineMap map;
  map.arcsec_per_pixel = {{{xx, xy}, {yx, yy}}};
  map.centre_x = 17.8;
  map.centre_y = 20.3;
  return map;
}

const Geometry geometries[] = {
    {"native pixels, north up", rotated_map(0.396, 0, 18.2, 20.1), true},
    {"native pixels, 17 degrees", rotated_map(0.396, 17, 18.2, 20.1)},
    {"native pixels, 45 degrees", rotated_map(0.396, 45, 18, 20), true},
    {"native pixels, 80.7 degrees", rotated_map(0.396, 80.7, 18.7, 19.6)},
    {"native pixels, 90 degrees", rotated_map(0.396, 90, 18.7, 19.6), true},
    {"sheared", with_matrix(-0.4, 0.25, 0.05, 0.5)},
    {"mirrored: east to the right", with_matrix(0.45, 0.1, -0.1, 0.45)},
    {"long and thin", with_matrix(-0.1, 0.02, 0.3, 0.6), true},
    {"coarser than a cell, north up", rotated_map(2.7, 0, 18.2, 20.1), true},
    {"coarser than a cell, 17 degrees", rotated_map(2.7, 17, 18.2, 20.1)},
    {"coarser than a cell, 45 degrees", rotated_map(2.7, 45, 18, 20), true},
};

}  // namespace

TEST_CASE("Total flux and area are conserved to 1e-5 for any rotation, shear and pixel size") {
  for (const Geometry& g : geometries) {
    INFO(std::string(g.name));
    const Picture picture(41, 37, g.map);
    const auto& m = g.map.arcsec_per_pixel;
    for (const double cell : {1.0, 0.317}) {
      const Sums sums = sums_of(resampled(picture.image, {600, cell}));  // wide enough for the whole image
      const double pixel_area = std::fabs(m[0][0] * m[1][1] - m[0][1] * m[1][0]) / (cell * cell);
      CHECK(sums.flux == doctest::Approx(picture.total()).epsilon(1e-5));
      CHECK(sums.seen == doctest::Approx(41 * 37 * pixel_area).epsilon(1e-5));
      CHECK(sums.valid == doctest::Approx(sums.seen).epsilon(1e-12));
    }
  }
}

TEST_CASE("Each cell receives what an independent sampler puts there, also at the grid's edge") {
  for (const Geometry& g : geometries) {
    INFO(std::string(g.name));
    const Picture picture(41, 37, g.map);
    for (const double cell : {1.0, 0.317}) {
      const Grid grid{10, cell};
      const std::vector<Cell> found = resampled(picture.image, grid);
      const std::vector<double> expected = resample_by_points(picture.image, grid.side, cell, 64);
      double worst = 0;
      for (std::size_t k = 0; k < expected.size(); ++k) worst = std::max(worst, std::fabs(found[k].flux - expected[k]));
      // Of cells that hold the flux of 0.01 to 60 pixels of mean 1. Where whole rows of the 64 points fall on one side
      // of a border, the pixels along it are off by up to 1/64 each, all the same way.
      CHECK(worst < (g.along ? 0.1 : 0.005));
    }
  }
}

namespace {

/// An image of any shape, angle, pixel size and place, with bad pixels of every kind.
struct RandomImage {
  std::vector<float> pixels, variance;
  std::vector<std::int32_t> mask;
  BandImage image;
  Grid grid;
  std::string text;  ///< for the reader of a failure

  RandomImage(const RandomImage&) = delete;
  explicit RandomImage(std::uint64_t seed) {
    Random random(seed);
    const auto chance = [&](double p) { return random.uniform() < p; };
    const auto whole = [&](int low, int high) { return low + static_cast<int>(random.uniform(0, high - low + 1)); };
    const double pixel = std::exp(random.uniform(std::log(0.03), std::log(20.0)));  // cells
    const int across = static_cast<int>(std::min(60.0, 4 + 30 / pixel));
    image.height = whole(1, across);
    image.width = chance(0.04) ? whole(2040, 4200) : whole(1, across);
    grid = {whole(1, 24), 3.5};
    image.row_stride = image.width + (chance(0.3) ? whole(1, 9) : 0);

    double degrees = random.uniform(0, 360);
    if (chance(0.3)) degrees = 45 * whole(0, 7) + (chance(0.5) ? 0 : std::exp(random.uniform(-25.0, 0.0)));
    const AffineMap turned = rotated_map(pixel * grid.cell_arcsec, degrees, 0, 0);
    const bool sheared = chance(0.3), mirrored = chance(0.5);
    for (std::size_t axis : {0u, 1u}) {
      image.map.arcsec_per_pixel[axis] = turned.arcsec_per_pixel[axis];
      if (chance(0.3)) image.map.arcsec_per_pixel[axis][0] *= random.uniform(0.3, 3);
      if (sheared) image.map.arcsec_per_pixel[axis][1] += 0.4 * image.map.arcsec_per_pixel[axis][0];
      if (mirrored) image.map.arcsec_per_pixel[axis][0] *= -1;
    }
    const double margin = grid.side / pixel;
    image.map.centre_x = random.uniform(-0.6 * margin, image.width + 0.6 * margin);
    image.map.centre_y = random.uniform(-0.6 * margin, image.height + 0.6 * margin);
    if (chance(0.3)) image.map.centre_x = 0.5 * std::round(2 * image.map.centre_x);

    const std::size_t stored = static_cast<std::size_t>(image.height * image.row_stride);
    for (std::size_t k = 0; k < stored; ++k)
      pixels.push_back(static_cast<float>(chance(0.01) ? 1e4 : random.normal(0.2, 1)));
    const double share = chance(0.5) ? 0 : std::exp(random.uniform(-6.0, 0.0));
    const auto spoil = [&](auto&& bad) {  // runs of bad pixels
      for (std::size_t k = 0; k < stored; ++k)
        if (chance(share))
          for (const std::size_t end = std::min(stored, k + static_cast<std::size_t>(whole(1, chance(0.2) ? 90 : 2)));
               k < end; ++k)
            bad(k);
    };
    if (chance(0.3)) spoil([&](std::size_t k) { pixels[k] = std::numeric_limits<float>::quiet_NaN(); });
    if (chance(0.4)) {
      variance.assign(stored, 0.1f);
      spoil([&](std::size_t k) { variance[k] = k % 7 == 0 ? -1.0f : 0.0f; });
      image.variance = variance.data();
    }
    if (chance(0.5)) {
      mask.assign(stored, 0);
      spoil([&](std::size_t k) { mask[k] = mask_bit::cosmic_ray; });
      spoil([&](std::size_t k) { mask[k] |= mask_bit::no_data; });
      image.mask = mask.data();
    }
    image.pixels = pixels.data();
    text = "seed " + std::to_string(seed) + ": " + std::to_string(image.height) + " x " + std::to_string(image.width) +
           " pixels of " + std::to_string(pixel) + " cells at " + std::to_string(degrees) + " degrees" +
           (sheared ? ", sheared" : "") + (mirrored ? ", mirrored" : "") + (image.mask ? ", mask" : "") +
           (image.variance ? ", variance" : "") + " on " + std::to_string(grid.side) + " cells";
  }
};

}  // namespace

TEST_CASE("Each cell is the sum of its pixels' polygons, for any map, place, pixel size and bad pixels") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const RandomImage random(seed);
    INFO(random.text);
    const BandImage& image = random.image;
    const PolygonCells expected = resample_by_polygons(image, random.grid);
    const int side = random.grid.side;
    std::vector<Cell> cells(static_cast<std::size_t>(side * side));
    CHECK(resample(image, random.grid, cells.data()) == expected.nonfinite);
    double flux_error = 0, area_error = 0, brightest = 1e-9;
    for (const float value : random.pixels)
      if (is_finite_number(value)) brightest = std::max(brightest, std::fabs(static_cast<double>(value)));
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j) {
        const std::size_t k = static_cast<std::size_t>(i * side + j);
        flux_error = std::max(
            flux_error, std::fabs(cells[k].flux - expected.cells[k].flux) / (expected.magnitude[k] + 1e-5 * brightest));
        area_error = std::max({area_error, std::fabs(cells[k].seen - expected.cells[k].seen),
                               std::fabs(cells[k].valid - expected.cells[k].valid)});
      }
    CHECK(flux_error < 1e-6);
    CHECK(area_error < 1e-6);
  }
}

TEST_CASE("A grid that is ready made passes through exactly, whichever way it is stored") {
  for (const double flip : {1.0, -1.0}) {
    const double cell = 3.51234, middle = (128 - 1) / 2.0;
    AffineMap map;
    map.arcsec_per_pixel = {{{-cell * flip, 0}, {0, cell * flip}}};
    map.centre_x = map.centre_y = middle;
    const Picture picture(128, 128, map);
    const std::vector<Cell> cells = resampled(picture.image, {128, cell});
    bool exact = true;
    for (std::size_t i = 0; i < 128; ++i)
      for (std::size_t j = 0; j < 128; ++j) {
        const Cell& found = flip > 0 ? cells[i * 128 + j] : cells[(127 - i) * 128 + 127 - j];
        exact = exact && found.flux == static_cast<double>(picture.pixels[i * 128 + j]) && found.seen == 1 &&
                found.valid == 1;
      }
    CHECK(exact);
  }
}

TEST_CASE("A cell's column rises to the west and its row to the north") {
  std::vector<float> one{1};
  BandImage image;
  image.pixels = one.data();
  image.height = image.width = 1;
  image.map = rotated_map(0.1, 33, 0, 0);
  // The cluster's centre lies 2.3 arcsec east and 1.2 arcsec south of the pixel.
  const auto& m = image.map.arcsec_per_pixel;
  const double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
  image.map.centre_x = -(m[1][1] * -2.3 - m[0][1] * 1.2) / determinant;
  image.map.centre_y = -(-m[1][0] * -2.3 + m[0][0] * 1.2) / determinant;
  const std::vector<Cell> cells = resampled(image, {8, 1.0});
  CHECK(cells[5 * 8 + 6].flux == doctest::Approx(1));  // 2.3 west: column 4 + 2; 1.2 north: row 4 + 1
}

TEST_CASE("Masked, outside, NaN and unusable pixels each count as they should") {
  const AffineMap map = rotated_map(1, 0, 1.5, 1.5);  // 4 x 4 pixels on 4 x 4 cells
  Picture picture(4, 4, map);
  std::vector<std::int32_t> mask(16);
  std::vector<float> variance(16, 0.1f);
  picture.image.mask = mask.data();
  picture.image.variance = variance.data();
  const Grid grid{4, 1.0};
  std::vector<Cell> cells(16);
  const auto again = [&] {
    cells.assign(16, {});
    return resample(picture.image, grid, cells.data());
  };

  SUBCASE("a masked pixel is seen and not valid") {
    mask[5] = mask_bit::cosmic_ray;
    CHECK_FALSE(again());
    CHECK(cells[5].seen == 1);
    CHECK(cells[5].valid == 0);
    CHECK(cells[5].flux == 0);
    CHECK(sums_of(cells).valid == 15);
  }
  SUBCASE("only the bits of bad_mask count") {
    mask[5] = mask_bit::interpolated;
    mask[6] = mask_bit::bleed;
    picture.image.bad_mask = mask_bit::bleed;
    CHECK_FALSE(again());
    CHECK(cells[5].valid == 1);
    CHECK(cells[6].valid == 0);
  }
  SUBCASE("a pixel without data lies outside the image") {
    mask[5] = mask_bit::no_data;
    CHECK_FALSE(again());
    CHECK(cells[5].seen == 0);
    CHECK(sums_of(cells).seen == 15);
  }
  SUBCASE("only the bits of no_data_mask count, which may be any") {
    mask[5] = mask_bit::no_data;
    mask[6] = 1 << 20;
    picture.image.no_data_mask = 1 << 20;
    CHECK_FALSE(again());
    CHECK(cells[5].seen == 1);  // a bad pixel now
    CHECK(cells[5].valid == 0);
    CHECK(cells[6].seen == 0);
  }
  SUBCASE("NaN and infinite pixels are not valid and reported") {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::signaling_NaN()}) {
      picture.pixels[5] = bad;
      CHECK(again());
      CHECK(cells[5].seen == 1);
      CHECK(cells[5].valid == 0);
      CHECK(cells[5].flux == 0);
    }
  }
  SUBCASE("NaN pixels that the mask covers are not reported") {
    picture.pixels[5] = std::numeric_limits<float>::quiet_NaN();
    picture.pixels[6] = std::numeric_limits<float>::quiet_NaN();
    mask[5] = mask_bit::saturated;
    mask[6] = mask_bit::no_data;
    CHECK_FALSE(again());
    CHECK(sums_of(cells).valid == 14);
  }
  SUBCASE("NaN pixels outside the field are not reported") {
    picture.pixels[0] = std::numeric_limits<float>::quiet_NaN();
    picture.image.map.centre_x = picture.image.map.centre_y = 2.5;
    CHECK_FALSE(again());
  }
  SUBCASE("a variance that is not positive marks a bad pixel, one that is not finite a reported one") {
    variance[5] = 0;
    variance[6] = -1;
    CHECK_FALSE(again());
    CHECK(cells[5].valid == 0);
    CHECK(cells[6].valid == 0);
    CHECK(sums_of(cells).valid == 14);
    variance[7] = std::numeric_limits<float>::quiet_NaN();
    CHECK(again());
    CHECK(cells[7].valid == 0);
  }
  SUBCASE("a row stride larger than the width skips what lies between") {
    std::vector<float> wide(4 * 9, std::numeric_limits<float>::quiet_NaN());
    std::vector<float> wide_variance(4 * 9, -1);
    std::vector<std::int32_t> wide_mask(4 * 9, ~0);
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t j = 0; j < 4; ++j) {
        wide[i * 9 + j] = picture.pixels[i * 4 + j];
        wide_variance[i * 9 + j] = 1;
        wide_mask[i * 9 + j] = 0;
      }
    again();
    const std::vector<Cell> expected = cells;
    picture.image.pixels = wide.data();
    picture.image.variance = wide_variance.data();
    picture.image.mask = wide_mask.data();
    picture.image.row_stride = 9;
    CHECK_FALSE(again());
    for (std::size_t k = 0; k < 16; ++k) {
      CHECK(cells[k].flux == expected[k].flux);
      CHECK(cells[k].valid == 1);
    }
  }
}

TEST_CASE("A singular, unset, absurd or NaN map cannot be inverted") {
  CHECK(is_invertible(rotated_map(0.396, 30, 5, 5)));
  CHECK(is_invertible(rotated_map(30, 0, -5000, 5)));
  CHECK_FALSE(is_invertible(AffineMap{}));
  CHECK_FALSE(is_invertible(with_matrix(0.4, 0.8, 0.2, 0.4)));
  CHECK_FALSE(is_invertible(with_matrix(0.4, 0, 0, 0)));
  CHECK_FALSE(is_invertible(with_matrix(0.4, 0, 0, 1e-9)));
  CHECK_FALSE(is_invertible(with_matrix(1e9, 0, 0, 1e9)));
  CHECK_FALSE(is_invertible(with_matrix(1e-9, 0, 0, 1e-9)));
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  CHECK_FALSE(is_invertible(with_matrix(nan, 0, 0, 0.4)));
  CHECK_FALSE(is_invertible(with_matrix(0.4, nan, 0, 0.4)));
  CHECK_FALSE(is_invertible(with_matrix(0.4, inf, 0, 0.4)));
  CHECK_FALSE(is_invertible(rotated_map(0.396, 0, nan, 5)));
  CHECK_FALSE(is_invertible(rotated_map(0.396, 0, 5, inf)));
}

TEST_CASE("An image that does not touch the field gives nothing, however far away it lies") {
  for (const double away : {1e3, 1e9, 1e18, 1e300}) {
    const Picture picture(41, 37, rotated_map(0.396, 17, away, -away));
    CHECK(sums_of(resampled(picture.image, {128, 3.5})).seen == 0);
  }
}

TEST_CASE("A field inside one huge pixel is covered evenly") {
  const Picture picture(3, 3, rotated_map(5000, 17, 1, 1));
  const std::vector<Cell> cells = resampled(picture.image, {16, 2.0});
  for (const Cell& cell : cells) {
    CHECK(cell.seen == doctest::Approx(1));
    CHECK(cell.flux == doctest::Approx(static_cast<double>(picture.pixels[4]) * 4 / 25e6));
  }
}
