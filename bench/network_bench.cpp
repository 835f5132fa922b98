// SPDX-License-Identifier: BSD-3-Clause
// Speed of the convolutions, of whole networks and of one band image through their extractor on each instruction set of
// this machine, one thread. Counters: FLOP/s by the count of the direct convolution, cutouts per second. Not a test,
// and no figure of it is quoted alone: bench/peers compares with others in one run.
#include <benchmark/benchmark.h>

#include <string>

#include "clustermass/estimator.hpp"
#include "clustermass/model/architectures.hpp"
#include "clustermass/nn/initialise.hpp"
#include "clustermass/parallel.hpp"

namespace {

using namespace clustermass;

constexpr cpu::InstructionSet instruction_sets[] = {cpu::InstructionSet::baseline, cpu::InstructionSet::neon,
                                                    cpu::InstructionSet::avx2, cpu::InstructionSet::avx512};

struct ConvolutionCase {
  KernelGeometry geometry;
  int side, images = 1;
};
/// The layers of the released network, then those that the wide one has besides.
constexpr ConvolutionCase layers[] = {
    {{1, 16, 3, 2}, 128},     {{16, 16, 3, 1}, 64},  {{16, 16, 3, 2}, 64},  {{16, 16, 3, 1}, 32},
    {{16, 32, 3, 2}, 32},     {{32, 32, 3, 1}, 16},  {{32, 48, 3, 2}, 16},  {{48, 48, 3, 1}, 8, 5},
    {{240, 64, 1, 1}, 8},     {{64, 64, 3, 1}, 8},   {{16, 32, 3, 2}, 64},  {{32, 32, 3, 1}, 32},
    {{32, 64, 3, 2}, 32},     {{64, 64, 3, 1}, 16},  {{64, 128, 3, 2}, 16}, {{64, 128, 3, 2}, 16, 5},
    {{128, 128, 3, 1}, 8, 5}, {{640, 128, 1, 1}, 8}, {{128, 128, 3, 1}, 8}};

/// The network by which the engine is compared with others: 16 to 128 channels (docs/performance.md).
using Wide = Architecture<16, 32, 64, 128, 128>;

enum class Pass { forward, input_gradient, weight_gradient };

template <Engine E>
void convolve(benchmark::State& state, E engine, ConvolutionCase layer, Pass pass) {
  const Shape in{layer.images, layer.geometry.in, layer.side, layer.side};
  const Shape out = strided(in, layer.geometry.out, layer.geometry.stride);
  Arena<float> x(E::map_size(in, Form::map)), y(E::map_size(out, Form::map));
  Arena<float> storage(E::kernel_size(layer.geometry, Form::map, true));
  std::vector<float> weight(layer.geometry.weight_count(), 0.1f), bias(static_cast<std::size_t>(layer.geometry.out));
  const auto kernel = engine.prepare(layer.geometry, Form::map, true, weight.data(), bias.data(), storage.data());
  Arena<float> scratch(E::scratch_size(layer.geometry, Form::map, true));
  engine.use_scratch(scratch.data());
  const auto xm = E::map_at(x.data(), in, Form::map), ym = E::map_at(y.data(), out, Form::map);
  for (auto _ : state) {
    if (pass == Pass::forward) engine.convolve(xm, kernel, {}, Activation::relu, ym);
    if (pass == Pass::input_gradient) engine.convolve_input_gradient(ym, kernel, {}, xm);
    if (pass == Pass::weight_gradient)
      engine.convolve_weight_gradient(xm, ym, layer.geometry, weight.data(), bias.data());
    benchmark::ClobberMemory();
  }
  const double flop = 2.0 * static_cast<double>(layer.geometry.weight_count()) * out.h * out.w * out.n;
  state.counters["FLOP/s"] = benchmark::Counter(flop, benchmark::Counter::kIsIterationInvariantRate);
}

template <class Arch, Engine E>
void network(benchmark::State& state, E, int heads, int threads = 1) {
  TrainedNetwork<Arch> trained(heads, 0, coarse_factor);
  initialise(trained.features, 1, 0);
  for (auto& head : trained.mass) initialise(head, 1, 1);
  const NetworkWalkOn<Arch, E> walk(trained, field_side);
  const std::vector<float> input(band_count * field_cells, 0.3f), coverage(band_count * coarse_cells, 1.0f);
  const std::vector<float> context(context_count);
  std::vector<double> outputs(static_cast<std::size_t>(2 * heads)), pooled(TrainedNetwork<Arch>::pooled_features);
  Arena<std::byte> arena(walk.arena_bytes(threads));
  Team team(threads);
  const WalkIo io{input, coverage, std::span(coverage).first(coarse_cells), context, outputs, pooled};
  for (auto _ : state) {
    if (threads == 1)
      walk.run(arena.data(), io, nullptr, 0);
    else
      team.together([&](int member) { walk.run(arena.data(), io, &team, member); });
  }
  state.counters["cutouts/s"] = benchmark::Counter(1, benchmark::Counter::kIsIterationInvariantRate);
}

template <class Arch, Engine E>
void band_image(benchmark::State& state, E engine) {
  using Features = typename Arch::Features;
  Weights<Features> weights;
  initialise(weights, 1, 0);
  const Shape input{1, 1, field_side, field_side};
  const Plan<Features, E> plan(weights.values(), input, Walk::inference);
  Arena<float> arena(plan.arena_size()), scratch(plan.scratch_size()), x(E::map_size(input, Form::map));
  engine.use_scratch(scratch.data());
  const std::vector<float> pixels(field_cells, 0.3f), coverage(coarse_cells, 1.0f);
  const Conditions<float, Host> conditions{{coverage.data(), {1, 1, coarse_side, coarse_side}}, {}};
  const auto map = E::map_at(x.data(), input, Form::map);
  for (auto _ : state) {
    engine.copy_in(View<const float>{pixels.data(), input}, map);
    plan.run(engine, arena.data(), conditions, map);
    benchmark::ClobberMemory();
  }
}

std::string name_of_layer(const ConvolutionCase& layer) {
  const KernelGeometry& g = layer.geometry;
  const std::string size = std::to_string(g.size);
  return size + "x" + size + (g.stride > 1 ? "/stride:" + std::to_string(g.stride) : "") + "/" + std::to_string(g.in) +
         "to" + std::to_string(g.out) + "/side:" + std::to_string(layer.side) +
         (layer.images > 1 ? "/images:" + std::to_string(layer.images) : "");
}

}  // namespace

