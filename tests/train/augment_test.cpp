// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/train/augment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "close_to.hpp"

using namespace clustermass;
using namespace clustermass::train;

namespace {
PreparedBuffer numbered() {
  PreparedBuffer buffer;
  for (std::size_t k = 0; k < buffer.input.size(); ++k) buffer.input[k] = static_cast<float>(k % 1009) / 400 + 0.1f;
  std::fill(buffer.band_coverage.begin(), buffer.band_coverage.end(), 1.0f);
  buffer.update(0.3);
  return buffer;
}
}  // namespace

TEST_CASE("the eight orientations are all different and keep every number") {
  const std::vector<float> original{1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::set<std::vector<float>> seen;
  for (std::uint32_t which = 0; which < 8; ++which) {
    std::vector<float> image = original;
    orient(std::span(image), 3, which);
    seen.insert(image);
    std::sort(image.begin(), image.end());
    CHECK(image == original);
  }
  CHECK(seen.size() == 8);
}

TEST_CASE("a masked rectangle is zero in the input and missing in the coverage by its area") {
  PreparedBuffer buffer = numbered();
  mask_rectangle(buffer, 2, 8, 16, 16, 32);  // half of the first row of coarse cells' 8 x 32 cells, and as much below
  CHECK(buffer.input[2 * field_cells + 8 * field_side + 16] == 0);
  CHECK(buffer.input[1 * field_cells + 8 * field_side + 16] != 0);
  CHECK(buffer.band_coverage[2 * coarse_cells + 1] == close_to(0.5, 1e-6));
  CHECK(buffer.band_coverage[2 * coarse_cells + coarse_side + 2] == close_to(0.5, 1e-6));
  CHECK(buffer.band_coverage[2 * coarse_cells] == 1.0f);
}

TEST_CASE("losing a band zeroes it, its coverage and its mark in the context") {
  PreparedBuffer buffer = numbered();
  mask_rectangle(buffer, 3, 0, 0, field_side, field_side);
  buffer.update(0.3);
  CHECK(buffer.context[context_count - 2] == 0);
  CHECK(buffer.context[context_count - 3] == 1);
  CHECK(buffer.coverage[0] == 1.0f);  // the mean of the bands that are there
}

TEST_CASE("augmenting and hardening are functions of the stream alone, and keep invalid cells at exactly zero") {
  for (int kind = 0; kind < 2; ++kind) {
    PreparedBuffer a = numbered(), b = numbered();
    mask_rectangle(a, 0, 0, 0, field_side, field_side);
    mask_rectangle(b, 0, 0, 0, field_side, field_side);
    Random first(1, 2, 3), second(1, 2, 3);
    if (kind == 0) {
      augment(a, 0.3, {.band_drop = 0}, first);
      augment(b, 0.3, {.band_drop = 0}, second);
    } else {
      harden(a, 0.3, first);
      harden(b, 0.3, second);
    }
    CHECK(a.input == b.input);
    CHECK(a.band_coverage == b.band_coverage);
    CHECK(std::all_of(a.input.begin(), a.input.begin() + field_cells, [](float value) { return value == 0; }));
    CHECK(a.input != numbered().input);
  }
}

TEST_CASE("hardening brings blank bands of any noise to one common rms") {
  PreparedBuffer buffer;
  Random noise(7);
  for (std::size_t b = 0; b < band_count; ++b)
    for (std::size_t k = 0; k < field_cells; ++k)
      buffer.input[b * field_cells + k] = stretch((0.6 + 0.2 * static_cast<double>(b)) * noise.normal(), 1.0);
  std::fill(buffer.band_coverage.begin(), buffer.band_coverage.end(), 1.0f);
  Random random(9);
  harden(buffer, 0.3, random);
  std::vector<double> rms;
  for (std::size_t b = 0; b < band_count; ++b) {
    double sum = 0, square = 0;
    for (std::size_t k = 0; k < field_cells; ++k) {
      const double flux = 2 * std::sinh(2 * static_cast<double>(buffer.input[b * field_cells + k]));
      sum += flux / field_cells;
      square += flux * flux / field_cells;
    }
    rms.push_back(std::sqrt(square - sum * sum));
  }
  const auto [low, high] = std::minmax_element(rms.begin(), rms.end());
  // The gain moves the noise that was there by up to a factor of two; the added noise leaves little of the difference.
  CHECK(*high / *low < 1.6);
}
