// SPDX-License-Identifier: BSD-3-Clause
// The whole network on the device, through the test double: CUDA graphs per batch size, padding, two lanes, transfers
// in 16 bits, too little memory, and the estimator on top, against Reference<double> and the CPU estimator.
#include <doctest/doctest.h>

#include <thread>

#include "clean_double.hpp"
#include "clustermass/gpu/gpu.hpp"
#include "device_maps.hpp"
#include "support/cutouts.hpp"
#include "support/random_network.hpp"

using namespace clustermass;
using namespace clustermass::gpu;
using namespace clustermass::support;

namespace {

constexpr int side = 32, cells = (side / coarse_factor) * (side / coarse_factor), heads = 2;
constexpr std::size_t pooled_count = TrainedNetwork<>::pooled_features;

const TrainedNetwork<>& network() {
  static const TrainedNetwork<> one = random_network(7, heads, side);
  return one;
}

/// Inputs of many cutouts and room for the outputs.
struct Cutouts {
  explicit Cutouts(std::size_t count) : input(count), outputs(count), pooled(count) {
    Random random(3);
    for (std::size_t k = 0; k < count; ++k) {
      for (int p = 0; p < band_count * side * side; ++p) input[k].pixels.push_back(static_cast<float>(random.normal()));
      for (int p = 0; p < band_count * cells; ++p)
        input[k].band_coverage.push_back(static_cast<float>(random.uniform()));
      for (int p = 0; p < cells; ++p) input[k].coverage.push_back(static_cast<float>(random.uniform()));
      for (int p = 0; p < context_count; ++p) input[k].context.push_back(static_cast<float>(random.normal()));
      outputs[k].assign(2 * heads, -1);
      pooled[k].assign(pooled_count, -1);
    }
  }
  std::vector<WalkIo> ios() {
    std::vector<WalkIo> all;
    for (std::size_t k = 0; k < input.size(); ++k)
      all.push_back(
          {input[k].pixels, input[k].band_coverage, input[k].coverage, input[k].context, outputs[k], pooled[k]});
    return all;
  }
  std::vector<double> answers() const {
    std::vector<double> all;
    for (const auto* part : {&outputs, &pooled})
      for (const auto& one : *part) all.insert(all.end(), one.begin(), one.end());
    return all;
  }

  struct Input {
    std::vector<float> pixels, band_coverage, coverage, context;
  };
  std::vector<Input> input;
  std::vector<std::vector<double>> outputs, pooled;
};

std::vector<double> reference(std::size_t count) {
  Cutouts cutouts(count);
  const NetworkWalkOn<Released, Reference<double>> walk(network(), side);
  Arena<std::byte> arena(walk.arena_bytes(1));
  walk.run_many(arena.data(), cutouts.ios());
  return cutouts.answers();
}

std::vector<double> on_device(const CudaOptions& options, std::size_t count) {
  const Cuda cuda(options);
  const auto walk = cuda.make_walk(network(), side);
  Cutouts cutouts(count);
  walk->run_many(nullptr, cutouts.ios());
  return cutouts.answers();
}

}  // namespace

TEST_CASE("The whole network on the device agrees with the reference, with both generations of cuDNN's calls") {
  for (const Generation generation : {Generation::fixed_function, Generation::graph}) {
    const CleanDouble clean;
    CudaOptions options;
    options.generation = generation;
    check_near("outputs and pooled features", on_device(options, 3), reference(3), 1e-5);
  }
}

TEST_CASE("Batches of any size give the same bits as one by one, and two lanes keep them apart") {
  const CleanDouble clean;
  CudaOptions one, many;
  one.batch = 1;
  many.batch = 8;
  const std::vector<double> expected = on_device(one, 11);  // 8 + 3: a full launch and a padded one, on two lanes
  CHECK(on_device(many, 11) == expected);
  many.batch = 3;
  CHECK(on_device(many, 11) == expected);
}

TEST_CASE("A walk replays captured graphs: the second call queues no kernel of its own") {
  const CleanDouble clean;
  const Cuda cuda;
  const auto walk = cuda.make_walk(network(), side);
  Cutouts first(2), second(2);
  walk->run_many(nullptr, first.ios());
  const int calls = test_double::calls(), launches = test_double::runs("cudaGraphLaunch");
  walk->run_many(nullptr, second.ios());
  CHECK(test_double::runs("cudaGraphLaunch") == launches + 1);
  CHECK(test_double::calls() - calls <= 4);  // current device, launch, wait
  CHECK(second.answers() == first.answers());
}

TEST_CASE("Pixels that travel in 16 bits, TF32 and half maps stay within their promises") {
  const std::vector<double> expected = reference(3);
  const auto error = [&](Precision precision, bool half_transfer) {
    const CleanDouble clean;
    CudaOptions options;
    options.precision = precision;
    options.half_transfer = half_transfer;
    const std::vector<double> found = on_device(options, 3);
    double most = 0;
    for (std::size_t k = 0; k < found.size(); ++k) most = std::max(most, std::fabs(found[k] - expected[k]));
    return most;
  };
  CHECK(error(Precision::fp32, false) < 1e-5);
  CHECK(error(Precision::fp32, true) < 2e-3);
  CHECK(error(Precision::tf32, false) < 2e-3);
  CHECK(error(Precision::fp16, false) < 1e-2);
  CHECK(error(Precision::fp16, true) < 1e-2);
}

