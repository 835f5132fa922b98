// SPDX-License-Identifier: BSD-3-Clause
// The networks on a CUDA device. Compiled where clustermass::cuda is built.
#include "../common/device.hpp"
#include "clustermass/gpu/gpu.hpp"
#include "clustermass/model/architectures.hpp"
#include "network_of.hpp"

using namespace clustermass;

std::unique_ptr<Network> open_cuda(const std::string& arch, std::span<const std::byte> bytes, const std::string& origin,
                                   int members, const std::string& device) {
  CudaOptions options;
  options.device = tool::device_number(device);
  options.batch = 1;  // each thread hands over the cutout that it has measured
  const Cuda cuda(options);
  if (arch == "16-16-16-32-32")
    return std::make_unique<NetworkOf<SmallArchitecture, Cuda>>(bytes, origin, members, cuda);
  if (arch == "16-32-64-128-64")
    return std::make_unique<NetworkOf<LargeArchitecture, Cuda>>(bytes, origin, members, cuda);
  return std::make_unique<NetworkOf<Released, Cuda>>(bytes, origin, members, cuda);
}
