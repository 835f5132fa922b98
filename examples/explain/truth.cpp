// SPDX-License-Identifier: BSD-3-Clause
#include "truth.hpp"

#include <algorithm>
#include <cmath>

#include "clustermass/mock/contribution.hpp"
#include "clustermass/mock/working.hpp"
#include "statistics.hpp"

using namespace clustermass;

namespace {

constexpr std::size_t i_band = 3;

/// Whose light a cell holds: the class with the most light in i, if that is above one sigma of the sky.
enum Owner : std::uint8_t { nobody, members, stars, field, diffuse };

std::vector<Owner> owners_of(const mock::Scene& scene, const mock::SkyParameters& sky) {
  using enum mock::SourceKind;
  const double pixels = field_grid(scene.redshift).cell_arcsec / mock::Footprint::pixel_arcsec;
  std::vector<float> most(field_cells, static_cast<float>(scene.camera[i_band].noise() * pixels));
  std::vector<Owner> owner(field_cells, nobody);
  const auto claim = [&](Owner who, std::initializer_list<mock::SourceKind> kinds) {
    const CutoutBuffer light = mock::render_contribution(scene, mock::sources_of(scene, kinds), sky);
    const std::vector<float>& plane = light.bands[i_band].pixels;
    for (std::size_t p = 0; p < field_cells; ++p)
      if (plane[p] > most[p]) most[p] = plane[p], owner[p] = who;
  };
  claim(members, {red_member, blue_member, bcg});
  claim(stars, {star});
  claim(Owner::field, {mock::SourceKind::field, structure, projected});
  claim(diffuse, {icl});
  return owner;
}

/// What the network reads of the scene without some sources.
std::vector<float> input_without(const mock::Scene& scene, const std::vector<std::size_t>& gone,
                                 const mock::SkyParameters& sky) {
  const CutoutBuffer rest = mock::render_working(mock::without_sources(scene, gone), sky);
  std::vector<float> input(band_count * field_cells), coverage(band_count * coarse_cells), whole(coarse_cells),
      context(context_count);
  std::vector<Cell> cells(field_cells);
  prepare(rest, scene.redshift, cells, {input, coverage, whole, context});
  return input;
}

/// Share of each cell's light that goes when `input` becomes `without`.
std::vector<double> share_gone(std::span<const float> input, std::span<const float> without) {
  std::vector<double> share(input.size());
  for (std::size_t k = 0; k < input.size(); ++k)
    if (input[k] > 0) share[k] = std::clamp(static_cast<double>((input[k] - without[k]) / input[k]), 0.0, 1.0);
  return share;
}

double weighted_sum(std::span<const float> map, std::span<const double> weights) {
  double sum = 0;
  for (std::size_t k = 0; k < map.size(); ++k) sum += static_cast<double>(map[k]) * weights[k];
  return sum;
}

/// Square patches of 16 cells, shifted by half a patch against the coarse grid, so that no map has them by heart.
constexpr int patch = 16, patches = field_side / patch - 1;
template <class Visit>
void for_each_patch(Visit&& visit) {
  for (int i = 0; i < patches; ++i)
    for (int j = 0; j < patches; ++j) visit(patch / 2 + patch * i, patch / 2 + patch * j);
}
template <class Visit>
void for_each_cell(int top, int left, Visit&& visit) {
  for (std::size_t b = 0; b < band_count; ++b)
    for (int i = top; i < top + patch; ++i)
      for (int j = left; j < left + patch; ++j) visit(b * field_cells + static_cast<std::size_t>(i * field_side + j));
}

}  // namespace

std::vector<float> map_of(Method method, const Explanation& why, std::span<const float> input) {
  switch (method) {
    case Method::joint:
      return why.joint;
    case Method::gradients:
      return why.gradients;
    case Method::cells:
      return spread_bilinearly(why.cells, field_side);
    case Method::grad_cam:
      return spread_bilinearly(why.grad_cam, field_side);
    case Method::integrated_grad_cam:
      return spread_bilinearly(why.integrated_grad_cam, field_side);
    case Method::product:
      return why.product;
    case Method::light:
      break;
  }
  return {input.begin(), input.end()};
}

