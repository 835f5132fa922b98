// SPDX-License-Identifier: BSD-3-Clause
// Null tests at real clusters: the answer beside answers at places of the same field, and with brighter members.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "../common/progress.hpp"
#include "../common/table.hpp"
#include "clustermass/baselines/brighten.hpp"
#include "clustermass/mock/sky.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/stats/two_samples.hpp"
#include "fields.hpp"

using namespace clustermass;

std::vector<KnownCluster> read_known_clusters(const std::string& path) {
  const tool::Table table(path);
  const std::vector<std::string> frame = table.text("frame");
  const std::vector<double> ra = table.numbers("ra"), dec = table.numbers("dec"), z = table.numbers("z"),
                            corrected = table.numbers("richness_corrected"), raw = table.numbers("richness_raw");
  std::vector<KnownCluster> clusters;
  for (std::size_t k = 0; k < frame.size(); ++k) {
    if (!(ra[k] >= 0 && ra[k] <= 360 && std::fabs(dec[k]) <= 90 && z[k] > 0 && corrected[k] > 0 && raw[k] > 0))
      throw InputError("'" + path + "', row " + std::to_string(k + 1) +
                       ": expected a position in degrees, a redshift and two positive richnesses");
    clusters.push_back({frame[k], {ra[k], dec[k]}, z[k], corrected[k], raw[k]});
  }
  return clusters;
}

RichnessMass mass_of_catalogue_richness(double richness, double counted) {
  constexpr double slope = 0.80 * 2.302585092994046, scatter = 0.22, scale_error = 0.18;
  return {std::log10(3e14) + std::log(richness / 52) / slope,
          std::hypot(std::sqrt(scatter * scatter + 1 / counted) / slope, scale_error)};
}

namespace {

/// What the network and the matched filter say of one place.
struct Answer {
  MassEstimate mass{};
  MassPosterior filter{NAN, NAN};
};

Answer ask(const Cutout& cutout, const Network& network, const Filters& filters, int member) {
  Answer answer{network.estimate(cutout, member)};
  try {
    answer.filter = features_of(filters.pixels(cutout), filters.sky).filter;
  } catch (const InputError&) {  // not a pixel to look at, which the network flags
  }
  return answer;
}

std::vector<double> masses(const std::vector<Answer>& answers) {
  std::vector<double> values;
  for (const Answer& a : answers)
    if (a.mass.has_result()) values.push_back(a.mass.log10_m500c);
  return values;
}
std::vector<double> filter_masses(const std::vector<Answer>& answers) {
  std::vector<double> values;
  for (const Answer& a : answers)
    if (std::isfinite(a.filter.log10_m500c)) values.push_back(a.filter.log10_m500c);
  return values;
}

/// How the answer changes with the light of the galaxies in the circle.
Figures brightened(const FieldsOptions& options, const SdssField& field, const KnownCluster& cluster,
                   const Answer& answer, const Network& network, const Filters& filters) {
  CutoutBuffer cutout = cut_from_frames(field.frames, cluster.place, cluster.redshift);
  cutout.ebv = options.ebv;
  const CircleSources circle = sources_in_circle(filters.pixels(cutout), options.radius_mpc);
  const auto change = [&](const std::vector<DetectedSource>& sources) {
    CutoutBuffer brighter = cutout;
    brighten(brighter, sources, std::pow(10.0, options.light_dex));
    return network.estimate(brighter, 0).log10_m500c - answer.mass.log10_m500c;
  };
  return {{"members", circle.red.size()},
          {"members_change", change(circle.red)},
          {"others", circle.others.size()},
          {"others_change", change(circle.others)}};
}

/// What the mock sky leads one to expect: the mean percentile of mock clusters of the mass that the richness stands
/// for, at the cluster's pixel of the frame, among mock fields without a cluster at the null places' pixels, and the
/// median answer in the latter. NaN where no mock cluster can be drawn.
struct Expected {
  double percentile = NAN, null_median = NAN;
};
Expected expected_on_mock(const FieldsOptions& options, const SdssField& field, const KnownCluster& cluster,
                          double log10_mass, const std::vector<SkyPosition>& places, const Network& network,
                          const mock::SkyParameters& sky, Team& team) {
  if (!(cluster.redshift >= 0.05 && cluster.redshift <= 0.6) || places.empty()) return {};
  constexpr std::size_t count = 100;
  std::vector<double> with(count), without(count);
  team.run(2 * count, [&](std::size_t k, int member) {
    const std::size_t n = k / 2;
    const bool blank = k % 2 == 1;
    const PixelPosition pixel = *field.r_frame().wcs.sky_to_pixel(blank ? places[n % places.size()] : cluster.place);
    mock::SceneOptions request;
    request.cluster = !blank;
    request.log10_m500c = log10_mass;
    request.redshift = cluster.redshift;
    request.footprint_probability = 1;
    request.frame_pixel = {std::clamp(pixel.x, 0.0, mock::Footprint::width - 1.0),
                           std::clamp(pixel.y, 0.0, mock::Footprint::height - 1.0)};
    const mock::Scene scene = mock::draw_scene(sky, options.seed, beside_real_scenes + 1'000'000 + k, request);
    (blank ? without : with)[n] = network.estimate(mock::render_working(scene, sky), member).log10_m500c;
  });
  for (std::vector<double>* values : {&with, &without}) std::erase_if(*values, [](double v) { return !(v == v); });
  return {100 * stats::roc_area(with, without), stats::median(without)};
}

std::vector<std::string> flag_names(std::uint32_t flags) {
  std::vector<std::string> names;
  for (const flag::Name& name : flag::names)
    if (flags & name.bit) names.emplace_back(name.name);
  return names;
}

}  // namespace

