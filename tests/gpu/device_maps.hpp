// SPDX-License-Identifier: BSD-3-Clause
// What the tests of the CUDA engine share: a context on the test double, maps in its memory, and the check that nothing
// is left behind and no rule was broken.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "clustermass/gpu/engine.hpp"
#include "double/device.hpp"
#include "support/primitives.hpp"

namespace clustermass::support {

/// Opens and closes a test on the double: it ends with nothing alive and no rule broken.
class CleanDouble {
 public:
  CleanDouble() { test_double::reset(); }
  ~CleanDouble() {
    for (const std::string& rule : test_double::broken_rules()) FAIL_CHECK("broken rule: " << rule);
    for (const auto& [kind, count] : test_double::alive()) FAIL_CHECK("left alive: " << count << " of " << kind);
    test_double::reset();
  }
};

inline std::shared_ptr<const gpu::CudaDevice> device_with(gpu::Generation generation,
                                                          gpu::Precision precision = gpu::Precision::fp32,
                                                          bool autotune = false) {
  gpu::CudaOptions options;
  options.generation = generation;
  options.precision = precision;
  options.autotune = autotune;
  return std::make_shared<const gpu::CudaDevice>(options);
}

/// A map of the CUDA engine that owns its memory, full of NaN or filled with numbers.
template <class T>
class DeviceDoor {
 public:
  DeviceDoor(gpu::CudaContext& context, Shape shape)
      : engine_(context), memory_(shape.size()), map{memory_.data(), shape} {
    engine_.copy_in(constant(shape, not_a_number).view(), map);
  }
  DeviceDoor(gpu::CudaContext& context, const Numbers& numbers)
      : engine_(context), memory_(numbers.values.size()), map{memory_.data(), numbers.shape} {
    engine_.copy_in(numbers.view(), map);
  }

  std::vector<double> read() const { return read(map); }
  std::vector<double> read(gpu::CudaMap<T> m) const {
    std::vector<double> values(m.shape.size());
    gpu::CudaEngine<T>(engine_).copy_out(m, View<double>{values.data(), m.shape});
    return values;
  }

 private:
  gpu::CudaEngine<T> engine_;
  gpu::DeviceArena<T> memory_;

 public:
  gpu::CudaMap<T> map;
};

/// Plain float numbers in device memory.
class DeviceNumbers {
 public:
  explicit DeviceNumbers(const std::vector<float>& values) : memory_(values.size()) {
    if (!values.empty())
      gpu::check(cudaMemcpyAsync(memory_.data(), values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice,
                                 nullptr),
                 "cudaMemcpyAsync");
    gpu::check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
  }
  float* data() const { return memory_.data(); }
  std::vector<double> read() const {
    std::vector<float> values(memory_.size());
    gpu::check(
        cudaMemcpyAsync(values.data(), memory_.data(), values.size() * sizeof(float), cudaMemcpyDeviceToHost, nullptr),
        "cudaMemcpyAsync");
    gpu::check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    return {values.begin(), values.end()};
  }

 private:
  gpu::DeviceArena<float> memory_;
};

inline double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::fabs(value));
  return most;
}

/// Every number within `share` of the largest expected one.
inline void check_near(const char* what, const std::vector<double>& found, const std::vector<double>& expected,
                       double share) {
  INFO(std::string(what));
  REQUIRE(found.size() == expected.size());
  const double most = largest(expected);
  const std::ptrdiff_t k = first_difference(found, expected, [&](std::size_t) { return share * most + 1e-30; });
  if (k >= 0)
    INFO("number ", k, " is ", found[static_cast<std::size_t>(k)], ", expected ",
         expected[static_cast<std::size_t>(k)]);
  CHECK(k == -1);
}

}  // namespace clustermass::support
