// SPDX-License-Identifier: BSD-3-Clause
// A network under test with its architecture hidden. Each architecture that clustermass_train makes is compiled in a
// file of its own.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "clustermass/cutout.hpp"
#include "clustermass/mass_estimate.hpp"

class Network {
 public:
  virtual ~Network() = default;

  /// member: which of the threads calls, from 0.
  virtual clustermass::MassEstimate estimate(const clustermass::Cutout& cutout, int member) const = 0;

  std::string model_id, training_set, arch, sha256;
  bool images_alone = false;  ///< is not told the filter's answer, if it was taught to weigh it
};

/// weights: a file or folder, or empty for the environment's, the embedded or the installed one (tool::find_weights).
/// members: threads that will call estimate at the same time. device: cpu, cuda or cuda:N. Throws WeightError,
/// DeviceError.
std::unique_ptr<Network> open_network(const std::string& weights, int members, const std::string& device = "cpu");

/// What open_network chooses from by the file's `arch`. origin: for messages.
std::unique_ptr<Network> open_small(std::span<const std::byte> bytes, const std::string& origin, int members);
std::unique_ptr<Network> open_released(std::span<const std::byte> bytes, const std::string& origin, int members);
std::unique_ptr<Network> open_large(std::span<const std::byte> bytes, const std::string& origin, int members);

/// Any of them on a CUDA device, where the program was built with CUDA.
std::unique_ptr<Network> open_cuda(const std::string& arch, std::span<const std::byte> bytes, const std::string& origin,
                                   int members, const std::string& device);
