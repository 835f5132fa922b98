// SPDX-License-Identifier: BSD-3-Clause
#include "settings.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <type_traits>
#include <utility>

#include "clustermass/core/error.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/model/trained_network.hpp"  // most_heads

using clustermass::InputError;

std::vector<Setting> table_of(Settings& s) {
  constexpr double many = 100'000'000;
  const auto share = [](const char* group, const char* name, double& target, const char* help) {
    return Setting{group, name, &target, help, 0, 1};
  };
  std::vector<Setting> table{
      {"data: a mock sky",
       "sky",
       &s.sky,
       "mock sky that is drawn; mixed: every ingredient between A and B",
       0,
       0,
       {"A", "B", "mixed"}},
      {"data: a mock sky", "clusters", &s.clusters, "clusters to learn masses from", 1, many},
      {"data: a mock sky",
       "prior",
       &s.prior,
       "masses and redshifts of the clusters: flat, as a survey, as X-ray samples",
       0,
       0,
       {"training", "survey", "label-like"}},
      {"data: a mock sky", "unlabelled", &s.unlabelled, "further clusters without a mass, for the pretexts", 0, many},
      {"data: a mock sky",
       "unlabelled-prior",
       &s.unlabelled_prior,
       "their masses and redshifts",
       0,
       0,
       {"training", "survey", "label-like"}},
      {"data: a mock sky", "blank-fields", &s.blank_fields, "fields without a cluster, for band naming", 0, many},
      {"data: a mock sky",
       "labels",
       &s.labels,
       "masses to learn from: the truth, or as a catalogue has them; both: by turns",
       0,
       0,
       {"truth", "xray", "sz", "both"}},
      {"data: a mock sky", "label-noise", &s.label_noise, "further noise added to the labels, known to the loss [dex]",
       0, 1},
      {"data: a mock sky", "calibration", &s.calibration, "clusters that calibrate the errors; no head sees them", 50,
       many},
      {"data: a mock sky", "test", &s.test, "clusters of the model card; nothing else sees them", 50, many},
      {"data: a list", "list", &s.list,
       "CSV or FITS list: id, ra, dec, z, label, label_err, label_source, path; empty: mock sky"},
      {"data: a list", "frames", &s.frames, "folder of SDSS frames for the rows without a path"},
      {"data: a list", "allow-unlabelled", &s.allow_unlabelled, "rows without a label serve the pretexts"},
      {"data: a list", "label-error", &s.label_error, "of labels without an own one [dex]; 0: then they are refused", 0,
       1},
      {"data: a list", "native", &s.native, "cutout files hold detector pixels, not resampled ones"},
      {"data: a list", "pixel-scale", &s.pixel_scale, "of cutout files without a WCS [arcsec]; 0: they are refused", 0,
       3600},
      share("data: a list", "calibration-share", s.calibration_share, "of the sky, for calibration"),
      share("data: a list", "test-share", s.test_share, "of the sky, for the model card"),
      {"data: real fields", "band-frames", &s.band_frames,
       "folder of SDSS frames whose fields serve band naming too; empty: none"},
      {"data: real fields", "band-patches", &s.band_patches, "patches of each field, at random places and redshifts", 1,
       many},
      {"data: real fields", "band-left-out", &s.band_left_out,
       "fields that no patch is taken from: RUN-CAMCOL-FIELD ..."},
      {"data: shares", "label-offsets", &s.label_offsets,
       "what a source's labels read too high by, taken off them [dex]: SOURCE=DEX ..."},
      share("data: shares", "validation-share", s.validation_share, "of the labelled clusters, for early stopping"),
      {"data: shares", "folds", &s.folds, "parts of the sky predicted by networks that did not see them; 0: none", 0,
       100},
      {"network",
       "arch",
       &s.arch,
       "channels: small 16-16-16-32-32, released 16-16-32-48-64, large 16-32-64-128-64",
       0,
       0,
       {"small", "released", "large"}},
      {"network", "heads", &s.heads, "mass heads of the ensemble", 1, clustermass::most_heads},
      {"network", "filter", &s.filter,
       "the heads are also told what the matched filter reads off the same pixels: 2 to 10 ms more for each cutout"},
      {"network", "filter-drop", &s.filter_drop,
       "probability that they are not, so that the network manages without it as well", 0, 1},
      {"network", "images", &s.images,
       "bands that the network sees; with fewer than ugriz the run is an experiment, its network cannot be used"},
      {"network", "redshift", &s.redshift, "the heads are told the redshift; false: an experiment, too"},
      {"network", "init", &s.init, "weight file or checkpoint whose extractor to begin with"},
      {"stages",
       "stage",
       &s.stage,
       "what to train: the extractor, the masses, or both",
       0,
       0,
       {"bands", "mass", "all"}},
      {"stages",
       "pretext",
       &s.pretext,
       "images of band naming: as they are, hardened; none: the stage is left out",
       0,
       0,
       {"plain", "hardened", "none"}},
      {"stages", "band-fields", &s.band_fields, "mock or listed fields used for band naming; 0: only band-frames", 0,
       many},
      {"stages",
       "band-scale",
       &s.band_scale,
       "images of band naming: fields of 2 Mpc, as the masses see them, or patches of the detector's own pixels",
       0,
       0,
       {"working", "native"}},
      {"stages", "band-statistics", &s.band_statistics,
       "write the global statistics of the images of band naming, statistics.csv in the run folder"},
      {"stages", "band-epochs", &s.band_epochs, "epochs of band naming", 0, 10000},
      {"stages", "richness-epochs", &s.richness_epochs,
       "epochs in which the whole network first learns a catalogue's richness, which needs no mass", 0, 10000},
      {"stages", "head-epochs", &s.head_epochs, "epochs of the heads on the frozen extractor", 0, 10000},
      {"stages", "read-out", &s.read_out,
       "the heads on the frozen extractor begin with a ridge regression on their hidden units: for few labels"},
      {"stages", "all-epochs", &s.all_epochs, "epochs of all together", 0, 10000},
      {"stages", "patience", &s.patience, "epochs without a better validation loss that end a mass stage; 0: never", 0,
       10000},
      {"stages", "batch", &s.batch, "cutouts per step", 1, 4096},
      {"stages", "rate", &s.rate, "peak learning rate", 1e-8, 1},
      {"stages", "mass-factor", &s.mass_factor, "of the rate, in the stages that learn from masses", 0, 100},
      {"stages", "warmup-steps", &s.warmup_steps, "steps in which the rate rises to its peak", 0, many},
      {"stages", "extractor-factor", &s.extractor_factor, "of the rate, for the extractor when all is trained", 0, 100},
      {"stages", "weight-decay", &s.weight_decay, "of AdamW", 0, 1},
      {"stages", "clip-norm", &s.clip_norm, "longest gradient of a step", 1e-6, 1e9},
      {"stages", "label-smoothing", &s.label_smoothing, "of the band labels", 0, 0.5},
      {"loss", "loss", &s.loss, "of the mass stages", 0, 0, {"gaussian", "beta-nll", "moment"}},
      {"loss", "beta", &s.beta, "power of the variance that weights a sample in beta-nll", 0, 1},
      {"loss", "outlier-share", &s.outlier_share, "share of labels that are far off, in the likelihood", 0, 0.5},
      {"loss", "outlier-rms", &s.outlier_rms, "how far [dex]", 0.05, 5},
      {"augmentation", "orient", &s.orient, "turn and flip at random"},
      {"augmentation", "band-drop", &s.band_drop, "probability of losing one band", 0, 1},
      {"augmentation", "mask-patch", &s.mask_patch, "probability of a masked rectangle", 0, 1},
      {"augmentation", "shift", &s.shift, "probability of a shift by up to 0.1 of the field", 0, 1},
      {"augmentation", "retake", &s.retake, "probability of a wider PSF and more noise, up to 30 %", 0, 1},
      {"augmentation", "gain-rms", &s.gain_rms, "calibration error common to the bands [ln]", 0, 1},
      {"augmentation", "ebv-rms", &s.ebv_rms, "relative error of E(B-V)", 0, 1},
      {"run", "seed", &s.seed, "of the sky, the weights and the order of samples", 0, 9e15},
      {"run", "model-id", &s.model_id, "name of the network"},
      {"run", "threads", &s.threads, "threads; no bit depends on them; 0: as many as there are processors", 0, 4096},
      {"run",
       "device",
       &s.device,
       "where the network is trained; a run can go on on the other one, with its rounding",
       0,
       0,
       {"cpu", "cuda"}},
      {"run", "out", &s.out, "run folder; empty: runs/ and the time"},
      {"run", "cache", &s.cache, "folder of prepared cutouts, which runs can share; empty: in the run folder"},
  };
  for (Setting& setting : table) {
    const std::string_view name = setting.name;
    setting.decides =
        name != "threads" && name != "device" && name != "out" && name != "cache" && name != "band-statistics";
  }
  return table;
}

