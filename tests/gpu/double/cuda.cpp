// SPDX-License-Identifier: BSD-3-Clause
// TEST DOUBLE of the CUDA runtime (see device.hpp): memory, streams, graphs, libraries of kernels.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "device.hpp"

namespace {

struct Allocation {
  std::size_t bytes;
  bool on_device;
};

using Work = std::vector<std::function<void()>>;

/// What a thread queues on a stream while it captures it.
struct Capture {
  Work work;
  std::thread::id thread = std::this_thread::get_id();
};

struct State {
  std::map<std::string, int> alive, runs;
  std::map<const std::byte*, Allocation> memory;
  std::size_t device_bytes = 0, limit = 0;
  int calls = 0, fail_at = 0;
  std::string failed;
  bool lost = false, refuses = false;
  std::vector<std::string> broken;
  std::set<cudaStream_t> streams;
  std::map<cudaStream_t, Work> queues;  // the null stream is there too
  std::map<cudaStream_t, Capture> captures;
  std::set<cudaGraph_t> graphs;
  std::set<cudaGraphExec_t> executables;
  cudaError_t last = cudaSuccess;
  float clock = 0;  // of what has run on any stream [ms]
  std::size_t cudnn_version = 91900;
};
State& state() {
  static State one;
  return one;
}

thread_local int current_device = 0;

/// The allocation that holds `data`, or null.
const std::pair<const std::byte* const, Allocation>* allocation_of(const void* data) {
  const auto* byte = static_cast<const std::byte*>(data);
  auto next = state().memory.upper_bound(byte);
  if (next == state().memory.begin()) return nullptr;
  --next;
  return byte < next->first + next->second.bytes ? &*next : nullptr;
}

cudaError_t answer(cudaError_t code) {
  if (code != cudaSuccess) state().last = code;
  return code;
}

/// The error that a call answers with before it does anything.
cudaError_t before(const char* call, cudaError_t injected = cudaErrorUnknown) {
  if (test_double::fails(call)) return answer(injected);
  if (test_double::lost()) return answer(cudaErrorIllegalAddress);
  return cudaSuccess;
}

/// Calls that a thread may not make while one of its streams is captured (cudaStreamCaptureModeThreadLocal).
bool unsafe_in_capture(const char* call) {
  const bool captures = std::ranges::any_of(
      state().captures, [](const auto& one) { return one.second.thread == std::this_thread::get_id(); });
  test_double::rule(!captures, std::string(call) + " during a capture");
  return captures;
}

void finish(cudaStream_t stream) {
  Work work;
  std::swap(work, state().queues[stream]);
  for (const auto& one : work) one();
}
void finish_all() {
  finish(nullptr);
  for (const cudaStream_t stream : state().streams) finish(stream);
}

}  // namespace

// An opaque handle is the address of one of these.
struct CUstream_st {
  int device;
};
struct CUgraph_st {
  Work work;
};
struct CUgraphExec_st {
  Work work;
};
struct CUevent_st {
  float time = -1;  // not recorded, or not reached
  cudaStream_t stream = nullptr;
};
struct CUlib_st {
  bool half;
  std::vector<std::unique_ptr<std::pair<std::string, bool>>> kernels;
};

