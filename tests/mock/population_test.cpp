// SPDX-License-Identifier: BSD-3-Clause
// The mass function against colossus and astropy (tests/data/mock/mass_function.csv), and the priors that draw from it.
#include "clustermass/mock/population.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numbers>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "close_to.hpp"
#include "clustermass/mock/cluster.hpp"
#include "clustermass/mock/mass.hpp"
#include "clustermass/mock/sky.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
SkyParameters survey_sky() {
  SkyParameters sky;
  sky.prior = Prior::survey;
  return sky;
}
}  // namespace

TEST_CASE("fluctuations, growth, volume and mass function are those of colossus and astropy") {
  const SkyParameters sky;
  const LinearMatter matter(sky.sigma_8, sky.spectral_index, sky.omega_b);
  std::ifstream file(CLUSTERMASS_SOURCE_DIR "/tests/data/mock/mass_function.csv");
  std::string line;
  int rows = 0;
  while (std::getline(file, line)) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream words(line);
    std::string quantity;
    double a = 0, z = 0, delta = 0, expected = 0;
    if (!(words >> quantity >> a >> z >> delta >> expected)) continue;  // the two lines of the head
    CAPTURE(line);
    ++rows;
    // colossus' sigma comes from an interpolation table good to some 1e-4, its slope to 1e-3.
    if (quantity == "sigma") CHECK(matter.sigma(a) == close_to(expected, 7e-4));
    if (quantity == "slope") CHECK(matter.slope(a) == close_to(expected, 2e-3));
    if (quantity == "growth") CHECK(growth(z) == close_to(expected, 5e-5));
    if (quantity == "volume") CHECK(comoving_volume_element(z) == close_to(expected, 1e-6));
    if (quantity == "multiplicity") CHECK(tinker_multiplicity(a, delta, z) == close_to(expected, 1e-6));
    if (quantity == "density") {
      // Between Tinker's overdensities (z = 0.1, 0.33) colossus draws straight lines through the parameters.
      const bool own_overdensity = z != 0.1 && z != 0.33;
      CHECK(halo_density(a, z, matter) == close_to(expected, own_overdensity ? 5e-3 : 4e-2));
    }
  }
  CHECK(rows == 60);
}

TEST_CASE("the slope of the fluctuations is their derivative, and 8 Mpc/h is their norm") {
  const LinearMatter matter(0.78, 0.967, 0.046);
  for (const double mass : {2e13, 1.7e14, 9e14})
    CHECK(matter.slope(mass) ==
          close_to(std::log(matter.sigma(mass * 1.01) / matter.sigma(mass / 1.01)) / 2 / std::log(1.01), 1e-4));
  const double mass = 4 * std::numbers::pi / 3 * std::pow(8 / hubble_h, 3) * critical_density(0) * omega_m;
  CHECK(matter.sigma(mass) == close_to(0.78, 1e-5));
  CHECK(matter.transfer(1e-5) == close_to(1, 1e-3));
}

TEST_CASE("the table of the survey prior is the mass function times the volume") {
  SkyParameters sky = survey_sky();
  const SurveyPrior prior(sky);
  const LinearMatter matter(sky.sigma_8, sky.spectral_index, sky.omega_b);
  constexpr double degree = std::numbers::pi / 180;
  const auto naive = [&](double log_mass, double z) {
    return halo_density(std::pow(10, log_mass), z, matter) * std::log(10.0) * comoving_volume_element(z) * degree *
           degree;
  };
  for (const double z : {0.08, 0.2013, 0.55})
    for (const double m : {13.71, 14.0, 14.62, 15.15}) CHECK(prior.density(m, z) == close_to(naive(m, z), 3e-3));
  CHECK(prior.density(13.5, 0.2) == 0);

  double sum = 0;
  constexpr int steps = 60;
  for (int j = 0; j < steps; ++j)
    for (int k = 0; k < steps; ++k)
      sum += naive(13.7 + 1.5 * (k + 0.5) / steps, 0.08 + 0.47 * (j + 0.5) / steps) * 1.5 * 0.47 / steps / steps;
  CHECK(prior.per_square_degree() == close_to(sum, 2e-3));
}

