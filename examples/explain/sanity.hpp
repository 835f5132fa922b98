// SPDX-License-Identifier: BSD-3-Clause
// Does a map depend on what the network has learned? The tests of Adebayo et al. 2018, arXiv:1810.03292, and a shift.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "clustermass/parallel.hpp"
#include "truth.hpp"

namespace sanity {

/// Rank correlation of a network's maps with the trained network's, mean over clusters.
struct Likeness {
  std::string network;  ///< how it differs from the trained one
  double gradients = 0, joint = 0;
};

/// Fields to look at.
struct Field {
  clustermass::mock::Scene scene;
  clustermass::CutoutBuffer cutout;
};

/// Layers from the top down replaced by random ones, one more each time.
std::vector<Likeness> randomise_from_the_top(const clustermass::TrainedNetwork<>& trained,
                                             const clustermass::ExplainOptions& options,
                                             const std::vector<Field>& fields, clustermass::Team& team);

/// A network of the same kind, trained for a short while on clusters whose masses were shuffled.
Likeness permute_labels(const clustermass::TrainedNetwork<>& trained, const clustermass::ExplainOptions& options,
                        const std::vector<Field>& fields, std::size_t clusters, clustermass::Team& team);

/// Pearson correlation of the map of a field moved by one coarse cell with the moved map, mean over clusters: gradients
/// and joint map. The rings of the mass head know the field's centre, so 1 is not expected.
Likeness shift_by_a_cell(const clustermass::Estimator& estimator, const clustermass::ExplainOptions& options,
                         const std::vector<Field>& fields, clustermass::Team& team);

}  // namespace sanity
