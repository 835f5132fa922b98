// SPDX-License-Identifier: BSD-3-Clause
// What a network wants to be told besides the images, measured where it wants it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "clustermass/baselines/filter_mass.hpp"
#include "clustermass/core/error.hpp"

namespace tool {

/// Adds the matched filter's answer to a cutout, for the networks that were taught to weigh it.
class FilterTold {
 public:
  /// recipe: BasicEstimator::filter_recipe(). Throws WeightError if it is none that this program can measure.
  explicit FilterTold(std::string_view recipe) {
    if (recipe.empty()) return;
    if (recipe != clustermass::FilterMass::recipe)
      throw clustermass::WeightError("the network wants to be told the mass of a '" + std::string(recipe) +
                                     "', this program measures that of a '" +
                                     std::string(clustermass::FilterMass::recipe) +
                                     "'; use the program of its version");
    filter_ = std::make_unique<const clustermass::FilterMass>();
  }

  clustermass::Cutout operator()(clustermass::Cutout cutout) const {
    if (filter_ && !cutout.filter_mass.is_known()) cutout.filter_mass = (*filter_)(cutout);
    return cutout;
  }

 private:
  std::unique_ptr<const clustermass::FilterMass> filter_;
};

}  // namespace tool