TEST_CASE("the predicted abundance of redMaPPer-like clusters is 1.4e4 on 10,400 square degrees") {
  // 20 <= lambda <= 100, 0.10 <= z <= 0.33, lambda scattering by sigma_int and the members' Poisson noise. The real
  // catalogue has 8312: a known tension that stays.
  SkyParameters sky = survey_sky();
  sky.log10_m500c_min = 13;
  sky.redshift_min = 0.10;
  sky.redshift_max = 0.33;
  const SurveyPrior prior(sky);
  double count = 0;
  constexpr double dz = 0.005, dm = 0.02;
  for (double z = 0.10 + dz / 2; z < 0.33; z += dz)
    for (double m = 13 + dm / 2; m < 15.2; m += dm) {
      const double mean = mean_ln_richness(m, z, sky), lambda = std::exp(mean);
      const double s =
          std::sqrt(sky.richness_scatter * sky.richness_scatter + std::max(0.0, (lambda - 1) / (lambda * lambda)));
      const auto above = [&](double limit) { return 0.5 * std::erfc((std::log(limit) - mean) / s / std::sqrt(2.0)); };
      count += prior.density(m, z) * dm * dz * 10400 * (above(20) - above(100));
    }
  MESSAGE("clusters: " << count);
  CHECK(count == close_to(1.4e4, 0.05));
}

TEST_CASE("draws of the survey prior follow its density, also at a fixed redshift") {
  const SkyParameters sky = survey_sky();
  const SurveyPrior prior(sky);
  constexpr int draws = 40000, bins = 8;
  // Shares of redshift and of mass bins against the density summed on a fine grid.
  const double m_low = 13.7, m_width = 1.5 / bins, z_low = 0.08, z_width = 0.47 / bins;
  std::array<double, bins> expect_m{}, expect_z{}, fixed_m{};
  double total = 0, fixed_total = 0;
  constexpr int fine = 40 * bins;
  for (int j = 0; j < fine; ++j)
    for (int k = 0; k < fine; ++k) {
      const double d = prior.density(m_low + 1.5 * (k + 0.5) / fine, z_low + 0.47 * (j + 0.5) / fine);
      expect_m[static_cast<std::size_t>(k / 40)] += d;
      expect_z[static_cast<std::size_t>(j / 40)] += d;
      total += d;
    }
  for (int k = 0; k < fine; ++k) {
    const double d = prior.density(m_low + 1.5 * (k + 0.5) / fine, 0.5);
    fixed_m[static_cast<std::size_t>(k / 40)] += d;
    fixed_total += d;
  }
  std::array<int, bins> seen_m{}, seen_z{}, seen_fixed{};
  for (int n = 0; n < draws; ++n) {
    Random random = stream_of(71, static_cast<std::uint64_t>(n), Stream::population), again = random;
    const PopulationDraw drawn = draw_population(sky, std::nullopt, random);
    ++seen_m[static_cast<std::size_t>((drawn.log10_m500c - m_low) / m_width)];
    ++seen_z[static_cast<std::size_t>((drawn.redshift - z_low) / z_width)];
    const PopulationDraw fixed = draw_population(sky, 0.5, again);
    CHECK_MESSAGE(fixed.redshift == 0.5, "a fixed redshift stays");
    ++seen_fixed[static_cast<std::size_t>((fixed.log10_m500c - m_low) / m_width)];
  }
  for (std::size_t k = 0; k < bins; ++k) {
    CAPTURE(k);
    const auto agrees = [](int seen, double expected) {
      return std::fabs(seen - expected) < 4.5 * std::sqrt(expected + 1);
    };
    CHECK(agrees(seen_m[k], draws * expect_m[k] / total));
    CHECK(agrees(seen_z[k], draws * expect_z[k] / total));
    CHECK(agrees(seen_fixed[k], draws * fixed_m[k] / fixed_total));
  }
}

TEST_CASE("the training prior is two uniforms, mass first") {
  const SkyParameters sky;
  for (std::uint64_t n = 0; n < 5; ++n) {
    Random random = stream_of(72, n, Stream::population);
    const double mass = random.uniform(13.7, 15.2), z = random.uniform(0.08, 0.55);
    const Scene scene = draw_scene(sky, 72, n);
    CHECK(scene.log10_m500c == mass);
    CHECK(scene.redshift == z);
  }
}

