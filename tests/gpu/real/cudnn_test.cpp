// SPDX-License-Identifier: BSD-3-Clause
// The descriptors with the real cuDNN, which does much without a device: it builds both generations' descriptors, and
// plans the graph interface's convolutions for an H100 that is described to it in words.
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "clustermass/gpu/convolution.hpp"
#include "clustermass/model/networks.hpp"

using namespace clustermass;
using namespace clustermass::gpu;

namespace {

/// What cuDNN 9.19 wants to know of a device; an H100 SXM (NVIDIA's data sheet and cudaDeviceProp of that card).
constexpr const char* h100 =
    R"({"cudnnVersion": 91900, "deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900, "driverVer": 13000,
"cudaDeviceId": 0, "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536,
"multiProcessorCount": 132, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000, "l2CacheSize": 52428800,
"warpSize": 32, "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
"reservedSharedMemoryPerBlock": 1024, "maxSharedMemoryPerSM": 233472, "maxRegistersPerSM": 65536, "pciDeviceId": 0,
"maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "isTccDriver": 0, "supportCoopLaunch": 1,
"totalGlobalMem": 85000000000})";

BackendDescriptor described(const char* text) {
  BackendDescriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(std::strlen(text)),
             text);
  device.finalize();
  return device;
}

/// Every convolution of the released network that cuDNN runs, on maps of its size, for a number of cutouts.
std::vector<ConvolutionShape> layers(int cutouts) {
  std::vector<ConvolutionShape> all;
  const auto visit = [&]<class Net>(Net, Shape x) {
    Net::for_each_layer([&]<int i>() {
      using L = typename Net::template layer<i>;
      bool second = false;
      L::for_each_kernel([&](const KernelSlot& slot) {
        if (slot.form == Form::map && fits_cudnn(slot.geometry, Precision::fp16))
          all.push_back({Direction::forward, slot.geometry, x, second, Activation::relu, Precision::fp32});
        second = true;  // a residual block's second convolution has the skip
      });
      x = L::output_shape(x);
    });
    return x;
  };
  const int images = band_count * cutouts;
  const Shape coarse = visit(Released::Shallow{}, {images, 1, 128, 128});
  visit(Released::Deep{}, coarse);
  visit(Released::MassHead{}, {cutouts, band_count * coarse.c, coarse.h, coarse.w});
  return all;
}

}  // namespace

TEST_CASE("The real cuDNN accepts the fixed-function descriptors of every layer") {
  // A null handle ends in the size of the workspace, after every descriptor was made and set.
  for (const ConvolutionShape& shape : layers(8))
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::fp16}) {
      ConvolutionShape one = shape;
      one.precision = precision;
      CHECK_THROWS_WITH_AS(FixedFunctionConvolution(nullptr, one, false),
                           doctest::Contains("cudnnGetConvolutionForwardWorkspaceSize failed with"), DeviceError);
    }
}

TEST_CASE("The real cuDNN accepts the operations of every layer and direction as one graph") {
  for (const ConvolutionShape& shape : layers(8))
    for (const Direction direction : {Direction::forward, Direction::input_gradient, Direction::weight_gradient})
      for (const Precision precision : {Precision::fp32, Precision::fp16}) {
        ConvolutionShape one = shape;
        one.direction = direction;
        one.precision = precision;
        CHECK_NOTHROW(ConvolutionOperations(one).graph(nullptr));
      }
}

TEST_CASE("The real cuDNN has a deterministic plan of the right precision for every layer on an H100") {
  if (cudnnGetVersion() < 91900 || cudnnGetVersion() >= 92000) {
    MESSAGE("skipped: a device in words is an undocumented form that was learned from cuDNN 9.19, this is "
            << cudnnGetVersion());
    return;
  }
  const BackendDescriptor device = described(h100);
  int plans = 0;
  std::string missing;
  std::size_t most = 0;
  for (const int cutouts : {1, 32})
    for (const ConvolutionShape& shape : layers(cutouts))
      for (const Direction direction : {Direction::forward, Direction::input_gradient, Direction::weight_gradient})
        for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::fp16}) {
          if (precision == Precision::fp16 && direction != Direction::forward) continue;  // training is in float
          ConvolutionShape one = shape;
          one.direction = direction;
          one.precision = precision;
          if (direction != Direction::forward) one.skip = false;
          try {
            most = std::max(most, GraphConvolution(nullptr, one, false, &device).workspace_bytes());
            ++plans;
          } catch (const DeviceError&) {
            missing += "\n  direction " + std::to_string(static_cast<int>(direction)) + " precision " +
                       std::to_string(static_cast<int>(precision)) + " " + std::to_string(shape.geometry.in) + " to " +
                       std::to_string(shape.geometry.out) + " K " + std::to_string(shape.geometry.size) + " stride " +
                       std::to_string(shape.geometry.stride) + " batch " + std::to_string(cutouts);
          }
        }
  MESSAGE(plans << " plans, largest workspace " << most << " bytes");
  CHECK(missing == "");
}
