// SPDX-License-Identifier: BSD-3-Clause
// From a cutout to the network's input: stretch, dereddening, coverage, rings, context, and a flag for every kind of
// bad data. Expected numbers are written down from the formulas, not taken from the code.
#include "clustermass/model/prepare.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/cutouts.hpp"

using namespace clustermass;
using namespace clustermass::support;

namespace {

constexpr double z = 0.3;
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

struct Prepared {
  std::vector<float> input = std::vector<float>(band_count * field_cells, nan_value);
  std::vector<float> band_coverage = std::vector<float>(band_count * coarse_cells, nan_value);
  std::vector<float> coverage = std::vector<float>(coarse_cells, nan_value);
  std::vector<float> context = std::vector<float>(context_count, nan_value);
  PreparedState state;

  explicit Prepared(const Cutout& cutout, double redshift = z) {
    std::vector<Cell> cells(field_cells);
    for (Cell& cell : cells) cell = {1e9, 1e9, 1e9};  // what an earlier call left
    state = prepare(cutout, redshift, cells, {input, band_coverage, coverage, context});
    bool finite = true;
    for (const auto* values : {&input, &band_coverage, &coverage, &context})
      for (const float value : *values) finite = finite && std::isfinite(value);
    REQUIRE(finite);
  }
  float at(int band, int i, int j) const {
    return input[static_cast<std::size_t>((band * field_side + i) * field_side + j)];
  }
  float band_coverage_at(int band, int i, int j) const {
    return band_coverage[static_cast<std::size_t>((band * coarse_side + i) * coarse_side + j)];
  }
  bool has(std::uint32_t bit) const { return (state.flags & bit) != 0; }
};

CutoutBuffer flat_cutout(double flux) {
  return grid_cutout(z, [&](int, int, int) { return flux; });
}

/// Gives every band a mask and sets `bits` where covers(row, column).
template <class Covers>
void set_mask(CutoutBuffer& buffer, std::int32_t bits, Covers&& covers) {
  for (CutoutBuffer::Plane& plane : buffer.bands) {
    plane.mask.assign(plane.pixels.size(), 0);
    for (int i = 0; i < plane.height; ++i)
      for (int j = 0; j < plane.width; ++j)
        if (covers(i, j)) plane.mask[static_cast<std::size_t>(i * plane.width + j)] = bits;
  }
}

}  // namespace

TEST_CASE("asinh by its own series agrees with libm's to 1e-8") {
  double worst = 0;
  for (double x = 1e-12; x < 1e15; x *= 1.0137)
    for (const double sign : {-1.0, 1.0})
      worst = std::max(worst, std::fabs(asinh_series(sign * x) - std::asinh(sign * x)));
  CHECK(worst < 1e-8);
  CHECK(asinh_series(0) == 0);
}

TEST_CASE("Each band is dereddened and stretched with its own constants") {
  // A_b / E(B-V) of Schlafly & Finkbeiner 2011, table 6; sky noise of a native pixel [nanomaggies].
  const double extinction[] = {4.239, 3.303, 2.285, 1.698, 1.263}, noise[] = {0.0454, 0.0172, 0.0276, 0.0427, 0.1743};
  for (const double flux : {-0.5, 0.0, 0.3, 4.0, 250.0})
    for (const double ebv : {0.0, 0.08, 0.4}) {
      CutoutBuffer buffer = flat_cutout(flux);
      buffer.ebv = ebv;
      const Prepared prepared(buffer);
      for (int b = 0; b < band_count; ++b) {
        const double true_flux =
            static_cast<double>(static_cast<float>(flux)) * std::pow(10, 0.4 * extinction[b] * ebv);
        const double y = std::asinh(true_flux / (2 * noise[b] * 8.86)) / 2;
        const double expected = std::fmin(std::fmax(y, -3), 6);
        CHECK(static_cast<double>(prepared.at(b, 0, 0)) == doctest::Approx(expected).epsilon(1e-6));
        CHECK(prepared.at(b, 77, 101) == prepared.at(b, 0, 0));
      }
    }
}

TEST_CASE("The stretch is clipped") {
  CHECK(Prepared(flat_cutout(-1e9)).at(0, 5, 5) == -3.0f);
  CHECK(Prepared(flat_cutout(1e9)).at(4, 5, 5) == 6.0f);
  CHECK(stretch(1e300, 1) == 6.0f);
  CHECK(stretch(-1e300, 1) == -3.0f);
}

TEST_CASE("The normalisation's text names every scale") {
  CHECK(normalisation_text() ==
        "asinh(f/2s)/2 clipped to [-3,6]; s = 0.402244 0.152392 0.244536 0.378322 1.544298 nanomaggies per cell");
}

