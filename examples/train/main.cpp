// SPDX-License-Identifier: BSD-3-Clause
// clustermass_train: the two-stage experiment of Lin et al. 2022 on the mock sky, from nothing to a released weight
// file. An extractor learns to name photometric bands; mass heads learn on the frozen extractor; then all is tuned
// together. A killed run goes on where its last epoch ended (--resume) and ends with the same bits.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "../common/progress.hpp"
#include "clustermass/io/sha256.hpp"
#include "clustermass/nn/initialise.hpp"
#include "clustermass/train/checkpoint.hpp"
#include "clustermass/train/trainer.hpp"
#include "data.hpp"
#include "options.hpp"
#include "release.hpp"

using namespace clustermass;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A stage with its samples.
struct StagePlan {
  train::Stage stage;
  train::StageOptions options;
  std::span<const train::Sample> samples;
};

/// Trains all stages, with a checkpoint after each epoch. Returns false if told to stop early.
template <Engine E>
bool train_all(E, TrainedNetwork<>& network, const TrainOptions& options, std::span<const StagePlan> stages, Team& team,
               std::string& log) {
  const std::string checkpoint = options.out + "/checkpoint-last.safetensors";
  train::Adam adam;
  train::Position position;
  if (options.resume && std::filesystem::exists(checkpoint)) {
    log = train::read_checkpoint(checkpoint, network, adam, position, config_text(options));
    std::printf("resumed after %d epochs of stage '%s'\n", position.epochs_done, train::stage_names[position.stage]);
  }
  train::Trainer<Released, E, Team> trainer(network, team, options.seed);
  int epochs_in_all = 0;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    const StagePlan& plan = stages[s];
    const std::string name = train::stage_names[static_cast<std::size_t>(plan.stage)];
    if (static_cast<int>(s) < position.stage) {
      epochs_in_all += plan.options.epochs;
      continue;
    }
    if (static_cast<int>(s) > position.stage) position = {static_cast<int>(s), 0};
    epochs_in_all += position.epochs_done;
    if (position.epochs_done == 0) adam = train::Adam(trainer.parameter_count(plan.stage));
    for (int epoch = position.epochs_done; epoch < plan.options.epochs; ++epoch) {
      const Clock::time_point start = Clock::now();
      const std::size_t batch = static_cast<std::size_t>(plan.options.batch);
      tool::Progress bar(
          "stage " + name + ", epoch " + std::to_string(epoch + 1) + "/" + std::to_string(plan.options.epochs),
          (plan.samples.size() + batch - 1) / batch, options.quiet);
      const train::EpochReport report = trainer.run_epoch(plan.stage, epoch, plan.options, plan.samples, adam,
                                                          [&](std::size_t done, std::size_t) { bar.update(done); });
      char row[160];
      std::snprintf(row, sizeof row, "%s,%d,%.6f,%.4f,%.4f\n", name.c_str(), epoch + 1, report.loss, report.accuracy,
                    report.mae);
      log += row;
      position.epochs_done = epoch + 1;
      train::write_checkpoint(checkpoint, network, adam, position, config_text(options), log);
      bar.finish();
      if (plan.stage == train::Stage::bands)
        std::printf("stage %s, epoch %d: loss %.4f, bands named rightly %.1f %% (chance 20 %%), %.0f s\n", name.c_str(),
                    epoch + 1, report.loss, 100 * report.accuracy, seconds_since(start));
      else
        std::printf("stage %s, epoch %d: loss %.4f, MAE on the training sample %.4f dex, %.0f s\n", name.c_str(),
                    epoch + 1, report.loss, report.mae, seconds_since(start));
      std::fflush(stdout);
      if (++epochs_in_all == options.stop_after) return false;
    }
  }
  return true;
}

