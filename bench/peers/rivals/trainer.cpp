// SPDX-License-Identifier: BSD-3-Clause
// This library's trainer for the comparison: one call is one step on one batch. What the step will see can be read
// beforehand, so that a rival can be fed the very same numbers. The steps change the images as little as the trainer
// lets them (one of eight orientations); its augmentation can be timed by itself.
#include "clustermass/train/trainer.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "architectures.hpp"
#include "clustermass/cpu/engine.hpp"
#include "clustermass/parallel.hpp"

namespace {

using namespace clustermass;
using train::Stage;

std::string last_error;

/// Noise around zero, and a label of the training range.
train::Sample random_sample(std::uint32_t index) {
  Random random(7, 0, index);
  train::Sample sample;
  for (std::size_t k = 0; k < band_count * field_cells; ++k)
    sample.input.push_back(static_cast<std::int16_t>(1600 * random.normal()));
  sample.band_coverage.fill(1);
  sample.info.redshift = random.uniform(0.1, 0.5);
  sample.info.log10_mass = random.uniform(13.6, 15.3);
  return sample;
}

class Steps {
 public:
  virtual ~Steps() = default;
  virtual double step() = 0;
  virtual void augment() = 0;
  virtual void copy_inputs(float* images, float* band_coverage, float* coverage, float* context, float* labels) = 0;
};

template <class Arch, Engine E>
class StepsOn final : public Steps {
 public:
  StepsOn(TrainedNetwork<Arch> network, Stage stage, int samples, int threads, double rate)
      : network_(std::move(network)), stage_(stage), team_(threads), trainer_(network_, team_, seed) {
    options_.epochs = 1 << 20;  // the cosine does not bend within the run
    options_.batch = samples;
    options_.rate = rate;
    options_.pretext = train::Pretext::plain;
    options_.augment = {true, 0, 0, 0, 0, 0, 0};
    const auto records = std::make_shared<train::MemoryRecords>(static_cast<std::size_t>(samples), train::sample_bytes);
    for (std::size_t k = 0; k < records->size(); ++k) {
      const train::Sample sample = random_sample(static_cast<std::uint32_t>(k));
      encode(sample, (*records)[k]);
      which_.push_back(k);
      labels_.push_back({sample.info.log10_mass, 0.1});
    }
    set_ = train::SampleSet(records);
    buffers_.resize(static_cast<std::size_t>(threads));
  }

  double step() override {
    return trainer_
        .run_epoch(stage_, epoch_++, options_, {&set_, which_, labels_}, adam_,
                   [](std::size_t, std::size_t) { return true; })
        .loss;
  }

  void augment() override {
    team_.run(which_.size(), [&](std::size_t k, int member) {
      train::PreparedBuffer& buffer = buffers_[static_cast<std::size_t>(member)];
      Random random(seed, 0, static_cast<std::uint32_t>(k));
      set_.unpack(k, buffer);
      if (stage_ == Stage::bands)
        train::harden(buffer, set_.info(k), random);
      else
        train::augment(buffer, set_.info(k), {}, random);
    });
  }

  void copy_inputs(float* images, float* band_coverage, float* coverage, float* context, float* labels) override {
    train::PreparedBuffer& buffer = buffers_[0];
    for (std::size_t k = 0; k < which_.size(); ++k) {
      Random random(seed, static_cast<std::uint64_t>(epoch_), static_cast<std::uint32_t>(k) + 16);  // as in Trainer
      set_.unpack(k, buffer);
      if (stage_ == Stage::bands)
        train::plain(buffer, set_.info(k), random);
      else
        train::augment(buffer, set_.info(k), options_.augment, random);
      const auto put = [k](const std::vector<float>& from, float* to) {
        std::copy(from.begin(), from.end(), to + k * from.size());
      };
      put(buffer.input, images);
      put(buffer.band_coverage, band_coverage);
      put(buffer.coverage, coverage);
      put(buffer.context, context);
      labels[k] = static_cast<float>(labels_[k].log10_mass);
    }
  }

 private:
  static constexpr std::uint64_t seed = 3;

  TrainedNetwork<Arch> network_;
  Stage stage_;
  Team team_;
  train::Trainer<Arch, E, Team> trainer_;
  train::StageOptions options_;
  train::Adam adam_{trainer_.parameter_count(stage_)};
  train::SampleSet set_;
  std::vector<std::size_t> which_;
  std::vector<train::Label> labels_;
  std::vector<train::PreparedBuffer> buffers_;
  int epoch_ = 0;
};

}  // namespace

extern "C" {

/// stage: "bands" (extractor and band head) or "all" (extractor and mass heads). Null on failure.
void* trainer_open(const char* weight_file, const char* stage, int samples, int threads, double rate) try {
  const std::vector<std::byte> bytes = read_file(weight_file);
  std::unique_ptr<Steps> steps;
  peers::with_architecture(bytes, weight_file, [&]<class Arch>(std::type_identity<Arch>) {
    cpu::with_engine(cpu::choose_instruction_set(), [&]<class E>(E) {
      steps = std::make_unique<StepsOn<Arch, E>>(read_network<Arch>(bytes, weight_file),
                                                 std::string(stage) == "bands" ? Stage::bands : Stage::all, samples,
                                                 threads, rate);
    });
  });
  return steps.release();
} catch (const std::exception& error) {
  last_error = error.what();
  return nullptr;
}

/// One step; returns the loss, mean over the batch.
double trainer_step(void* steps) { return static_cast<Steps*>(steps)->step(); }

/// Unpacking and the trainer's usual augmentation of one batch, without the network.
void trainer_augment(void* steps) { static_cast<Steps*>(steps)->augment(); }

/// What the next step will see: [n,5,128,128], [n,5,64], [n,64], [n,17], [n] log10 M (error 0.1 dex).
void trainer_inputs(void* steps, float* images, float* band_coverage, float* coverage, float* context, float* labels) {
  static_cast<Steps*>(steps)->copy_inputs(images, band_coverage, coverage, context, labels);
}

void trainer_close(void* steps) { delete static_cast<Steps*>(steps); }

const char* trainer_error() { return last_error.c_str(); }

}  // extern "C"