TEST_CASE("A good cutout has no flag, full coverage, all cells at their places") {
  const CutoutBuffer buffer = noisy_grid_cutout(z, 3);
  const Prepared prepared(buffer);
  CHECK(prepared.state.flags == 0);
  CHECK(prepared.state.coverage == doctest::Approx(1).epsilon(1e-12));
  CHECK(prepared.state.masked_fraction == 0);
  for (const float w : prepared.coverage) CHECK(w == doctest::Approx(1));
  for (const float w : prepared.band_coverage) CHECK(w == doctest::Approx(1));
  for (const int i : {0, 31, 127})
    for (const int j : {0, 64, 127})
      CHECK(prepared.at(2, i, j) ==
            stretch(static_cast<double>(buffer.bands[2].pixels[static_cast<std::size_t>(i * 128 + j)]), 0.0276 * 8.86));
}

TEST_CASE("The field is 2 Mpc wide") {
  CHECK(field_width_arcsec(0.3) == doctest::Approx(449.0036).epsilon(1e-6));  // D_A = 918.7668 Mpc
  CHECK(field_grid(0.3).side == 128);
  CHECK(field_grid(0.3).cell_arcsec * 128 == doctest::Approx(field_width_arcsec(0.3)));
}

TEST_CASE("The context holds redshift, distance, expansion, m*, coverages and the bands' validity") {
  CutoutBuffer buffer = grid_cutout(0.5, [](int, int, int) { return 1; });
  set_mask(buffer, mask_bit::no_data, [](int i, int) { return i >= 64; });  // the northern half is missing
  buffer.bands[3].pixels.clear();
  const Prepared prepared(buffer, 0.5);
  // (z - 0.3) / 0.15, (ln D_A - 6.7) / 0.4, (E - 1.17) / 0.1, (m* - 18.6) / 1.4 with D_A = 1259.0836 Mpc by a sum of
  // 200000 terms; coverage, four rings; u g r i z.
  const double expected[] = {
      1.3333333333, 1.0953485790, 1.3862523283, 1.1839500806, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 0, 1, 0, 0, 0};
  for (std::size_t k = 0; k < context_count; ++k) {
    INFO(k);
    CHECK(static_cast<double>(prepared.context[k]) == doctest::Approx(expected[k]).epsilon(1e-6));
  }
}

TEST_CASE("The filter's answer stands at the end of the context, and what is no mass counts as none") {
  CutoutBuffer buffer = flat_cutout(1);
  buffer.filter_mass = {14.9, 0.15};
  const Prepared told(buffer);
  CHECK(told.context[14] == 1);
  CHECK(told.context[15] == doctest::Approx(1));  // (14.9 - 14.45) / 0.45
  CHECK(told.context[16] == doctest::Approx(-0.5));
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  for (const MassPosterior& none :
       {MassPosterior{}, MassPosterior{14.5, nan}, MassPosterior{nan, 0.2}, MassPosterior{3e14, 0.2},
        MassPosterior{14.5, -0.1}, MassPosterior{14.5, infinite}, MassPosterior{-infinite, 0.2}}) {
    buffer.filter_mass = none;
    const Prepared untold(buffer);
    for (std::size_t k = 0; k < context_count; ++k) CHECK(untold.context[k] == (k < 14 ? told.context[k] : 0));
  }
}

TEST_CASE("Coverage is counted per band and coarse cell, averaged over the bands with light, and per ring") {
  CutoutBuffer buffer = flat_cutout(1);
  set_mask(buffer, mask_bit::no_data, [](int i, int j) { return i < 16 && j < 16; });  // coarse cell (0,0)
  buffer.bands[1].mask.assign(field_cells, 0);
  for (std::size_t k = 0; k < 8; ++k)
    buffer.bands[1].mask[k * 128 + 40] = mask_bit::cosmic_ray;  // 8 of the 256 pixels of coarse cell (0,2)
  buffer.bands[4].pixels.clear();
  const Prepared prepared(buffer);
  CHECK(prepared.band_coverage_at(0, 0, 0) == 0);
  CHECK(prepared.band_coverage_at(0, 0, 1) == 1);
  CHECK(prepared.band_coverage_at(1, 0, 0) == 1);
  CHECK(prepared.band_coverage_at(1, 0, 2) == doctest::Approx(1 - 8.0 / 256));
  CHECK(prepared.band_coverage_at(4, 3, 3) == 0);
  CHECK(prepared.coverage[0] == doctest::Approx(0.25));  // one of four bands
  CHECK(prepared.coverage[2] == doctest::Approx((3 + 1 - 8.0 / 256) / 4));
  // Coarse cells lie at odd eighths: of 64, 4 lie within 0.3, 12 more within 0.55, 16 more within 0.8.
  const double lost = 0.75 + 8.0 / 256 / 4;  // both cells lie in the outer ring
  CHECK(prepared.context[8] == doctest::Approx(1 - lost / 32).epsilon(1e-6));
  CHECK(prepared.context[5] == doctest::Approx(1));
}