int main(int argc, char** argv) {
  for (const auto set : instruction_sets) {
    if (!cpu::available(set)) continue;
    cpu::with_engine(set, [&](auto engine) {
      const std::string where = std::string("/") + cpu::name_of(set);
      for (const ConvolutionCase& layer : layers)
        for (const auto& [pass, name] :
             {std::pair{Pass::forward, "convolve/"}, std::pair{Pass::input_gradient, "input_gradient/"},
              std::pair{Pass::weight_gradient, "weight_gradient/"}})
          benchmark::RegisterBenchmark(
              (name + name_of_layer(layer) + where).c_str(),
              [=, way = pass](benchmark::State& state) { convolve(state, engine, layer, way); });
      benchmark::RegisterBenchmark(("network/released" + where).c_str(), [=](benchmark::State& state) {
        network<Released>(state, engine, 5);
      })->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("network/small" + where).c_str(), [=](benchmark::State& state) {
        network<SmallArchitecture>(state, engine, 5);
      })->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("network/large" + where).c_str(), [=](benchmark::State& state) {
        network<LargeArchitecture>(state, engine, 5);
      })->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("network/wide" + where).c_str(), [=](benchmark::State& state) {
        network<Wide>(state, engine, 1);
      })->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("band_image/released" + where).c_str(), [=](benchmark::State& state) {
        band_image<Released>(state, engine);
      })->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("band_image/wide" + where).c_str(), [=](benchmark::State& state) {
        band_image<Wide>(state, engine);
      })->Unit(benchmark::kMillisecond);
      for (const int threads : {1, 2})
        benchmark::RegisterBenchmark(("together/wide/members:" + std::to_string(threads) + where).c_str(),
                                     [=](benchmark::State& state) { network<Wide>(state, engine, 1, threads); })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
    });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
