// SPDX-License-Identifier: BSD-3-Clause
// The kernels of kernel_source.hpp compiled by NVRTC for one device, and their launch. No CUDA compiler is needed.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/gpu/device_memory.hpp"
#include "clustermass/gpu/kernel_source.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// Position of a kernel in kernel_names; a name that is not there does not compile.
consteval int kernel_index(std::string_view name) {
  for (int k = 0; k < kernel_count; ++k)
    if (name == kernel_names[k]) return k;
  throw "no kernel of this name";
}

/// Machine code of all kernels for an architecture such as "sm_90", or PTX for one such as "compute_120".
///
/// Throws  DeviceError with the compiler's messages
inline std::string compile_kernels(const std::string& architecture, bool half) {
  const std::string text = std::string(kernel_prologue) + kernel_source;
  nvrtcProgram raw = nullptr;
  check(nvrtcCreateProgram(&raw, text.c_str(), "clustermass_kernels.cu", 0, nullptr, nullptr), "nvrtcCreateProgram");
  struct Destroy {
    nvrtcProgram program;
    ~Destroy() { nvrtcDestroyProgram(&program); }
  } const destroy{raw};
  const std::string target = "--gpu-architecture=" + architecture;
  std::vector<const char*> options{target.c_str(), "--std=c++17"};
  if (half) options.push_back("--define-macro=MAP_IS_HALF");
  const nvrtcResult result = nvrtcCompileProgram(raw, static_cast<int>(options.size()), options.data());
  if (result == NVRTC_ERROR_COMPILATION) {
    std::size_t size = 0;
    std::string log;
    if (nvrtcGetProgramLogSize(raw, &size) == NVRTC_SUCCESS && size > 1) {
      log.resize(size);
      nvrtcGetProgramLog(raw, log.data());
    }
    detail::raise<DeviceError>("nvrtcCompileProgram does not compile the kernels for " + architecture + ":\n" + log);
  }
  check(result, "nvrtcCompileProgram");
  std::string code;
  std::size_t size = 0;
  if (architecture.starts_with("sm_")) {
    check(nvrtcGetCUBINSize(raw, &size), "nvrtcGetCUBINSize");
    code.resize(size);
    check(nvrtcGetCUBIN(raw, code.data()), "nvrtcGetCUBIN");
  } else {
    check(nvrtcGetPTXSize(raw, &size), "nvrtcGetPTXSize");
    code.resize(size);
    check(nvrtcGetPTX(raw, code.data()), "nvrtcGetPTX");
  }
  return code;
}

/// What to compile for a device: its own code, or PTX of the newest architecture that NVRTC knows below it.
inline std::string architecture_for(int capability) {
  int count = 0;
  check(nvrtcGetNumSupportedArchs(&count), "nvrtcGetNumSupportedArchs");
  std::vector<int> known(static_cast<std::size_t>(count));
  check(nvrtcGetSupportedArchs(known.data()), "nvrtcGetSupportedArchs");
  int newest = 0;
  for (const int one : known) {
    if (one == capability) return "sm_" + std::to_string(one);
    if (one < capability && one > newest) newest = one;
  }
  if (newest == 0)
    detail::raise<DeviceError>("the device has compute capability " + std::to_string(capability / 10) + "." +
                               std::to_string(capability % 10) + ", expected one that this CUDA Toolkit supports (" +
                               std::to_string(count > 0 ? known[0] / 10 : 0) + "." +
                               std::to_string(count > 0 ? known[0] % 10 : 0) + " or newer)");
  return "compute_" + std::to_string(newest);
}

/// All kernels loaded on the current device.
class Kernels {
 public:
  static constexpr int block = 256;

  Kernels(int capability, bool half) {
    const std::string code = compile_kernels(architecture_for(capability), half);
    cudaLibrary_t library = nullptr;
    check(cudaLibraryLoadData(&library, code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0), "cudaLibraryLoadData");
    library_ = Owned<cudaLibrary_t, &cudaLibraryUnload>(library);
    for (std::size_t k = 0; k < kernels_.size(); ++k)
      check(cudaLibraryGetKernel(&kernels_[k], library, kernel_names[k]), "cudaLibraryGetKernel");
  }

  /// Starts `count` threads. The arguments have exactly the kernel's types.
  template <class... Arguments>
  void launch(int kernel, cudaStream_t stream, std::size_t count, Arguments... arguments) const {
    if (count == 0) return;
    long long threads = static_cast<long long>(count);
    void* pointers[] = {&threads, &arguments...};
    const dim3 grid(static_cast<unsigned>((count + block - 1) / block)), threads_of_block(block);
    check(cudaLaunchKernel(reinterpret_cast<const void*>(kernels_[static_cast<std::size_t>(kernel)]), grid,
                           threads_of_block, pointers, 0, stream),
          kernel_names[kernel]);
  }

 private:
  Owned<cudaLibrary_t, &cudaLibraryUnload> library_;
  std::array<cudaKernel_t, kernel_count> kernels_{};
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