TEST_CASE("A cell with less than half of its area valid is empty, above it keeps its surface brightness") {
  // 2 x 2 pixels per cell.
  CutoutBuffer buffer = flat_cutout(1);
  for (CutoutBuffer::Plane& plane : buffer.bands) {
    plane.height = plane.width = 256;
    plane.pixels.assign(256 * 256, 0.25f);
    plane.mask.assign(256 * 256, 0);
    plane.map = rotated_map(field_width_arcsec(z) / 256, 0, 127.5, 127.5);
    plane.mask[0] = mask_bit::bleed;                                    // cell (0,0): three quarters
    plane.mask[2] = plane.mask[3] = plane.mask[258] = mask_bit::bleed;  // cell (0,1): a quarter
  }
  const Prepared prepared(buffer);
  CHECK(prepared.at(2, 0, 0) == doctest::Approx(static_cast<double>(prepared.at(2, 9, 9))).epsilon(1e-6));
  CHECK(prepared.at(2, 0, 1) == 0);
  CHECK(prepared.band_coverage_at(2, 0, 0) == doctest::Approx(1 - 1.25 / 256));
  CHECK(prepared.state.masked_fraction == doctest::Approx(1.0 / 16384).epsilon(1e-6));  // all masked area counts
}

TEST_CASE("Every kind of bad data has its flag") {
  CutoutBuffer buffer = noisy_grid_cutout(z, 4);
  const auto flags = [&] { return Prepared(buffer).state.flags; };
  Cutout cutout = buffer;

  SUBCASE("a band is missing") {
    buffer.bands[1].pixels.clear();
    const Prepared prepared(buffer);
    CHECK(prepared.state.flags == flag::missing_band);
    CHECK(prepared.state.coverage == doctest::Approx(1));
    CHECK(prepared.context[10] == 0);
    CHECK(prepared.at(1, 64, 64) == 0);
  }
  SUBCASE("an image has no height or no width") {
    cutout[Band::u].height = 0;
    CHECK(Prepared(cutout).state.flags == flag::missing_band);
    cutout[Band::u].height = 128;
    cutout[Band::u].width = 0;
    CHECK(Prepared(cutout).state.flags == flag::missing_band);
    cutout[Band::u].width = -5;
    CHECK(Prepared(cutout).state.flags == flag::missing_band);
  }
  SUBCASE("an affine map is singular or not finite") {
    buffer.bands[2].map.arcsec_per_pixel = {{{1, 2}, {2, 4}}};
    CHECK(flags() == flag::missing_band);
    buffer.bands[2].map.arcsec_per_pixel = {{{nan_value, 2}, {2, 4}}};
    CHECK(flags() == flag::missing_band);
    buffer.bands[2].map = {};
    CHECK(flags() == flag::missing_band);
  }
  SUBCASE("fewer than three bands give no result") {
    buffer.bands[0].pixels.clear();
    buffer.bands[1].pixels.clear();
    CHECK(flags() == flag::missing_band);
    buffer.bands[4].pixels.clear();
    CHECK(flags() == (flag::missing_band | flag::no_result));
  }
  SUBCASE("no band at all gives no result") {
    const Prepared prepared{Cutout{}};
    CHECK(prepared.state.flags == (flag::missing_band | flag::low_coverage | flag::no_result));
    CHECK(prepared.state.coverage == 0);
    CHECK(prepared.state.masked_fraction == 0);
  }
  SUBCASE("a NaN pixel without a mask is reported, with a mask it is not") {
    buffer.bands[2].pixels[700] = nan_value;
    CHECK(flags() == flag::nonfinite_pixels);
    CHECK(Prepared(buffer).at(2, 700 / 128, 700 % 128) == 0);
    buffer.bands[2].mask.assign(field_cells, 0);
    buffer.bands[2].mask[700] = mask_bit::saturated;
    CHECK(flags() == 0);
    CHECK(Prepared(buffer).at(2, 700 / 128, 700 % 128) == 0);
  }
  SUBCASE("all masked gives no result") {
    set_mask(buffer, mask_bit::bleed, [](int, int) { return true; });
    const Prepared prepared(buffer);
    CHECK(prepared.state.flags == (flag::missing_band | flag::masked_gt_20 | flag::no_result));
    CHECK(prepared.state.masked_fraction == doctest::Approx(1));
    CHECK(prepared.state.coverage == doctest::Approx(1));
  }
  SUBCASE("all without data gives no result") {
    set_mask(buffer, mask_bit::no_data, [](int, int) { return true; });
    const Prepared prepared(buffer);
    CHECK(prepared.state.flags == (flag::missing_band | flag::edge | flag::low_coverage | flag::no_result));
    CHECK(prepared.state.coverage == 0);
  }
  SUBCASE("the masked fraction counts, above a fifth it is flagged") {
    set_mask(buffer, mask_bit::cosmic_ray, [](int i, int) { return i < 24; });
    CHECK(flags() == 0);
    CHECK(Prepared(buffer).state.masked_fraction == doctest::Approx(24.0 / 128));
    set_mask(buffer, mask_bit::cosmic_ray, [](int i, int) { return i < 27; });
    CHECK(flags() == flag::masked_gt_20);
    CHECK(Prepared(buffer).state.masked_fraction == doctest::Approx(27.0 / 128));
  }
  SUBCASE("variance that is not positive masks") {
    buffer.bands[0].variance.assign(field_cells, 0.1f);
    for (std::size_t k = 0; k < field_cells / 2; ++k) buffer.bands[0].variance[k] = k % 2 == 0 ? 0.0f : -3.0f;
    const Prepared prepared(buffer);
    CHECK(prepared.state.masked_fraction == doctest::Approx(0.1));
    CHECK(prepared.at(0, 10, 10) == 0);
    CHECK(prepared.state.flags == 0);
  }
  SUBCASE("an edge in the field, and a low coverage") {
    set_mask(buffer, mask_bit::no_data, [](int i, int) { return i < 30; });
    CHECK(flags() == flag::edge);
    set_mask(buffer, mask_bit::no_data, [](int i, int) { return i < 60; });
    CHECK(flags() == (flag::edge | flag::low_coverage));
    CHECK(Prepared(buffer).state.coverage == doctest::Approx(68.0 / 128));
  }
  SUBCASE("an image that lies beside the field") {
    for (auto& plane : buffer.bands) plane.map.centre_x += 100;
    CHECK(flags() == (flag::edge | flag::low_coverage));
    CHECK(Prepared(buffer).state.coverage == doctest::Approx(28.0 / 128));
    for (auto& plane : buffer.bands) plane.map.centre_x += 1000;
    CHECK(flags() == (flag::missing_band | flag::edge | flag::low_coverage | flag::no_result));
  }
  SUBCASE("a star brighter than r = 13") {
    buffer.bands[2].pixels[5000] = 6200;
    CHECK(flags() == 0);
    buffer.bands[2].pixels[5000] = 6400;
    CHECK(flags() == flag::bright_star);
  }
  SUBCASE("an E(B-V) that is no number, negative or absurd counts as none") {
    const Prepared without(buffer);
    for (const double ebv :
         {std::numeric_limits<double>::quiet_NaN(), -999.0, 1e6, std::numeric_limits<double>::infinity()}) {
      buffer.ebv = ebv;
      CHECK(Prepared(buffer).input == without.input);
    }
  }
}

