// SPDX-License-Identifier: BSD-3-Clause
// What a network may be told besides the images: the mass that the matched filter reads off the same pixels.
//
//   const FilterMass filter;                  // two seconds, once
//   cutout.filter_mass = filter(cutout);      // some milliseconds
//   MassEstimate mass = estimator.estimate_mass(cutout);
#pragma once

#include <string_view>

#include "clustermass/baselines/floor.hpp"
#include "clustermass/baselines/pixel_catalogue.hpp"
#include "clustermass/mock/skies.hpp"
#include "clustermass/model/prepare.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// The filter's answer under the recipe of mock sky A and a prior flat in mass. Immutable; one serves all threads.
class FilterMass {
 public:
  /// As it stands in the metadata of a network that was taught with it.
  static constexpr std::string_view recipe = "matched filter on the pixels, mock sky A";

  FilterMass() : sky_(mock::sky_a()), filter_(sky_) {}

  /// Not known if no image holds valid pixels, none of i, or the redshift is not one to look at.
  MassPosterior operator()(const Cutout& cutout) const {
    if (!(cutout.redshift >= lowest_redshift && cutout.redshift <= highest_redshift)) return {};
    try {
      const PixelCatalogue found = filter_(cutout);
      return found.i_limit > 0 ? filter_posterior(found.richness, found.redshift, sky_) : MassPosterior{};
    } catch (const InputError&) {
      return {};
    }
  }

 private:
  mock::SkyParameters sky_;
  PixelFilter filter_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
