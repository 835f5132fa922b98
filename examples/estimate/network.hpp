// SPDX-License-Identifier: BSD-3-Clause
// The estimator of this program behind a small door, so that only network.cpp compiles the network.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "clustermass/cutout.hpp"
#include "clustermass/mass_estimate.hpp"

/// What a weight file says of itself.
struct NetworkInfo {
  std::string model_id, training_set, mass_definition, prior, h, om0, sha256;
  std::pair<double, double> redshift_range{}, mass_range{};  ///< of the training set; masses as log10(M500c/Msun)
};

class Network {
 public:
  /// weights: a file, or empty for the environment's, the embedded or the installed one (tool::find_weights).
  /// members: threads that will call estimate at the same time. Throws WeightError.
  Network(const std::string& weights, int members);
  ~Network();

  /// member: which of the threads calls, from 0.
  clustermass::MassEstimate estimate(const clustermass::Cutout& cutout, int member = 0) const;
  const NetworkInfo& info() const { return info_; }

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  NetworkInfo info_;
};
