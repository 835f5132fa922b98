// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/mock/galaxy.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "close_to.hpp"

using namespace clustermass;
using namespace clustermass::mock;

TEST_CASE("a natural spline passes through its points, is smooth, and reproduces a straight line") {
  const CubicSpline<4> line({0, 1, 3, 4}, {1, 3, 7, 9});
  for (const double x : {-1.0, 0.3, 2.0, 3.9, 6.0}) CHECK(line(x) == close_to(1 + 2 * x, 1e-12));
  const CubicSpline<5> wave({0, 1, 2, 3, 4}, {0, 1, 0, -1, 0});
  for (int k = 0; k < 5; ++k)
    CHECK(std::fabs(wave(k) - std::array<double, 5>{0, 1, 0, -1, 0}[static_cast<std::size_t>(k)]) < 1e-12);
  for (const double x : {0.0, 1.0, 2.0, 4.0}) {  // slopes agree from both sides
    const double h = 1e-5;
    CHECK(std::fabs((wave(x + h) - 2 * wave(x) + wave(x - h)) / h) < 1e-4);
  }
  CHECK(wave(0.5) == close_to(0.6875 + 0.0, 0.05));  // sine of amplitude 1 would give 0.707
}

TEST_CASE("the red sequence returns its calibration table") {
  const SkyParameters sky;
  const double z[] = {.05, .10, .15, .20, .25, .30, .35, .40, .45, .50, .55, .60};
  const double gr[] = {.812, .938, 1.076, 1.240, 1.392, 1.523, 1.621, 1.643, 1.645, 1.625, 1.603, 1.580};
  const double ri[] = {.389, .407, .436, .479, .518, .551, .582, .638, .733, .850, .964, 1.062};
  const double iz[] = {.296, .324, .332, .328, .332, .347, .367, .393, .420, .443, .467, .487};
  for (int k = 0; k < 12; ++k) {
    const RedSequence red = red_sequence(z[k], sky);
    CHECK(red.ridge[1] == close_to(gr[k], 1e-9));
    CHECK(red.ridge[2] == close_to(ri[k], 1e-9));
    CHECK(red.ridge[3] == close_to(iz[k], 1e-9));
  }
  CHECK(red_sequence(0.2, sky).ridge[0] == close_to(1.83));
  CHECK(red_sequence(0.5, sky).ridge[0] == close_to(1.85));
  CHECK(red_sequence(0.35, sky).pivot_i == close_to(19.67));
  CHECK(red_sequence(0.25, sky).slope[1] == close_to(-0.018));
  CHECK(red_sequence(0.30, sky).slope[1] == close_to(-0.0235));  // half way between nodes
}

TEST_CASE("drawn red galaxies have the ridge, slope, scatter and correlations of the table") {
  const SkyParameters sky;
  for (const double z : {0.1, 0.2, 0.35, 0.5}) {
    CAPTURE(z);
    const RedSequence red = red_sequence(z, sky);
    Random random(1);
    constexpr int draws = 40000;
    const double i = red.pivot_i + 1.5;
    std::array<double, 4> mean{}, square{};
    double gr_ri = 0, ri_iz = 0, gr_iz = 0;
    for (int k = 0; k < draws; ++k) {
      const Colours colours = red.draw(i, random);
      std::array<double, 4> d;
      for (std::size_t c = 0; c < 4; ++c) {
        d[c] = colours[c] - red.ridge[c] - 1.5 * red.slope[c];
        mean[c] += d[c] / draws;
        square[c] += d[c] * d[c] / draws;
      }
      gr_ri += d[1] * d[2] / draws, ri_iz += d[2] * d[3] / draws, gr_iz += d[1] * d[3] / draws;
    }
    for (std::size_t c = 0; c < 4; ++c) {
      CHECK(std::fabs(mean[c]) < 5 * red.scatter[c] / std::sqrt(draws));
      CHECK(std::sqrt(square[c]) == close_to(red.scatter[c], 0.02));
    }
    CHECK(gr_ri / std::sqrt(square[1] * square[2]) == close_to(red.correlation_gr_ri, 0.02));
    CHECK(std::fabs(ri_iz / std::sqrt(square[2] * square[3]) - red.correlation_ri_iz) < 0.02);
    CHECK(std::fabs(gr_iz / std::sqrt(square[1] * square[3]) - red.correlation_gr_iz) < 0.02);
  }
  CHECK(red_sequence(0.20, sky).scatter[1] == close_to(0.057));
  CHECK(red_sequence(0.35, sky).correlation_gr_ri == close_to(0.90));
  CHECK(red_sequence(0.50, sky).scatter[2] == close_to(0.085));
}

TEST_CASE("fluxes have the magnitude and the colours they were made of") {
  const PerBand flux = fluxes(19, {1.8, 1.2, 0.5, 0.3});
  const auto m = [&](std::size_t b) { return 22.5 - 2.5 * std::log10(flux[b]); };
  CHECK(m(3) == close_to(19));
  CHECK(m(0) - m(1) == close_to(1.8));
  CHECK(m(1) - m(2) == close_to(1.2));
  CHECK(m(2) - m(3) == close_to(0.5));
  CHECK(m(3) - m(4) == close_to(0.3));
}

TEST_CASE("sizes follow Shen 2003") {
  // Figure 4 and table 1 of the paper: an L* early type (M_r = -20.5) measures about 2 kpc/h70, M_r = -22.5 about 6.
  CHECK(early_type_radius_kpc(-20.5) == close_to(std::pow(10, 0.24 * 20.5 - 4.63)));
  CHECK(early_type_radius_kpc(-22.5) == close_to(5.89, 0.01));
  CHECK(late_type_radius_kpc(-20.52) == close_to(std::pow(10, 0.084 * 20.52 + 0.32 * std::log10(2.0) - 1.31)));
  CHECK(size_scatter_ln(-26) == close_to(0.25, 0.01));
  CHECK(size_scatter_ln(-15) == close_to(0.48, 0.01));
  CHECK(late_type_radius_kpc(-18) > early_type_radius_kpc(-18));
}
