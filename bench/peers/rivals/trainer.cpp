// SPDX-License-Identifier: BSD-3-Clause
// This library's trainer for the comparison: one call is one step on one batch, with everything a step does,
// augmentation included. What the step will see can be read beforehand, so that a rival can be fed the very same
// numbers.
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

/// Noise around zero with a bright centre, and a label of the training range.
train::Sample random_sample(std::uint32_t index) {
  Random random(7, 0, index);
  train::Sample sample;
  for (std::size_t k = 0; k < band_count * field_cells; ++k)
    sample.input.push_back(static_cast<std::int16_t>(1600 * random.normal()));
  sample.band_coverage.fill(1);
  sample.redshift = random.uniform(0.1, 0.5);
  sample.log10_mass = random.uniform(13.6, 15.3);
  sample.label_error = 0.1;
  return sample;
}

class Steps {
 public:
  virtual ~Steps() = default;
  virtual double step() = 0;
  virtual void prepare() = 0;
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
    for (int k = 0; k < samples; ++k) samples_.push_back(random_sample(static_cast<std::uint32_t>(k)));
    buffers_.resize(static_cast<std::size_t>(threads));
  }

  double step() override {
    return trainer_.run_epoch(stage_, epoch_++, options_, samples_, adam_, [](std::size_t, std::size_t) {}).loss;
  }

  /// What a step does before the network runs, and nothing else.
  void prepare() override {
    team_.run(samples_.size(),
              [&](std::size_t k, int member) { unpack(k, buffers_[static_cast<std::size_t>(member)]); });
  }

  void copy_inputs(float* images, float* band_coverage, float* coverage, float* context, float* labels) override {
    for (std::size_t k = 0; k < samples_.size(); ++k) {
      train::PreparedBuffer& buffer = buffers_[0];
      unpack(k, buffer);
      std::copy(buffer.input.begin(), buffer.input.end(), images + k * buffer.input.size());
      std::copy(buffer.band_coverage.begin(), buffer.band_coverage.end(),
                band_coverage + k * buffer.band_coverage.size());
      std::copy(buffer.coverage.begin(), buffer.coverage.end(), coverage + k * buffer.coverage.size());
      std::copy(buffer.context.begin(), buffer.context.end(), context + k * buffer.context.size());
      labels[k] = static_cast<float>(samples_[k].log10_mass);
    }
  }

 private:
  static constexpr std::uint64_t seed = 3;

  /// As Trainer does it for the next step.
  void unpack(std::size_t k, train::PreparedBuffer& buffer) {
    const std::uint64_t stream = static_cast<std::uint64_t>(stage_) * 1000 + static_cast<std::uint64_t>(epoch_);
    Random random(seed, stream, static_cast<std::uint32_t>(k) + 16);
    train::unpack(samples_[k], buffer);
    if (stage_ == Stage::bands)
      train::harden(buffer, samples_[k].redshift, random);
    else
      train::augment(buffer, samples_[k].redshift, options_.augment, random);
  }

  TrainedNetwork<Arch> network_;
  Stage stage_;
  Team team_;
  train::Trainer<Arch, E, Team> trainer_;
  train::StageOptions options_;
  train::Adam adam_{trainer_.parameter_count(stage_)};
  std::vector<train::Sample> samples_;
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

/// The part of a step that is not the network: unpacking and augmentation.
void trainer_prepare(void* steps) { static_cast<Steps*>(steps)->prepare(); }

/// What the next step will see: [n,5,128,128], [n,5,64], [n,64], [n,14], [n] log10 M (error 0.1 dex).
void trainer_inputs(void* steps, float* images, float* band_coverage, float* coverage, float* context, float* labels) {
  static_cast<Steps*>(steps)->copy_inputs(images, band_coverage, coverage, context, labels);
}

void trainer_close(void* steps) { delete static_cast<Steps*>(steps); }

const char* trainer_error() { return last_error.c_str(); }

}  // extern "C"
