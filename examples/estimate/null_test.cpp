// SPDX-License-Identifier: BSD-3-Clause
#include "null_test.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "../common/sdss_field.hpp"
#include "clustermass/io/list.hpp"
#include "clustermass/io/mosaic.hpp"
#include "clustermass/parallel.hpp"

using namespace clustermass;

namespace {

/// The r frame (or any other, if there is none) whose centre is nearest to the cluster.
const SdssFrame& own_frame(const std::vector<SdssFrame>& frames, SkyPosition cluster) {
  return *std::min_element(frames.begin(), frames.end(), [&](const SdssFrame& a, const SdssFrame& b) {
    const auto key = [&](const SdssFrame& f) {
      return std::pair(f.band != Band::r, separation_arcsec(f.centre(), cluster));
    };
    return key(a) < key(b);
  });
}

std::vector<SkyPosition> positions(const EstimateOptions& options, const SdssFrame& frame, SkyPosition cluster) {
  std::vector<SkyPosition> avoid{cluster};
  if (!options.avoid.empty())
    for (const ListRow& row : read_list(options.avoid)) avoid.push_back({row.ra_deg, row.dec_deg});
  const auto wanted = static_cast<std::size_t>(options.null_positions);
  std::vector<SkyPosition> result = null_places(frame, avoid, wanted, [](SkyPosition) { return true; });
  if (2 * result.size() < wanted)
    throw InputError("only " + std::to_string(result.size()) +
                     " positions of the frame are 3 arcmin from every cluster, " + std::to_string(wanted) +
                     " were asked for; give a smaller --null");
  return result;
}

}  // namespace

std::vector<double> null_test(const EstimateOptions& options, const std::vector<SdssFrame>& frames,
                              const Network& network, int members) {
  const SkyPosition cluster{*options.ra, *options.dec};
  const std::vector<SkyPosition> places = positions(options, own_frame(frames, cluster), cluster);
  std::vector<MassEstimate> estimates(places.size());
  Team team(members);
  team.run(places.size(), [&](std::size_t k, int member) {
    try {
      CutoutBuffer cutout = cut_from_frames(std::span(frames), places[k], *options.redshift);
      cutout.ebv = options.ebv;
      estimates[k] = network.estimate(cutout, member);
    } catch (const InputError&) {  // just off the edge of one band
      estimates[k].flags = flag::no_result;
    }
  });
  std::vector<double> masses;
  for (const MassEstimate& estimate : estimates)
    if (estimate.has_result()) masses.push_back(estimate.log10_m500c);
  std::sort(masses.begin(), masses.end());
  return masses;
}
