// SPDX-License-Identifier: BSD-3-Clause
#include "run.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "../common/progress.hpp"
#include "clustermass/io/sha256.hpp"
#include "statistics.hpp"

using namespace clustermass;

RunFolder::RunFolder(std::string path, bool resume, bool quiet) : path_(std::move(path)), quiet_(quiet) {
  if (std::filesystem::exists(file("run_config.toml")) && !resume)
    throw InputError("'" + path_ +
                     "' holds a run already; go on with it by --resume, or give another folder with --out");
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) throw InputError("the folder '" + path_ + "' cannot be made: " + error.message());
}

void RunFolder::say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  std::ofstream(file("log.txt"), std::ios::app) << line << "\n";
}

namespace {

bool in_validation(const Settings& settings, std::uint64_t block) {
  Random random(settings.seed, block, 555);
  return random.uniform() < settings.validation_share;
}

train::StageOptions options_of(const Settings& s) {
  train::StageOptions options;
  options.batch = s.batch;
  options.rate = s.rate;
  options.warmup_steps = s.warmup_steps;
  options.extractor_factor = s.extractor_factor;
  options.pretext = s.pretext == "plain" ? train::Pretext::plain : train::Pretext::hardened;
  options.label_smoothing = s.label_smoothing;
  options.loss.kind = s.loss == "gaussian" ? train::MassLoss::gaussian
                      : s.loss == "moment" ? train::MassLoss::moment
                                           : train::MassLoss::beta;
  options.loss.beta = s.beta;
  options.loss.outlier_share = s.outlier_share;
  options.loss.outlier_rms = s.outlier_rms;
  options.filter_drop = s.filter_drop;
  options.augment = {.orient = s.orient,
                     .band_drop = s.band_drop,
                     .mask_patch = s.mask_patch,
                     .shift = s.shift,
                     .retake = s.retake,
                     .gain_rms = s.gain_rms,
                     .ebv_rms = s.ebv_rms};
  options.adam.weight_decay = s.weight_decay;
  options.adam.clip_norm = s.clip_norm;
  return options;
}

}  // namespace

std::vector<Task> tasks_of(const Settings& settings, const Data& data) {
  std::vector<Task> tasks;
  const auto add = [&](Task task, int epochs) -> Task& {
    task.options = options_of(settings);
    task.options.epochs = epochs;
    task.options.stream = static_cast<std::uint32_t>(tasks.size()) + 1;
    tasks.push_back(std::move(task));
    return tasks.back();
  };
  if (settings.stage != "mass" && settings.pretext != "none" && settings.band_epochs > 0) {
    Task& task = add({.name = "bands", .stage = train::Stage::bands}, settings.band_epochs);
    task.which = data.bands;
    task.validation = data.bands_unseen;
    if (settings.band_scale == "native") task.options.cell_arcsec = clustermass::native_pixel_arcsec;
  }
  const auto check = [&] {
    for (const Task& task : tasks)
      if (task.which.empty())
        throw InputError("the stage '" + task.name +
                         "' has no samples to learn from; give more, or a smaller validation-share");
  };
  if (settings.stage == "bands") {
    check();
    return tasks;
  }
  const auto divide = [&](Task& task, std::size_t k) {
    (in_validation(settings, data.block[k]) ? task.validation : task.which).push_back(k);
  };
  if (settings.richness_epochs > 0) {
    Task& task = add({.name = "richness", .stage = train::Stage::all}, settings.richness_epochs);
    task.of_richness = true;
    task.options.filter_drop = 1;  // it would be told the answer
    task.options.extractor_factor = 1;
    for (const std::size_t k : data.with_richness) divide(task, k);
  }
  for (int fold = settings.folds > 1 ? 0 : -1;; ++fold) {
    if (fold == settings.folds) fold = -1;
    const auto add_mass = [&](const char* name, train::Stage stage, int epochs, bool fresh, bool last) {
      if (epochs == 0 && !(settings.read_out && stage == train::Stage::heads)) return;
      Task& task = add({.name = name, .stage = stage}, epochs);
      task.options.rate *= settings.mass_factor;
      task.fold = fold;
      task.fresh = fresh && settings.folds > 1;
      task.last_of_fold = last && fold >= 0;
      for (std::size_t n = 0; n < data.labelled.size(); ++n)
        if (fold < 0 || data.fold[n] != fold) divide(task, data.labelled[n]);
    };
    add_mass("heads", train::Stage::heads, settings.head_epochs, true, settings.all_epochs == 0);
    add_mass("all", train::Stage::all, settings.all_epochs, settings.head_epochs == 0 && !settings.read_out, true);
    if (fold < 0) break;
  }
  check();
  return tasks;
}