namespace {

[[noreturn]] void refuse(const std::string& where, const Setting& setting, const std::string& expected,
                         std::string_view found) {
  throw InputError(where + ": " + setting.name + ": expected " + expected + ", found '" +
                   std::string(found.substr(0, 60)) + "'");
}

std::string number_text(double value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// Letters to change, add or drop to make b of a (Levenshtein 1966).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t corner = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j)
      corner = std::exchange(row[j + 1], std::min({row[j] + 1, row[j + 1] + 1, corner + (a[i] != b[j])}));
  }
  return row.back();
}

std::string in_toml(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) (result += c == '"' || c == '\\' ? "\\" : "") += c;
  return result + "\"";
}

}  // namespace

void set(std::vector<Setting>& table, std::string_view name, std::string_view text, const std::string& where) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Setting& s) { return name == s.name; });
  if (found == table.end()) {
    // A key that holds the word comes before one that is spelled alike.
    const auto rank = [&](const Setting& s) {
      return std::string_view(s.name).find(name) != std::string_view::npos ? 0 : distance(name, s.name);
    };
    const auto near = std::min_element(table.begin(), table.end(),
                                       [&](const Setting& a, const Setting& b) { return rank(a) < rank(b); });
    throw InputError(where + ": unknown key '" + std::string(name.substr(0, 60)) + "', did you mean '" + near->name +
                     "'? clustermass_train --defaults lists all");
  }
  const Setting& setting = *found;
  std::visit(
      [&]<class T>(T* target) {
        if constexpr (std::is_same_v<T, std::string>) {
          std::string known;
          for (const char* choice : setting.choices) (known += known.empty() ? "" : ", ") += choice;
          if (!known.empty() && std::none_of(setting.choices.begin(), setting.choices.end(),
                                             [&](std::string_view choice) { return choice == text; }))
            refuse(where, setting, "one of " + known, text);
          if (text.find('\n') != std::string_view::npos) refuse(where, setting, "a single line", text);
          *target = text;
        } else if constexpr (std::is_same_v<T, bool>) {
          if (text != "true" && text != "false") refuse(where, setting, "true or false", text);
          *target = text == "true";
        } else {
          T value{};
          const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
          if (error != std::errc{} || end != text.data() + text.size() ||
              !(static_cast<double>(value) >= setting.low && static_cast<double>(value) <= setting.high))
            refuse(where, setting,
                   (std::is_same_v<T, double> ? "a number from " : "a whole number from ") + number_text(setting.low) +
                       " to " + number_text(setting.high),
                   text);
          *target = value;
        }
      },
      setting.target);
}

