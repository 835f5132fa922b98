// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/mock/labels.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "close_to.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
struct Moments {
  double mean, sd;
};
/// Mean and standard deviation with outliers beyond 3 sigma taken out until none is left.
Moments clipped(std::vector<double> values) {
  for (;;) {
    double mean = 0, square = 0;
    for (const double v : values) mean += v / static_cast<double>(values.size());
    for (const double v : values) square += (v - mean) * (v - mean) / static_cast<double>(values.size());
    const double sd = std::sqrt(square);
    std::vector<double> kept;
    for (const double v : values)
      if (std::fabs(v - mean) < 3 * sd) kept.push_back(v);
    if (kept.size() == values.size()) return {mean, sd};
    values = kept;
  }
}
}  // namespace

TEST_CASE("SZ and X-ray labels of one cluster differ as those of PSZ2 and MCXC do") {
  // Gate V11: 408 real clusters, 3-sigma clipped.
  std::vector<double> difference;
  for (std::uint64_t k = 0; k < 4000; ++k)
    difference.push_back(draw_label(14.5, LabelSource::sz, 5, k).log10_m500c -
                         draw_label(14.5, LabelSource::xray, 5, k).log10_m500c);
  const Moments seen = clipped(difference);
  MESSAGE("SZ minus X-ray: mean " << seen.mean << ", sd " << seen.sd << " dex");
  CHECK(std::fabs(seen.mean - 0.085) < 0.02);
  CHECK(std::fabs(seen.sd - 0.118) < 0.015);
}

TEST_CASE("a label has its source's offset and scatter, and a few are far off") {
  for (const LabelModel& model : {LabelModel{}, chances_labels()})
    for (const LabelSource name : {LabelSource::xray, LabelSource::sz}) {
      std::vector<double> good;
      int outliers = 0;
      double far_square = 0;
      constexpr int count = 30000;
      for (std::uint64_t k = 0; k < count; ++k) {
        const Label label = draw_label(14.2, name, 6, k, model);
        CHECK(label.log10_m500c_error == model[name].scatter);
        if (label.outlier) {
          ++outliers;
          far_square += std::pow(label.log10_m500c - 14.2 - model[name].offset, 2);
        } else {
          good.push_back(label.log10_m500c - 14.2);
        }
      }
      double mean = 0, square = 0;
      for (const double v : good) mean += v / static_cast<double>(good.size());
      for (const double v : good) square += (v - mean) * (v - mean) / static_cast<double>(good.size());
      CHECK(std::fabs(mean - model[name].offset) < 5 * model[name].scatter / std::sqrt(double(count)));
      CHECK(std::sqrt(square) == close_to(model[name].scatter, 0.03));
      CHECK(std::fabs(outliers - 0.02 * count) < 4 * std::sqrt(0.02 * count));
      CHECK(std::sqrt(far_square / outliers) == close_to(0.4, 0.15));
    }
}

TEST_CASE("the offsets are those of the decided scale and of CHANCES") {
  const LabelModel plain, chances = chances_labels();
  CHECK(plain[LabelSource::xray].offset == -0.13);
  CHECK(plain[LabelSource::sz].offset == -0.04);
  CHECK(chances[LabelSource::xray].offset == -0.18);
  CHECK(chances[LabelSource::sz].offset == -0.13);
}

TEST_CASE("labels of the two sources are independent and do not depend on the order of asking") {
  double product = 0;
  constexpr int count = 4000;
  for (std::uint64_t k = 0; k < count; ++k) {
    const Label late = draw_label(14, LabelSource::sz, 7, k), x = draw_label(14, LabelSource::xray, 7, k),
                again = draw_label(14, LabelSource::sz, 7, k);
    CHECK(late.log10_m500c == again.log10_m500c);
    if (!late.outlier && !x.outlier)
      product += (late.log10_m500c - 14 + 0.04) / 0.06 * (x.log10_m500c - 14 + 0.13) / 0.11 / count;
  }
  CHECK(std::fabs(product) < 4 / std::sqrt(double(count)));
}
