// SPDX-License-Identifier: BSD-3-Clause
// How well extractors name the bands of fields that they have not seen, mock and real: whether what the first stage
// learns on one sky holds on the other. No label is needed.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct BandsOptions {
  std::string frames;                   ///< folder; empty: $CLUSTERMASS_REAL_DATA/sdss
  std::vector<std::string> extractors;  ///< weight files, checkpoints, run folders
  std::size_t patches = 100;
  std::uint64_t seed = 2;
  int threads = 0;
  bool json = false, quiet = false;
};

/// Adds the subcommand.
CLI::App* declare_bands(CLI::App& app, BandsOptions& options);
/// Reads, measures, prints. Returns the exit code.
int evaluate_bands(const BandsOptions& options);
