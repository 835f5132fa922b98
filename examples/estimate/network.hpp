// SPDX-License-Identifier: BSD-3-Clause
// The estimator of this program behind a small door, so that only network.cpp compiles the network.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "clustermass/cutout.hpp"
#include "clustermass/mass_estimate.hpp"
#include "options.hpp"

/// What a weight file says of itself.
struct NetworkInfo {
  std::string model_id, training_set, mass_definition, prior, h, om0, sha256;
  std::pair<double, double> redshift_range{}, mass_range{};  ///< of the training set; masses as log10(M500c/Msun)
};

/// What estimates, on whichever machine part it runs.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual clustermass::MassEstimate estimate(const clustermass::Cutout& cutout, int member) = 0;
};

class Network {
 public:
  /// options: which weights (empty for the environment's, the embedded or the installed one: tool::find_weights) and
  /// which device. members: threads that will call estimate at the same time. Throws WeightError, DeviceError.
  Network(const EstimateOptions& options, int members);
  ~Network();

  /// member: which of the threads calls, from 0.
  clustermass::MassEstimate estimate(const clustermass::Cutout& cutout, int member = 0) const;
  const NetworkInfo& info() const { return info_; }

 private:
  std::unique_ptr<Backend> backend_;
  NetworkInfo info_;
};
