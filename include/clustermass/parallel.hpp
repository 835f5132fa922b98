// SPDX-License-Identifier: BSD-3-Clause
// Threads, for who asks for them. Nothing else of the library starts one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "clustermass/core/crew.hpp"
#include "clustermass/core/error.hpp"
#include "clustermass/estimator.hpp"
#include "clustermass/pretrained.hpp"  // the free estimate_mass

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A team of threads that stays alive between tasks. The calling thread is member 0 and works too. Whoever waits first
/// spins for some microseconds, because the next task is often near, and then sleeps.
class Team final : public Crew {
 public:
  /// threads: members in all; 1 starts none.
  explicit Team(int threads = 1) {
    if (threads < 1 || threads > 4096)
      detail::raise<InputError>("a team of " + std::to_string(threads) + " threads was asked for, expected 1 to 4096");
    for (int member = 1; member < threads; ++member) members_.emplace_back([this, member] { serve(member); });
  }
  ~Team() {
    stop_ = true;
    begin_round();
    for (std::thread& member : members_) member.join();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const override { return static_cast<int>(members_.size()) + 1; }

  /// Calls task(index, member) for every index in [0, count), handed out one by one; returns when all are done. The
  /// first exception of a task is thrown here, after the others have finished what they began.
  template <class Task>
  void run(std::size_t count, Task&& task) {
    std::exception_ptr failure;
    std::mutex mutex;
    next_ = 0;
    together([&](int member) {
      for (std::size_t index = next_++; index < count; index = next_++) {
        try {
          task(index, member);
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (!failure) failure = std::current_exception();
          next_ = count;
        }
      }
    });
    if (failure) std::rethrow_exception(failure);
  }

  void meet() override {
    const std::uint32_t phase = phase_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size()) {
      arrived_.store(0, std::memory_order_relaxed);
      phase_.store(phase + 1, std::memory_order_release);
      phase_.notify_all();
    } else {
      await_change(phase_, phase);
    }
  }

 private:
  void run_all(void (*call)(void*, int), void* context) override {
    call_ = call;
    context_ = context;
    busy_.store(static_cast<std::uint32_t>(members_.size()), std::memory_order_relaxed);
    begin_round();
    call(context, 0);
    for (std::uint32_t busy = busy_.load(std::memory_order_acquire); busy != 0;
         busy = busy_.load(std::memory_order_acquire))
      await_change(busy_, busy);
  }
  void begin_round() {
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
  }
  void serve(int member) {
    for (std::uint32_t seen = 0;; ++seen) {
      await_change(round_, seen);
      if (stop_) return;
      call_(context_, member);
      if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
    }
  }
  /// Some 20 microseconds of spinning, then sleep: pure spinning would slow whoever else uses the machine.
  static void await_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
    for (int k = 0; k < 500; ++k) {
      if (value.load(std::memory_order_acquire) != old) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#elif defined(__aarch64__)
      asm volatile("yield");
#endif
    }
    value.wait(old, std::memory_order_acquire);
  }

  void (*call_)(void*, int) = nullptr;
  void* context_ = nullptr;
  bool stop_ = false;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint32_t> round_{0}, busy_{0}, phase_{0};
  std::atomic<int> arrived_{0};
  std::vector<std::thread> members_;  // last: they use what stands above
};

/// Estimates many cutouts with a team: whole cutouts for each member, and those that are left over shared out among
/// all. The same bits as one by one, for any team.
template <class EngineChoice, class Arch>
void estimate_mass(const BasicEstimator<EngineChoice, Arch>& estimator, std::span<const Cutout> cutouts,
                   std::span<MassEstimate> estimates, Team& team) {
  if (cutouts.size() != estimates.size())
    detail::raise<InputError>("estimate_mass got " + std::to_string(cutouts.size()) + " cutouts and room for " +
                              std::to_string(estimates.size()) + " estimates, expected equal numbers");
  const std::size_t whole = cutouts.size() - cutouts.size() % static_cast<std::size_t>(team.size());
  if (whole > 0) {
    std::vector<Workspace> workspaces;
    for (int member = 0; member < team.size(); ++member) workspaces.push_back(estimator.workspace());
    team.run(whole, [&](std::size_t k, int member) {
      estimates[k] = estimator.estimate_mass(cutouts[k], workspaces[static_cast<std::size_t>(member)]);
    });
  }
  if (whole == cutouts.size()) return;
  Workspace together = estimator.workspace(team.size());
  for (std::size_t k = whole; k < cutouts.size(); ++k)
    estimates[k] = estimator.estimate_mass(cutouts[k], together, &team);
}

/// The same on the embedded network.
inline void estimate_mass(std::span<const Cutout> cutouts, std::span<MassEstimate> estimates, Team& team) {
  if (cutouts.size() != estimates.size())
    detail::raise<InputError>("estimate_mass got " + std::to_string(cutouts.size()) + " cutouts and room for " +
                              std::to_string(estimates.size()) + " estimates, expected equal numbers");
  team.run(cutouts.size(), [&](std::size_t k, int) { estimates[k] = clustermass::estimate_mass(cutouts[k]); });
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
