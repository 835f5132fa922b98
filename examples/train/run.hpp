// SPDX-License-Identifier: BSD-3-Clause
// A run: its tasks in their order, the run folder, checkpoints. A run that is stopped, killed or out of disk goes on
// where its last epoch ended and ends with the same bits.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "clustermass/train/checkpoint.hpp"
#include "data.hpp"
#include "model.hpp"

/// One task: epochs of one stage on one selection of samples.
struct Task {
  std::string name;  ///< "bands", "richness", "heads", "all"
  clustermass::train::Stage stage;
  int fold = -1;  ///< that is left out; -1: none is
  clustermass::train::StageOptions options{};
  std::vector<std::size_t> which{}, validation{};
  bool of_richness = false;  ///< learns the richness instead of the mass
  bool fresh = false;        ///< begins with the network as the pretexts left it
  bool last_of_fold = false;
};

/// The tasks of a run: pretexts; heads and all for each fold; heads and all on everything.
std::vector<Task> tasks_of(const Settings& settings, const Data& data);

/// What a cluster was predicted to have. [log10 Msun, dex]
struct Predicted {
  std::size_t sample = 0;
  clustermass::train::Posterior mass;
  int fold = -1;
};

/// The run folder: its files and its log.
class RunFolder {
 public:
  /// Makes the folder. Throws InputError if it holds a run already and `resume` is not asked for, or cannot be made.
  RunFolder(std::string path, bool resume, bool quiet);

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  /// A line on standard output and in log.txt.
  void say(const std::string& line);
  bool quiet() const { return quiet_; }

 private:
  std::string path_;
  bool quiet_;
};

/// What a run is made of.
struct Run {
  const Settings& settings;
  const std::string config;  ///< what decides the numbers
  const Data& data;
  Model& model;
  clustermass::Team& team;
  RunFolder& folder;
  std::string cache;
  int stop_after = 0;  ///< epochs; 0: run to the end
};

/// Runs all tasks, with a checkpoint after each epoch; returns the metrics, one CSV line per epoch. `predicted` gets
/// what the folds' networks say of the clusters they did not see. Throws Interrupted.
std::string run_tasks(Run& run, bool resume, std::vector<Predicted>& predicted);

inline constexpr const char* metrics_header =
    "task,fold,epoch,loss,band_accuracy,training_mae_dex,validation_nll,validation_mae_dex\n";
