// SPDX-License-Identifier: BSD-3-Clause
// The whole network on a device, from prepared inputs to raw outputs: one CUDA graph per batch size holds the copy to
// the device, every layer and the copy back. Two lanes take turns, so that the copies of one batch run beside the work
// of the other.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "clustermass/gpu/engine.hpp"
#include "clustermass/io/half.hpp"
#include "clustermass/model/network_walk.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// The network for exactly `count` cutouts on one context.
template <class Arch, class T>
class WalkProgram {
 public:
  using E = CudaEngine<T>;
  using Map = CudaMap<T>;

  WalkProgram(CudaContext& context, const TrainedNetwork<Arch>& network, int side, int count)
      : context_(context),
        engine_(context),
        count_(count),
        input_{band_count * count, 1, side, side},
        features_(network.features.values(), input_, Walk::inference, engine_) {
    const Shape f = features_.output_shape();
    joined_ = {count, f.c * band_count, f.h, f.w};
    for (const auto& weights : network.mass) heads_.emplace_back(weights.values(), joined_, Walk::inference, engine_);

    pixels_ = input_.size();
    coverage_ = {count, 1, f.h, f.w};
    numbers_ = coverage_.size() * (band_count + 1) + static_cast<std::size_t>(count * context_count);
    outputs_ = heads_.size() * static_cast<std::size_t>(2 * count);
    pooled_ = {band_count * count, f.c, 1, 1};

    host_in_ = PinnedArena<std::byte>(pixel_bytes() + numbers_ * sizeof(float));
    host_out_ = PinnedArena<float>(outputs_ + pooled_.size());
    device_in_ = DeviceArena<std::byte>(host_in_.size());
    device_out_ = DeviceArena<float>(host_out_.size());
    x_ = DeviceArena<T>(same_pixels() ? 0 : pixels_);
    conditions_ = DeviceArena<T>(plain_numbers ? 0 : numbers_);
    results_ = DeviceArena<T>(plain_numbers ? 0 : host_out_.size());
    features_arena_ = DeviceArena<T>(features_.arena_size());
    gathered_ = DeviceArena<T>(joined_.size());
    head_arena_ = DeviceArena<T>(heads_[0].arena_size());

    queue();  // for real: brings every workspace to its size and loads what the libraries load at first use
    context_.synchronize();
    capture();
  }
  WalkProgram(const WalkProgram&) = delete;
  WalkProgram& operator=(const WalkProgram&) = delete;

  int count() const { return count_; }

  /// Starts the walk of up to count() cutouts; the spans of `cutouts` must live until collect().
  void start(std::span<const WalkIo> cutouts) {
    const std::size_t cells = static_cast<std::size_t>(coverage_.h * coverage_.w);
    const std::size_t image = pixels_ / static_cast<std::size_t>(count_);
    float* numbers = reinterpret_cast<float*>(host_in_.data() + pixel_bytes());
    float *coverage = numbers + coverage_.size() * band_count, *context = coverage + coverage_.size();
    for (std::size_t k = 0; k < cutouts.size(); ++k) {
      const WalkIo& io = cutouts[k];
      if (half_transfer()) {
        auto* to = reinterpret_cast<std::uint16_t*>(host_in_.data()) + k * image;
        for (std::size_t p = 0; p < image; ++p) to[p] = narrow_f16(io.input[p]);
      } else {
        std::copy(io.input.begin(), io.input.end(), reinterpret_cast<float*>(host_in_.data()) + k * image);
      }
      std::copy(io.band_coverage.begin(), io.band_coverage.end(), numbers + k * cells * band_count);
      std::copy(io.coverage.begin(), io.coverage.end(), coverage + k * cells);
      std::copy(io.context.begin(), io.context.end(), context + k * context_count);
    }
    check(cudaGraphLaunch(graph_.get(), context_.stream()), "cudaGraphLaunch");
    cutouts_ = cutouts;
  }

  /// Waits for what was started and writes the outputs.
  void collect() {
    if (cutouts_.empty()) return;
    const std::span<const WalkIo> cutouts = std::exchange(cutouts_, {});
    context_.synchronize();
    const float *outputs = host_out_.data(), *pooled = outputs + outputs_;
    const std::size_t features = pooled_.size() / static_cast<std::size_t>(count_);
    for (std::size_t k = 0; k < cutouts.size(); ++k) {
      for (std::size_t head = 0; head < heads_.size(); ++head)
        for (std::size_t number = 0; number < 2; ++number)
          cutouts[k].outputs[2 * head + number] =
              static_cast<double>(outputs[2 * (head * static_cast<std::size_t>(count_) + k) + number]);
      for (std::size_t c = 0; c < cutouts[k].pooled.size(); ++c)
        cutouts[k].pooled[c] = static_cast<double>(pooled[k * features + c]);
    }
  }