int run(const TrainOptions& options) {
  const Clock::time_point start = Clock::now();
  std::filesystem::create_directories(options.out);
  std::ofstream(options.out + "/run_config.toml") << config_text(options);
  Team team(options.threads);
  const mock::SkyParameters sky;
  const auto samples_of = [&](Part part, int count, const char* name) {
    tool::Progress bar(name, static_cast<std::size_t>(count), options.quiet);
    auto samples = make_samples(sky, options.seed, part, static_cast<std::size_t>(count), options.label_error, team,
                                [&](std::size_t done, std::size_t) { bar.update(done); });
    bar.finish();
    return samples;
  };
  std::vector<train::Sample> samples = samples_of(Part::training, options.clusters, "mock clusters");
  {
    std::vector<train::Sample> blank = samples_of(Part::blank, options.blank_fields, "blank fields");
    std::move(blank.begin(), blank.end(), std::back_inserter(samples));
  }
  std::printf("%d clusters and %d blank fields of %s, %.0f s\n", options.clusters, options.blank_fields,
              sky.name.c_str(), seconds_since(start));
  const std::span<const train::Sample> all(samples), clusters = all.first(static_cast<std::size_t>(options.clusters));
  // Band naming sees the blank fields and the last clusters: labelled or not does not matter there.
  const std::size_t band_clusters = static_cast<std::size_t>(std::max(0, options.band_fields - options.blank_fields));
  const std::span<const train::Sample> band_samples =
      all.last(std::min(all.size(), band_clusters + static_cast<std::size_t>(options.blank_fields)));

  TrainedNetwork<> network(options.heads, TrainedNetwork<>::pooled_features, 64);
  initialise(network.features, options.seed, 100);
  initialise(network.band, options.seed, 101);
  for (std::size_t h = 0; h < network.mass.size(); ++h) initialise(network.mass[h], options.seed, 110 + h);

  train::StageOptions bands{.epochs = options.band_epochs, .batch = options.batch, .rate = options.rate};
  train::StageOptions heads{.epochs = options.head_epochs, .batch = options.batch, .rate = options.rate};
  train::StageOptions tune{.epochs = options.all_epochs,
                           .batch = options.batch,
                           .rate = options.rate,
                           .extractor_factor = options.extractor_factor};
  const StagePlan stages[] = {{train::Stage::bands, bands, band_samples},
                              {train::Stage::heads, heads, clusters},
                              {train::Stage::all, tune, clusters}};
  std::string log;
  const CpuEngine engine;
  std::printf("training on %s with %d threads\n", cpu::name_of(engine.set), team.size());
  std::fflush(stdout);
  const bool complete = engine.with(
      [&](auto e) { return train_all(e, network, options, std::span<const StagePlan>(stages), team, log); });
  std::ofstream(options.out + "/metrics.csv") << "stage,epoch,loss,band_accuracy,training_mae_dex\n" << log;
  if (!complete) {
    std::printf("stopped as told; go on with --resume\n");
    return 0;
  }
  release(network, options, sky, clusters, team);
  std::filesystem::copy_file(options.out + "/metrics.csv", options.out + "/" + options.model_id + "/metrics.csv",
                             std::filesystem::copy_options::overwrite_existing);
  std::printf("whole run: %.0f s\n", seconds_since(start));
  return 0;
}

}  // namespace

std::string config_text(const TrainOptions& o) {
  std::ostringstream text;
  text << "model-id = \"" << o.model_id << "\"\nseed = " << o.seed << "\nclusters = " << o.clusters
       << "\nblank-fields = " << o.blank_fields << "\ncalibration = " << o.calibration << "\ntest = " << o.test
       << "\nheads = " << o.heads << "\nbatch = " << o.batch << "\nband-fields = " << o.band_fields
       << "\nband-epochs = " << o.band_epochs << "\nhead-epochs = " << o.head_epochs
       << "\nall-epochs = " << o.all_epochs << "\nrate = " << o.rate << "\nextractor-factor = " << o.extractor_factor
       << "\nlabel-error = " << o.label_error << "\n";
  return text.str();
}

int main(int argc, char** argv) {
  TrainOptions o;
  CLI::App app{
      "Trains the two-stage network on the mock SDSS sky and writes a weight file with its model card.\n"
      "What is learned here is learned on a simulated sky."};
  app.add_option("-o,--out", o.out, "run folder; the released files land in <out>/<model-id>")->capture_default_str();
  app.add_option("--model-id", o.model_id, "name of the network")->capture_default_str();
  app.add_option("--seed", o.seed, "seed of the sky, the weights and the order of samples")->capture_default_str();
  app.add_option("--threads", o.threads, "threads; the result does not depend on them")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  const auto count = CLI::Range(1, 1'000'000);
  app.add_option("--clusters", o.clusters, "clusters to learn masses from")->capture_default_str()->check(count);
  app.add_option("--blank-fields", o.blank_fields, "fields without a cluster, for band naming")
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000));
  app.add_option("--band-fields", o.band_fields, "fields used for band naming")->capture_default_str()->check(count);
  app.add_option("--calibration", o.calibration, "held-out clusters that calibrate the errors")
      ->capture_default_str()
      ->check(CLI::Range(50, 1'000'000));
  app.add_option("--test", o.test, "held-out clusters of the model card")
      ->capture_default_str()
      ->check(CLI::Range(50, 1'000'000));
  app.add_option("--heads", o.heads, "mass heads of the ensemble")
      ->capture_default_str()
      ->check(CLI::Range(1, most_heads));
  app.add_option("--batch", o.batch, "cutouts per step")->capture_default_str()->check(CLI::Range(1, 4096));
  app.add_option("--band-epochs", o.band_epochs, "epochs of band naming")
      ->capture_default_str()
      ->check(CLI::Range(0, 10000));
  app.add_option("--head-epochs", o.head_epochs, "epochs of the heads on the frozen extractor")
      ->capture_default_str()
      ->check(CLI::Range(0, 10000));
  app.add_option("--all-epochs", o.all_epochs, "epochs of all together")
      ->capture_default_str()
      ->check(CLI::Range(0, 10000));
  app.add_option("--rate", o.rate, "peak learning rate")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--extractor-factor", o.extractor_factor, "of the rate, for the extractor in the last stage")
      ->capture_default_str();
  app.add_option("--label-error", o.label_error, "noise added to the labels and told to the loss [dex]")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_flag("--resume", o.resume, "go on from <out>/checkpoint-last.safetensors");
  app.add_option("--stop-after", o.stop_after, "stop after so many epochs in all (0: never)")->capture_default_str();
  app.add_flag("--quiet", o.quiet, "no progress bar");
  app.set_config("--config", "", "TOML file with these options");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(o);
  } catch (const WeightError& error) {
    std::fprintf(stderr, "clustermass_train: %s\n", error.what());
    return 4;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "clustermass_train: %s\n", error.what());
    return 3;
  }
}
