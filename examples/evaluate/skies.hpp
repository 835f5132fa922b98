// SPDX-License-Identifier: BSD-3-Clause
// The mock skies by name, and what the baselines take for granted of each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "clustermass/baselines/mass_baselines.hpp"
#include "clustermass/mock/skies.hpp"

/// The parameters of a scene: "A", "B" or "AB-mixed"; only the mixture depends on the scene.
inline clustermass::mock::SkyParameters sky_of(const std::string& name, const std::string& prior, std::uint64_t seed,
                                               std::uint64_t index) {
  using namespace clustermass;
  mock::SkyParameters sky = name == "B" ? mock::sky_b() : name == "A" ? mock::sky_a() : mock::mixed_sky(seed, index);
  if (prior == "survey") sky.prior = mock::Prior::survey;
  if (prior == "label-like") sky.prior = mock::Prior::label_like;
  return sky;
}

/// What stands for a sky where one recipe has to do for all of its scenes: itself, or the middle between A and B.
inline clustermass::mock::SkyParameters recipe_of(const std::string& name, const std::string& prior) {
  using namespace clustermass;
  mock::SkyParameters sky = sky_of(name == "B" ? "B" : "A", prior, 0, 0);
  if (name != "AB-mixed") return sky;
  for (std::size_t k = 0; k < mock::ingredient_count; ++k)
    mock::ingredients::blend(sky, static_cast<mock::Ingredient>(k), 0.5, false);
  sky.name = "the middle of mock skies A and B";
  return sky;
}

/// The matched filters of a recipe: on pixels, and on the galaxies as a survey's catalogue lists them.
struct Filters {
  clustermass::mock::SkyParameters sky;
  clustermass::PixelFilter pixels;
  clustermass::FilterOracle catalogue;

  explicit Filters(const clustermass::mock::SkyParameters& recipe) : sky(recipe), pixels(recipe), catalogue(recipe) {}
};

/// "A", "B" or "AB-mixed" for a training set "simulated: mock sky A, 16000 clusters, seed 1"; empty if it is none.
inline std::string sky_named_in(const std::string& training_set) {
  for (const char* name : {"AB-mixed", "A", "B"})
    if (training_set.find(std::string("mock sky ") + name) != std::string::npos) return name;
  return {};
}
