// SPDX-License-Identifier: BSD-3-Clause
#include "sample.hpp"

#include "../common/progress.hpp"
#include "clustermass/mock/sky.hpp"
#include "clustermass/mock/working.hpp"

using namespace clustermass;

std::vector<Case> measure_sky(const SkyRequest& request, Team& team) {
  std::vector<Case> cases(request.count);
  tool::Progress progress(request.label, request.count, request.quiet);
  team.run(request.count, [&](std::size_t k, int member) {
    const std::uint64_t index = request.first + k;
    const mock::SkyParameters sky = sky_of(request.sky, request.prior, request.seed, index);
    const mock::Scene scene = mock::draw_scene(sky, request.seed, index);
    const CutoutBuffer cutout = mock::render_working(scene, sky);
    Case& c = cases[k];
    c.id = std::to_string(index);
    c.label = scene.log10_m500c;
    c.redshift = scene.redshift;
    c.lambda = scene.lambda_int;
    c.fold = static_cast<int>(k % fold_count);
    if (request.networks != nullptr)
      for (const auto& network : *request.networks) c.masses.push_back(network->estimate(cutout, member));
    for (const Filters* filters : request.recipes) {
      c.features.push_back(features_of(filters->pixels(cutout), filters->sky));
      c.features.back().catalogue = filters->catalogue(scene).mass;
    }
    if (request.oracle != nullptr) {
      c.o1 = richness_posterior(scene.lambda_int, scene.redshift, sky);
      c.o2 = filter_posterior((*request.oracle)(scene).richness, scene.redshift, sky);
    }
    progress.step();
  });
  return cases;
}