namespace {

using Clock = std::chrono::steady_clock;

/// Frozen features of a task's samples: read from the cache, or made into it.
std::shared_ptr<const train::Records> features_for(Run& run, const train::Selection& part) {
  std::string what = "clustermass " CLUSTERMASS_VERSION_STRING "\nframes of " + run.data.training_set + "\n";
  for (const TensorSlice& tensor : run.model.tensors())
    if (tensor.name.starts_with("features.")) what += sha256_hex(std::as_bytes(tensor.values)) + "\n";
  train::PreparedBuffer buffer;
  run.data.set.unpack(part.which[0], buffer);
  what += "first sample " + sha256_hex(std::as_bytes(std::span(buffer.input))) + "\n";
  std::string ids;
  for (const std::size_t k : part.which) ids += run.data.ids[k] + "\n";
  what += "samples " + sha256_hex(std::as_bytes(std::span(ids))) + "\n";
  const std::string path =
      run.cache + "/features-" + sha256_hex(std::as_bytes(std::span(what))).substr(0, 12) + ".records";
  if (std::filesystem::exists(path)) {
    auto found = std::make_shared<train::FileRecords>(path);
    if (found->description() == what && found->size() == part.which.size() &&
        found->record_bytes() == run.model.feature_bytes())
      return found;
  }
  train::RecordWriter writer(path, run.model.feature_bytes(), part.which.size(), what);
  tool::Progress bar("features", part.which.size(), run.folder.quiet());
  run.model.make_features(part, [&](std::span<const std::byte> bytes) {
    stop_if_interrupted();
    writer.append(bytes);
    bar.step();
  });
  writer.finish();
  return std::make_shared<train::FileRecords>(path);
}

void read_parameters(const std::string& path, std::span<const TensorSlice> tensors) {
  const std::vector<std::byte> bytes = read_file(path);
  const WeightFile file = WeightFile::parse(bytes, path);
  for (const TensorSlice& tensor : tensors) file.read(tensor.name, tensor.values);
}

/// Begins with the extractor (and the band head) of a weight file or checkpoint.
void read_extractor(const std::string& path, Model& model) {
  std::vector<TensorSlice> extractor;
  for (TensorSlice& tensor : model.tensors())
    if (tensor.name.starts_with("features.") || tensor.name.starts_with("band."))
      extractor.push_back(std::move(tensor));
  try {
    read_parameters(path, extractor);
  } catch (const WeightError& error) {
    throw WeightError(std::string(error.what()) + "; --init needs an extractor of the architecture " + model.arch());
  }
}

/// metrics.jsonl says the same as metrics.csv, a JSON object per line.
std::string as_json_lines(const std::string& csv) {
  const auto fields = [](std::string_view line) {
    std::vector<std::string> result(1);
    for (const char c : line) c == ',' ? void(result.emplace_back()) : void(result.back() += c);
    return result;
  };
  const std::vector<std::string> names =
      fields(std::string_view(metrics_header).substr(0, std::string_view(metrics_header).size() - 1));
  std::string text;
  for (std::size_t begin = 0; begin < csv.size();) {
    const std::size_t end = csv.find('\n', begin);
    const std::vector<std::string> values = fields(std::string_view(csv).substr(begin, end - begin));
    for (std::size_t k = 0; k < values.size(); ++k)
      text += (k == 0 ? "{\"" : ", \"") + names[k] + "\": " +
              (k == 0              ? "\"" + values[k] + "\""
               : values[k].empty() ? "null"
                                   : values[k]);
    text += "}\n";
    begin = end + 1;
  }
  return text;
}

void write_text(const std::string& path, const std::string& text) {
  write_file<InputError>(path, std::as_bytes(std::span(text)));
}

/// What a fold's network says of the clusters that it did not see; kept in a file, so that a resumed run has it.
std::vector<Predicted> predict_fold(Run& run, const Task& task) {
  std::vector<std::size_t> left_out;
  for (std::size_t n = 0; n < run.data.labelled.size(); ++n)
    if (run.data.fold[n] == task.fold) left_out.push_back(run.data.labelled[n]);
  const train::Selection part{&run.data.set, left_out, run.data.labels};
  const std::vector<double> outputs = run.model.outputs(part, false);
  const std::size_t heads = static_cast<std::size_t>(run.model.heads());
  std::vector<Predicted> predicted;
  std::string text;
  for (std::size_t n = 0; n < left_out.size(); ++n) {
    const train::Posterior p = train::posterior_of(std::span(outputs).subspan(2 * heads * n, 2 * heads), heads);
    predicted.push_back({left_out[n], p, task.fold});
    char line[120];
    std::snprintf(line, sizeof line, "%zu %.17g %.17g\n", left_out[n], p.mean, p.sigma);
    text += line;
  }
  write_text(run.folder.file("fold-" + std::to_string(task.fold) + ".txt"), text);
  return predicted;
}

std::vector<Predicted> read_fold(const Run& run, int fold) {
  std::ifstream file(run.folder.file("fold-" + std::to_string(fold) + ".txt"));
  std::vector<Predicted> predicted;
  Predicted p;
  while (file >> p.sample >> p.mass.mean >> p.mass.sigma) {
    if (p.sample >= run.data.set.size()) break;
    p.fold = fold;
    predicted.push_back(p);
  }
  if (predicted.empty())
    throw InputError(run.folder.file("fold-" + std::to_string(fold) + ".txt") +
                     ": the predictions of this fold are gone; start anew in another folder");
  return predicted;
}

}  // namespace

