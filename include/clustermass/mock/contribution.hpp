// SPDX-License-Identifier: BSD-3-Clause
// Whose light is it: the image of some of a scene's sources alone, and the scene without them. The truth that
// explanations of the network are judged against.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/mock/working.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Indices into Scene::sources of all sources of these kinds, rising.
inline std::vector<std::size_t> sources_of(const Scene& scene, std::initializer_list<SourceKind> kinds) {
  std::vector<std::size_t> indices;
  for (std::size_t k = 0; k < scene.sources.size(); ++k)
    for (const SourceKind kind : kinds)
      if (scene.sources[k].kind == kind) indices.push_back(k);
  return indices;
}

/// Throws InputError if one of the indices is no source's.
inline void check_indices(const char* function, const Scene& scene, std::span<const std::size_t> indices) {
  for (const std::size_t k : indices)
    if (k >= scene.sources.size())
      detail::raise<InputError>(std::string(function) + ": the scene has " + std::to_string(scene.sources.size()) +
                                " sources, source " + std::to_string(k) + " is not one of them");
}

/// Light of the sources with these indices, five bands [side,side] over 2 Mpc as render_working draws them: no noise,
/// no mask, no sky residual (which the over-subtraction belongs to), all five bands. The images of sets that together
/// are all sources sum to render_working's without noise, masks and residual, up to the rounding of float.
///
/// Throws  InputError for an index that is no source's, or a side outside [8, 4096]
inline CutoutBuffer render_contribution(const Scene& scene, std::span<const std::size_t> indices,
                                        const SkyParameters& sky, int side = 128) {
  check_side("render_contribution", side);
  check_indices("render_contribution", scene, indices);
  const WorkingGrid grid(scene.redshift, side);
  CutoutBuffer cutout = empty_cutout(scene, grid, [](std::size_t) { return true; });
  std::vector<Source> chosen;
  for (const std::size_t k : indices) chosen.push_back(scene.sources[k]);
  draw_sources(scene, sky, grid, chosen, planes_of(cutout));
  return cutout;
}

/// The same field without some sources. Whatever else it had it keeps, the noise's draws too, so that two images differ
/// by those sources' light, its photon noise, its over-subtraction and its masks alone.
///
/// Throws  InputError for an index that is no source's
inline Scene without_sources(const Scene& scene, std::span<const std::size_t> indices) {
  check_indices("without_sources", scene, indices);
  std::vector<bool> gone(scene.sources.size());
  for (const std::size_t k : indices) gone[k] = true;
  Scene rest = scene;
  rest.sources.clear();
  for (std::size_t k = 0; k < scene.sources.size(); ++k)
    if (!gone[k]) rest.sources.push_back(scene.sources[k]);
  return rest;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
