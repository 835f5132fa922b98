// SPDX-License-Identifier: BSD-3-Clause
// The half of the evaluation that needs no image: what the richness of real clusters tells of the masses that X-ray and
// SZ catalogues give them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

struct CatalogueOptionsOnDisk {
  std::string data;                  ///< folder of the catalogues; empty: $CLUSTERMASS_REAL_DATA/catalogs
  std::vector<std::string> offsets;  ///< SOURCE=DEX
  bool chances = false, json = false;
  int folds = 5, repeats = 10;
};

/// Adds the subcommand.
CLI::App* declare_catalogues(CLI::App& app, CatalogueOptionsOnDisk& options);

/// Reads, matches, fits, prints. Returns the exit code.
int evaluate_catalogues(const CatalogueOptionsOnDisk& options);
