// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/baselines/filter_mass.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "clustermass/baselines/cluster_features.hpp"
#include "clustermass/mock/working.hpp"

using namespace clustermass;

TEST_CASE("a network is told what the baseline on pixels says, and nothing where that has nothing to say") {
  const mock::SkyParameters sky = mock::sky_a();
  const FilterMass filter;
  const PixelFilter baseline(sky);
  double square = 0;
  constexpr int count = 12;
  CutoutBuffer last;
  for (int k = 0; k < count; ++k) {
    mock::SceneOptions options;
    options.log10_m500c = 13.9 + 0.1 * k;
    const mock::Scene scene = mock::draw_scene(sky, 77, static_cast<std::uint64_t>(k), options);
    last = mock::render_working(scene, sky);
    const MassPosterior told = filter(last);
    CHECK(told.is_known());
    const ClusterFeatures features = features_of(baseline(last), sky);
    CHECK(told.log10_m500c == features.filter.log10_m500c);
    CHECK(told.log10_m500c_error == features.filter.log10_m500c_error);
    square += std::pow((told.log10_m500c - scene.log10_m500c) / told.log10_m500c_error, 2) / count;
  }
  CHECK(square < 4);  // the truth lies within its errors, as a whole

  for (const double z : {std::numeric_limits<double>::quiet_NaN(), 0.0, 0.01, 1.5}) {
    CutoutBuffer cutout = last;
    cutout.redshift = z;
    CHECK_FALSE(filter(cutout).is_known());
  }
  CutoutBuffer without_i = last;
  without_i.bands[3] = {};
  CHECK_FALSE(filter(without_i).is_known());
  CHECK_FALSE(filter(CutoutBuffer{.redshift = 0.3}).is_known());
}
