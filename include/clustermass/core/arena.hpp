// SPDX-License-Identifier: BSD-3-Clause
// One aligned block of numbers, allocated once. Plans decide what lies where in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Owns `size` values of T, zeroed and aligned to a cache line. From calloc, because the system's fresh pages are zero:
/// what nobody touches costs nothing.
template <class T>
class Arena {
 public:
  static constexpr std::size_t alignment = 64;

  Arena() = default;
  explicit Arena(std::size_t size) : memory_(std::calloc(size * sizeof(T) + alignment, 1)), size_(size) {
    if (!memory_) throw std::bad_alloc();
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    data_ = reinterpret_cast<T*>(address + (alignment - address % alignment));
  }
  Arena(Arena&& other) noexcept { *this = std::move(other); }
  Arena& operator=(Arena&& other) noexcept {
    memory_ = std::move(other.memory_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Hands out consecutive, aligned offsets; its end is the size of the arena to allocate.
class Layout {
 public:
  /// Offset of a piece of `size` values of type T.
  template <class T>
  std::size_t place(std::size_t size) {
    constexpr std::size_t unit = Arena<T>::alignment / sizeof(T);
    const std::size_t offset = end_;
    end_ += (size + unit - 1) / unit * unit;
    return offset;
  }
  std::size_t end() const { return end_; }

 private:
  std::size_t end_ = 0;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
