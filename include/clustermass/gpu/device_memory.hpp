// SPDX-License-Identifier: BSD-3-Clause
// Memory that the device sees: arenas on the device and pinned arenas on the host. What lies where in them is decided
// by plans, as on the CPU.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "clustermass/gpu/check.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// Memory of a CUDA device: a view of it does not go into a host engine.
struct Device {};

/// Owns `size` zeroed values of T on the device that is current when it is made.
///
/// Throws  DeviceMemoryError if the device has no room
template <class T>
class DeviceArena {
 public:
  DeviceArena() = default;
  explicit DeviceArena(std::size_t size) : size_(size) {
    if (size == 0) return;
    void* data = nullptr;
    check(cudaMalloc(&data, size * sizeof(T)), "cudaMalloc");
    data_.reset(static_cast<T*>(data));
    check(cudaMemset(data, 0, size * sizeof(T)), "cudaMemset");
    check(cudaStreamSynchronize(nullptr),
          "cudaStreamSynchronize");  // streams of our own do not wait for the default one
  }

  T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(T* data) const { cudaFree(const_cast<std::remove_const_t<T>*>(data)); }
  };
  std::unique_ptr<T[], Free> data_;
  std::size_t size_ = 0;
};

/// Owns `size` values of T in page-locked memory of the host, so that copies run beside the device's work.
template <class T>
class PinnedArena {
 public:
  PinnedArena() = default;
  explicit PinnedArena(std::size_t size) : size_(size) {
    if (size == 0) return;
    void* data = nullptr;
    check(cudaHostAlloc(&data, size * sizeof(T), cudaHostAllocDefault), "cudaHostAlloc");
    data_.reset(static_cast<T*>(data));
    for (std::size_t k = 0; k < size; ++k) data_[k] = T{};
  }

  T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(T* data) const { cudaFreeHost(data); }
  };
  std::unique_ptr<T[], Free> data_;
  std::size_t size_ = 0;
};

/// Owns a handle of one of CUDA's libraries: Create fills it, Destroy takes it.
template <class Handle, auto Destroy>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, Handle{})) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() {
    if (handle_) Destroy(handle_);
  }
  Handle get() const { return handle_; }

 private:
  Handle handle_{};
};

/// A mark on a stream, with the time at which the device came by.
class Event {
 public:
  Event() {
    cudaEvent_t event = nullptr;
    check(cudaEventCreate(&event), "cudaEventCreate");
    event_ = Owned<cudaEvent_t, &cudaEventDestroy>(event);
  }
  void record(cudaStream_t stream) const { check(cudaEventRecord(event_.get(), stream), "cudaEventRecord"); }
  /// Waits for this mark. [ms]
  float since(const Event& begin) const {
    check(cudaEventSynchronize(event_.get()), "cudaEventSynchronize");
    float time = 0;
    check(cudaEventElapsedTime(&time, begin.event_.get(), event_.get()), "cudaEventElapsedTime");
    return time;
  }

 private:
  Owned<cudaEvent_t, &cudaEventDestroy> event_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
