// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

#include "../common/device.hpp"
#include "../common/program.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/io/sha256.hpp"
#include "clustermass/io/weight_file.hpp"
#ifdef CLUSTERMASS_EMBEDDED_NETWORK
#include "clustermass/pretrained.hpp"
#endif

using namespace clustermass;

#ifndef CLUSTERMASS_CUDA
std::unique_ptr<Network> open_cuda(const std::string&, std::span<const std::byte>, const std::string&, int,
                                   const std::string& device) {
  tool::refuse_cuda("--device " + device);
}
#endif

std::unique_ptr<Network> open_network(const std::string& weights, int members, const std::string& device) {
#ifdef CLUSTERMASS_EMBEDDED_NETWORK
  const std::string path = tool::find_weights(weights, true);
  const std::span<const std::byte> embedded = pretrained_weights();
#else
  const std::string path = tool::find_weights(weights, false);
  const std::span<const std::byte> embedded;
#endif
  std::vector<std::byte> file;
  if (!path.empty()) file = read_file(path);
  const std::span<const std::byte> bytes = path.empty() ? embedded : file;
  const std::string origin = path.empty() ? "the embedded network" : path;
  const auto metadata = WeightFile::parse(bytes, origin).metadata();
  const auto found =
      std::find_if(metadata.begin(), metadata.end(), [](const auto& entry) { return entry.first == "arch"; });
  const std::string arch = found == metadata.end() ? "" : found->second;
  // An architecture that is none of these is refused by the released one's reader.
  std::unique_ptr<Network> network = device != "cpu"             ? open_cuda(arch, bytes, origin, members, device)
                                     : arch == "16-16-16-32-32"  ? open_small(bytes, origin, members)
                                     : arch == "16-32-64-128-64" ? open_large(bytes, origin, members)
                                                                 : open_released(bytes, origin, members);
  network->sha256 = sha256_hex(bytes);
  return network;
}
