// SPDX-License-Identifier: BSD-3-Clause
#include "../common/device.hpp"
#include "backend.hpp"
#include "clustermass/gpu/gpu.hpp"

using namespace clustermass;

std::unique_ptr<Backend> open_cuda(TrainedNetwork<> network, const std::string& origin, bool replay_probe,
                                   const EstimateOptions& options, int members) {
  CudaOptions cuda;
  cuda.device = tool::device_number(options.device);
  if (options.precision == "tf32") cuda.precision = gpu::Precision::tf32;
  if (options.precision == "fp16") cuda.precision = gpu::Precision::fp16;
  cuda.batch = 3;  // one cutout at a time: itself and two shifted redshifts
  return std::make_unique<BackendOn<CudaEstimator>>(
      CudaEstimator(std::move(network), origin, {.replay_probe = replay_probe}, Cuda(cuda)), members);
}
