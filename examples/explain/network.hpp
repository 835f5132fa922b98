// SPDX-License-Identifier: BSD-3-Clause
// The network of this program and what it says of itself.
#pragma once

#include <string>

#include "instance.hpp"

struct Network {
  clustermass::Estimator estimator;
  std::string sha256;
};

/// weights: a file, or empty for the environment's, the embedded or the installed one. Without the response to
/// the redshift, which a comparison of many maps does not need. Throws WeightError.
Network open_network(const std::string& weights);
