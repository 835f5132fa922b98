// SPDX-License-Identifier: BSD-3-Clause
// The models on a CUDA device. Compiled where clustermass::cuda is built.
#include "clustermass/gpu/gpu.hpp"
#include "clustermass/gpu/trainer.hpp"
#include "clustermass/model/architectures.hpp"
#include "model_of.hpp"

using namespace clustermass;

namespace {

template <class Arch>
std::unique_ptr<Model> make_cuda_model_of(const Settings& settings, Team& team) {
  using Trainer = gpu::CudaTrainer<Arch, Team>;
  CudaOptions options;
  options.batch = std::min(settings.batch, options.batch);
  const Cuda cuda(options);
  auto network = empty_network<Arch>(settings.heads);
  auto trainer = std::make_unique<Trainer>(cuda.device(), *network, team, settings.seed);
  std::string name = "cuda";
  if (trainer->batch() < options.batch)
    name += ", which has room for " + std::to_string(trainer->batch()) + " cutouts,";
  return std::make_unique<ModelOf<Arch, Trainer>>(
      std::move(network), name, std::move(trainer),
      [cuda](const TrainedNetwork<Arch>& trained) { return cuda.make_walk(trained, field_side); });
}

}  // namespace

std::unique_ptr<Model> make_cuda_model(const Settings& settings, Team& team) {
  if (settings.arch == "small") return make_cuda_model_of<SmallArchitecture>(settings, team);
  if (settings.arch == "large") return make_cuda_model_of<LargeArchitecture>(settings, team);
  return make_cuda_model_of<Released>(settings, team);
}
