// SPDX-License-Identifier: BSD-3-Clause
// libtorch by itself: load the frozen network, run it once on one cutout.
#include <ATen/Parallel.h>
#include <torch/script.h>

#include "maps.hpp"

int main(int, char** argv) {
  torch::InferenceMode guard;
  at::set_num_threads(1);
  torch::jit::Module network = torch::jit::load(argv[1]);
  const at::Tensor output =
      network.forward({torch::zeros({1, 5, 128, 128}), torch::zeros({1, 5, 64}), torch::zeros({1, 17})}).toTensor();
  return finish(output.data_ptr<float>()[0]);
}
