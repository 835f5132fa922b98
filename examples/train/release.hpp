// SPDX-License-Identifier: BSD-3-Clause
// From a trained network to what is released: out-of-distribution statistics, calibration on clusters nobody saw, the
// probe, the weight file, figures on the test sample, the model card and the checksums.
#pragma once

#include <span>

#include "clustermass/mock/parameters.hpp"
#include "clustermass/model/trained_network.hpp"
#include "clustermass/parallel.hpp"
#include "clustermass/train/sample.hpp"
#include "options.hpp"

void release(clustermass::TrainedNetwork<>& network, const TrainOptions& options,
             const clustermass::mock::SkyParameters& sky, std::span<const clustermass::train::Sample> training,
             clustermass::Team& team);
