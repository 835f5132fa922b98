// SPDX-License-Identifier: BSD-3-Clause
// estimate_mass on the embedded network. Link clustermass::pretrained, which holds the weights and the compiled engine:
// this header needs no Eigen, no -m flag and next to no compile time.
#pragma once

#include <cstddef>
#include <span>

#include "clustermass/cutout.hpp"
#include "clustermass/mass_estimate.hpp"

namespace clustermass::inline CLUSTERMASS_DATA_TAG {

/// The mass of one cluster by the embedded network. Safe to call from any thread; each thread keeps one workspace.
///
/// Units   log10(M500c / Msun), errors in dex
/// Flags   poor data give flags, see mass_estimate.hpp; nothing is thrown for data
/// Throws  InputError on the first call if the environment variable CLUSTERMASS_ISA names no instruction set of this machine
MassEstimate estimate_mass(const Cutout& cutout);

/// Identifier of the embedded network, as in weights/<id>.
const char* pretrained_model_id();
/// What the embedded network was trained on. A network trained on a simulated sky says so here.
const char* pretrained_training_set();
/// The bytes of the embedded weight file.
std::span<const std::byte> pretrained_weights();

}  // namespace clustermass::inline CLUSTERMASS_DATA_TAG