 private:
  static constexpr bool plain_numbers = std::is_same_v<T, float>;

  bool half_transfer() const { return context_.options().half_transfer; }
  bool same_pixels() const { return half_transfer() != plain_numbers; }  // what arrives is what the network reads
  std::size_t pixel_bytes() const {
    const std::size_t bytes = pixels_ * (half_transfer() ? sizeof(Half) : sizeof(float));
    return (bytes + 255) / 256 * 256;
  }

  /// Queues the walk once.
  void queue() {
    const cudaStream_t stream = context_.stream();
    check(cudaMemcpyAsync(device_in_.data(), host_in_.data(), host_in_.size(), cudaMemcpyHostToDevice, stream),
          "cudaMemcpyAsync");
    T* pixels = x_.data();
    if (same_pixels())
      pixels = reinterpret_cast<T*>(device_in_.data());
    else if (half_transfer())
      context_.launch(kernel_index("copy_in_half"), pixels_, reinterpret_cast<const std::uint16_t*>(device_in_.data()),
                      pixels, 1, input_.h * input_.w);
    else
      widen(reinterpret_cast<const float*>(device_in_.data()), pixels, pixels_);

    const float* plain = reinterpret_cast<const float*>(device_in_.data() + pixel_bytes());
    const T* numbers = conditions_.data();
    if constexpr (plain_numbers)
      numbers = plain;
    else
      widen(plain, conditions_.data(), numbers_);
    const Shape bands{band_count * count_, 1, coverage_.h, coverage_.w};
    const Conditions<T, Device> per_band{{numbers, bands}, {}};
    const Conditions<T, Device> of_cutout{{numbers + bands.size(), coverage_},
                                          {numbers + bands.size() + coverage_.size(), {count_, context_count, 1, 1}}};

    T* results = results_.data();
    if constexpr (plain_numbers) results = device_out_.data();
    const Map features = features_.run(engine_, features_arena_.data(), per_band, {pixels, input_});
    engine_.pool(features, per_band, 0, {results + outputs_, pooled_});
    const Map joined = engine_.gathered_into(E::joined(features, band_count), gathered_.data());
    for (std::size_t k = 0; k < heads_.size(); ++k)
      heads_[k].run(engine_, head_arena_.data(), of_cutout, joined,
                    {results + k * static_cast<std::size_t>(2 * count_), {count_, 2, 1, 1}});
    if constexpr (!plain_numbers)
      context_.launch(kernel_index("copy_out"), host_out_.size(), static_cast<const T*>(results), device_out_.data(), 1,
                      1);
    check(cudaMemcpyAsync(host_out_.data(), device_out_.data(), host_out_.size() * sizeof(float),
                          cudaMemcpyDeviceToHost, stream),
          "cudaMemcpyAsync");
  }

  void widen(const float* from, T* to, std::size_t count) {
    context_.launch(kernel_index("copy_in"), count, from, to, 1, 1);
  }