namespace test_double {

std::map<std::string, int> alive() {
  std::map<std::string, int> left;
  for (const auto& [kind, count] : state().alive)
    if (count != 0) left[kind] = count;
  return left;
}
int calls() { return state().calls; }
void fail(int nth) {
  state().calls = 0;
  state().fail_at = nth;
}
std::string failed_call() { return state().failed; }
void lose_device() { state().lost = true; }
void limit_memory(std::size_t bytes) { state().limit = bytes; }
std::size_t memory() { return state().device_bytes; }
std::vector<std::string>& broken_rules() { return state().broken; }
void reset() {
  State& s = state();
  s.calls = s.fail_at = 0;
  s.limit = 0;
  s.failed.clear();
  s.lost = s.refuses = false;
  s.broken.clear();
  s.runs.clear();
  s.last = cudaSuccess;
  s.cudnn_version = 91900;
}
void pretend_cudnn_version(std::size_t version) { state().cudnn_version = version; }
int runs(const std::string& name) { return state().runs[name]; }

bool fails(const char* call) {
  if (++state().calls != state().fail_at) return false;
  state().failed = call;
  return true;
}
bool lost() { return state().lost; }
void refuse_fixed_function() { state().refuses = true; }
bool refuses_fixed_function() { return state().refuses; }
void made(const char* kind, int change) { state().alive[kind] += change; }
void rule(bool holds, const std::string& what) {
  if (!holds) state().broken.push_back(what);
}
void count_run(const std::string& name) { ++state().runs[name]; }
bool on_device(const void* data, std::size_t bytes) {
  const auto* found = allocation_of(data);
  return found && found->second.on_device &&
         static_cast<const std::byte*>(data) + bytes <= found->first + found->second.bytes;
}
bool queue(cudaStream_t stream, std::function<void()> work) {
  if (stream && !state().streams.contains(stream)) return false;
  const auto capture = state().captures.find(stream);
  (capture != state().captures.end() ? capture->second.work : state().queues[stream]).push_back(std::move(work));
  return true;
}
bool is_capturing(cudaStream_t stream) { return state().captures.contains(stream); }

std::size_t cudnn_version() { return state().cudnn_version; }
void take_time(float milliseconds) { state().clock += milliseconds; }

Turn::Turn() {
  static std::recursive_mutex mutex;
  lock_ = std::unique_lock(mutex);
}

}  // namespace test_double

// --- errors
// ---------------------------------------------------------------------------------------------------------------

const char* cudaGetErrorName(cudaError_t code) {
  switch (code) {
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    default:
      return "cudaErrorUnknown";
  }
}
const char* cudaGetErrorString(cudaError_t) { return "said by the test double"; }
cudaError_t cudaGetLastError() {
  const test_double::Turn turn;
  if (state().lost) return cudaErrorIllegalAddress;  // sticky
  return std::exchange(state().last, cudaSuccess);
}

// --- devices
// --------------------------------------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int* count) {
  const test_double::Turn turn;
  if (const auto e = before("cudaGetDeviceCount", cudaErrorNoDevice)) return e;
  *count = 2;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  const test_double::Turn turn;
  if (const auto e = before("cudaGetDevice")) return e;
  *device = current_device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  const test_double::Turn turn;
  current_device = device;  // never fails here: it is also the destructors' way back
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  const test_double::Turn turn;
  if (const auto e = before("cudaDeviceGetAttribute")) return e;
  test_double::rule(attribute == cudaDevAttrComputeCapabilityMajor || attribute == cudaDevAttrComputeCapabilityMinor,
                    "cudaDeviceGetAttribute: an attribute that the double does not know");
  *value = attribute == cudaDevAttrComputeCapabilityMajor ? 9 : 0;
  return cudaSuccess;
}

// --- memory
// ---------------------------------------------------------------------------------------------------------------

