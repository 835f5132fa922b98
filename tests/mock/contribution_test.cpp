// SPDX-License-Identifier: BSD-3-Clause
// Contributions of sources to the image: they sum to it, and taking some away leaves the rest. The light of brightest
// galaxies and between the galaxies against stacked clusters.
#include "clustermass/mock/contribution.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "close_to.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
WorkingOptions noiseless() {
  WorkingOptions options;
  options.noise = options.sky_residual = options.masks = false;
  return options;
}
Scene some_scene(std::uint64_t index) {
  SceneOptions options;
  options.log10_m500c = 14.6;
  options.redshift = 0.25;
  options.footprint_probability = 0;
  return draw_scene(SkyParameters{}, 91, index, options);
}
void add_to(std::array<std::vector<double>, 5>& sums, const CutoutBuffer& image) {
  for (std::size_t b = 0; b < 5; ++b) {
    sums[b].resize(image.bands[b].pixels.size());
    for (std::size_t k = 0; k < sums[b].size(); ++k) sums[b][k] += static_cast<double>(image.bands[b].pixels[k]);
  }
}
bool refuses(const Scene& scene, std::vector<std::size_t> indices, int side, const std::string& word) {
  try {
    render_contribution(scene, indices, SkyParameters{}, side);
  } catch (const InputError& error) {
    return std::string(error.what()).find(word) != std::string::npos;
  }
  return false;
}
}  // namespace

TEST_CASE("the contributions of all kinds of sources, and of every source, sum to the noiseless image") {
  const SkyParameters sky;
  const Scene scene = some_scene(0);
  const CutoutBuffer whole = render_working(scene, sky, noiseless());
  std::array<std::vector<double>, 5> kinds, singles;
  std::size_t counted = 0;
  for (const SourceKind kind : {SourceKind::red_member, SourceKind::blue_member, SourceKind::bcg, SourceKind::icl,
                                SourceKind::structure, SourceKind::projected, SourceKind::field, SourceKind::star}) {
    const std::vector<std::size_t> indices = sources_of(scene, {kind});
    counted += indices.size();
    add_to(kinds, render_contribution(scene, indices, sky));
  }
  CHECK(counted == scene.sources.size());
  std::vector<std::size_t> block;
  for (std::size_t k = 0; k < scene.sources.size(); ++k) {  // one by one for some, in blocks for the rest
    block.push_back(k);
    if (k >= 40 && block.size() < 200 && k + 1 < scene.sources.size()) continue;
    add_to(singles, render_contribution(scene, block, sky));
    block.clear();
  }
  for (std::size_t b = 0; b < 5; ++b)
    for (std::size_t k = 0; k < kinds[b].size(); ++k) {
      const double expected = static_cast<double>(whole.bands[b].pixels[k]);
      REQUIRE(std::fabs(kinds[b][k] - expected) < 1e-5 * expected + 1e-7);
      REQUIRE(std::fabs(singles[b][k] - expected) < 1e-5 * expected + 1e-7);
    }
}

TEST_CASE("a scene without some sources keeps everything else, the noise's draws too") {
  const SkyParameters sky;
  const Scene scene = some_scene(1);
  const CutoutBuffer same = render_working(without_sources(scene, {}), sky), noisy = render_working(scene, sky);
  const std::vector<std::size_t> members = sources_of(scene, {SourceKind::red_member, SourceKind::blue_member});
  REQUIRE(members.size() > 50);
  const Scene rest = without_sources(scene, members);
  CHECK(rest.sources.size() + members.size() == scene.sources.size());
  CHECK(sources_of(rest, {SourceKind::red_member, SourceKind::blue_member}).empty());
  const CutoutBuffer light = render_contribution(scene, members, sky), others = render_working(rest, sky, noiseless()),
                     whole = render_working(scene, sky, noiseless());
  const CutoutBuffer noisy_rest = render_working(rest, sky);
  for (std::size_t b = 0; b < 5; ++b) {
    if (static_cast<int>(b) == scene.missing_band) continue;
    CHECK(same.bands[b].pixels == noisy.bands[b].pixels);
    const double sigma = scene.camera[b].noise() * light.bands[b].map.arcsec_per_pixel[1][1] / Footprint::pixel_arcsec;
    double rms = 0;
    for (std::size_t k = 0; k < whole.bands[b].pixels.size(); ++k) {
      const double expected = static_cast<double>(light.bands[b].pixels[k]);
      const double all = static_cast<double>(whole.bands[b].pixels[k]);
      REQUIRE(std::fabs(all - static_cast<double>(others.bands[b].pixels[k]) - expected) < 1e-5 * all + 1e-7);
      // With noise the difference is the light and the change of its photon noise: the sky's noise cancels.
      const double off =
          static_cast<double>(noisy.bands[b].pixels[k]) - static_cast<double>(noisy_rest.bands[b].pixels[k]) - expected;
      rms += off * off / static_cast<double>(whole.bands[b].pixels.size());
    }
    CHECK(std::sqrt(rms) < 0.3 * sigma);
  }
}