Figures null_tests(const FieldsOptions& options, const std::vector<SdssField>& fields,
                   const std::vector<KnownCluster>& clusters, const Network& network, const Filters& filters,
                   Team& team) {
  std::vector<SkyPosition> avoid;
  for (const KnownCluster& cluster : clusters) avoid.push_back(cluster.place);
  struct Job {
    std::size_t field;
    SkyPosition place;
  };
  std::vector<Job> jobs;
  for (std::size_t f = 0; f < fields.size(); ++f) {
    const double margin = options.edge_arcsec / mock::Footprint::pixel_arcsec;
    const auto places = null_places(fields[f].r_frame(), avoid, options.nulls,
                                    [&](SkyPosition place) { return fields[f].holds(place, margin); });
    if (2 * places.size() < options.nulls)
      throw InputError("field " + fields[f].name + " has only " + std::to_string(places.size()) +
                       " places off its edges and 3 arcmin from every cluster, " + std::to_string(options.nulls) +
                       " were asked for; give a smaller --nulls or --edge");
    for (const SkyPosition place : places) jobs.push_back({f, place});
  }
  Figures rows = Figures::array();
  tool::Progress progress("Null tests", clusters.size(), options.quiet);
  for (const KnownCluster& cluster : clusters) {
    progress.step(cluster.field);
    const auto own =
        std::find_if(fields.begin(), fields.end(), [&](const SdssField& f) { return f.name == cluster.field; });
    if (own == fields.end()) continue;
    if (!own->holds(cluster.place, 0)) {
      char place[64];
      std::snprintf(place, sizeof place, "RA %.5f Dec %+.5f", cluster.place.ra_deg, cluster.place.dec_deg);
      throw InputError("the listed cluster at " + std::string(place) + " does not lie in the frames of its field " +
                       cluster.field + "; correct its row");
    }
    const std::size_t own_field = static_cast<std::size_t>(own - fields.begin());
    std::vector<Answer> nulls(jobs.size());
    team.run(jobs.size(), [&](std::size_t k, int member) {
      nulls[k] =
          ask(fields[jobs[k].field].cutout(jobs[k].place, cluster.redshift, options.ebv), network, filters, member);
    });
    std::vector<Answer> in_field;
    std::vector<double> coverage;
    std::vector<SkyPosition> places;
    for (std::size_t k = 0; k < jobs.size(); ++k)
      if (jobs[k].field == own_field) {
        places.push_back(jobs[k].place);
        in_field.push_back(nulls[k]);
        coverage.push_back(nulls[k].mass.coverage);
      }
    const Answer answer = ask(own->cutout(cluster.place, cluster.redshift, options.ebv), network, filters, 0);
    const RichnessMass richness = mass_of_catalogue_richness(cluster.richness, cluster.counted);
    const Expected expected =
        expected_on_mock(options, *own, cluster, richness.log10_m500c, places, network, filters.sky, team);
    const std::vector<double> field_masses = masses(in_field), all_masses = masses(nulls);
    Figures row{{"field", cluster.field},
                {"ra", cluster.place.ra_deg},
                {"dec", cluster.place.dec_deg},
                {"z", cluster.redshift},
                {"log10_m500c", answer.mass.log10_m500c},
                {"log10_m500c_error", answer.mass.log10_m500c_error},
                {"ood", answer.mass.ood},
                {"coverage", answer.mass.coverage},
                {"flags", flag_names(answer.mass.flags)},
                {"nulls", field_masses.size()},
                {"null_median", stats::median(field_masses)},
                {"null_coverage", stats::median(coverage)},
                {"percentile", 100 * stats::standing(answer.mass.log10_m500c, field_masses)},
                {"nulls_all_fields", all_masses.size()},
                {"percentile_all_fields", 100 * stats::standing(answer.mass.log10_m500c, all_masses)},
                {"percentile_mock", expected.percentile},
                {"null_median_mock", expected.null_median},
                {"filter", answer.filter.log10_m500c},
                {"filter_percentile", 100 * stats::standing(answer.filter.log10_m500c, filter_masses(in_field))},
                {"richness", cluster.richness},
                {"richness_mass", richness.log10_m500c},
                {"richness_mass_error", richness.error}};
    row.update(brightened(options, *own, cluster, answer, network, filters));
    rows.push_back(row);
  }
  return rows;
}