namespace {
cudaError_t allocate(void** data, std::size_t bytes, bool on_device, const char* kind) {
  State& s = state();
  if (on_device && s.limit > 0 && s.device_bytes + bytes > s.limit) return answer(cudaErrorMemoryAllocation);
  if (posix_memalign(data, 256, bytes) != 0) return answer(cudaErrorMemoryAllocation);
  std::memset(*data, 0xff, bytes);  // NaN
  s.memory[static_cast<const std::byte*>(*data)] = {bytes, on_device};
  if (on_device) s.device_bytes += bytes;
  test_double::made(kind);
  return cudaSuccess;
}
cudaError_t release(void* data, bool on_device, const char* kind) {
  if (!data) return cudaSuccess;
  const auto found = state().memory.find(static_cast<const std::byte*>(data));
  if (found == state().memory.end() || found->second.on_device != on_device) {
    test_double::rule(false, std::string("freed what is no ") + kind);
    return answer(cudaErrorInvalidValue);
  }
  if (!test_double::lost()) finish_all();  // freeing waits for the device
  if (on_device) state().device_bytes -= found->second.bytes;
  state().memory.erase(found);
  std::free(data);
  test_double::made(kind, -1);
  return cudaSuccess;
}
}  // namespace

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  const test_double::Turn turn;
  if (const auto e = before("cudaMalloc", cudaErrorMemoryAllocation)) return e;
  if (unsafe_in_capture("cudaMalloc")) return answer(cudaErrorStreamCaptureUnsupported);
  return allocate(data, bytes, true, "device memory");
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* all) {
  const test_double::Turn turn;
  if (const auto e = before("cudaMemGetInfo")) return e;
  *all = state().limit > 0 ? state().limit : std::size_t{1} << 34;
  *free = *all - std::min(*all, state().device_bytes);
  return cudaSuccess;
}
cudaError_t cudaFree(void* data) {
  const test_double::Turn turn;
  return release(data, true, "device memory");
}
cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) {
  const test_double::Turn turn;
  if (const auto e = before("cudaHostAlloc", cudaErrorMemoryAllocation)) return e;
  if (unsafe_in_capture("cudaHostAlloc")) return answer(cudaErrorStreamCaptureUnsupported);
  return allocate(data, bytes, false, "pinned memory");
}
cudaError_t cudaFreeHost(void* data) {
  const test_double::Turn turn;
  return release(data, false, "pinned memory");
}
cudaError_t cudaMemset(void* data, int value, std::size_t bytes) {
  const test_double::Turn turn;
  if (const auto e = before("cudaMemset")) return e;
  if (unsafe_in_capture("cudaMemset")) return answer(cudaErrorStreamCaptureImplicit);
  if (!test_double::on_device(data, bytes)) return answer(cudaErrorInvalidValue);
  test_double::queue(nullptr, [=] { std::memset(data, value, bytes); });
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  const test_double::Turn turn;
  if (const auto e = before("cudaMemsetAsync")) return e;
  if (!test_double::on_device(data, bytes)) return answer(cudaErrorInvalidValue);
  auto work = [=] {
    test_double::rule(test_double::on_device(data, bytes), "memory that was freed is set");
    if (test_double::on_device(data, bytes)) std::memset(data, value, bytes);
  };
  return test_double::queue(stream, work) ? cudaSuccess : answer(cudaErrorInvalidValue);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const test_double::Turn turn;
  if (const auto e = before("cudaMemcpyAsync")) return e;
  const auto *source = allocation_of(from), *target = allocation_of(to);
  const bool from_device = source && source->second.on_device, to_device = target && target->second.on_device;
  if ((kind == cudaMemcpyHostToDevice && (from_device || !to_device)) ||
      (kind == cudaMemcpyDeviceToHost && (!from_device || to_device)) ||
      (kind == cudaMemcpyDeviceToDevice && !(from_device && to_device)))
    return answer(cudaErrorInvalidValue);
  for (const auto& [data, held] : {std::pair{static_cast<const void*>(to), target}, std::pair{from, source}})
    if (held && static_cast<const std::byte*>(data) + bytes > held->first + held->second.bytes)
      return answer(cudaErrorInvalidValue);
  const bool pageable = !source || !target;
  test_double::rule(!pageable || !test_double::is_capturing(stream), "a copy of pageable memory is captured");
  auto work = [=] {
    test_double::rule(!source || allocation_of(from), "a copy reads memory that was freed");
    test_double::rule(!target || allocation_of(to), "a copy writes memory that was freed");
    if ((source && !allocation_of(from)) || (target && !allocation_of(to))) return;
    std::memcpy(to, from, bytes);
  };
  if (!source) {  // pageable: staged before the call returns
    auto staged = std::make_shared<std::vector<std::byte>>(static_cast<const std::byte*>(from),
                                                           static_cast<const std::byte*>(from) + bytes);
    return test_double::queue(stream, [=] { std::memcpy(to, staged->data(), bytes); }) ? cudaSuccess
                                                                                       : answer(cudaErrorInvalidValue);
  }
  return test_double::queue(stream, work) ? cudaSuccess : answer(cudaErrorInvalidValue);
}

