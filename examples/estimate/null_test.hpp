// SPDX-License-Identifier: BSD-3-Clause
// What the network says of other places in the frame: an answer means little if any position gives the same.
#pragma once

#include <vector>

#include "clustermass/io/sdss_frame.hpp"
#include "network.hpp"
#include "options.hpp"

/// log10(M500c/Msun), rising, at options.null_positions positions of the cluster's own frame, with its redshift, each
/// at least 3 arcmin from the cluster and from the positions of the list options.avoid; only those with a result.
///
/// frames: those that the cluster was cut from. members: threads that the network serves. The positions are the same in
/// every run. Throws InputError if fewer than half as many positions as asked for are found.
std::vector<double> null_test(const EstimateOptions& options, const std::vector<clustermass::SdssFrame>& frames,
                              const Network& network, int members);