TEST_CASE("the label-like prior is a Gaussian in log mass with the redshifts of labelled clusters") {
  SkyParameters sky;
  sky.prior = Prior::label_like;
  double sum = 0, square = 0, below_median = 0;
  constexpr int draws = 20000;
  for (int n = 0; n < draws; ++n) {
    Random random = stream_of(73, static_cast<std::uint64_t>(n), Stream::population);
    const PopulationDraw drawn = draw_population(sky, std::nullopt, random);
    sum += drawn.log10_m500c / draws;
    square += drawn.log10_m500c * drawn.log10_m500c / draws;
    below_median += (drawn.redshift < label_redshift_quantiles[5]) / double(draws);
    REQUIRE(drawn.redshift >= 0.08);
    REQUIRE(drawn.redshift <= 0.55);
  }
  CHECK(std::fabs(sum - 14.43) < 0.01);
  CHECK(std::sqrt(square - sum * sum) == close_to(0.32, 0.02));
  CHECK(std::fabs(below_median - 0.5) < 0.015);
  for (const double z : {0.09, 0.2, 0.31, 0.5}) CHECK(label_redshift_at(label_redshift_share(z)) == close_to(z, 1e-12));
}

TEST_CASE("scenes of the survey prior are the same on any thread and between scenes of other skies") {
  const SkyParameters sky = survey_sky();
  SkyParameters other = sky;
  other.sigma_8 = 0.85;
  SceneOptions bare;
  const Scene first = draw_scene(sky, 74, 3, bare);
  CHECK(draw_scene(other, 74, 3, bare).log10_m500c != first.log10_m500c);
  Scene second = draw_scene(sky, 74, 3, bare), threaded;
  std::thread([&] { threaded = draw_scene(sky, 74, 3, bare); }).join();
  for (const Scene* scene : {&second, &threaded}) {
    CHECK(scene->log10_m500c == first.log10_m500c);
    CHECK(scene->redshift == first.redshift);
    CHECK(scene->sources.size() == first.sources.size());
  }
}

TEST_CASE("impossible ranges of a prior are refused in a sentence") {
  SkyParameters sky = survey_sky();
  sky.log10_m500c_min = 15.5;
  CHECK_THROWS_WITH_AS(SurveyPrior{sky}, doctest::Contains("log10_m500c_min < log10_m500c_max"), InputError);
  sky = survey_sky();
  sky.redshift_min = -0.1;
  CHECK_THROWS_WITH_AS(SurveyPrior{sky}, doctest::Contains("redshift_min < redshift_max"), InputError);
}

TEST_CASE("mass at given richness is what weak lensing of redMaPPer clusters finds") {
  // Simet et al. 2017: mean M200m at lambda = 40 of 3.15e14 Msun, slope 1.33, 0.1 < z < 0.33; lambda with its Poisson
  // noise, Duffy's concentrations.
  SkyParameters sky = survey_sky();
  sky.log10_m500c_min = 13;
  sky.log10_m500c_max = 15.8;
  const SurveyPrior prior(sky);
  const auto mean_mass = [&](double lambda) {
    double sum = 0, norm = 0;
    for (double z = 0.12; z < 0.33; z += 0.05)
      for (double m = 13.02; m < 15.8; m += 0.04) {
        const double mean = mean_ln_richness(m, z, sky), expected = std::exp(mean);
        const double variance =
            sky.richness_scatter * sky.richness_scatter + std::max(0.0, (expected - 1) / (expected * expected));
        const double t = std::log(lambda) - mean;
        const double weight = prior.density(m, z) * std::exp(-0.5 * t * t / variance) / std::sqrt(variance);
        if (weight < 1e-12) continue;
        const double m200c = m200c_of_m500c(mock::exp10(m), z), c = duffy_concentration(m200c, MassDefinition::c200, z);
        sum += weight * convert_mass(m200c, c, MassDefinition::c200, MassDefinition::m200, z);
        norm += weight;
      }
    return sum / norm;
  };
  const double at40 = mean_mass(40), slope = std::log(mean_mass(80) / mean_mass(20)) / std::log(4.0);
  MESSAGE("mean M200m at lambda = 40: " << at40 << " Msun, slope " << slope);
  CHECK(at40 == close_to(3.15e14, 0.10));
  CHECK(std::fabs(slope - 1.33) < 0.10);
}
