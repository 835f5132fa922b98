// SPDX-License-Identifier: BSD-3-Clause
// Threads, for who asks for them. Nothing else of the library starts one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/estimator.hpp"
#include "clustermass/pretrained.hpp"  // the free estimate_mass

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A team of threads that stays alive between tasks. The calling thread is member 0 and works too.
class Team {
 public:
  /// threads: members in all; 1 starts none.
  explicit Team(int threads = 1) {
    if (threads < 1 || threads > 4096)
      detail::raise<InputError>("a team of " + std::to_string(threads) + " threads was asked for, expected 1 to 4096");
    for (int member = 1; member < threads; ++member) members_.emplace_back([this, member] { serve(member); });
  }
  ~Team() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& member : members_) member.join();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(members_.size()) + 1; }

  /// Calls task(index, member) for every index in [0, count), handed out one by one; returns when all are done. The
  /// first exception of a task is thrown here, after the others have finished what they began.
  template <class Task>
  void run(std::size_t count, Task&& task) {
    const std::function<void(std::size_t, int)> call = std::ref(task);
    {
      const std::lock_guard lock(mutex_);
      task_ = &call;
      count_ = count;
      next_ = 0;
      failure_ = nullptr;
      busy_ = members_.size();
      ++round_;
    }
    wake_.notify_all();
    work(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    task_ = nullptr;
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void serve(int member) {
    std::size_t seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || round_ != seen; });
        if (stop_) return;
        seen = round_;
      }
      work(member);
      const std::lock_guard lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }

  void work(int member) {
    for (std::size_t index = next_++; index < count_; index = next_++) {
      try {
        (*task_)(index, member);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        next_ = count_;
      }
    }
  }

  std::vector<std::thread> members_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(std::size_t, int)>* task_ = nullptr;
  std::size_t count_ = 0, busy_ = 0, round_ = 0;
  std::atomic<std::size_t> next_{0};
  std::exception_ptr failure_;
  bool stop_ = false;
};

/// Estimates many cutouts with a team, one workspace per member. The same numbers as one by one, for any team.
template <class EngineChoice, class Arch>
void estimate_mass(const BasicEstimator<EngineChoice, Arch>& estimator, std::span<const Cutout> cutouts,
                   std::span<MassEstimate> estimates, Team& team) {
  if (cutouts.size() != estimates.size())
    detail::raise<InputError>("estimate_mass got " + std::to_string(cutouts.size()) + " cutouts and room for " +
                              std::to_string(estimates.size()) + " estimates, expected equal numbers");
  std::vector<Workspace> workspaces;
  for (int member = 0; member < team.size(); ++member) workspaces.push_back(estimator.workspace());
  team.run(cutouts.size(), [&](std::size_t k, int member) {
    estimates[k] = estimator.estimate_mass(cutouts[k], workspaces[static_cast<std::size_t>(member)]);
  });
}

/// The same on the embedded network.
inline void estimate_mass(std::span<const Cutout> cutouts, std::span<MassEstimate> estimates, Team& team) {
  if (cutouts.size() != estimates.size())
    detail::raise<InputError>("estimate_mass got " + std::to_string(cutouts.size()) + " cutouts and room for " +
                              std::to_string(estimates.size()) + " estimates, expected equal numbers");
  team.run(cutouts.size(), [&](std::size_t k, int) { estimates[k] = clustermass::estimate_mass(cutouts[k]); });
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
