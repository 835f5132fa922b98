// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/train/augment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "close_to.hpp"

using namespace clustermass;
using namespace clustermass::train;

namespace {
const SampleInfo info{.redshift = 0.3, .ebv = 0.05};

PreparedBuffer numbered() {
  PreparedBuffer buffer;
  for (std::size_t k = 0; k < buffer.input.size(); ++k) buffer.input[k] = static_cast<float>(k % 1009) / 400 + 0.1f;
  std::fill(buffer.band_coverage.begin(), buffer.band_coverage.end(), 1.0f);
  buffer.update(info);
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
  buffer.update(info);
  CHECK(buffer.context[12] == 0);
  CHECK(buffer.context[11] == 1);
  CHECK(buffer.coverage[0] == 1.0f);  // the mean of the bands that are there
}

TEST_CASE("augmenting and hardening are functions of the stream alone, and keep invalid cells at exactly zero") {
  for (int kind = 0; kind < 2; ++kind) {
    PreparedBuffer a = numbered(), b = numbered();
    mask_rectangle(a, 0, 0, 0, field_side, field_side);
    mask_rectangle(b, 0, 0, 0, field_side, field_side);
    Random first(1, 2, 3), second(1, 2, 3);
    if (kind == 0) {
      augment(a, info, {.band_drop = 0, .shift = 0, .retake = 1}, first);
      augment(b, info, {.band_drop = 0, .shift = 0, .retake = 1}, second);
    } else {
      harden(a, info, first);
      harden(b, info, second);
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
  harden(buffer, info, random);
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

TEST_CASE("a shift moves every cell, and what comes in from outside is invalid and not covered") {
  const PreparedBuffer before = numbered();
  PreparedBuffer buffer = numbered();
  mask_rectangle(buffer, 1, 0, 0, 16, 16);  // one whole coarse cell
  shift(buffer, 12, -5);
  for (std::size_t b = 0; b < band_count; b += 4) {
    const auto cell = [&](const PreparedBuffer& of, int i, int j) {
      return of.input[b * field_cells + static_cast<std::size_t>(i * field_side + j)];
    };
    CHECK(cell(buffer, 12, 0) == cell(before, 0, 5));
    CHECK(cell(buffer, 127, 122) == cell(before, 115, 127));
    CHECK(cell(buffer, 11, 60) == 0);
    CHECK(cell(buffer, 60, 123) == 0);
    CHECK(buffer.band_coverage[b * coarse_cells] == close_to(4.0 / 16, 1e-6));  // rows 12 to 15
    CHECK(buffer.band_coverage[b * coarse_cells + 9] == close_to(1.0, 1e-6));
    CHECK(buffer.band_coverage[b * coarse_cells + 15] == close_to(11.0 / 16, 1e-6));  // columns up to 122
  }
  CHECK(buffer.band_coverage[coarse_cells] == close_to(4.0 / 16 * 5 / 16, 1e-6));  // 5 columns come from the next cell
}

TEST_CASE("another night widens a point as a Gaussian does, keeps its light, and adds the noise that is asked for") {
  std::vector<float> image(field_cells, 1e-6f);  // covered, and dark
  constexpr std::size_t middle = 64 * field_side + 64;
  image[middle] = stretch(1000, 1.0);
  Random random(3);
  expose(image, {.blur_cells = 0.4}, random);
  double light = 0, second = 0;
  for (int i = 60; i < 69; ++i)
    for (int j = 60; j < 69; ++j) {
      const double flux = unstretch(image[static_cast<std::size_t>(i * field_side + j)]);
      light += flux;
      second += flux * (j - 64) * (j - 64);
    }
  CHECK(light == doctest::Approx(1000).epsilon(1e-3));
  CHECK(second / light == doctest::Approx(0.16).epsilon(1e-2));  // sigma 0.4

  std::vector<float> dark(field_cells, 1e-6f);
  expose(dark, {.noise = 0.5}, random);
  double square = 0;
  for (const float value : dark) square += unstretch(value) * unstretch(value) / field_cells;
  CHECK(std::sqrt(square) == doctest::Approx(0.5).epsilon(0.03));  // 128 x 128 draws
}

TEST_CASE("a small gain multiplies the flux of a source, and a gain of one band leaves the others") {
  std::vector<float> image{stretch(30, 1.0), stretch(-2, 1.0), stretch(0.1, 1.0)};
  apply_gain(image, 0.05);
  CHECK(unstretch(image[0]) == doctest::Approx(30 * std::exp(0.05)).epsilon(0.005));
  CHECK(unstretch(image[1]) == doctest::Approx(-2 * std::exp(0.05)).epsilon(0.02));
  for (float x = -4; x < 4; x += 0.01f) CHECK(std::fabs(quick_tanh(x) - std::tanh(x)) < 0.02f);
}

TEST_CASE("the plain pretext keeps every number") {
  PreparedBuffer buffer = numbered();
  Random random(5);
  plain(buffer, info, random);
  std::vector<float> found(buffer.input.begin(), buffer.input.begin() + field_cells), expected = numbered().input;
  expected.resize(field_cells);
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  CHECK(found == expected);
}

TEST_CASE("the quick normal numbers have the moments of a normal one, but for a little kurtosis") {
  Random random(6);
  double mean = 0, square = 0, cube = 0, fourth = 0;
  constexpr int count = 200000;
  for (int k = 0; k < count; ++k) {
    const double x = quick_normal(random);
    mean += x / count, square += x * x / count, cube += x * x * x / count, fourth += x * x * x * x / count;
  }
  CHECK(std::fabs(mean) < 0.01);
  CHECK(square == doctest::Approx(1).epsilon(0.015));
  CHECK(std::fabs(cube) < 0.03);
  CHECK(fourth == doctest::Approx(3 - 1.2 / 8).epsilon(0.02));  // of a sum of eight uniform numbers
}