TEST_CASE("A device without room for the batch takes a smaller one and says so; without room for one it throws") {
  const CleanDouble clean;
  CudaOptions options;
  options.batch = 32;
  const Cuda cuda(options);
  const std::vector<double> expected = reference(9);
  {
    const auto walk = cuda.make_walk(network(), side);
    test_double::limit_memory(std::size_t{12} << 20);
    Cutouts cutouts(9);
    walk->run_many(nullptr, cutouts.ios());
    CHECK(walk->batch() < 9);
    CHECK(walk->batch() >= 1);
    check_near("outputs", cutouts.answers(), expected, 1e-5);
  }
  const auto walk = cuda.make_walk(network(), side);
  test_double::limit_memory(1 << 20);
  Cutouts cutouts(9);
  CHECK_THROWS_WITH_AS(walk->run_many(nullptr, cutouts.ios()), doctest::Contains("use a smaller batch"),
                       DeviceMemoryError);
}

TEST_CASE("Two threads share one estimator: each call has a session of its own, and the same bits come out") {
  const CleanDouble clean;
  using Small = Architecture<16, 16, 16, 16, 16>;  // the double computes slowly
  TrainedNetwork<Small> small(1, 0, side);
  fill_at_random(small.features, 1, 0);
  fill_at_random(small.mass[0], 1, 2);
  small.metadata = network().metadata;
  small.calibration_scale.values[0] = 1;
  CudaOptions options;
  options.batch = 2;
  const BasicEstimator<Cuda, Small> estimator(std::move(small), "random numbers",
                                              {.replay_probe = false, .redshift_response = false}, Cuda(options));
  const std::vector<CutoutBuffer> buffers{noisy_grid_cutout(0.3, 1), noisy_grid_cutout(0.25, 2),
                                          noisy_grid_cutout(0.2, 3)};
  const std::vector<Cutout> cutouts(buffers.begin(), buffers.end());
  std::vector<MassEstimate> once(3), found[2] = {once, once};
  estimator.estimate_mass(cutouts, once);
  std::vector<std::thread> threads;
  for (auto& estimates : found)
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2; ++turn) estimator.estimate_mass(cutouts, estimates);
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& estimates : found)
    for (std::size_t k = 0; k < once.size(); ++k) CHECK(estimates[k].log10_m500c == once[k].log10_m500c);
  CHECK(once[0].has_result());
}

TEST_CASE("The host program's current device is its own again after every call") {
  const CleanDouble clean;
  CudaOptions options;
  options.device = 1;
  {
    const Cuda cuda(options);
    const auto walk = cuda.make_walk(network(), side);
    Cutouts cutouts(1);
    walk->run_many(nullptr, cutouts.ios());
  }
  int device = -1;
  CHECK(cudaGetDevice(&device) == cudaSuccess);
  CHECK(device == 0);
}

TEST_CASE("A device that is not there and a cuDNN of another generation are refused in one sentence") {
  const CleanDouble clean;
  CudaOptions options;
  options.device = 2;
  CHECK_THROWS_WITH_AS(Cuda{options}, doctest::Contains("CUDA device 2 was asked for, found 2 devices"), DeviceError);
  test_double::pretend_cudnn_version(100100);
  CHECK_THROWS_WITH_AS(Cuda{}, doctest::Contains("expected one of generation 9"), DeviceError);
}

TEST_CASE("The estimator on the device gives the CPU's answers, one by one and in a span") {
  const CleanDouble clean;
  const std::vector<std::byte> file = encoded(random_network(1, heads, side));
  CudaOptions options;
  options.batch = 4;  // one cutout is three walks: itself and two shifted redshifts
  const CudaEstimator device = CudaEstimator::from_memory(file, {}, Cuda(options));
  const Estimator cpu = Estimator::from_memory(file);

  std::vector<CutoutBuffer> buffers{noisy_grid_cutout(0.3, 1), noisy_grid_cutout(0.25, 2)};
  buffers[1].redshift_error = 0.02;
  buffers.push_back(buffers[0]);
  buffers[2].redshift = std::numeric_limits<double>::quiet_NaN();  // no redshift: flags, no numbers
  std::vector<Cutout> cutouts(buffers.begin(), buffers.end());
  std::vector<MassEstimate> found(cutouts.size());
  device.estimate_mass(cutouts, found);
  for (std::size_t k = 0; k < cutouts.size(); ++k) {
    const MassEstimate expected = cpu.estimate_mass(cutouts[k]);
    CHECK(found[k].flags == expected.flags);
    if (!expected.has_result()) continue;
    CHECK(std::fabs(found[k].log10_m500c - expected.log10_m500c) < 1e-4);
    CHECK(std::fabs(found[k].log10_m500c_error - expected.log10_m500c_error) < 1e-4);
    CHECK(std::fabs(found[k].dlogm_dz - expected.dlogm_dz) < 1e-2);  // a difference over 0.04 in z
    CHECK(std::fabs(found[k].ood - expected.ood) < 1e-4);
    CHECK(found[k].coverage == expected.coverage);
  }
  CHECK(device.estimate_mass(cutouts[1]).log10_m500c == found[1].log10_m500c);
  CHECK(std::isnan(found[2].log10_m500c));
}
