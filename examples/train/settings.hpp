// SPDX-License-Identifier: BSD-3-Clause
// What a training run is told. One table names every setting once: its default, its range, what it means; the TOML
// file, the command line, the saved configuration and the comparison with a checkpoint all read that table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The defaults are those of the released network.
struct Settings {
  // data of a mock sky
  std::string sky = "A", prior = "training", unlabelled_prior = "survey";
  std::string labels = "truth", label_offsets = "xray=-0.13 sz=-0.04 MCXC=-0.13 MCXC-II=-0.13 PSZ2=-0.04 ACT=0";
  int clusters = 36000, unlabelled = 0, blank_fields = 1500, calibration = 2000, test = 2000;
  double label_noise = 0;
  // data of a list
  std::string list, frames;
  bool allow_unlabelled = false, native = true;
  double label_error = 0, pixel_scale = 0, calibration_share = 0.2, test_share = 0.2;
  // real fields without labels
  std::string band_frames, band_left_out, band_scale = "working";
  int band_patches = 500;
  // shares
  double validation_share = 0.05;
  int folds = 0;
  // network
  std::string arch = "released", init;
  int heads = 5;
  bool filter = false;
  double filter_drop = 0.3;
  std::string images = "ugriz";
  bool redshift = true;
  // stages
  std::string stage = "all", pretext = "hardened";
  bool band_statistics = false, read_out = false;
  int band_fields = 3000, band_epochs = 3, richness_epochs = 0, head_epochs = 1, all_epochs = 16, patience = 4;
  int batch = 16, warmup_steps = 100;
  double rate = 2e-3, mass_factor = 1, extractor_factor = 1, weight_decay = 1e-4, clip_norm = 1, label_smoothing = 0.05;
  // loss of the mass stages
  std::string loss = "beta-nll";
  double beta = 0.5, outlier_share = 0, outlier_rms = 0.4;
  // augmentation of the mass stages
  bool orient = true;
  double band_drop = 0.05, mask_patch = 0.2, shift = 0.1, retake = 0.1, gain_rms = 0.02, ebv_rms = 0.1;
  // the run
  std::uint64_t seed = 1;
  std::string model_id = "mock-sky-a-3";
  int threads = 0;
  std::string device = "cpu", out, cache;
};

/// One setting: where it is kept and what it may be.
struct Setting {
  using Target = std::variant<int*, std::uint64_t*, double*, bool*, std::string*>;

  const char* group;
  const char* name;  ///< key of the TOML file, and option with -- before it
  Target target;
  const char* help;
  double low = 0, high = 0;            ///< of numbers
  std::vector<const char*> choices{};  ///< of texts; empty: any
  bool decides = true;                 ///< whether a run with another value is another run
};

/// The table; it refers to `settings`.
std::vector<Setting> table_of(Settings& settings);

/// Sets one setting from a text. `where` opens the message: "run.toml, line 3" or "the command line".
///
/// Throws  clustermass::InputError for an unknown name, and for a text that is no value of the setting
void set(std::vector<Setting>& table, std::string_view name, std::string_view text, const std::string& where);

/// Reads a TOML file of `key = value` lines. Throws InputError: a line that is none, an unknown key, a key twice.
void read_toml(std::vector<Setting>& table, const std::string& path);

/// Value of a setting as TOML.
std::string toml_value(const Setting& setting);

/// Settings as a TOML text with a comment each: all, or those that decide the numbers of the network.
std::string documented_toml(const std::vector<Setting>& table, bool all = true);

/// The settings that decide the numbers of the network, one per line; a checkpoint of others is refused.
std::string deciding_toml(const std::vector<Setting>& table);
