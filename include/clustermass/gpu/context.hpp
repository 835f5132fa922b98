// SPDX-License-Identifier: BSD-3-Clause
// What one thread needs to work on a device: a stream, a cuDNN handle, workspace, and the convolutions made ready so
// far. The kernels are compiled once per device and shared.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/gpu/convolution.hpp"
#include "clustermass/gpu/kernels.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// What a caller chooses. The defaults are exact single precision and the same bits every time.
struct CudaOptions {
  int device = 0;
  Precision precision = Precision::fp32;
  Generation generation = Generation::fixed_function;
  bool autotune = false;       ///< measure algorithms or engines: the choice may differ from run to run
  bool half_transfer = false;  ///< pixels travel to the device in 16 bits
  int batch = 128;             ///< most cutouts in one launch; less if the device has no room
};

/// Makes a device the calling thread's current one as long as it lives; the host program's choice comes back after.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device) {
    check(cudaGetDevice(&before_), "cudaGetDevice");
    check(cudaSetDevice(device), "cudaSetDevice");
  }
  ~CurrentDevice() { cudaSetDevice(before_); }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
};

/// The same for destructors, which do their best and never throw.
class CleanupDevice {
 public:
  explicit CleanupDevice(int device) : known_(cudaGetDevice(&before_) == cudaSuccess) { cudaSetDevice(device); }
  ~CleanupDevice() {
    if (known_) cudaSetDevice(before_);
  }
  CleanupDevice(const CleanupDevice&) = delete;
  CleanupDevice& operator=(const CleanupDevice&) = delete;

 private:
  int before_ = 0;
  bool known_;
};

/// Checks that there is a device and that the libraries fit this build, and compiles the kernels for it.
///
/// Throws  DeviceError
class CudaDevice {
 public:
  explicit CudaDevice(const CudaOptions& options) : options_(options) {
    const std::size_t found = cudnnGetVersion();
    if (found / 10000 != CUDNN_MAJOR)
      detail::raise<DeviceError>("cuDNN " + std::to_string(found) + " is loaded, expected one of generation " +
                                 std::to_string(CUDNN_MAJOR) + " as this program was built with");
    int count = 0;
    check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    if (options.device < 0 || options.device >= count)
      detail::raise<DeviceError>("CUDA device " + std::to_string(options.device) + " was asked for, found " +
                                 std::to_string(count) + " devices; use the CPU or another number");
    const CurrentDevice current(options.device);
    int major = 0, minor = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, options.device), "cudaDeviceGetAttribute");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, options.device), "cudaDeviceGetAttribute");
    kernels_ = std::make_unique<const Kernels>(10 * major + minor, options.precision == Precision::fp16);
  }
  ~CudaDevice() {
    const CleanupDevice current(options_.device);
    kernels_.reset();
  }
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  const CudaOptions& options() const { return options_; }
  const Kernels& kernels() const { return *kernels_; }

 private:
  CudaOptions options_;
  std::unique_ptr<const Kernels> kernels_;
};

/// One thread's connection to a device, which must be current whenever it is used.
class CudaContext {
 public:
  explicit CudaContext(std::shared_ptr<const CudaDevice> device) : device_(std::move(device)) {
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    stream_ = Owned<cudaStream_t, &cudaStreamDestroy>(stream);
    cudnnHandle_t handle = nullptr;
    check(cudnnCreate(&handle), "cudnnCreate");
    handle_ = Owned<cudnnHandle_t, &cudnnDestroy>(handle);
    check(cudnnSetStream(handle, stream), "cudnnSetStream");
  }
  ~CudaContext() {
    if (stream_.get()) cudaStreamSynchronize(stream_.get());  // memory below may still be in use
  }
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  cudaStream_t stream() const { return stream_.get(); }
  cudnnHandle_t handle() const { return handle_.get(); }
  const CudaOptions& options() const { return device_->options(); }
  const CudaDevice& device() const { return *device_; }

  template <class... Arguments>
  void launch(int kernel, std::size_t count, Arguments... arguments) const {
    device_->kernels().launch(kernel, stream(), count, arguments...);
  }

  void synchronize() const { check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize"); }

  /// Memory for the length of one primitive, which the next one may overwrite. `slot` tells apart what one primitive
  /// needs at a time. What was too small is kept: a captured graph may still use it.
  void* workspace(std::size_t bytes, std::size_t slot) {
    std::vector<DeviceArena<std::byte>>& arenas = workspace_[slot];
    if (arenas.empty() || arenas.back().size() < bytes) arenas.emplace_back(bytes);
    return arenas.back().data();
  }

  const PreparedConvolution& convolution(const ConvolutionShape& shape) {
    for (const auto& [known, prepared] : convolutions_)
      if (known == shape) return *prepared;
    convolutions_.emplace_back(
        shape, prepare_convolution(handle(), shape, device_->options().generation, device_->options().autotune));
    return *convolutions_.back().second;
  }

  void run(const ConvolutionShape& shape, const ConvolutionMemory& memory) {
    const PreparedConvolution& prepared = convolution(shape);
    const std::size_t bytes = prepared.workspace_bytes();
    prepared.run(handle(), memory, bytes > 0 ? workspace(bytes, 0) : nullptr);
  }

 private:
  std::shared_ptr<const CudaDevice> device_;
  Owned<cudaStream_t, &cudaStreamDestroy> stream_;
  Owned<cudnnHandle_t, &cudnnDestroy> handle_;
  std::array<std::vector<DeviceArena<std::byte>>, 3> workspace_;
  std::vector<std::pair<ConvolutionShape, std::unique_ptr<PreparedConvolution>>> convolutions_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