std::string run_tasks(Run& run, bool resume, std::vector<Predicted>& predicted) {
  const std::vector<Task> tasks = tasks_of(run.settings, run.data);
  Model& model = run.model;
  const std::vector<TensorSlice> tensors = model.tensors();
  const std::string last = run.folder.file("checkpoint-last.safetensors"),
                    best = run.folder.file("checkpoint-best.safetensors");
  const std::string pretext = run.folder.file("pretext.safetensors");
  train::Adam adam;
  train::Position position;
  std::string log;
  if (!run.settings.init.empty()) read_extractor(run.settings.init, model);
  if (resume && std::filesystem::exists(last)) {
    log = train::read_checkpoint(last, tensors, adam, position, run.config);
    const std::size_t t = static_cast<std::size_t>(position.task);
    if (t > tasks.size()) throw WeightError(last + ": there is no task " + std::to_string(t) + " in this run");
    run.folder.say(t == tasks.size() ? "resumed after the last epoch"
                                     : "resumed after " + std::to_string(position.epochs_done) + " epochs of stage '" +
                                           tasks[t].name + "'");
  }
  const auto first_fresh = std::ranges::find_if(tasks, [](const Task& task) { return task.fresh; }) - tasks.begin();
  int epochs = 0;
  for (int t = 0; t < static_cast<int>(tasks.size()); ++t) {
    const Task& task = tasks[static_cast<std::size_t>(t)];
    if (t < position.task) {
      if (task.last_of_fold) std::ranges::copy(read_fold(run, task.fold), std::back_inserter(predicted));
      continue;
    }
    if (position.epochs_done == 0) {
      if (task.fresh && t == first_fresh)
        write_weight_file(pretext, {{"format", "clustermass checkpoint"}}, train::tensors_to_write(tensors));
      else if (task.fresh)
        read_parameters(pretext, tensors);
      adam = train::Adam(model.parameter_count(task.stage));
    }
    const std::vector<train::Label>& labels = task.of_richness ? run.data.richness : run.data.labels;
    const train::Selection part{&run.data.set, task.which, labels}, checked{&run.data.set, task.validation, labels};
    const bool is_mass = task.stage != train::Stage::bands, frozen = task.stage == train::Stage::heads;
    const bool reads_out = frozen && run.settings.read_out && position.epochs_done == 0;
    const auto ended = [&] {
      return position.epochs_done == task.options.epochs ||
             (is_mass && run.settings.patience > 0 && position.has_best() &&
              position.epochs_done - position.best_epoch >= run.settings.patience);
    };
    if (!is_mass && run.settings.band_statistics && !ended()) write_statistics(run, task);
    if (frozen && (reads_out || !ended())) model.use_features(features_for(run, part), part);
    // The network as it is, on clusters that it has not learned from; kept if it is the best so far.
    const auto check_fit = [&] {
      const train::Fit fit = train::fit_of(model.outputs(checked, false), static_cast<std::size_t>(model.heads()),
                                           task.validation, labels);
      if (fit.nll < position.best_nll) {
        position.best_epoch = position.epochs_done;
        position.best_nll = fit.nll;
        write_weight_file(best, {{"format", "clustermass checkpoint"}, {"task", task.name}},
                          train::tensors_to_write(tensors));
      }
      return fit;
    };
    if (reads_out) {
      char words[160];
      if (const std::optional<double> rms = model.fit_read_out(part))
        std::snprintf(words, sizeof words, "heads begin with a ridge regression: rms of labels left out %.4f dex",
                      *rms);
      else
        std::snprintf(words, sizeof words, "heads begin without a ridge regression, %zu clusters are too few for it",
                      task.which.size());
      run.folder.say(words);
    }
    // Heads that have a first answer may be better before the first epoch than after any.
    const bool follows_heads = t > 0 && tasks[static_cast<std::size_t>(t) - 1].stage == train::Stage::heads;
    if (!task.validation.empty() &&
        (reads_out || (task.stage == train::Stage::all && follows_heads && position.epochs_done == 0)))
      check_fit();
    while (!ended()) {
      const Clock::time_point start = Clock::now();
      const std::size_t batch = static_cast<std::size_t>(task.options.batch);
      const std::string name = "stage " + task.name +
                               (task.fold >= 0 ? " without fold " + std::to_string(task.fold) : "") + ", epoch " +
                               std::to_string(position.epochs_done + 1);
      tool::Progress bar(name + "/" + std::to_string(task.options.epochs), (task.which.size() + batch - 1) / batch,
                         run.folder.quiet());
      const train::EpochReport report = model.run_epoch(task.stage, position.epochs_done, task.options, part, adam,
                                                        [&](std::size_t done, std::size_t) {
                                                          bar.update(done);
                                                          return interrupted == 0;
                                                        });
      bar.finish();
      if (report.interrupted) throw Interrupted();
      ++position.epochs_done;
      char row[200], words[240];
      const std::string fold = task.fold >= 0 ? std::to_string(task.fold) : "";
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      if (!is_mass) {
        const double held_out = task.validation.empty() ? NAN : model.band_accuracy(checked, task.options);
        std::snprintf(row, sizeof row, "%s,%s,%d,%.6f,%.4f,,,\n", task.name.c_str(), fold.c_str(), position.epochs_done,
                      report.loss, task.validation.empty() ? report.accuracy : held_out);
        std::snprintf(words, sizeof words,
                      "%s: loss %.4f, bands named rightly %.1f %%, on fields not seen %.1f %% (chance 20 %%), %.0f s",
                      name.c_str(), report.loss, 100 * report.accuracy, 100 * held_out, seconds);
      } else if (task.validation.empty()) {
        std::snprintf(row, sizeof row, "%s,%s,%d,%.6f,,%.4f,,\n", task.name.c_str(), fold.c_str(), position.epochs_done,
                      report.loss, report.mae);
        std::snprintf(words, sizeof words, "%s: loss %.4f, MAE %.4f dex on the training sample, %.0f s", name.c_str(),
                      report.loss, report.mae, seconds);
      } else {
        const train::Fit fit = check_fit();
        std::snprintf(row, sizeof row, "%s,%s,%d,%.6f,,%.4f,%.5f,%.4f\n", task.name.c_str(), fold.c_str(),
                      position.epochs_done, report.loss, report.mae, fit.nll, fit.mae);
        std::snprintf(
            words, sizeof words,
            "%s: loss %.4f, MAE %.4f dex on the training sample, %.4f on the validation sample, NLL %.4f, %.0f s",
            name.c_str(), report.loss, report.mae, fit.mae, fit.nll, seconds);
      }
      log += row;
      train::write_checkpoint(last, tensors, adam, position, run.config, log);
      write_text(run.folder.file("metrics.csv"), metrics_header + log);
      write_text(run.folder.file("metrics.jsonl"), as_json_lines(log));
      run.folder.say(words);
      if (++epochs == run.stop_after) throw Interrupted();
    }
    if (position.has_best() && position.best_epoch < position.epochs_done) read_parameters(best, tensors);
    if (task.last_of_fold) std::ranges::copy(predict_fold(run, task), std::back_inserter(predicted));
    // The task is over: what the next one begins with is on disk before anything of it is.
    position = {.task = t + 1};
    train::write_checkpoint(last, tensors, train::Adam(), position, run.config, log);
  }
  return log;
}
