// SPDX-License-Identifier: BSD-3-Clause
// What the tests of the CUDA engine share, on the test double and on a real device: maps in the device's memory, every
// primitive of a case, and the comparison with the reference.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "clustermass/gpu/engine.hpp"
#include "support/primitives.hpp"

namespace clustermass::support {

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
  const std::size_t at = static_cast<std::size_t>(std::max<std::ptrdiff_t>(k, 0));
  INFO("number ", k, " is ", found[at], ", expected ", expected[at], ", the largest is ", most);
  CHECK(k == -1);
}

struct OnDevice {
  std::vector<double> y, d_x, d_weight, d_bias;
};

template <class Case>
OnDevice run_weighted(gpu::CudaContext& context, const Case& c, KernelGeometry g, Form form, const WeightedInput& in,
                      bool with_skip) {
  using E = gpu::CudaEngine<float>;
  E engine(context);
  gpu::DeviceArena<float> storage(E::kernel_size(g, form, true));
  const auto kernel = engine.prepare(g, form, true, in.weight.values.data(), in.bias.values.data(), storage.data());
  const DeviceDoor<float> x(context, in.x), d_y(context, in.d_y), skip(context, in.skip), add(context, in.add);
  const DeviceDoor<float> y(context, in.d_y.shape), d_x(context, in.x.shape);
  const DeviceNumbers d_weight(in.d_weight.values), d_bias(in.d_bias.values);
  if (form == Form::map) {
    engine.convolve(x.map, kernel, with_skip ? skip.map : E::Map{}, c.activation, y.map);
    engine.convolve_input_gradient(d_y.map, kernel, with_skip ? add.map : E::Map{}, d_x.map);
    engine.convolve_weight_gradient(x.map, d_y.map, g, d_weight.data(), d_bias.data());
  } else {
    engine.dense(x.map, kernel, c.activation, y.map);
    engine.dense_input_gradient(d_y.map, kernel, d_x.map);
    engine.dense_weight_gradient(x.map, d_y.map, g, d_weight.data(), d_bias.data());
  }
  context.synchronize();
  return {y.read(), d_x.read(), d_weight.read(), d_bias.read()};
}

inline void compare(const OnDevice& found, const Results& expected) {
  check_near("y", found.y, expected.y, 1e-5);
  check_near("d_x", found.d_x, expected.d_x, 1e-5);
  check_near("d_weight", found.d_weight, expected.d_weight, 1e-5);
  check_near("d_bias", found.d_bias, expected.d_bias, 1e-5);
}

}  // namespace clustermass::support
