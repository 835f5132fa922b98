// SPDX-License-Identifier: BSD-3-Clause
// Prints every bit of the whole network's outputs on each instruction set of this machine that has a fused
// multiply-add, over weights and pixels that no rounding touches. neon.sh compares the lines of two architectures.
#include <bit>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/cpu/engine.hpp"
#include "clustermass/model/network_walk.hpp"

using namespace clustermass;

namespace {
constexpr int side = 80;

/// Multiples of 2^-24 in [-scale, scale), scale a power of two: exact in a float on every machine.
void fill(Random& random, float scale, std::span<float> values) {
  for (float& value : values)
    value = static_cast<float>(static_cast<std::int32_t>(random.bits() >> 7) - (1 << 24)) * (scale * 0x1p-24f);
}

void print(cpu::InstructionSet set) {
  TrainedNetwork<> network(2, 0, coarse_factor);
  Random random(20);
  network.for_each_tensor([&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
    if (name.find("weight") != std::string::npos) {
      std::int64_t fan_in = 1;
      for (std::size_t k = 1; k < shape.size(); ++k) fan_in *= shape[k];
      float scale = 1;
      while (scale * scale * static_cast<float>(fan_in) > 8) scale /= 2;
      fill(random, scale, values);
    } else if (name.find("bias") != std::string::npos) {
      fill(random, 0.125f, values);
    }
  });
  constexpr std::size_t cells = std::size_t{side} * side, coarse = cells / (coarse_factor * coarse_factor);
  std::vector<float> input(band_count * cells), coverage(band_count * coarse), context(context_count);
  fill(random, 2, input);
  fill(random, 1, context);
  for (float& w : coverage) w = static_cast<float>(random.bits() >> 29) / 8;  // also cells without any coverage
  const std::span<const float> first = std::span<const float>(coverage).first(coarse);

  std::vector<double> outputs(4), pooled(TrainedNetwork<>::pooled_features);
  const auto walk = cpu::with_engine(set, [&]<class E>(E) -> std::unique_ptr<const NetworkWalk> {
    return std::make_unique<const NetworkWalkOn<Released, E>>(network, side);
  });
  Arena<std::byte> arena(walk->arena_bytes());
  walk->run(arena.data(), {input, coverage, first, context, outputs, pooled});
  std::uint64_t digest = 14695981039346656037u;  // FNV-1a
  for (const double value : pooled) digest = (digest ^ std::bit_cast<std::uint64_t>(value)) * 1099511628211u;
  for (const double value : outputs) std::printf("%a ", value);
  std::printf("%016llx\n", static_cast<unsigned long long>(digest));
}
}  // namespace

int main() {
#if defined(__aarch64__)
  print(cpu::InstructionSet::neon);
#else
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) print(cpu::InstructionSet::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    print(cpu::InstructionSet::avx512);
#endif
}