TEST_CASE("A caller's rows may lie further apart than they are wide, and his mask may use any bits") {
  const CutoutBuffer buffer = noisy_grid_cutout(z, 5);
  Cutout cutout = buffer;
  std::vector<float> wide(128 * 200, nan_value);
  std::vector<std::int32_t> mask(128 * 200, 0);
  for (std::size_t i = 0; i < 128; ++i)
    for (std::size_t j = 0; j < 128; ++j) wide[i * 200 + j] = buffer.bands[2].pixels[i * 128 + j];
  mask[7 * 200 + 9] = 1 << 30;  // means nothing
  mask[8 * 200 + 9] = 1 << 29;  // bad
  mask[9 * 200 + 9] = 1 << 28;  // no data
  BandImage& image = cutout[Band::r];
  image.pixels = wide.data();
  image.mask = mask.data();
  image.row_stride = 200;
  image.bad_mask = 1 << 29;
  image.no_data_mask = 1 << 28;
  const Prepared plain{buffer}, wrapped{cutout};
  CHECK(wrapped.state.flags == 0);
  CHECK(wrapped.at(2, 7, 9) == plain.at(2, 7, 9));
  CHECK(wrapped.at(2, 8, 9) == 0);
  CHECK(wrapped.at(2, 9, 9) == 0);
  CHECK(wrapped.at(2, 100, 90) == plain.at(2, 100, 90));
  CHECK(wrapped.state.masked_fraction == doctest::Approx(1.0 / (5 * 16384 - 1)));
}

TEST_CASE("Pixels need no alignment") {
  const CutoutBuffer buffer = noisy_grid_cutout(z, 6);
  Cutout cutout = buffer;
  std::vector<std::byte> bytes(field_cells * sizeof(float) + 8);
  float* shifted = reinterpret_cast<float*>(bytes.data() + 4);  // off any vector's boundary, as C++ allows
  std::copy(buffer.bands[0].pixels.begin(), buffer.bands[0].pixels.end(), shifted);
  cutout[Band::u].pixels = shifted;
  CHECK(Prepared(cutout).input == Prepared(buffer).input);
}
