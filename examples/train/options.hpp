// SPDX-License-Identifier: BSD-3-Clause
// What a training run is told, with its defaults: those of the released network.
#pragma once

#include <cstdint>
#include <string>

struct TrainOptions {
  std::string out = "run";
  std::string model_id = "mock-sky-a-2";
  std::string isa;  // empty: the widest of this machine
  std::uint64_t seed = 1;
  int threads = 2;
  int clusters = 16000, blank_fields = 1500, calibration = 1500, test = 2000;
  int heads = 5, batch = 16;
  int band_fields = 3000;
  int band_epochs = 3, head_epochs = 2, all_epochs = 12;
  double rate = 1e-3, extractor_factor = 1.0, label_error = 0;
  bool resume = false, quiet = false;
  int stop_after = 0;  // epochs in all; for tests of resuming. 0: run to the end
};

/// The options that decide the numbers of the network, one per line; a checkpoint of others is refused. The number of
/// threads is not among them: it changes no bit.
std::string config_text(const TrainOptions& options);
