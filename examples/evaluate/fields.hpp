// SPDX-License-Identifier: BSD-3-Clause
// The half of the evaluation that needs real frames and no mass: how far the real sky is from the mock sky in the
// features of a network, and null tests of its answers at real clusters.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../common/sdss_field.hpp"
#include "clustermass/parallel.hpp"
#include "network.hpp"
#include "report.hpp"
#include "skies.hpp"

struct FieldsOptions {
  std::string frames;    ///< folder; empty: $CLUSTERMASS_REAL_DATA/sdss
  std::string clusters;  ///< list of known clusters; empty: clusters_in_frames.csv in that folder
  std::vector<std::string> weights;
  std::size_t nulls = 20, cutouts = 100;
  double radius_mpc = 0.5, light_dex = 0.5, edge_arcsec = 60, ebv = 0.02;
  std::uint64_t seed = 1;
  int threads = 0;
  bool json = false, quiet = false;
};

/// Scenes of a mock sky that stand beside real cutouts; nobody else draws them.
inline constexpr std::uint64_t beside_real_scenes = 6'000'000'000;

/// A cluster that somebody else found in one of the frames.
struct KnownCluster {
  std::string field;
  clustermass::SkyPosition place{};
  double redshift = NAN;
  double richness = NAN, counted = NAN;  ///< corrected for what is too faint to see; as counted
};

/// Throws InputError for a file without the columns frame, ra, dec, z, richness_corrected and richness_raw.
std::vector<KnownCluster> read_known_clusters(const std::string& path);

/// The mass that a richness stands for, on the scale of the mock sky's relation. [log10 Msun, dex]
///
///   lambda = 52 (M500c / 3e14 Msun)^0.80,  error^2 = (0.22^2 + 1 / counted) / (0.80 ln 10)^2 + 0.18^2
///
/// Source  design of this library; relations from lensing, SZ and abundances differ by up to 0.2 dex
struct RichnessMass {
  double log10_m500c = NAN, error = NAN;
};
RichnessMass mass_of_catalogue_richness(double richness, double counted);

/// Null tests of one network at all known clusters that lie in the fields: one JSON object per cluster.
Figures null_tests(const FieldsOptions& options, const std::vector<SdssField>& fields,
                   const std::vector<KnownCluster>& clusters, const Network& network, const Filters& filters,
                   clustermass::Team& team);

/// Distances of real cutouts from the network's training set, beside those of mock fields without a cluster, seen
/// through frames at the same pixels and redshifts.
Figures distances(const FieldsOptions& options, const std::vector<SdssField>& fields, const Network& network,
                  const std::string& sky, clustermass::Team& team);

/// Adds the subcommand.
CLI::App* declare_fields(CLI::App& app, FieldsOptions& options);
/// Reads, measures, prints. Returns the exit code.
int evaluate_fields(const FieldsOptions& options);
