// SPDX-License-Identifier: BSD-3-Clause
// One aligned block of numbers, allocated once and zeroed once. Plans decide what lies where in it.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Owns `size` values of T, zeroed and aligned to a cache line.
template <class T>
class Arena {
 public:
  static constexpr std::size_t alignment = 64;

  Arena() = default;
  explicit Arena(std::size_t size)
      : data_(static_cast<T*>(::operator new(size * sizeof(T), std::align_val_t{alignment}))), size_(size) {
    std::memset(static_cast<void*>(data_.get()), 0, size * sizeof(T));
  }

  T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Delete {
    void operator()(T* data) const { ::operator delete(data, std::align_val_t{alignment}); }
  };
  std::unique_ptr<T[], Delete> data_;
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
