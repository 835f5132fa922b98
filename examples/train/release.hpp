// SPDX-License-Identifier: BSD-3-Clause
// From a trained network to what is released: out-of-distribution statistics, calibration on clusters nobody saw, the
// probe, the weight file, figures on the test clusters, the model card, the configuration and the checksums.
#pragma once

#include <string>
#include <vector>

#include "run.hpp"
#include "settings.hpp"

/// Writes <run folder>/<model-id>/ and the run's plots; says the figures.
void release(Run& run, const std::vector<Setting>& table, const std::string& metrics,
             const std::vector<Predicted>& predicted);
