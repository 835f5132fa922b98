// SPDX-License-Identifier: BSD-3-Clause
// Threads that do one thing together, as the library sees them. parallel.hpp has the one that starts threads.
#pragma once

#include <type_traits>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A fixed number of members, of which the caller is number 0.
class Crew {
 public:
  virtual int size() const = 0;

  /// Calls task(member) on every member at the same time; returns when all are done. The task must not throw.
  template <class Task>
  void together(Task&& task) {
    run_all([](void* context, int member) { (*static_cast<std::remove_reference_t<Task>*>(context))(member); }, &task);
  }

  /// Inside a task: returns when every member has called it as often as this one.
  virtual void meet() = 0;

 protected:
  ~Crew() = default;
  virtual void run_all(void (*call)(void* context, int member), void* context) = 0;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
