// SPDX-License-Identifier: BSD-3-Clause
#include <charconv>

#include "backend.hpp"
#include "clustermass/gpu/gpu.hpp"

using namespace clustermass;

std::unique_ptr<Backend> open_cuda(TrainedNetwork<> network, const std::string& origin, bool replay_probe,
                                   const EstimateOptions& options, int members) {
  CudaOptions cuda;
  if (const auto colon = options.device.find(':'); colon != std::string::npos)
    std::from_chars(options.device.data() + colon + 1, options.device.data() + options.device.size(), cuda.device);
  if (options.precision == "tf32") cuda.precision = gpu::Precision::tf32;
  if (options.precision == "fp16") cuda.precision = gpu::Precision::fp16;
  cuda.batch = 3;  // one cutout at a time: itself and two shifted redshifts
  return std::make_unique<BackendOn<CudaEstimator>>(
      CudaEstimator(std::move(network), origin, {.replay_probe = replay_probe}, Cuda(cuda)), members);
}
