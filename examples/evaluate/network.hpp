// SPDX-License-Identifier: BSD-3-Clause
// The networks under test behind a small door, so that only network.cpp compiles them.
#pragma once

#include <memory>
#include <string>

#include "clustermass/cutout.hpp"
#include "clustermass/mass_estimate.hpp"

class Network {
 public:
  /// weights: a file or folder, or empty for the environment's, the embedded or the installed one (tool::find_weights).
  /// members: threads that will call estimate at the same time. Throws WeightError.
  Network(const std::string& weights, int members);
  Network(Network&&) noexcept;
  ~Network();

  /// member: which of the threads calls, from 0.
  clustermass::MassEstimate estimate(const clustermass::Cutout& cutout, int member) const;

  std::string model_id, training_set, sha256;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};
