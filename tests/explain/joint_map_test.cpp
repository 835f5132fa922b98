// SPDX-License-Identifier: BSD-3-Clause
// Cells, class activation, the joint map and the shares, against the formulas written out.
#include "clustermass/explain/joint_map.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/explain/explanation.hpp"

using namespace clustermass;

namespace {

std::vector<double> random_vector(std::size_t size, std::uint64_t seed) {
  std::vector<double> values(size);
  Random random(seed);
  for (double& value : values) value = random.normal();
  return values;
}

/// The weight of pixel i in cell c along one axis, by the definition of bilinear interpolation.
double axis_weight(int i, int c, int side, int coarse) {
  const double at = std::min(std::max((i + 0.5) * coarse / side - 0.5, 0.0), coarse - 1.0);
  return std::max(0.0, 1 - std::fabs(at - c));
}
double weight(std::size_t p, std::size_t c, int side, int coarse) {
  const int s = side, n = coarse, pixel = static_cast<int>(p), cell = static_cast<int>(c);
  return axis_weight(pixel / s, cell / n, s, n) * axis_weight(pixel % s, cell % n, s, n);
}

}  // namespace

TEST_CASE("The weights of a pixel in the cells are bilinear and sum to one") {
  for (const auto& [side, coarse] : {std::pair{32, 4}, {12, 3}, {16, 1}, {7, 2}}) {
    const std::size_t pixels = static_cast<std::size_t>(side * side), cells = static_cast<std::size_t>(coarse * coarse);
    std::vector<double> found(pixels * cells), sum(pixels);
    CellWeights(side, coarse).for_each([&](std::size_t p, std::size_t c, double u) {
      found[p * cells + c] += u;
      sum[p] += u;
    });
    double worst = 0;
    for (std::size_t p = 0; p < pixels; ++p) {
      for (std::size_t c = 0; c < cells; ++c)
        worst = std::max(worst, std::fabs(found[p * cells + c] - weight(p, c, side, coarse)));
      worst = std::max(worst, std::fabs(sum[p] - 1));
    }
    CHECK(worst < 1e-12);
  }
}

TEST_CASE("The joint map is its formula, keeps the sum of the cells and is zero on invalid pixels") {
  constexpr int side = 32, coarse = 4;
  const std::vector<double> cells = random_vector(16, 1), gradients = random_vector(side * side, 2);
  std::vector<std::uint8_t> valid(side * side, 1);
  for (std::size_t p = 0; p < valid.size(); ++p) valid[p] = p % 7 != 0;
  std::vector<double> joint(side * side, 99), expected(side * side);
  spread_cells(CellWeights(side, coarse), cells, gradients, valid, joint);
  for (std::size_t c = 0; c < cells.size(); ++c) {
    double sum = 0;
    for (std::size_t q = 0; q < joint.size(); ++q)
      if (valid[q]) sum += weight(q, c, side, coarse) * std::fabs(gradients[q]);
    for (std::size_t p = 0; p < joint.size(); ++p)
      if (valid[p]) expected[p] += cells[c] * weight(p, c, side, coarse) * std::fabs(gradients[p]) / sum;
  }
  for (std::size_t p = 0; p < joint.size(); ++p) {
    CHECK(joint[p] == doctest::Approx(expected[p]).epsilon(1e-12));
    if (!valid[p]) CHECK(joint[p] == 0);
  }
  CHECK(std::accumulate(joint.begin(), joint.end(), 0.0) ==
        doctest::Approx(std::accumulate(cells.begin(), cells.end(), 0.0)).epsilon(1e-12));
}

TEST_CASE("A cell without gradients or without valid pixels is spread so that the sum stays") {
  constexpr int side = 32, coarse = 4;
  const CellWeights weights(side, coarse);
  const std::vector<double> cells = random_vector(16, 3);
  const double whole = std::accumulate(cells.begin(), cells.end(), 0.0);
  std::vector<double> joint(side * side), gradients = random_vector(side * side, 4);
  std::vector<std::uint8_t> valid(side * side, 1);
  const auto sum = [&] {
    spread_cells(weights, cells, gradients, valid, joint);
    return std::accumulate(joint.begin(), joint.end(), 0.0);
  };
  // The first cell's pixels have no gradient: it lies flat there, as u says.
  for (int i = 0; i < 12; ++i)
    for (int j = 0; j < 12; ++j) gradients[static_cast<std::size_t>(i * side + j)] = 0;
  CHECK(sum() == doctest::Approx(whole).epsilon(1e-12));
  CHECK(joint[0] != 0);
  CHECK(joint[0] == doctest::Approx(joint[1]).epsilon(1e-12));
  // Nor have they valid pixels: what the cell has goes where the band's gradients are.
  for (int i = 0; i < 12; ++i)
    for (int j = 0; j < 12; ++j) valid[static_cast<std::size_t>(i * side + j)] = 0;
  CHECK(sum() == doctest::Approx(whole).epsilon(1e-12));
  CHECK(joint[0] == 0);
  // No gradients at all: evenly.
  std::fill(gradients.begin(), gradients.end(), 0.0);
  CHECK(sum() == doctest::Approx(whole).epsilon(1e-12));
  // No valid pixel at all: nothing.
  std::fill(valid.begin(), valid.end(), std::uint8_t{0});
  CHECK(sum() == 0);
}

TEST_CASE("The product for display is |IG| times the bilinear map of the cells") {
  constexpr int side = 12, coarse = 3;
  const std::vector<double> cells = random_vector(9, 5), gradients = random_vector(side * side, 6);
  std::vector<double> product(side * side, 99);
  product_of(CellWeights(side, coarse), cells, gradients, product);
  for (std::size_t p = 0; p < product.size(); ++p) {
    double map = 0;
    for (std::size_t c = 0; c < 9; ++c) map += weight(p, c, side, coarse) * cells[c];
    CHECK(product[p] == doctest::Approx(map * std::fabs(gradients[p])).epsilon(1e-12));
  }
}

