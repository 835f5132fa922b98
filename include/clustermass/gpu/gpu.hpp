// SPDX-License-Identifier: BSD-3-Clause
// The door of the GPU wing: CudaEstimator, the same estimator on an NVIDIA device. Link clustermass::cuda. Nothing else
// of the library changes, and a program that does not include this file sees no CUDA.
#pragma once

#include <memory>

#include "clustermass/estimator.hpp"
#include "clustermass/gpu/walk.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

using CudaOptions = gpu::CudaOptions;

/// A device as an estimator's engine. Copies share the device and its compiled kernels.
///
/// Throws  DeviceError if there is no such device, or the libraries or the driver do not fit
class Cuda {
 public:
  Cuda() : Cuda(CudaOptions{}) {}
  explicit Cuda(const CudaOptions& options) : device_(std::make_shared<const gpu::CudaDevice>(options)) {}

  template <class Arch>
  std::unique_ptr<const NetworkWalk> make_walk(const TrainedNetwork<Arch>& network, int side) const {
    if (device_->options().precision == gpu::Precision::fp16)
      return std::make_unique<const gpu::CudaWalk<Arch, gpu::Half>>(device_, network, side);
    return std::make_unique<const gpu::CudaWalk<Arch, float>>(device_, network, side);
  }

  /// How far the raw outputs for a stored probe may lie from the stored ones, which are those of single precision.
  double probe_tolerance() const { return device_->options().precision == gpu::Precision::fp32 ? 1e-4 : 5e-3; }

  const CudaOptions& options() const { return device_->options(); }
  const std::shared_ptr<const gpu::CudaDevice>& device() const { return device_; }

 private:
  std::shared_ptr<const gpu::CudaDevice> device_;
};

/// The estimator on a device: the same calls, the same answers to 1e-4 dex in single precision. Spans of cutouts are
/// walked in batches; a device without room for the batch gets smaller ones, and batch() says so.
using CudaEstimator = BasicEstimator<Cuda>;

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
