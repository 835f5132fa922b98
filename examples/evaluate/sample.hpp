// SPDX-License-Identifier: BSD-3-Clause
// Clusters with everything that was measured on them: by networks, by baselines, by the oracles of a mock sky.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "clustermass/baselines/mass_baselines.hpp"
#include "clustermass/io/list_csv.hpp"
#include "clustermass/mass_estimate.hpp"
#include "clustermass/parallel.hpp"
#include "network.hpp"
#include "options.hpp"
#include "skies.hpp"

/// One cluster.
struct Case {
  std::string id;
  double label = NAN, label_error = 0;  ///< log10 M500c; the truth on a mock sky [dex]
  double redshift = NAN, lambda = NAN;
  std::string label_source;
  int fold = 0;
  std::vector<clustermass::MassEstimate> masses;       ///< by network
  std::vector<clustermass::ClusterFeatures> features;  ///< by recipe
  clustermass::MassPosterior o1, o2;
};

inline constexpr int fold_count = 10;

/// Scenes of a mock sky that no trainer draws: its parts begin at multiples of 1e9, and these are the first of the part
/// for tests, and of one for baselines that is nobody else's.
inline constexpr std::uint64_t test_scenes = 3'000'000'000, baseline_scenes = 5'000'000'000;

/// What to measure on the scenes of a mock sky.
struct SkyRequest {
  std::string sky, prior;
  std::uint64_t seed = 0, first = 0;
  std::size_t count = 0;
  const std::vector<std::unique_ptr<Network>>* networks = nullptr;  ///< or nothing
  std::vector<const Filters*> recipes;                              ///< of the baselines
  const clustermass::FilterOracle* oracle = nullptr;                ///< of the sky itself, or nothing
  std::string label;                                                ///< for the progress line
  bool quiet = false;
};
std::vector<Case> measure_sky(const SkyRequest& request, clustermass::Team& team);

/// The rows of a labelled list, their labels on the network's scale. Throws InputError: a label that is missing or no
/// log10 mass, a row without redshift, an ID twice, fewer than 30 rows.
std::vector<clustermass::ListRow> read_labelled_list(const EvaluateOptions& options);

/// Its clusters. Throws InputError if the images of a row cannot be read.
std::vector<Case> measure_list(const std::vector<clustermass::ListRow>& rows, const EvaluateOptions& options,
                               const std::vector<std::unique_ptr<Network>>& networks, const Filters& filters,
                               clustermass::Team& team);