  void capture() {
    check(cudaStreamBeginCapture(context_.stream(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    cudaGraph_t raw = nullptr;
    try {
      queue();
    } catch (...) {
      cudaStreamEndCapture(context_.stream(), &raw);
      if (raw) cudaGraphDestroy(raw);
      throw;
    }
    check(cudaStreamEndCapture(context_.stream(), &raw), "cudaStreamEndCapture");
    const Owned<cudaGraph_t, &cudaGraphDestroy> graph(raw);
    cudaGraphExec_t executable = nullptr;
    check(cudaGraphInstantiate(&executable, raw, 0), "cudaGraphInstantiate");
    graph_ = Owned<cudaGraphExec_t, &cudaGraphExecDestroy>(executable);
  }

  CudaContext& context_;
  E engine_;
  int count_;
  Shape input_, joined_, coverage_, pooled_;
  Plan<typename Arch::Features, E> features_;
  std::vector<Plan<typename Arch::MassHead, E>> heads_;
  std::size_t pixels_ = 0, numbers_ = 0, outputs_ = 0;
  PinnedArena<std::byte> host_in_;
  PinnedArena<float> host_out_;
  DeviceArena<std::byte> device_in_;
  DeviceArena<float> device_out_;
  DeviceArena<T> x_, conditions_, results_, features_arena_, gathered_, head_arena_;
  struct Finish {  // before any memory above goes, also when the constructor throws
    CudaContext& context;
    ~Finish() { cudaStreamSynchronize(context.stream()); }
  } finish_{context_};
  Owned<cudaGraphExec_t, &cudaGraphExecDestroy> graph_;
  std::span<const WalkIo> cutouts_;
};

/// NetworkWalk on a device. Threads share it; each call takes a session of its own.
template <class Arch, class T>
class CudaWalk final : public NetworkWalk {
 public:
  /// The network must outlive the walk.
  CudaWalk(std::shared_ptr<const CudaDevice> device, const TrainedNetwork<Arch>& network, int side)
      : device_(std::move(device)), network_(network), side_(side), batch_(std::max(1, device_->options().batch)) {}
  ~CudaWalk() override {
    const CleanupDevice current(device_->options().device);
    idle_.clear();
  }

  std::size_t arena_bytes(int) const override { return 0; }  // sessions bring their own memory
  void run(std::byte* arena, const WalkIo& io, Crew*, int member) const override {
    if (member == 0) run_many(arena, {&io, 1});
  }

  std::unique_ptr<const NetworkWalk> at_side(int side) const override {
    return std::make_unique<const CudaWalk>(device_, network_, side);
  }

  /// Most cutouts in one launch: what was asked for, or what the device had room for.
  int batch() const override {
    const std::lock_guard lock(mutex_);
    return batch_;
  }

  void run_many(std::byte*, std::span<const WalkIo> cutouts) const override {
    const CurrentDevice current(device_->options().device);
    for (;;) {
      const int batch = this->batch();
      try {
        std::unique_ptr<Session> session = take();
        session->run(cutouts, batch);
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(session));
        return;
      } catch (const DeviceMemoryError&) {
        if (batch == 1) throw;
        const std::lock_guard lock(mutex_);
        idle_.clear();
        batch_ = std::min(batch_, batch / 2);
      }
    }
  }

 private:
  using Program = WalkProgram<Arch, T>;

  struct Lane {
    explicit Lane(std::shared_ptr<const CudaDevice> device) : context(std::move(device)) {}
    CudaContext context;
    std::map<int, std::unique_ptr<Program>> programs;
    Program* busy = nullptr;

    void collect() {
      if (busy) std::exchange(busy, nullptr)->collect();
    }
  };

  /// What one call works with: two lanes, made when first needed.
  struct Session {
    explicit Session(const CudaWalk& w) : walk(w) {}
    const CudaWalk& walk;
    std::vector<std::unique_ptr<Lane>> lanes = std::vector<std::unique_ptr<Lane>>(2);

    void run(std::span<const WalkIo> cutouts, int batch) {
      for (std::size_t turn = 0; !cutouts.empty(); turn = lanes.size() - 1 - turn) {
        const std::size_t count = std::min(cutouts.size(), static_cast<std::size_t>(batch));
        Program* program = nullptr;
        try {
          program = &ready(turn, program_size(static_cast<int>(count), batch));
        } catch (const DeviceMemoryError&) {
          if (turn == 0) throw;
          lanes.pop_back();  // one lane is better than a smaller batch
          program = &ready(turn = 0, program_size(static_cast<int>(count), batch));
        }
        program->start(cutouts.first(count));
        lanes[turn]->busy = program;
        cutouts = cutouts.subspan(count);
      }
      for (const auto& lane : lanes)
        if (lane) lane->collect();
    }

    /// A lane's program for `size` cutouts, free to start.
    Program& ready(std::size_t turn, int size) {
      auto& lane = lanes[turn];
      if (!lane) lane = std::make_unique<Lane>(walk.device_);
      lane->collect();
      auto& program = lane->programs[size];
      if (!program) program = std::make_unique<Program>(lane->context, walk.network_, walk.side_, size);
      return *program;
    }
  };

  /// Programs exist for 1, 8, 32, 128, 512 ... cutouts and for the whole batch; fewer cutouts take the next larger one.
  static int program_size(int count, int batch) {
    int size = 1;
    while (size < count) size = size == 1 ? 8 : 4 * size;
    return std::min(size, batch);
  }

  std::unique_ptr<Session> take() const {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<Session>(*this);
    std::unique_ptr<Session> session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }

  std::shared_ptr<const CudaDevice> device_;
  const TrainedNetwork<Arch>& network_;
  int side_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Session>> idle_;
  mutable int batch_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
