// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/train/trainer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "clustermass/nn/initialise.hpp"
#include "clustermass/parallel.hpp"
#include "clustermass/train/checkpoint.hpp"

using namespace clustermass;

namespace {

using Arch = Architecture<16, 16, 16, 16, 16>;
using TestEngine = cpu::baseline::Engine;

/// Fields whose i band holds a number of equal spots that says the mass: something that can be learned in a minute.
std::vector<train::Sample> spotted_fields(std::size_t count) {
  std::vector<train::Sample> samples(count);
  for (std::size_t k = 0; k < count; ++k) {
    train::Sample& sample = samples[k];
    Random random(5, k);
    sample.redshift = 0.3;
    const double richness = random.uniform();
    sample.log10_mass = MassScale::centre + MassScale::width * (2 * richness - 1);
    sample.input.assign(band_count * field_cells, 0);
    for (auto& value : sample.input) value = static_cast<std::int16_t>(400 * random.normal());
    for (int spot = 0; spot < static_cast<int>(200 * richness); ++spot)
      for (std::size_t b = 0; b < band_count; ++b)
        sample.input[b * field_cells + random.below(field_cells)] = static_cast<std::int16_t>(3000 * (b + 1));
    sample.band_coverage.fill(1.0f);
  }
  return samples;
}

TrainedNetwork<Arch> fresh_network() {
  TrainedNetwork<Arch> network(2, 0, 16);
  initialise(network.features, 3, 0);
  initialise(network.band, 3, 1);
  for (std::size_t h = 0; h < 2; ++h) initialise(network.mass[h], 3, 2 + h);
  return network;
}

std::vector<float> numbers_of(TrainedNetwork<Arch>& network) {
  std::vector<float> all;
  network.for_each_tensor([&](const std::string&, const std::vector<std::int64_t>&, std::span<float> values) {
    all.insert(all.end(), values.begin(), values.end());
  });
  return all;
}

const auto silent = [](std::size_t, std::size_t) {};

/// Runs epochs [from, to) of each stage in turn and returns the last report.
train::EpochReport run(TrainedNetwork<Arch>& network, int threads, train::Stage stage, int from, int to,
                       const train::StageOptions& options, std::span<const train::Sample> samples, train::Adam& adam) {
  Team team(threads);
  train::Trainer<Arch, TestEngine, Team> trainer(network, team, 11);
  if (adam.first.empty()) adam = train::Adam(trainer.parameter_count(stage));
  train::EpochReport report;
  for (int epoch = from; epoch < to; ++epoch) report = trainer.run_epoch(stage, epoch, options, samples, adam, silent);
  return report;
}

}  // namespace

TEST_CASE("the same seed gives the same weights bitwise with one thread and with two, in every stage") {
  const auto samples = spotted_fields(5);
  const train::StageOptions options{.epochs = 1, .batch = 2};
  for (const train::Stage stage : {train::Stage::bands, train::Stage::heads, train::Stage::all}) {
    CAPTURE(train::stage_names[static_cast<int>(stage)]);
    auto one = fresh_network(), two = fresh_network();
    const auto start = numbers_of(one);
    train::Adam adam_one, adam_two;
    const auto report_one = run(one, 1, stage, 0, 1, options, samples, adam_one);
    const auto report_two = run(two, 2, stage, 0, 1, options, samples, adam_two);
    CHECK(numbers_of(one) == numbers_of(two));
    CHECK(numbers_of(one) != start);
    CHECK(adam_one.second == adam_two.second);
    CHECK(report_one.loss == report_two.loss);
  }
}

TEST_CASE("a run that is killed between epochs and resumed from its checkpoint ends with the same bits") {
  const auto samples = spotted_fields(3);
  const train::StageOptions options{.epochs = 3, .batch = 2};
  auto whole = fresh_network(), first = fresh_network();
  train::Adam adam_whole, adam_first;
  run(whole, 2, train::Stage::all, 0, 3, options, samples, adam_whole);

  const std::string path = "trainer_test_checkpoint.safetensors";
  run(first, 1, train::Stage::all, 0, 1, options, samples, adam_first);
  train::write_checkpoint(path, first, adam_first, {2, 1}, "options\n", "log");
  auto resumed = TrainedNetwork<Arch>(2, 0, 16);
  train::Adam adam;
  train::Position position;
  CHECK(train::read_checkpoint(path, resumed, adam, position, "options\n") == "log");
  CHECK(position.stage == 2);
  CHECK(position.epochs_done == 1);
  run(resumed, 2, train::Stage::all, position.epochs_done, 3, options, samples, adam);
  CHECK(numbers_of(resumed) == numbers_of(whole));
  CHECK(adam.first == adam_whole.first);

  CHECK_THROWS_AS(train::read_checkpoint(path, resumed, adam, position, "other options\n"), WeightError);
  std::remove(path.c_str());
}

TEST_CASE("the frozen stage leaves the extractor as it is, and the whole network learns a mass that can be seen") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  MESSAGE("SKIPPED: learning takes minutes under a sanitizer; the other tests walk the same code");
  return;
#endif
  const auto samples = spotted_fields(48);
  auto network = fresh_network();
  const std::vector<float> extractor(network.features.values().begin(), network.features.values().end());
  train::Adam heads, all;
  run(network, 2, train::Stage::heads, 0, 1, {.epochs = 1, .batch = 8}, samples, heads);
  CHECK(std::vector<float>(network.features.values().begin(), network.features.values().end()) == extractor);
  const train::StageOptions options{
      .epochs = 20, .batch = 8, .rate = 2e-3, .augment = {.band_drop = 0, .mask_patch = 0}};
  const auto report = run(network, 2, train::Stage::all, 0, 20, options, samples, all);
  CHECK(report.mae < 0.12);  // a constant gives 0.22
}
