// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/train/native_patch.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "clustermass/core/random.hpp"

using namespace clustermass;

namespace {
constexpr int width = 300, height = 260;

/// Noise of one unit of the stretch per pixel in the two bands g and r of a detector that lies turned on the sky.
struct Frames {
  std::vector<float> pixels = std::vector<float>(std::size_t{width} * height);
  std::vector<std::int32_t> mask = std::vector<std::int32_t>(pixels.size());
  Cutout whole;

  explicit Frames(double x, double y) {
    Random random(3, 1);
    for (float& value : pixels) value = static_cast<float>(stretch_scale[1] / stretch_pixels * random.normal());
    mask[static_cast<std::size_t>(100 * width + 150)] = 1;
    for (const std::size_t b : {std::size_t{1}, std::size_t{2}}) {
      whole.bands[b].pixels = pixels.data();
      whole.bands[b].mask = mask.data();
      whole.bands[b].height = height;
      whole.bands[b].width = width;
      whole.bands[b].map = {{{{0.2, 0.34}, {-0.34, 0.2}}}, x, y};
    }
  }
};

struct Prepared {
  std::vector<float> input = std::vector<float>(band_count * field_cells),
                     band_coverage = std::vector<float>(band_count * coarse_cells),
                     coverage = std::vector<float>(coarse_cells), context = std::vector<float>(context_count);
  PreparedState state;

  explicit Prepared(const CutoutBuffer& patch) {
    std::vector<Cell> scratch(field_cells);
    state = prepare(patch, patch.redshift, scratch, {input, band_coverage, coverage, context});
  }
};
}  // namespace

TEST_CASE("a patch of native pixels goes through the front door pixel by pixel, its noise in units of the stretch") {
  const Frames frames(150.2, 99.7);
  const Prepared prepared(native_patch(frames.whole));
  CHECK(prepared.state.coverage == doctest::Approx(1));
  CHECK((prepared.state.flags & (flag::edge | flag::nonfinite_pixels)) == 0);
  int equal = 0, masked = 0;
  for (int i = 0; i < field_side; ++i)
    for (int j = 0; j < field_side; ++j) {
      // Centre at pixel (150.2, 99.7): columns from 87 on, rows from 36 on.
      const std::size_t at = static_cast<std::size_t>((36 + i) * width + 87 + j);
      const float found = prepared.input[field_cells + static_cast<std::size_t>(i * field_side + j)];
      masked += found == 0;
      const double expected = stretch(frames.pixels[at] * stretch_pixels, stretch_scale[1]);
      equal += frames.mask[at] == 0 && std::fabs(found - expected) < 1e-5;
    }
  CHECK(masked == 1);
  CHECK(equal == field_cells - 1);
  for (std::size_t k = 0; k < field_cells; ++k) REQUIRE(prepared.input[k] == 0);  // there is no u band
}

TEST_CASE("what a patch lacks beyond the edge of a frame is missing, not empty sky") {
  const Frames frames(0, 130);
  const Prepared prepared(native_patch(frames.whole));
  CHECK(prepared.state.coverage == doctest::Approx(0.5).epsilon(0.01));
  CHECK((prepared.state.flags & flag::edge) != 0);
}
