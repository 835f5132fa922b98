// SPDX-License-Identifier: BSD-3-Clause
// Maps lie where the images do: a lone source on a rotated frame is found on the map at its own place on the sky.
#if __has_include(<fitsio.h>)

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "clustermass/explain/explainer.hpp"
#include "clustermass/io/wcs.hpp"
#include "support/random_network.hpp"

using namespace clustermass;

TEST_CASE("A source's attribution falls on its own place on the sky, to half a cell of the map") {
  const Estimator estimator(support::random_network(3), "memory", {.replay_probe = false, .redshift_response = false});
  const Explainer explainer(estimator, {.steps = 2});
  const SkyPosition cluster{210.3, 36.7};
  constexpr int side = 1500;
  for (const double angle : {0.0, 0.6, 2.5}) {
    // Pixels of 0.396 arcsec, turned; the reference point is not the cluster.
    const double s = 0.396 / 3600 * std::sin(angle), c = 0.396 / 3600 * std::cos(angle);
    const Wcs wcs{{210.28, 36.71}, {side / 2.0, side / 2.0}, {{{-c, s}, {s, c}}}};
    const AffineMap map = *wcs.local_map(cluster);
    for (const auto& [dx, dy] : {std::pair{300.0, 120.0}, {-250.0, 200.0}}) {
      const double x = std::round(map.centre_x + dx), y = std::round(map.centre_y + dy);
      REQUIRE(std::min(x, y) > 8);
      REQUIRE(std::max(x, y) < side - 9);
      CutoutBuffer cutout;
      cutout.redshift = 0.3;
      for (CutoutBuffer::Plane& plane : cutout.bands) {
        plane.height = plane.width = side;
        plane.map = map;
        plane.pixels.assign(side * side, 0.0f);
        for (int i = -8; i <= 8; ++i)
          for (int j = -8; j <= 8; ++j)
            plane.pixels[static_cast<std::size_t>((y + i) * side + x + j)] =
                static_cast<float>(3 * std::exp(-(i * i + j * j) / 8.0));
      }
      const Explanation why = explainer.explain(cutout);
      REQUIRE(why.has_result());
      for (const std::vector<float>* values : {&why.gradients, &why.joint}) {
        // The joint map also gives the cells around their shares, where they are: of it the peak has to be here,
        // which is a single cell and so may be off by the half of its diagonal.
        const double power = values == &why.joint ? 8 : 1;
        double weight = 0, row = 0, column = 0, most = 0;
        for (const float value : *values) most = std::max(most, std::fabs(static_cast<double>(value)));
        REQUIRE(most > 0);
        for (std::size_t k = 0; k < values->size(); ++k) {
          const double size = std::pow(std::fabs(static_cast<double>((*values)[k])) / most, power);
          weight += size;
          row += size * static_cast<double>(k / field_side % field_side);
          column += size * static_cast<double>(k % field_side);
        }
        const double cell = why.grid.cell_arcsec / 3600, middle = (field_side - 1) / 2.0;
        const Wcs of_map{cluster, {middle, middle}, {{{-cell, 0}, {0, cell}}}};
        const SkyPosition found = of_map.pixel_to_sky({column / weight, row / weight});
        const double limit = values == &why.joint ? 0.75 : 0.5;
        CHECK(separation_arcsec(found, wcs.pixel_to_sky({x, y})) < limit * why.grid.cell_arcsec);
      }
    }
  }
}

#endif
