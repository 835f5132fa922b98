// SPDX-License-Identifier: BSD-3-Clause
// What clustermass_evaluate is told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct EvaluateOptions {
  std::string sky = "A", prior = "training";
  std::string training_sky;          ///< of the baselines; empty: that of the network
  std::string list;                  ///< labelled list instead of a mock sky
  std::vector<std::string> columns;  ///< role=NAME
  std::string frames;                ///< folder of the list's frames
  std::string label_offsets =
      "xray=-0.13 sz=-0.04 MCXC=-0.13 MCXC-II=-0.13 PSZ2=-0.04 ACT=0";  ///< as clustermass_train
  bool native = false;
  std::vector<std::string> weights;
  std::size_t clusters = 2000, training = 3000;
  std::uint64_t seed = 7;
  double label_error = 0;  ///< of the labels that the baselines are fitted on [dex]
  bool matrix = false, json = false, brief = false, quiet = false;
  std::string device = "cpu";
  int threads = 0;
  bool images_alone = false;  ///< the networks are not told the filter's answer
  std::string output;         ///< folder for plots
  std::string features;       ///< CSV file of what the baselines saw
};
