// SPDX-License-Identifier: BSD-3-Clause
// TEST DOUBLE of the few CUDA, cuDNN and NVRTC calls that include/clustermass/gpu uses, linked instead of the
// libraries. It computes with the library's reference engine and with the kernels' own text compiled as C++, on memory
// of the host, and is as strict as the documentation: work is only queued and runs when its stream is waited for,
// memory is full of NaN until it is written, descriptors, alignments, workspace and lifetimes are checked. No speed is
// ever taken from it.
//
// This header is what tests see of it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace test_double {

/// Things made and not yet destroyed, by kind. Empty when nothing leaks.
std::map<std::string, int> alive();

/// Calls that can fail, counted since reset().
int calls();

/// Lets the n-th of those calls fail (counting from 1); its name is then in failed_call().
void fail(int nth);
std::string failed_call();

/// From now on every call fails like after an illegal access: the device is lost.
void lose_device();

/// Device memory that cudaMalloc gives out in all; 0: no limit.
void limit_memory(std::size_t bytes);

/// Device memory that is given out.
std::size_t memory();

/// Rules that were broken, in words; a call that breaks one also returns an error where the real one would.
std::vector<std::string>& broken_rules();

/// Forgets failures, limits, rules and counts, not what is alive.
void reset();

/// What cudnnGetVersion says.
void pretend_cudnn_version(std::size_t version);

/// The fixed-function calls know no shape any more.
void refuse_fixed_function();
bool refuses_fixed_function();

/// How often a kernel or a cuDNN call ran.
int runs(const std::string& name);

// --- for the double's own files
// -----------------------------------------------------------------------------------------

/// Whether this call is to fail; counts it.
bool fails(const char* call);
bool lost();
void made(const char* kind, int change = 1);
void rule(bool holds, const std::string& what);
void count_run(const std::string& name);
std::size_t cudnn_version();

/// Whether [data, data + bytes) lies in one live allocation of the device.
bool on_device(const void* data, std::size_t bytes);

/// A call holds one while it works: the double computes for one thread at a time.
class Turn {
 public:
  Turn();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

/// What runs says how long it took on a device, for events. [ms]
void take_time(float milliseconds);

/// Queues work on a stream, or records it while the stream is captured. False if the stream does not exist.
bool queue(cudaStream_t stream, std::function<void()> work);
bool is_capturing(cudaStream_t stream);

/// Runs a kernel of the text compiled as C++: copies the arguments now, returns what runs later; empty if unknown.
std::function<void()> bind_kernel(const std::string& name, bool half, unsigned blocks, unsigned threads,
                                  void** arguments);

}  // namespace test_double
