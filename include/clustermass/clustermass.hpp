// SPDX-License-Identifier: BSD-3-Clause
// Front door: cutout, mass estimate, estimator. No FITS, no GPU, no training, no Eigen.
//
//   const auto estimator = clustermass::Estimator::from_file("model.safetensors");
//   const clustermass::MassEstimate mass = estimator.estimate_mass(cutout);
#pragma once

#include "clustermass/cutout.hpp"
#include "clustermass/estimator.hpp"
#include "clustermass/mass_estimate.hpp"
#include "clustermass/version.hpp"
