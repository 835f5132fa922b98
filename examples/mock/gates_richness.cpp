// SPDX-License-Identifier: BSD-3-Clause
// Gates on richness and mass: what a matched filter makes of the true galaxies, masses at given richness under the
// survey prior, and the masses of two label sources.
#include <array>
#include <cmath>
#include <numbers>

#include "clustermass/baselines/matched_filter.hpp"
#include "clustermass/mock/labels.hpp"
#include "clustermass/mock/population.hpp"
#include "gates.hpp"

namespace gates {

using namespace clustermass;

namespace {

/// Error of ln lambda of an extended-likelihood matched filter: galaxies of i < 20.9 within R200c around the true
/// centre, over the background of SDSS DR8; Fisher information worked out beforehand (science.md 6). Rows: log10 M500c
/// of 5e13, 1e14, 2e14, 4e14, 8e14; columns: z = 0.1 ... 0.5. Linear in log mass, z and ln s.
double filter_error(double log10_m500c, double z) {
  constexpr double table[5][5] = {{.20, .26, .32, .42, .57},
                                  {.14, .18, .23, .30, .41},
                                  {.10, .13, .17, .22, .29},
                                  {.07, .09, .12, .15, .21},
                                  {.05, .07, .08, .11, .15}};
  const double row = std::clamp((log10_m500c - std::log10(5e13)) / std::log10(2.0), 0.0, 3.999);
  const double column = std::clamp((z - 0.1) / 0.1, 0.0, 3.999);
  const auto m = static_cast<std::size_t>(row), c = static_cast<std::size_t>(column);
  const double t = row - static_cast<double>(m), u = column - static_cast<double>(c);
  return std::exp((1 - t) * ((1 - u) * std::log(table[m][c]) + u * std::log(table[m][c + 1])) +
                  t * ((1 - u) * std::log(table[m + 1][c]) + u * std::log(table[m + 1][c + 1])));
}

}  // namespace

/// V9. Clusters of 13.9 < log10 M500c < 14.9 and 0.1 < z < 0.5, under the conditions of the table above: true centre,
/// R200c, Poisson field of the whole sky's density (20 % below the region of V1), no projected halo. The scatter is
/// compared in units of the table's error.
Checks matched_filter(const Bench& bench) {
  mock::SkyParameters sky = bench.sky;
  sky.field_scale = 0.8;
  sky.field_rms_10arcmin = sky.structure_rms = 1e-6;
  sky.projection_probability = 0;
  const MatchedFilter filter(sky);
  using Row = std::array<double, 3>;  // ln lambda true and measured, the table's error
  const std::vector<Row> rows = bench.each(bench.count, [&](std::size_t index) {
    Random random(bench.seed, index, 902);
    mock::SceneOptions options;
    options.log10_m500c = random.uniform(13.9, 14.9);
    options.redshift = random.uniform(0.1, 0.5);
    options.miscentring = false;
    options.footprint_probability = 0;
    const double r200c =
        mock::halo_radius_mpc(mock::m200c_of_m500c(mock::exp10(*options.log10_m500c), *options.redshift),
                              mock::MassDefinition::c200, *options.redshift);
    options.half_width_arcsec = arcsec_of_mpc(1.02 * r200c, *options.redshift);
    const mock::Scene scene = mock::draw_scene(sky, bench.seed, index, options);
    CatalogueOptions within;
    within.radius_mpc = r200c;
    // The table is at the mean relation's richness of a mass: take it at the mass that has this richness.
    const double mass =
        std::log10(3e14) + std::log(scene.lambda_int / sky.richness_norm) / (sky.richness_slope * std::numbers::ln10);
    return Row{std::log(scene.lambda_int), std::log(filter(scene, within).lambda), filter_error(mass, scene.redshift)};
  });
  double s = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (const auto& [x, y, error] : rows) {
    const double w = 1 / (error * error);
    s += w, sx += w * x, sy += w * y, sxx += w * x * x, sxy += w * x * y;
  }
  const double slope = (s * sxy - sx * sy) / (s * sxx - sx * sx), intercept = (sy - slope * sx) / s;
  std::vector<double> pulls;
  for (const auto& [x, y, error] : rows) pulls.push_back((y - intercept - slope * x) / error);
  // Clipped at 4: a halo without any excess of galaxies is given lambda = 1.
  std::erase_if(pulls, [](double p) { return std::fabs(p) > 4; });
  const auto n = static_cast<double>(rows.size());
  return {near("V9", "slope of ln lambda, measured against true", slope, 1, 0.05, std::sqrt(s / (s * sxx - sx * sx))),
          near("V9", "scatter over the one expected", rms_about_mean(pulls), 1, 0.15, 1 / std::sqrt(2 * n))};
}

/// V10. Targets: weak-lensing masses of SDSS redMaPPer clusters, 0.1 < z < 0.33 (Simet et al. 2017): 3.15e14 Msun and
/// slope 1.33. Richness scatters log-normally with a variance of sigma_int^2 + (<lambda> - 1) / <lambda>^2, the model
/// in which such masses are published. (Exact Poisson counts without a background have a thinner tail upwards: 3.55.)
/// The mean mass at 40 is that of clusters with richness 34 to 47, the slope that of 20 to 100.
Checks mass_at_richness(const Bench& bench) {
  mock::SkyParameters sky = bench.sky;
  sky.prior = mock::Prior::survey;
  sky.log10_m500c_min = 13.0;  // far below what scatters up to lambda = 20
  sky.log10_m500c_max = 15.8;
  sky.redshift_min = 0.10;
  sky.redshift_max = 0.33;
  const mock::SurveyPrior prior(sky);
  constexpr std::size_t per_cutout = 250;
  struct Cluster {
    double x, mass, weight;  // ln(lambda / 40), M200m, abundance
  };
  const auto rows = bench.each(bench.count, [&](std::size_t index) {
    std::vector<Cluster> clusters;
    for (std::size_t k = 0; k < per_cutout; ++k) {
      Random random(bench.seed, index * per_cutout + k, 903);
      const double mass = random.uniform(13.0, 15.8), z = random.uniform(0.10, 0.33);
      const double mean_ln = mock::mean_ln_richness(mass, z, sky), expected = std::exp(mean_ln);
      const double noise = std::max(0.0, expected - 1) / (expected * expected);
      const double ln_lambda = mean_ln + std::hypot(sky.richness_scatter, std::sqrt(noise)) * random.normal();
      const double x = ln_lambda - std::log(40.0);
      if (x < std::log(0.5) || x > std::log(2.5)) continue;
      const double m200c = mock::m200c_of_m500c(mock::exp10(mass), z);
      const double c = mock::duffy_concentration(m200c, mock::MassDefinition::c200, z);
      clusters.push_back({x, mock::convert_mass(m200c, c, mock::MassDefinition::c200, mock::MassDefinition::m200, z),
                          prior.density(mass, z)});
    }
    return clusters;
  });
  // Mean mass in bins of ln lambda, then a line through the logs, weighted by the number of clusters.
  constexpr std::size_t bins = 8;
  struct Sum {
    double weight = 0, squares = 0, x = 0, mass = 0, mass_squares = 0;
    void add(const Cluster& c) {
      weight += c.weight, squares += c.weight * c.weight, x += c.weight * c.x, mass += c.weight * c.mass;
      mass_squares += c.weight * c.mass * c.mass;
    }
    double mean_mass() const { return mass / weight; }
    double relative_error() const {
      return std::sqrt((mass_squares / weight / (mean_mass() * mean_mass()) - 1) * squares) / weight;
    }
  };
  std::array<Sum, bins> bin;
  Sum around40, all;
  const double low = std::log(0.5), width = std::log(5.0) / bins;
  for (const auto& clusters : rows)
    for (const Cluster& cluster : clusters) {
      bin[std::min(static_cast<std::size_t>((cluster.x - low) / width), bins - 1)].add(cluster);
      all.add(cluster);
      if (std::fabs(cluster.x) < 0.16) around40.add(cluster);
    }
  double s = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (const Sum& sum : bin) {
    if (!(sum.weight > 0)) continue;
    const double w = sum.weight, x = sum.x / w, y = std::log(sum.mean_mass());
    s += w, sx += w * x, sy += w * y, sxx += w * x * x, sxy += w * x * y;
  }
  const double slope = (s * sxy - sx * sy) / (s * sxx - sx * sx);
  const double at40 = around40.mean_mass() * std::exp(-slope * around40.x / around40.weight) / 1e14;
  return {near("V10", "mean M200m at lambda = 40 [1e14 Msun]", at40, 3.15, 0.315, at40 * around40.relative_error()),
          near("V10", "slope of ln M200m with ln lambda", slope, 1.33, 0.10,
               all.relative_error() * s / std::sqrt(s * sxx - sx * sx))};
}

/// V11. Targets: 408 clusters of both PSZ2 and MCXC, log M_SZ - log M_X after clipping at 3 sigma.
Checks label_difference(const Bench& bench) {
  std::vector<double> differences = bench.each(bench.count, [&](std::size_t index) {
    Random random = mock::stream_of(bench.seed, index, mock::Stream::population);
    mock::SkyParameters sky = bench.sky;
    sky.prior = mock::Prior::label_like;
    const double mass = mock::draw_population(sky, std::nullopt, random).log10_m500c;
    return mock::draw_label(mass, mock::LabelSource::sz, bench.seed, index).log10_m500c -
           mock::draw_label(mass, mock::LabelSource::xray, bench.seed, index).log10_m500c;
  });
  for (int round = 0; round < 20; ++round) {
    const double centre = mean(differences), sigma = rms_about_mean(differences);
    std::erase_if(differences, [&](double d) { return std::fabs(d - centre) > 3 * sigma; });
  }
  const double sd = rms_about_mean(differences), n = static_cast<double>(differences.size());
  return {near("V11", "SZ minus X-ray label, mean [dex]", mean(differences), 0.085, 0.02, sd / std::sqrt(n)),
          near("V11", "SZ minus X-ray label, scatter [dex]", sd, 0.118, 0.015, sd / std::sqrt(2 * n))};
}

}  // namespace gates