TEST_CASE("Class activation sums to the logits less their bias, for any coverage") {
  const Shape features{band_count, 6, 4, 4};
  const auto narrow = [](const std::vector<double>& v) { return std::vector<float>(v.begin(), v.end()); };
  const std::vector<float> a = narrow(random_vector(features.size(), 7)), weight_of = narrow(random_vector(30, 8));
  std::vector<float> w(band_count * 16);
  for (std::size_t k = 0; k < w.size(); ++k) w[k] = k / 16 == 4 ? 0.0f : static_cast<float>(k % 5) / 4;
  std::array<double, 25> direction{};
  for (std::size_t k = 0; k < direction.size(); ++k) direction[k] = std::sin(1.0 + static_cast<double>(k));
  const std::vector<double> cells = class_activation(a, features, w, weight_of, direction);
  for (std::size_t n = 0; n < band_count; ++n) {
    double expected = 0, total = 0, found = 0;
    for (std::size_t c = 0; c < 16; ++c) total += static_cast<double>(w[n * 16 + c]);
    for (std::size_t l = 0; l < band_count; ++l)
      for (std::size_t k = 0; k < 6; ++k)
        for (std::size_t c = 0; c < 16 && total > 0; ++c)
          expected += direction[n * 5 + l] * static_cast<double>(weight_of[l * 6 + k]) *
                      static_cast<double>(a[(n * 6 + k) * 16 + c]) * static_cast<double>(w[n * 16 + c]) / total;
    for (std::size_t c = 0; c < 16; ++c) found += cells[n * 16 + c];
    CHECK(found == doctest::Approx(expected).epsilon(1e-12));
  }
}

TEST_CASE("Grad-CAM of a function that is linear in the means is exact and keeps its sign") {
  // F = sum of v_k mean a_k: dF/da = v_k / cells, and the map sums to F.
  const Shape features{band_count, 2, 2, 2};
  std::vector<float> a(features.size()), g(features.size());
  double value = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    a[k] = static_cast<float>(k % 3);
    const double v = k / 4 % 2 == 0 ? 1 : -2;
    g[k] = static_cast<float>(v / 4);
    value += v / 4 * static_cast<double>(a[k]);
  }
  std::vector<double> cells(band_count * 4);
  add_grad_cam(a, {}, g, features, 1, cells);
  CHECK(std::accumulate(cells.begin(), cells.end(), 0.0) == doctest::Approx(value));
  CHECK(*std::min_element(cells.begin(), cells.end()) < 0);
  add_grad_cam(a, a, g, features, 1, cells);  // features that equal the baseline's add nothing
  CHECK(std::accumulate(cells.begin(), cells.end(), 0.0) == doctest::Approx(value));
}

TEST_CASE("Shares by band, radius, ring and source add up") {
  Explanation why;
  why.redshift = 0.3;
  why.grid = field_grid(0.3);
  std::vector<float> map(band_count * field_cells);
  const auto at = [&](std::size_t band, int row, int column) -> float& {
    return map[band * field_cells + static_cast<std::size_t>(row * field_side + column)];
  };
  at(1, 64, 64) = 2, at(3, 64, 64) = -0.5f;  // the middle
  at(2, 64, 64 - 32) = 1;                    // half a Mpc east
  at(4, 0, 0) = 4;                           // the south-eastern corner, beyond 1 Mpc
  CHECK(band_sums(map) == std::array<double, 5>{0, 2, 1, -0.5, 4});
  const double mpc = arcsec_of_mpc(1, 0.3);
  CHECK(sum_within(map, why.grid, 0.3 * mpc) == doctest::Approx(1.5));
  CHECK(sum_within(map, why.grid, 0.55 * mpc) == doctest::Approx(2.5));
  CHECK(sum_within(map, why.grid, 2 * mpc) == doctest::Approx(6.5));
  const std::vector<RingShare> rings = ring_profile(why, map);
  REQUIRE(rings.size() == 10);
  CHECK(rings[0].sum == doctest::Approx(1.5));
  CHECK(rings[4].sum + rings[5].sum == doctest::Approx(1));
  double area = 0;
  for (const RingShare& ring : rings) area += ring.area_mpc2;
  CHECK(area == doctest::Approx(3.14159265).epsilon(0.01));

  const double cell = why.grid.cell_arcsec;
  const std::vector<SourcePlace> places{{-0.5 * cell, 0.5 * cell, 1.5 * cell},    // on the middle cell
                                        {0.5 * mpc - 0.5 * cell, 0.5 * cell, 0},  // east: smaller columns
                                        {-0.5 * cell, 3.5 * cell, 40 * cell},  // reaches the middle, but is further off
                                        {1e9, 0, 3 * cell}};                   // nowhere
  const std::vector<double> sums = source_sums(map, why.grid, places);
  CHECK(sums[0] == doctest::Approx(1.5));
  CHECK(sums[1] == doctest::Approx(1));
  CHECK(sums[2] == 0);
  CHECK(sums[3] == 0);
}

TEST_CASE("Cells spread bilinearly keep each band's sum") {
  std::vector<float> cells(band_count * coarse_cells);
  Random random(9);
  for (float& value : cells) value = static_cast<float>(random.normal());
  const auto wanted = band_sums(cells), found = band_sums(spread_bilinearly(cells, field_side));
  for (std::size_t b = 0; b < band_count; ++b) CHECK(found[b] == doctest::Approx(wanted[b]).epsilon(1e-5));
}
