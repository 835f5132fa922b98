// SPDX-License-Identifier: BSD-3-Clause
// The GPU wing on a real device: primitives, parity with the CPU on 1000 cutouts, the same bits twice, a training step.
// Without a device every test says so and is skipped.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "clustermass/cpu/engine.hpp"
#include "clustermass/gpu/gpu.hpp"
#include "clustermass/gpu/trainer.hpp"
#include "clustermass/parallel.hpp"
#include "device_maps.hpp"
#include "support/random_network.hpp"

using namespace clustermass;
using namespace clustermass::gpu;
using namespace clustermass::support;

namespace {

/// The device's name, or empty, with the reason said.
std::string device_name() {
  int count = 0;
  if (const cudaError_t code = cudaGetDeviceCount(&count); code != cudaSuccess || count == 0) {
    MESSAGE("skipped: no CUDA device (" << std::string(cudaGetErrorName(code)) << ")");
    return {};
  }
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  return properties.name;
}

/// The newest released network, or one of random numbers.
TrainedNetwork<> released_network() {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(CLUSTERMASS_SOURCE_DIR "/weights"))
    newest = std::max(newest, (entry.path() / "model.safetensors").string());
  if (!std::filesystem::exists(newest)) return random_network();
  return read_network(read_file(newest), newest);
}

/// Prepared cutouts: noise of about one and a bright middle, some of them partly covered.
struct Cutouts {
  explicit Cutouts(std::size_t count) : buffers(count), outputs(count) {
    for (std::size_t k = 0; k < count; ++k) {
      Random random(11, k);
      train::PreparedBuffer& b = buffers[k];
      const double height = random.uniform(0, 3), width = random.uniform(50, 600);
      std::size_t p = 0;
      for (std::size_t band = 0; band < band_count; ++band)
        for (int i = 0; i < field_side; ++i)
          for (int j = 0; j < field_side; ++j, ++p)
            b.input[p] =
                static_cast<float>(0.3 * random.normal() +
                                   height * std::exp(-((i - 63.5) * (i - 63.5) + (j - 63.5) * (j - 63.5)) / width));
      for (float& w : b.band_coverage) w = k % 2 == 0 ? 1.0f : static_cast<float>(random.uniform());
      b.update({.redshift = random.uniform(0.1, 0.5)});
      outputs[k].resize(2 * heads);
    }
  }
  std::vector<WalkIo> ios() {
    std::vector<WalkIo> all;
    for (std::size_t k = 0; k < buffers.size(); ++k) {
      const PreparedView v = buffers[k].view();
      all.push_back({v.input, v.band_coverage, v.coverage, v.context, outputs[k], {}});
    }
    return all;
  }
  static inline std::size_t heads = 0;
  std::vector<train::PreparedBuffer> buffers;
  std::vector<std::vector<double>> outputs;
};

/// log10 M of the ensemble, one per cutout.
std::vector<double> masses(const Cutouts& cutouts) {
  std::vector<double> result;
  for (const auto& outputs : cutouts.outputs) {
    double mean = 0;
    for (std::size_t k = 0; k < Cutouts::heads; ++k) mean += outputs[2 * k] / static_cast<double>(Cutouts::heads);
    result.push_back(MassScale::centre + MassScale::width * mean);
  }
  return result;
}

const char* name_of(Precision p) { return p == Precision::fp32 ? "fp32" : p == Precision::tf32 ? "tf32" : "fp16"; }
const char* name_of(Generation g) { return g == Generation::graph ? "graph" : "fixed-function"; }

}  // namespace

TEST_CASE("On a device: convolution, dense layers and their gradients agree with the reference") {
  if (device_name().empty()) return;
  for (const Generation generation : {Generation::fixed_function, Generation::graph}) {
    INFO(std::string(name_of(generation)));
    CudaContext context(device_with(generation));
    for (const cases::ConvolutionCase& c : cases::convolutions) {
      INFO(c.name());
      const WeightedInput in{c.geometry, c.input(), c.output()};
      compare(run_weighted(context, c, c.geometry, Form::map, in, c.skip), run_convolution(Reference<double>{}, c, in));
    }
    for (const cases::DenseCase& c : cases::denses) {
      INFO(c.name());
      const WeightedInput in{c.geometry(), {c.batch, c.in, 1, 1}, {c.batch, c.out, 1, 1}};
      compare(run_weighted(context, c, c.geometry(), Form::vector, in, false), run_dense(Reference<double>{}, c, in));
    }
  }
}

