// SPDX-License-Identifier: BSD-3-Clause
// This library as one participant of the comparison, and the random networks all of them are fed with. Compiled as a
// host program would compile it: -O2 and no -m flag.
#include <cmath>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "architectures.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/cpu/engine.hpp"
#include "clustermass/cpu/reference.hpp"
#include "clustermass/io/weight_writer.hpp"
#include "clustermass/model/network_walk.hpp"
#include "clustermass/parallel.hpp"
#include "peer.h"

namespace {

using namespace clustermass;

std::string last_error;

/// Engines by name; "" takes the widest instruction set, "float64" the reference engine in double.
template <class Arch>
std::unique_ptr<NetworkWalk> walk_on(const TrainedNetwork<Arch>& network, const std::string& setting) {
  if (setting == "float64") return std::make_unique<NetworkWalkOn<Arch, Reference<double>>>(network, field_side);
  cpu::InstructionSet set = cpu::choose_instruction_set();
  for (const auto named : {cpu::InstructionSet::baseline, cpu::InstructionSet::neon, cpu::InstructionSet::avx2,
                           cpu::InstructionSet::avx512})
    if (setting == cpu::name_of(named)) set = named;
  if (!cpu::available(set) || (!setting.empty() && setting != cpu::name_of(set)))
    throw std::runtime_error("this machine does not run '" + setting + "'");
  return cpu::with_engine(set, [&]<class E>(E) -> std::unique_ptr<NetworkWalk> {
    return std::make_unique<NetworkWalkOn<Arch, E>>(network, field_side);
  });
}

struct Ours {
  int n, heads;
  std::unique_ptr<NetworkWalk> walk;
  Team team;
  std::vector<Arena<std::byte>> arenas;
  std::vector<float> band_coverage;
  std::vector<double> outputs;

  Ours(const std::string& file, int count, int threads, const std::string& setting) : n(count), team(threads) {
    const std::vector<std::byte> bytes = read_file(file);
    peers::with_architecture(bytes, file, [&]<class Arch>(std::type_identity<Arch>) {
      const TrainedNetwork<Arch> network = read_network<Arch>(bytes, file);
      heads = static_cast<int>(network.mass.size());
      walk = walk_on(network, setting);
    });
    const bool shared = n == 1 && threads > 1;  // all threads on the one cutout, else whole cutouts per thread
    for (int k = 0; k < (shared ? 1 : threads); ++k) arenas.emplace_back(walk->arena_bytes(shared ? threads : 1));
    band_coverage.assign(band_count * coarse_cells, 1.0f);
    outputs.resize(static_cast<std::size_t>(2 * heads * n));
  }

  void run(const PeerInput& input, float* output) {
    const std::size_t count = static_cast<std::size_t>(n), numbers = static_cast<std::size_t>(2 * heads);
    const auto cutout = [&](std::size_t k) -> WalkIo {
      return {{input.images + k * band_count * field_cells, band_count * field_cells},
              band_coverage,
              {input.coverage + k * coarse_cells, coarse_cells},
              {input.context + k * context_count, context_count},
              std::span(outputs).subspan(k * numbers, numbers),
              {}};
    };
    if (count == 1 && team.size() > 1)
      team.together([&](int member) { walk->run(arenas[0].data(), cutout(0), &team, member); });
    else
      team.run(count, [&](std::size_t k, int member) {
        walk->run(arenas[static_cast<std::size_t>(member)].data(), cutout(k));
      });
    for (std::size_t k = 0; k < outputs.size(); ++k) output[k] = static_cast<float>(outputs[k]);
  }
};

/// He weights for every convolution and dense layer, the second of a residual block too, and small biases.
template <class Net>
void randomise(Weights<Net>& weights, std::uint64_t stream) {
  std::uint32_t tensor = 0;
  weights.for_each_tensor("", [&](const std::string&, const Parameter& parameter, std::span<float> values) {
    Random random(1, stream, tensor++);
    const double sigma = parameter.rank > 1 ? std::sqrt(1.0 / static_cast<double>(parameter.fan_in())) : 0.05;
    for (float& value : values) value = static_cast<float>(sigma * random.normal());
  });
}

}  // namespace

extern "C" {

void* peer_open(const char* weight_file, int n, int threads, const char* setting) try {
  return new Ours(weight_file, n, threads, setting);
} catch (const std::exception& error) {
  last_error = error.what();
  return nullptr;
}

void peer_run(void* peer, const PeerInput* input, float* output) { static_cast<Ours*>(peer)->run(*input, output); }

void peer_close(void* peer) { delete static_cast<Ours*>(peer); }

const char* peer_error() { return last_error.c_str(); }

const char* peer_version() { return CLUSTERMASS_VERSION_STRING; }

/// Writes a network of random weights with one mass head. Returns 0, or -1 with peer_error.
int clustermass_write_random(const char* architecture, const char* weight_file) try {
  peers::with_architecture_named(architecture, [&]<class Arch>(std::type_identity<Arch>) {
    TrainedNetwork<Arch> network(1, 0, coarse_factor);
    randomise(network.features, 1);
    randomise(network.band, 2);
    randomise(network.mass[0], 3);
    network.metadata = {{"format", "clustermass"},
                        {"format_version", std::string(weight_format_version)},
                        {"arch", Arch::name()},
                        {"mass_definition", std::string(mass_definition_text)},
                        {"normalisation", normalisation_text()},
                        {"model_id", "random"},
                        {"training_set", "none, random weights"},
                        {"z_range", "0.08 0.55"},
                        {"logm_range", "13.5 15.5"}};
    std::vector<TensorToWrite> tensors;
    network.for_each_tensor(
        [&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
          tensors.push_back({name, shape, values});
        });
    write_weight_file(weight_file, network.metadata, tensors);
  });
  return 0;
} catch (const std::exception& error) {
  last_error = error.what();
  return -1;
}

}  // extern "C"
