// SPDX-License-Identifier: BSD-3-Clause
// Random numbers and engine maps for the tests: a map sits between guards, can be filled with NaN, and can show that
// nothing outside it, no halo and no padding was written.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "cases/primitives.hpp"
#include "clustermass/core/arena.hpp"
#include "clustermass/core/engine.hpp"
#include "clustermass/core/random.hpp"

namespace clustermass::support {

inline constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Plain NCHW numbers, exact in float so that every engine reads the same.
struct Numbers {
  Shape shape;
  std::vector<float> values;

  View<const float> view() const { return {values.data(), shape}; }
  Numbers magnitudes() const {
    Numbers result = *this;
    for (float& value : result.values) value = std::fabs(value);
    return result;
  }
};

inline Numbers constant(Shape shape, float value) { return {shape, std::vector<float>(shape.size(), value)}; }

inline Numbers random_numbers(Shape shape, std::uint64_t seed) {
  Numbers numbers = constant(shape, 0);
  Random random(seed);
  for (float& value : numbers.values) value = static_cast<float>(random.normal());
  return numbers;
}

/// Coverage [n,1,h,w] of a pooling case.
inline Numbers coverage_of(const cases::PoolCase& c, std::uint64_t seed) {
  Numbers numbers = constant({c.batch, 1, c.height, c.width}, 0);
  Random random(seed);
  std::size_t k = 0;
  for (int n = 0; n < c.batch; ++n)
    for (int i = 0; i < c.height; ++i)
      for (int j = 0; j < c.width; ++j, ++k) {
        const float draw = static_cast<float>(random.uniform());
        switch (c.covered) {
          case cases::Covered::all:
            numbers.values[k] = 1;
            break;
          case cases::Covered::random:
            numbers.values[k] = draw;
            break;
          case cases::Covered::some_cells:
            numbers.values[k] = draw < 0.3f ? draw : 0;
            break;
          case cases::Covered::outer_ring_only:
            numbers.values[k] = ring_of(i, j, c.height, c.width) == ring_count - 1 ? draw : 0;
            break;
          case cases::Covered::nothing:
            break;
        }
      }
  return numbers;
}

/// A map or vector of engine E that owns its memory, with a guard on either side.
template <class E>
class Door {
 public:
  using Scalar = typename E::Scalar;

  Door(const Shape& shape, Form form)
      : shape_(shape),
        form_(form),
        size_(E::map_size(shape, form)),
        memory_(size_ + 2 * guard),
        map(E::map_at(memory_.data() + guard, shape, form)) {
    for (std::size_t k = 0; k < guard; ++k) memory_.data()[k] = memory_.data()[guard + size_ + k] = guard_value;
  }
  Door(const Numbers& numbers, Form form) : Door(numbers.shape, form) { fill(numbers); }

  void fill(const Numbers& numbers) {
    E engine;
    engine.copy_in(numbers.view(), map);
  }
  void fill_with_nan() { fill(constant(shape_, not_a_number)); }

  std::vector<double> read() const {
    std::vector<double> values(shape_.size());
    std::vector<Scalar> raw(shape_.size());
    E engine;
    engine.copy_out(map, View<Scalar>{raw.data(), shape_});
    for (std::size_t k = 0; k < raw.size(); ++k) values[k] = static_cast<double>(raw[k]);
    return values;
  }

  /// Whether the guards stand and every number of the map that is no pixel (halo, padding channels) is zero.
  bool is_clean() const {
    for (std::size_t k = 0; k < guard; ++k)
      if (memory_.data()[k] != guard_value || memory_.data()[guard + size_ + k] != guard_value) return false;
    const Door pixels(constant(shape_, 1), form_);
    for (std::size_t k = guard; k < guard + size_; ++k)
      if (pixels.memory_.data()[k] == 0 && memory_.data()[k] != 0) return false;
    return true;
  }

 private:
  static constexpr std::size_t guard = 64;
  static constexpr Scalar guard_value = Scalar(-12345.5);
  Shape shape_;
  Form form_;
  std::size_t size_;
  Arena<Scalar> memory_;

 public:
  typename E::Map map;
};

/// Scratch memory as an engine may find it: full of NaN, with a guard behind it.
template <class E>
class Scratch {
 public:
  using Scalar = typename E::Scalar;

  explicit Scratch(std::size_t size) : size_(size), memory_(size + guard) {
    std::fill_n(memory_.data(), size, static_cast<Scalar>(not_a_number));
    std::fill_n(memory_.data() + size, guard, static_cast<Scalar>(guard_value));
  }
  Scalar* data() const { return memory_.data(); }
  bool is_clean() const {
    return std::all_of(memory_.data() + size_, memory_.data() + size_ + guard,
                       [](Scalar value) { return value == static_cast<Scalar>(guard_value); });
  }

 private:
  static constexpr std::size_t guard = 64;
  static constexpr float guard_value = 12345;
  std::size_t size_;
  Arena<Scalar> memory_;
};

/// A kernel of engine E that owns its storage.
template <class E>
class OwnedKernel {
 public:
  OwnedKernel(KernelGeometry geometry, Form form, const Numbers& weight, const Numbers& bias)
      : storage_(E::kernel_size(geometry, form, true)) {
    E engine;
    kernel = engine.prepare(geometry, form, true, weight.values.data(), bias.values.data(), storage_.data());
  }

 private:
  Arena<typename E::Scalar> storage_;

 public:
  typename E::Kernel kernel;
};

/// Index of the first number that is not within its tolerance (NaN never is), or -1.
template <class Tolerance>
std::ptrdiff_t first_difference(const std::vector<double>& found, const std::vector<double>& expected,
                                Tolerance&& tolerance) {
  for (std::size_t k = 0; k < expected.size(); ++k)
    if (!(std::fabs(found[k] - expected[k]) <= tolerance(k))) return static_cast<std::ptrdiff_t>(k);
  return -1;
}

}  // namespace clustermass::support