// --- streams and graphs
// -----------------------------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const test_double::Turn turn;
  if (const auto e = before("cudaStreamCreateWithFlags")) return e;
  test_double::rule(flags == cudaStreamNonBlocking, "a stream that waits for the host program's default stream");
  *stream = new CUstream_st{current_device};
  state().streams.insert(*stream);
  test_double::made("stream");
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const test_double::Turn turn;
  test_double::rule(!test_double::is_capturing(stream), "a stream is destroyed while it is captured");
  if (!test_double::lost()) finish(stream);
  state().streams.erase(stream);
  state().queues.erase(stream);
  delete stream;
  test_double::made("stream", -1);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const test_double::Turn turn;
  if (const auto e = before("cudaStreamSynchronize")) return e;
  if (test_double::is_capturing(stream)) {
    test_double::rule(false, "a stream is waited for while it is captured");
    return answer(cudaErrorStreamCaptureUnsupported);
  }
  test_double::rule(!stream || stream->device == current_device, "a stream of a device that is not current");
  finish(stream);
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  const test_double::Turn turn;
  if (const auto e = before("cudaEventCreate")) return e;
  *event = new CUevent_st;
  test_double::made("event");
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const test_double::Turn turn;
  if (!test_double::lost()) finish(event->stream);
  delete event;
  test_double::made("event", -1);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const test_double::Turn turn;
  if (const auto e = before("cudaEventRecord")) return e;
  event->stream = stream;
  return test_double::queue(stream, [=] { event->time = state().clock; }) ? cudaSuccess : answer(cudaErrorInvalidValue);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const test_double::Turn turn;
  if (const auto e = before("cudaEventSynchronize")) return e;
  finish(event->stream);
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* time, cudaEvent_t begin, cudaEvent_t end) {
  const test_double::Turn turn;
  if (const auto e = before("cudaEventElapsedTime")) return e;
  test_double::rule(begin->time >= 0 && end->time >= 0, "the time of an event that was not waited for is asked");
  *time = end->time - begin->time;
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const test_double::Turn turn;
  if (const auto e = before("cudaStreamBeginCapture")) return e;
  state().captures[stream];
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const test_double::Turn turn;
  Work work = std::move(state().captures[stream].work);
  state().captures.erase(stream);
  *graph = nullptr;
  if (const auto e = before("cudaStreamEndCapture", cudaErrorStreamCaptureInvalidated)) return e;
  *graph = new CUgraph_st{std::move(work)};
  test_double::made("graph");
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  const test_double::Turn turn;
  if (const auto e = before("cudaGraphInstantiate")) return e;
  *executable = new CUgraphExec_st{graph->work};
  test_double::made("executable graph");
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  const test_double::Turn turn;
  if (const auto e = before("cudaGraphLaunch")) return e;
  test_double::rule(!executable->work.empty(), "an empty graph is launched");
  for (const auto& one : executable->work)
    if (!test_double::queue(stream, one)) return answer(cudaErrorInvalidValue);
  test_double::count_run("cudaGraphLaunch");
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const test_double::Turn turn;
  delete graph;
  test_double::made("graph", -1);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  const test_double::Turn turn;
  delete executable;
  test_double::made("executable graph", -1);
  return cudaSuccess;
}

// --- kernels
// ----------------------------------------------------------------------------------------------------------------

cudaError_t cudaLibraryLoadData(cudaLibrary_t* library, const void* code, cudaJitOption*, void**, unsigned,
                                cudaLibraryOption*, void**, unsigned) {
  const test_double::Turn turn;
  if (const auto e = before("cudaLibraryLoadData")) return e;
  const std::string text = static_cast<const char*>(code);
  test_double::rule(text.starts_with("test double sm_90"), "code of another architecture than the device's is loaded");
  *library = new CUlib_st{text.find("half") != std::string::npos, {}};
  test_double::made("library");
  return cudaSuccess;
}
cudaError_t cudaLibraryUnload(cudaLibrary_t library) {
  const test_double::Turn turn;
  delete library;
  test_double::made("library", -1);
  return cudaSuccess;
}
cudaError_t cudaLibraryGetKernel(cudaKernel_t* kernel, cudaLibrary_t library, const char* name) {
  const test_double::Turn turn;
  if (const auto e = before("cudaLibraryGetKernel")) return e;
  library->kernels.push_back(std::make_unique<std::pair<std::string, bool>>(name, library->half));
  *kernel = reinterpret_cast<cudaKernel_t>(library->kernels.back().get());
  return cudaSuccess;
}
cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared,
                             cudaStream_t stream) {
  const test_double::Turn turn;
  const auto& [name, half] = *static_cast<const std::pair<std::string, bool>*>(function);
  if (const auto e = before(name.c_str())) return e;
  test_double::rule(
      shared == 0 && grid.y == 1 && grid.z == 1 && block.y == 1 && block.z == 1 && block.x <= 1024 && grid.x > 0,
      name + ": launch of a shape that the kernels do not use");
  auto work = test_double::bind_kernel(name, half, grid.x, block.x, arguments);
  if (!work) return answer(cudaErrorInvalidDeviceFunction);
  return test_double::queue(stream, std::move(work)) ? cudaSuccess : answer(cudaErrorInvalidValue);
}