TEST_CASE("On a device: 1000 cutouts have the CPU's masses, and the same bits twice") {
  const std::string device = device_name();
  if (device.empty()) return;
  const TrainedNetwork<> network = released_network();
  Cutouts::heads = network.mass.size();
  Cutouts expected(1000);
  cpu::with_engine(cpu::choose_instruction_set(), [&]<class E>(E) {
    const NetworkWalkOn<Released, E> walk(network, field_side);
    Arena<std::byte> arena(walk.arena_bytes(1));
    walk.run_many(arena.data(), expected.ios());
  });
  const std::vector<double> on_cpu = masses(expected);
  for (const Generation generation : {Generation::fixed_function, Generation::graph})
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::fp16}) {
      CudaOptions options;
      options.generation = generation;
      options.precision = precision;
      const auto walk = Cuda(options).make_walk(network, field_side);
      Cutouts found(1000), again(1000);
      walk->run_many(nullptr, found.ios());
      walk->run_many(nullptr, again.ios());
      CHECK(found.outputs == again.outputs);
      double most = 0;
      const std::vector<double> on_device = masses(found);
      for (std::size_t k = 0; k < on_cpu.size(); ++k) most = std::max(most, std::fabs(on_device[k] - on_cpu[k]));
      MESSAGE(device << ", " << std::string(name_of(generation)) << ", " << std::string(name_of(precision))
                     << ": largest |delta log10 M| " << most);
      CHECK(most <= (precision == Precision::fp32 ? 1e-4 : 1e-3));
    }
}

TEST_CASE("On a device: an epoch of every stage gives finite numbers, and the same bits twice") {
  if (device_name().empty()) return;
  const auto records = std::make_shared<train::MemoryRecords>(std::size_t{80}, train::sample_bytes);
  for (std::size_t k = 0; k < records->size(); ++k) {
    Random random(5, k);
    train::Sample sample;
    sample.info.redshift = 0.3;
    sample.info.ebv = 0.05;
    sample.band_coverage.fill(1);
    for (std::size_t p = 0; p < band_count * field_cells; ++p)
      sample.input.push_back(static_cast<std::int16_t>(1000 * random.normal()));
    train::encode(sample, (*records)[k]);
  }
  const train::SampleSet set(records);
  const std::vector<train::Label> labels(set.size(), {14.5, 0.1});
  std::vector<std::size_t> which(set.size());
  for (std::size_t k = 0; k < which.size(); ++k) which[k] = k;
  const train::Selection part{&set, which, labels};
  for (const Generation generation : {Generation::fixed_function, Generation::graph})
    for (const train::Stage stage : {train::Stage::bands, train::Stage::heads, train::Stage::all}) {
      const auto after = [&] {
        TrainedNetwork<> trained = released_network();
        Team team(4);
        CudaTrainer<Released, Team> trainer(device_with(generation), trained, team, 1);
        if (stage == train::Stage::heads) {
          const auto features = std::make_shared<train::MemoryRecords>(set.size(), trainer.feature_bytes());
          std::size_t next = 0;
          trainer.make_features(
              part, [&](std::span<const std::byte> bytes) { std::ranges::copy(bytes, (*features)[next++].begin()); });
          trainer.use_features(features, part);
        }
        train::Adam adam(trainer.parameter_count(stage));
        const auto report = trainer.run_epoch(stage, 0, {.batch = 32}, part, adam, [](auto, auto) { return true; });
        CHECK(std::isfinite(report.loss));
        return adam.first;
      };
      const std::vector<float> once = after(), twice = after();
      CHECK(once == twice);
      CHECK(std::all_of(once.begin(), once.end(), is_finite));
    }
}