void read_toml(std::vector<Setting>& table, const std::string& path) {
  const std::vector<std::byte> bytes = clustermass::read_file<InputError>(path);
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::set<std::string, std::less<>> seen;
  const auto trim = [](std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    return text;
  };
  for (int number = 1; !rest.empty(); ++number) {
    const std::string where = path + ", line " + std::to_string(number);
    const std::size_t end = rest.find('\n');
    const std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty() || line[0] == '#') continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
      throw InputError(where + ": expected 'key = value' (tables are not used), found '" +
                       std::string(line.substr(0, 60)) + "'");
    const std::string_view key = trim(line.substr(0, equals));
    std::string_view value = trim(line.substr(equals + 1));
    const auto setting = std::find_if(table.begin(), table.end(), [&](const Setting& s) { return key == s.name; });
    const bool wants_text = setting != table.end() && std::holds_alternative<std::string*>(setting->target);
    std::string text;
    if (value.starts_with('"')) {
      std::size_t k = 1;
      for (; k < value.size() && value[k] != '"'; ++k) {
        if (value[k] == '\\' && k + 1 < value.size() && (value[k + 1] == '"' || value[k + 1] == '\\')) ++k;
        text += value[k];
      }
      const std::string_view after = k < value.size() ? trim(value.substr(k + 1)) : "?";
      if (!after.empty() && after[0] != '#')
        throw InputError(where + ": the text of '" + std::string(key) + "' does not end");
      if (setting != table.end() && !wants_text) refuse(where, *setting, "a value without quotes", value);
    } else {
      text = trim(value.substr(0, value.find('#')));
      if (wants_text) refuse(where, *setting, "a text in double quotes", text);
    }
    if (!seen.emplace(key).second) throw InputError(where + ": the key '" + std::string(key) + "' stands there twice");
    set(table, key, text, where);
  }
}

std::string toml_value(const Setting& setting) {
  return std::visit(
      []<class T>(const T* value) -> std::string {
        if constexpr (std::is_same_v<T, std::string>) return in_toml(*value);
        if constexpr (std::is_same_v<T, bool>) return *value ? "true" : "false";
        if constexpr (std::is_same_v<T, double>) return number_text(*value);
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) return std::to_string(*value);
      },
      setting.target);
}

std::string documented_toml(const std::vector<Setting>& table, bool all) {
  std::string text = "# clustermass_train --config FILE; what the command line says comes first.\n";
  std::string_view group;
  for (const Setting& setting : table) {
    if (!all && !setting.decides) continue;
    if (group != setting.group) text.append("\n# --- ").append(group = setting.group).append(" ---\n");
    text.append("# ").append(setting.help);
    if (!setting.choices.empty()) {
      text += ":";
      for (const char* choice : setting.choices) text.append(" ").append(choice);
    }
    text.append("\n").append(setting.name).append(" = ").append(toml_value(setting)).append("\n");
  }
  return text;
}

std::string deciding_toml(const std::vector<Setting>& table) {
  std::string text;
  for (const Setting& setting : table)
    if (setting.decides) text.append(setting.name).append(" = ").append(toml_value(setting)).append("\n");
  return text;
}
