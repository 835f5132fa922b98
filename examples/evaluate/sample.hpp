// SPDX-License-Identifier: BSD-3-Clause
// Clusters with everything that was measured on them: by networks, by baselines, by the oracles of a mock sky.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "clustermass/baselines/mass_baselines.hpp"
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
  int fold = 0;
  std::vector<clustermass::MassEstimate> masses;       ///< by network
  std::vector<clustermass::ClusterFeatures> features;  ///< by recipe
  clustermass::MassPosterior o1{NAN, NAN}, o2{NAN, NAN};
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
  const std::vector<Network>* networks = nullptr;     ///< or nothing
  std::vector<const Filters*> recipes;                ///< of the baselines
  const clustermass::FilterOracle* oracle = nullptr;  ///< of the sky itself, or nothing
  std::string label;                                  ///< for the progress line
  bool quiet = false;
};
std::vector<Case> measure_sky(const SkyRequest& request, clustermass::Team& team);

/// The clusters of a labelled list. Throws InputError: a label that is missing or no log10 mass, an id twice, a cutout
/// that cannot be read.
std::vector<Case> measure_list(const EvaluateOptions& options, const std::vector<Network>& networks,
                               const Filters& filters, clustermass::Team& team);
