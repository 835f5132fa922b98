// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/train/trainer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
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
struct Spots {
  train::SampleSet set;
  std::vector<train::Label> labels;
  std::vector<std::size_t> all;

  /// told: the filter's answer is the label.
  explicit Spots(std::size_t count, bool told = false) : labels(count), all(count) {
    const auto records = std::make_shared<train::MemoryRecords>(count, train::sample_bytes);
    for (std::size_t k = 0; k < count; ++k) {
      train::Sample sample;
      Random random(5, k);
      sample.info.redshift = 0.3;
      const double richness = random.uniform();
      labels[k].log10_mass = MassScale::centre + MassScale::width * (2 * richness - 1);
      if (told) sample.info.filter_mass = labels[k].log10_mass, sample.info.filter_mass_error = 0.1;
      all[k] = k;
      sample.input.assign(band_count * field_cells, 0);
      for (auto& value : sample.input) value = static_cast<std::int16_t>(400 * random.normal());
      for (int spot = 0; spot < static_cast<int>(200 * richness); ++spot)
        for (std::size_t b = 0; b < band_count; ++b)
          sample.input[b * field_cells + random.below(field_cells)] = static_cast<std::int16_t>(3000 * (b + 1));
      sample.band_coverage.fill(1.0f);
      train::encode(sample, (*records)[k]);
    }
    set = train::SampleSet(records);
  }
  train::Selection selection() const { return {&set, all, labels}; }
};

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

const auto go_on = [](std::size_t, std::size_t) { return true; };

/// Runs epochs [from, to) of each stage in turn and returns the last report.
train::EpochReport run(TrainedNetwork<Arch>& network, int threads, train::Stage stage, int from, int to,
                       const train::StageOptions& options, const train::Selection& samples, train::Adam& adam) {
  Team team(threads);
  train::Trainer<Arch, TestEngine, Team> trainer(network, team, 11);
  if (stage == train::Stage::heads) {
    const auto features = std::make_shared<train::MemoryRecords>(samples.which.size(), trainer.feature_bytes());
    std::size_t next = 0;
    trainer.make_features(samples, [&](std::span<const std::byte> bytes) {
      std::copy(bytes.begin(), bytes.end(), (*features)[next++].begin());
    });
    trainer.use_features(features, samples);
  }
  if (adam.first.empty()) adam = train::Adam(trainer.parameter_count(stage));
  train::EpochReport report;
  for (int epoch = from; epoch < to; ++epoch) report = trainer.run_epoch(stage, epoch, options, samples, adam, go_on);
  return report;
}

}  // namespace

TEST_CASE("the same seed gives the same weights bitwise with one thread and with two, in every stage") {
  const Spots spots(5);
  const train::Selection samples = spots.selection();
  const train::StageOptions options{.epochs = 1, .batch = 2};
  for (const train::Stage stage : {train::Stage::bands, train::Stage::heads, train::Stage::all}) {
    CAPTURE(static_cast<int>(stage));
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
  const Spots spots(3);
  const train::Selection samples = spots.selection();
  const train::StageOptions options{.epochs = 3, .batch = 2};
  auto whole = fresh_network(), first = fresh_network();
  train::Adam adam_whole, adam_first;
  run(whole, 2, train::Stage::all, 0, 3, options, samples, adam_whole);

  const std::string path = "trainer_test_checkpoint.safetensors";
  run(first, 1, train::Stage::all, 0, 1, options, samples, adam_first);
  train::write_checkpoint(path, first.tensors(), adam_first, {2, 1, 1, -0.25}, "seed = 1\nrate = 0.1\n",
                          "log");
  auto resumed = TrainedNetwork<Arch>(2, 0, 16);
  train::Adam adam;
  train::Position position;
  CHECK(train::read_checkpoint(path, resumed.tensors(), adam, position, "seed = 1\nrate = 0.1\n") == "log");
  CHECK(position.task == 2);
  CHECK(position.best_nll == -0.25);
  CHECK(position.epochs_done == 1);
  run(resumed, 2, train::Stage::all, position.epochs_done, 3, options, samples, adam);
  CHECK(numbers_of(resumed) == numbers_of(whole));
  CHECK(adam.first == adam_whole.first);

  CHECK_THROWS_WITH_AS(
      train::read_checkpoint(path, resumed.tensors(), adam, position, "seed = 1\nrate = 0.2\n"),
      doctest::Contains("expected 'rate = 0.2', found 'rate = 0.1'"), WeightError);
  std::remove(path.c_str());
}

TEST_CASE("the frozen stage leaves the extractor as it is, and the whole network learns a mass that can be seen") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  MESSAGE("SKIPPED: learning takes minutes under a sanitizer; the other tests walk the same code");
  return;
#endif
  const Spots spots(48);
  const train::Selection samples = spots.selection();
  auto network = fresh_network();
  const std::vector<float> extractor(network.features.values().begin(), network.features.values().end());
  train::Adam heads, all;
  run(network, 2, train::Stage::heads, 0, 1, {.epochs = 1, .batch = 8}, samples, heads);
  CHECK(std::vector<float>(network.features.values().begin(), network.features.values().end()) == extractor);
  const train::StageOptions options{
      .epochs = 20, .batch = 8, .rate = 2e-3, .augment = {.band_drop = 0, .mask_patch = 0, .shift = 0, .retake = 0}};
  const auto report = run(network, 2, train::Stage::all, 0, 20, options, samples, all);
  CHECK(report.mae < 0.12);  // a constant gives 0.22
}

