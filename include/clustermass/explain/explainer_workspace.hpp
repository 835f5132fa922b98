// SPDX-License-Identifier: BSD-3-Clause
// How an explanation is made, and the memory it needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "clustermass/estimator.hpp"  // Workspace
#include "clustermass/explain/explanation.hpp"
#include "clustermass/explain/recorded_walk.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

struct ExplainOptions {
  Target target = Target::mass;
  Baseline baseline = Baseline::zero;
  int noise_baselines = 16;  ///< noise-only cutouts of Baseline::noise; each costs as much as Baseline::zero
  std::uint64_t seed = 1;    ///< of their noise
  int steps = 64;            ///< of the midpoint rule from pixels, and a quarter from features; doubled until complete
};

/// All that changes during a call. Made by an explainer, for that explainer; one per thread.
struct ExplainerWorkspace {
  ExplainerWorkspace(Workspace estimate_memory, std::unique_ptr<RecordedMemory> walk_memory, std::size_t feature_count)
      : estimate(std::move(estimate_memory)),
        walk(std::move(walk_memory)),
        baseline(band_count * field_cells),
        point(band_count * field_cells),
        gradients(band_count * field_cells),
        sum(band_count * field_cells),
        d_input(band_count * field_cells),
        valid(band_count * field_cells),
        features(feature_count),
        features_baseline(feature_count),
        features_point(feature_count),
        d_features(feature_count),
        feature_sum(feature_count) {}

  /// Memory in all but a few numbers.
  std::size_t bytes() const {
    constexpr std::size_t maps = 2 * sizeof(float) + 3 * sizeof(double) + 1,
                          feature_maps = 4 * sizeof(float) + sizeof(double);
    return estimate.arena.size() + walk->bytes() + maps * baseline.size() + feature_maps * features.size();
  }

  Workspace estimate;
  std::unique_ptr<RecordedMemory> walk;
  std::vector<float> baseline, point;
  std::vector<double> gradients, sum, d_input;
  std::vector<std::uint8_t> valid;
  std::vector<float> features, features_baseline, features_point, d_features;
  std::vector<double> feature_sum;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