ClusterScore score_cluster(const mock::Scene& scene, const mock::SkyParameters& sky, const FilterWeight& filter,
                           const Explainer& explainer, ExplainerWorkspace& memory, bool with_occlusion) {
  ClusterScore score;
  score.truth = scene.log10_m500c;
  score.redshift = scene.redshift;
  const CutoutBuffer cutout = mock::render_working(scene, sky);
  const Explanation why = explainer.explain(cutout, memory);
  if (!why.has_result()) return score;
  score.explained = true;
  score.estimate = why.value;
  score.difference = why.difference();
  score.joint_residual = why.joint_residual;
  score.gradients_residual = why.gradients_residual;
  const std::span<const float> prepared = memory.estimate.prepared().input;
  const std::vector<float> input(prepared.begin(), prepared.end());
  for (std::size_t k = 0; k < input.size(); ++k)
    if (input[k] == 0 && (why.joint[k] != 0 || why.gradients[k] != 0)) score.all_zero_where_masked = false;

  // Areas, in cells that hold light in any band.
  const std::vector<Owner> owner = owners_of(scene, sky);
  double valid = 0;
  for (std::size_t p = 0; p < field_cells; ++p) {
    bool any = false;
    for (std::size_t b = 0; b < band_count; ++b) any |= input[b * field_cells + p] != 0;
    if (!any) continue;
    valid += 1;
    score.area_members += owner[p] == members;
    score.area_stars += owner[p] == stars;
    score.area_field += owner[p] == Owner::field;
  }
  for (double* area : {&score.area_members, &score.area_stars, &score.area_field}) *area /= valid;

  // Deletion: half of the members, drawn by lot, and all of them.
  using enum mock::SourceKind;
  const std::vector<std::size_t> all = mock::sources_of(scene, {red_member, blue_member, bcg});
  std::vector<std::size_t> half;
  Random lot(scene.seed, scene.index, 40);
  for (const std::size_t s : all)
    if (lot.uniform() < 0.5) half.push_back(s);
  const std::vector<float> without_half = input_without(scene, half, sky), without_all = input_without(scene, all, sky);
  score.half = score.estimate - explainer.value_of(without_half, memory);
  score.all = score.estimate - explainer.value_of(without_all, memory);
  const std::vector<double> gone_half = share_gone(input, without_half), gone_all = share_gone(input, without_all);

  std::vector<double> losses;
  if (with_occlusion) {
    std::vector<float> occluded = input;
    for_each_patch([&](int top, int left) {
      for_each_cell(top, left, [&](std::size_t k) { occluded[k] = 0; });
      losses.push_back(score.estimate - explainer.value_of(occluded, memory));
      for_each_cell(top, left, [&](std::size_t k) { occluded[k] = input[k]; });
    });
  }

  const std::vector<FilterWeight::Weighed> galaxies = filter(scene);
  std::vector<SourcePlace> places;
  std::vector<double> weights;
  const double reach = 1.5 * why.grid.cell_arcsec;
  for (const auto& g : galaxies) places.push_back({g.east, g.north, reach}), weights.push_back(g.weight);
  for (const mock::Source& s : scene.sources)  // light that is not theirs
    if ((s.kind == star || s.kind == bcg) && mock::magnitude(s.flux[i_band]) < 20.9)
      places.push_back({s.east, s.north, reach});

  for (std::size_t m = 0; m < method_count; ++m) {
    const std::vector<float> map = map_of(static_cast<Method>(m), why, input);
    MapScore& result = score.maps[m];
    for (std::size_t p = 0; p < field_cells; ++p) {
      double sum = 0;
      for (std::size_t b = 0; b < band_count; ++b) sum += static_cast<double>(map[b * field_cells + p]);
      const double plus = std::max(sum, 0.0);
      result.positive += plus;
      result.net_all += sum;
      if (owner[p] == members) result.members += plus, result.net_members += sum;
      if (owner[p] == stars) result.stars += plus, result.net_stars += sum;
      if (owner[p] == Owner::field) result.field += plus, result.net_field += sum;
    }
    if (result.positive > 0)
      for (double* share : {&result.members, &result.stars, &result.field}) *share /= result.positive;
    result.half = weighted_sum(map, gone_half);
    result.all = weighted_sum(map, gone_all);
    std::vector<double> sums = source_sums(map, why.grid, places);
    sums.resize(weights.size());
    result.spearman = statistics::spearman(sums, weights);
    if (!with_occlusion) continue;
    std::vector<double> said;
    for_each_patch([&](int top, int left) {
      double sum = 0;
      for_each_cell(top, left, [&](std::size_t k) { sum += static_cast<double>(map[k]); });
      said.push_back(sum);
    });
    result.occlusion = statistics::pearson(said, losses);
  }
  return score;
}
