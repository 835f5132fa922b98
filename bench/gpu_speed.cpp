// SPDX-License-Identifier: BSD-3-Clause
// Speed of the GPU wing on a real device: latency of one cutout, throughput from host memory, training steps, and the
// ceilings of the machine measured in the same run. bench/gpu.sh builds and runs it beside PyTorch.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "clustermass/gpu/gpu.hpp"
#include "clustermass/gpu/trainer.hpp"
#include "clustermass/parallel.hpp"
#include "gpu_layers.hpp"

using namespace clustermass;
using namespace clustermass::gpu;

namespace {

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Median of rounds that last some two seconds in all, after two that do not count.
double median(const std::function<void()>& work) {
  work();
  work();
  std::vector<double> times;
  double total = 0;
  while ((total < 2 && times.size() < 500) || times.size() < 5) {
    times.push_back(seconds(work));
    total += times.back();
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

struct Inputs {
  explicit Inputs(std::size_t count, std::size_t heads) : buffer(8), outputs(count, std::vector<double>(2 * heads)) {
    for (std::size_t k = 0; k < buffer.size(); ++k) {
      Random random(1, k);
      for (float& value : buffer[k].input) value = static_cast<float>(random.normal());
      std::fill(buffer[k].band_coverage.begin(), buffer[k].band_coverage.end(), 1.0f);
      buffer[k].update({.redshift = 0.3});
    }
    for (std::size_t k = 0; k < count; ++k) {
      const PreparedView v = buffer[k % buffer.size()].view();
      ios.push_back({v.input, v.band_coverage, v.coverage, v.context, outputs[k], {}});
    }
  }
  std::vector<train::PreparedBuffer> buffer;
  std::vector<std::vector<double>> outputs;
  std::vector<WalkIo> ios;
};

void ceilings() {
  constexpr std::size_t bytes = std::size_t{1} << 30;
  const DeviceArena<std::byte> a(bytes), b(bytes);
  const PinnedArena<std::byte> host(bytes / 4);
  const auto rate = [&](std::size_t moved, const std::function<void()>& copy) {
    return static_cast<double>(moved) / median([&] {
             copy();
             check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
           }) /
           1e9;
  };
  std::printf(
      "ceilings: copy on the device %.0f GB/s (read and written), from pinned memory %.1f GB/s\n",
      rate(2 * bytes,
           [&] {
             check(cudaMemcpyAsync(b.data(), a.data(), bytes, cudaMemcpyDeviceToDevice, nullptr), "cudaMemcpyAsync");
           }),
      rate(bytes / 4, [&] {
        check(cudaMemcpyAsync(a.data(), host.data(), bytes / 4, cudaMemcpyHostToDevice, nullptr), "cudaMemcpyAsync");
      }));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return std::fprintf(stderr, "gpu_speed WEIGHTS\n"), 2;
  const TrainedNetwork<> network = read_network(read_file(argv[1]), argv[1]);
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  std::printf("%s, CUDA runtime %d, cuDNN %zu, %zu heads\n", properties.name, CUDART_VERSION, cudnnGetVersion(),
              network.mass.size());
  ceilings();

  double flop = 0, moved = 0;
  for (const auto& layer : gpu_layers::layers(static_cast<int>(network.mass.size()))) {
    flop += layer.flop;
    moved += 4 * (layer.read + layer.written);
  }
  std::printf(
      "\n| calls | numbers | transfer | batch | us per cutout | cutouts/s | TFLOP/s | GB/s of maps |\n| --- | --- | "
      "--- | --- | --- | --- | --- | --- |\n");
  for (const Generation generation : {Generation::fixed_function, Generation::graph})
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::fp16})
      for (const bool half : {false, true}) {
        CudaOptions options;
        options.generation = generation;
        options.precision = precision;
        options.half_transfer = half;
        const auto walk = Cuda(options).make_walk(network, field_side);
        for (const std::size_t batch : {1u, 32u, 256u, 1024u}) {
          Inputs inputs(batch, network.mass.size());
          const double time = median([&] { walk->run_many(nullptr, inputs.ios); }) / static_cast<double>(batch);
          std::printf("| %s | %s | %d bits | %zu | %.2f | %.0f | %.1f | %.0f |\n",
                      generation == Generation::graph ? "graph" : "fixed",
                      precision == Precision::fp32   ? "fp32"
                      : precision == Precision::tf32 ? "tf32"
                                                     : "fp16",
                      half ? 16 : 32, batch, 1e6 * time, 1 / time, flop / time / 1e12,
                      moved / time / 1e9 * (precision == Precision::fp16 ? 0.5 : 1));
          std::fflush(stdout);
        }
      }

  const auto records = std::make_shared<train::MemoryRecords>(std::size_t{512}, train::sample_bytes);
  for (std::size_t k = 0; k < records->size(); ++k) {
    Random random(2, k);
    train::Sample sample;
    sample.info.redshift = 0.3;
    sample.info.ebv = 0.05;
    sample.band_coverage.fill(1);
    sample.input.resize(band_count * field_cells);
    for (auto& value : sample.input) value = static_cast<std::int16_t>(1000 * random.normal());
    train::encode(sample, (*records)[k]);
  }
  const train::SampleSet set(records);
  const std::vector<train::Label> labels(set.size(), {14.5, 0.1});
  std::vector<std::size_t> which(8 * set.size());
  for (std::size_t k = 0; k < which.size(); ++k) which[k] = k % set.size();
  const train::Selection part{&set, which, labels};
  std::printf("\n| training step | numbers | batch | ms | samples/s |\n| --- | --- | --- | --- | --- |\n");
  for (const Precision precision : {Precision::fp32, Precision::tf32})
    for (const int batch : {32, 256})
      for (const double retake : {0.0, 0.1}) {  // without and with images that the host makes
        CudaOptions options;
        options.precision = precision;
        options.batch = batch;
        Team team(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
        TrainedNetwork<> trained = network;
        CudaTrainer<Released, Team> trainer(std::make_shared<const CudaDevice>(options), trained, team, 1);
        train::StageOptions how{.epochs = 1000, .batch = batch, .rate = 1e-6};
        how.augment.retake = retake;
        train::Adam adam(trainer.parameter_count(train::Stage::all));
        const double steps = static_cast<double>(which.size()) / batch;
        const double time =
            median([&] { trainer.run_epoch(train::Stage::all, 0, how, part, adam, [](auto, auto) { return true; }); }) /
            steps;
        std::printf("| extractor and heads, %s | %s | %d | %.2f | %.0f |\n",
                    retake > 0 ? "a tenth of the images made by the host" : "images made on the device",
                    precision == Precision::fp32 ? "fp32" : "tf32", batch, 1e3 * time, batch / time);
        std::fflush(stdout);
      }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "gpu_speed: %s\n", error.what());
  return 5;
}