TEST_CASE("frozen features give the outputs that the images give, bitwise") {
  const Spots spots(4);
  auto network = fresh_network();
  for (auto& head : network.mass)
    for (float& value : head.values()) value += 0.01f;  // a fresh head says the same of everything
  Team team(2);
  train::Trainer<Arch, TestEngine, Team> trainer(network, team, 11);
  const std::vector<std::size_t> some{3, 1};
  const train::Selection part{&spots.set, some, spots.labels};
  const auto features = std::make_shared<train::MemoryRecords>(some.size(), trainer.feature_bytes());
  std::size_t next = 0;
  trainer.make_features(part, [&](std::span<const std::byte> bytes) {
    std::copy(bytes.begin(), bytes.end(), (*features)[next++].begin());
  });
  trainer.use_features(features, part);
  const std::vector<double> frozen = trainer.outputs(part, true);
  CHECK(frozen == trainer.outputs(part, false));
  CHECK(frozen.size() == 8);
  CHECK(frozen[0] != frozen[4]);
  const train::Selection other{&spots.set, spots.all, spots.labels};
  CHECK_THROWS_AS(trainer.use_features(features, other), InputError);
}

TEST_CASE("the filter's answer is hidden as often as was asked, and what is hidden is not learned") {
  std::size_t hidden = 0;
  for (std::size_t k = 0; k < 4000; ++k) hidden += train::hides_filter(11, 2003, k, 0.3) ? 1u : 0u;
  CHECK(std::fabs(static_cast<double>(hidden) / 4000 - 0.3) < 0.03);  // four sigma
  CHECK(train::hides_filter(11, 2003, 7, 1));
  CHECK_FALSE(train::hides_filter(11, 2003, 7, 0));

  const Spots spots(8, true);
  for (const double drop : {1.0, 0.0}) {
    auto network = fresh_network();
    // The weights of the hidden layer that the filter's three numbers meet.
    const auto moved = [&](const std::vector<float>& before) {
      std::vector<float> now;
      network.mass[0].for_each_tensor("", [&](const std::string&, const Parameter& p, std::span<float> values) {
        if (p.rank != 2 || p.shape.c != Arch::pooled) return;
        for (std::size_t row = 0; row < values.size(); row += Arch::pooled)
          for (const float value : values.subspan(row, Arch::pooled).last(filter_numbers)) now.push_back(value);
      });
      std::vector<float> change = now;
      for (std::size_t k = 0; k < before.size(); ++k) change[k] = std::fabs(now[k] - before[k]);
      return change;
    };
    const std::vector<float> before = moved({});
    train::Adam adam;
    run(network, 1, train::Stage::heads, 0, 1,
        {.batch = 4, .warmup_steps = 0, .filter_drop = drop, .adam = {.weight_decay = 0}}, spots.selection(), adam);
    const std::vector<float> change = moved(before);
    const auto most = *std::max_element(change.begin(), change.end());
    if (drop == 1) CHECK(most == 0.0f);
    if (drop == 0) CHECK(most > 1e-4f);
  }
}

TEST_CASE("an epoch that is told to stop says so") {
  const Spots spots(4);
  auto network = fresh_network();
  Team team(1);
  train::Trainer<Arch, TestEngine, Team> trainer(network, team, 11);
  train::Adam adam(trainer.parameter_count(train::Stage::bands));
  const auto report = trainer.run_epoch(train::Stage::bands, 0, {.batch = 1}, spots.selection(), adam,
                                        [](std::size_t done, std::size_t) { return done < 2; });
  CHECK(report.interrupted);
  CHECK(adam.step == 2);
}

TEST_CASE("an ensemble's posterior is the mean of its heads with their scatter, and its fit counts the label's error") {
  const std::vector<double> outputs{0.2, std::log(0.04), 0.6, std::log(0.16)};
  const train::Posterior p = train::posterior_of(outputs, 2);
  CHECK(p.mean == doctest::Approx(14.45 + 0.45 * 0.4));
  CHECK(p.sigma == doctest::Approx(0.45 * std::sqrt(0.1 + 0.04)));
  CHECK(train::posterior_of(outputs, 1).mean == doctest::Approx(14.45 + 0.45 * 0.2));
  const std::vector<std::size_t> which{0};
  const std::vector<train::Label> labels{{14.9, 0.1}};
  const train::Fit fit = train::fit_of(outputs, 2, which, labels);
  const double v = p.sigma * p.sigma + 0.01, d = 14.9 - p.mean;
  CHECK(fit.mae == doctest::Approx(std::fabs(d)));
  CHECK(fit.nll == doctest::Approx(0.5 * (std::log(v) + d * d / v)));
}
