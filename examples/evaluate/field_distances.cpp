// SPDX-License-Identifier: BSD-3-Clause
// How far real cutouts are from a network's training set, as the network itself measures it.
#include <algorithm>

#include "../common/progress.hpp"
#include "clustermass/mock/sky.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/stats/two_samples.hpp"
#include "fields.hpp"

using namespace clustermass;

namespace {

/// Distances of one set of cutouts over the network's limit.
Figures figures_of(const std::string& name, const std::vector<double>& distance, const std::vector<double>& mock) {
  return {{"of", name},
          {"n", distance.size()},
          {"median", stats::median(distance)},
          {"q90", stats::quantile(distance, 0.9)},
          {"flagged_ood", 1 - stats::standing(1, distance)},
          {"roc_area", stats::roc_area(distance, mock)}};
}

}  // namespace

Figures distances(const FieldsOptions& options, const std::vector<SdssField>& fields, const Network& network,
                  const std::string& sky, Team& team) {
  const std::size_t count = fields.size() * options.cutouts;
  std::vector<double> real(count, NAN), mock_field(count, NAN);
  tool::Progress progress("Distances", count, options.quiet);
  team.run(count, [&](std::size_t k, int member) {
    const SdssField& field = fields[k / options.cutouts];
    Random random(options.seed, k, 31);
    const mock::SkyParameters parameters = sky_of(sky, "training", options.seed, beside_real_scenes + k);
    const double redshift = random.uniform(parameters.redshift_min, parameters.redshift_max);
    const SkyPosition place = field.draw_place(random);
    const MassEstimate answer = network.estimate(field.cutout(place, redshift, options.ebv), member);

    mock::SceneOptions request;
    request.cluster = false;
    request.redshift = redshift;
    request.footprint_probability = 1;
    const PixelPosition pixel = *field.r_frame().wcs.sky_to_pixel(place);
    request.frame_pixel = {std::clamp(pixel.x, 0.0, mock::Footprint::width - 1.0),
                           std::clamp(pixel.y, 0.0, mock::Footprint::height - 1.0)};
    const mock::Scene scene = mock::draw_scene(parameters, options.seed, beside_real_scenes + k, request);
    const MassEstimate beside = network.estimate(mock::render_working(scene, parameters), member);
    if (answer.has_result()) real[k] = answer.ood;
    if (beside.has_result()) mock_field[k] = beside.ood;
    progress.step();
  });
  const auto part = [&](const std::vector<double>& all, std::size_t begin, std::size_t end) {
    std::vector<double> values(all.begin() + static_cast<std::ptrdiff_t>(begin),
                               all.begin() + static_cast<std::ptrdiff_t>(end));
    std::erase_if(values, [](double v) { return !(v == v); });
    return values;
  };
  const std::vector<double> mock_all = part(mock_field, 0, count);
  Figures rows = Figures::array();
  rows.push_back(figures_of("mock sky " + sky, mock_all, {}));
  rows.push_back(figures_of("real fields", part(real, 0, count), mock_all));
  for (std::size_t f = 0; f < fields.size(); ++f)
    rows.push_back(figures_of(fields[f].name, part(real, f * options.cutouts, (f + 1) * options.cutouts), mock_all));
  return rows;
}