TEST_CASE("contributions of what is no source, and of images of no size, are refused") {
  const Scene scene = some_scene(2);
  CHECK(refuses(scene, {scene.sources.size()}, 128, "is not one of them"));
  CHECK(refuses(scene, {0}, 7, "[8, 4096]"));
  CHECK(refuses(scene, {0}, 5000, "[8, 4096]"));
  CHECK_THROWS_AS(without_sources(scene, std::vector<std::size_t>{scene.sources.size() + 3}), InputError);
}

TEST_CASE("brightest galaxies and intracluster light in a stack have the surface brightness of SDSS stacks") {
  SkyParameters sky;
  sky.field_scale = sky.star_scale = sky.structure_fraction = sky.projection_probability = 0;
  SceneOptions options;
  options.redshift = 0.25;
  options.miscentring = false;
  options.log10_m500c = 14.3;  // as many clusters per volume as in Zibetti et al. 2005
  const WorkingGrid grid(0.25, 128);
  const double kpc = 1e-3 * arcsec_of_mpc(1, 0.25), area = grid.cell_arcsec * grid.cell_arcsec;
  std::array<double, 2> light{}, cells{};
  double icl = 0, all = 0;
  constexpr int clusters = 150;
  for (std::uint64_t k = 0; k < clusters; ++k) {
    const Scene scene = draw_scene(sky, 46, k, options);
    const double undim = std::pow(10, 0.4 * extinction_per_ebv[2] * scene.ebv);
    const CutoutBuffer diffuse = render_contribution(scene, sources_of(scene, {SourceKind::bcg, SourceKind::icl}), sky);
    const CutoutBuffer between = render_contribution(scene, sources_of(scene, {SourceKind::icl}), sky);
    for (int j = 0; j < 128; ++j)
      for (int i = 0; i < 128; ++i) {
        const double radius = std::hypot(grid.east(i), grid.north(j)) / kpc;
        const auto at = static_cast<std::size_t>(128 * j + i);
        for (std::size_t ring = 0; ring < 2; ++ring)
          if (std::fabs(radius - (ring == 0 ? 100 : 300)) < 12) {
            light[ring] += undim * static_cast<double>(diffuse.bands[2].pixels[at]);
            cells[ring] += 1;
          }
        if (radius < 500) icl += undim * static_cast<double>(between.bands[2].pixels[at]);
      }
    for (const Source& source : scene.sources)
      if (source.kind != SourceKind::icl && std::hypot(source.east, source.north) < 500 * kpc)
        all += undim * source.flux[2];
  }
  const double at100 = magnitude(light[0] / cells[0] / area), at300 = magnitude(light[1] / cells[1] / area);
  MESSAGE("BCG and ICL in r at 100, 300 kpc, z = 0.25: " << at100 << ", " << at300 << " mag/arcsec^2; ICL holds "
                                                         << 100 * icl / (icl + all) << " % inside 500 kpc");
  CHECK(std::fabs(at100 - 26.5) < 1);
  CHECK(std::fabs(at300 - 29) < 1);
  CHECK(std::fabs(icl / (icl + all) - 0.10) < 0.005);
}
