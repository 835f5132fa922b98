// SPDX-License-Identifier: BSD-3-Clause
// Status codes of the CUDA runtime, of cuDNN and of NVRTC become exceptions that name the call and the code. The only
// place that decides what a failure means for the caller.
#pragma once

#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <nvrtc.h>

#include <string>

#include "clustermass/core/error.hpp"

static_assert(CUDART_VERSION >= 12080, "clustermass/gpu needs the CUDA Toolkit 12.8 or newer (cudaLibraryLoadData)");
static_assert(CUDNN_MAJOR == 9, "clustermass/gpu is written for cuDNN 9: another generation has other calls");

namespace clustermass::inline CLUSTERMASS_DATA_TAG {

/// The device has too little free memory: a smaller batch may do.
struct DeviceMemoryError : DeviceError {
  using DeviceError::DeviceError;
};

/// The device, or the process's connection to it, is gone for good: only the CPU can go on.
struct DeviceLostError : DeviceError {
  using DeviceError::DeviceError;
};

/// The library has no way to do this on this device; another of its interfaces may have.
struct NotSupportedError : DeviceError {
  using DeviceError::DeviceError;
};

}  // namespace clustermass::inline CLUSTERMASS_DATA_TAG

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// Whether an error of the runtime is one that every later call of the process returns too.
inline bool is_lost(cudaError_t code) {
  switch (code) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable:
    case cudaErrorAssert:
    case cudaErrorDevicesUnavailable:
      return true;
    default:
      return false;
  }
}

/// Throws  DeviceMemoryError, DeviceLostError or DeviceError unless the call succeeded
inline void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  const std::string message = std::string(call) + " failed with " + cudaGetErrorName(code) + " (" +
                              std::to_string(static_cast<int>(code)) + "): " + cudaGetErrorString(code);
  cudaGetLastError();  // an error that is not sticky must not show up again in the host program's next check
  if (code == cudaErrorMemoryAllocation) detail::raise<DeviceMemoryError>(message + "; use a smaller batch");
  if (is_lost(code)) detail::raise<DeviceLostError>(message + "; the device is lost to this process, use the CPU");
  if (code == cudaErrorNoDevice || code == cudaErrorInsufficientDriver)
    detail::raise<DeviceError>(message + "; use the CPU, or a machine with an NVIDIA GPU and a driver for CUDA " +
                               std::to_string(CUDART_VERSION / 1000) + " or newer");
  detail::raise<DeviceError>(message);
}

inline void check(cudnnStatus_t code, const char* call) {
  if (code == CUDNN_STATUS_SUCCESS) return;
  const std::string message = std::string(call) + " failed with " + cudnnGetErrorString(code) + " (" +
                              std::to_string(static_cast<int>(code)) + ")";
  // cuDNN reports a failed launch as its own code; the runtime knows whether the device is still there.
  const cudaError_t beneath = cudaGetLastError();
  if (is_lost(beneath))
    detail::raise<DeviceLostError>(message + " after " + cudaGetErrorName(beneath) +
                                   "; the device is lost to this process, use the CPU");
  if (code == CUDNN_STATUS_ALLOC_FAILED || beneath == cudaErrorMemoryAllocation)
    detail::raise<DeviceMemoryError>(message + "; use a smaller batch");
  constexpr int thousand = 1000;  // cuDNN 9: codes of a kind share their thousands
  if (static_cast<int>(code) / thousand == static_cast<int>(CUDNN_STATUS_NOT_SUPPORTED) / thousand)
    detail::raise<NotSupportedError>(message);
  detail::raise<DeviceError>(message);
}

inline void check(nvrtcResult code, const char* call) {
  if (code == NVRTC_SUCCESS) return;
  detail::raise<DeviceError>(std::string(call) + " failed with " + nvrtcGetErrorString(code) + " (" +
                             std::to_string(static_cast<int>(code)) + ")");
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
