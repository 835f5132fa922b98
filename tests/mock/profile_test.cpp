// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/mock/profile.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/mock/psf.hpp"

using namespace clustermass;
using namespace clustermass::mock;

TEST_CASE("half of the light of a galaxy profile lies inside its half-light radius") {
  for (const Profile profile : {Profile::exponential, Profile::de_vaucouleurs}) {
    const GaussianMixture mixture = profile_mixture(profile);
    double sum = 0, inside = 0;
    for (std::size_t k = 0; k < static_cast<std::size_t>(mixture.size); ++k) {
      sum += mixture.weight[k];
      inside += mixture.weight[k] * (1 - std::exp(-0.5 / mixture.variance[k]));
    }
    CHECK(sum == close_to(1, 1e-12));
    CHECK(inside == close_to(0.5, 1e-4));
  }
}

TEST_CASE("the mixtures follow the exponential and de Vaucouleurs laws where they should") {
  // Surface brightness against the Sersic law with the flux of the untruncated profile; the cut at some half-light
  // radii and the rescaling leave a few per cent.
  const auto brightness = [](const GaussianMixture& mixture, double r) {
    double sum = 0;
    for (std::size_t k = 0; k < static_cast<std::size_t>(mixture.size); ++k)
      sum += mixture.weight[k] * std::exp(-0.5 * r * r / mixture.variance[k]) / (2 * M_PI * mixture.variance[k]);
    return sum;
  };
  const auto sersic = [](double n, double r) {
    return std::exp(-sersic_b(n) * (std::pow(r, 1 / n) - 1)) / sersic_flux(n, 1, 1);
  };
  for (const double r : {0.3, 0.6, 1.0, 1.5, 2.0}) {
    CAPTURE(r);
    CHECK(brightness(profile_mixture(Profile::exponential), r) / sersic(1, r) == close_to(1, 0.06));
    CHECK(brightness(profile_mixture(Profile::de_vaucouleurs), r) / sersic(4, r) == close_to(1, 0.20));
  }
}

TEST_CASE("merging Gaussians keeps the light and its second moment") {
  const GaussianMixture full = profile_mixture(Profile::de_vaucouleurs), few = merged(full, 0.05);
  CHECK(few.size < full.size);
  double weight[2] = {}, moment[2] = {};
  const GaussianMixture* both[] = {&full, &few};
  for (std::size_t m = 0; m < 2; ++m)
    for (std::size_t k = 0; k < static_cast<std::size_t>(both[m]->size); ++k) {
      weight[m] += both[m]->weight[k];
      moment[m] += both[m]->weight[k] * both[m]->variance[k];
    }
  CHECK(weight[0] == close_to(weight[1], 1e-12));
  CHECK(moment[0] == close_to(moment[1], 1e-12));
}

TEST_CASE("the Sersic law integrates to its flux") {
  for (const double n : {1.0, 2.5, 4.0}) {
    double sum = 0;
    constexpr double step = 1e-3;  // in ln r
    for (double t = -14; t < 9; t += step) {
      const double r = std::exp(t);
      sum += 2 * M_PI * r * r * std::exp(-sersic_b(n) * (std::pow(r, 1 / n) - 1)) * step;
    }
    CHECK(sersic_flux(n, 1, 1) == close_to(sum, 1e-3));
  }
}

TEST_CASE("three Gaussians stand for the Moffat profile to a part in a thousand") {
  const GaussianMixture mixture = moffat_mixture();
  double worst_profile = 0, worst_light = 0, square = 0, moffat_square = 0;
  const auto at = [&](double r) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k)
      sum += mixture.weight[k] * std::exp(-0.5 * r * r / mixture.variance[k]) / (2 * M_PI * mixture.variance[k]);
    return sum;
  };
  for (double r = 0.001; r < 6; r += 0.002) {
    double light = 0;
    for (std::size_t k = 0; k < 3; ++k) light += mixture.weight[k] * (1 - std::exp(-0.5 * r * r / mixture.variance[k]));
    worst_profile = std::fmax(worst_profile, std::fabs(at(r) - moffat(r, 1)) / moffat(0, 1));
    worst_light = std::fmax(worst_light, std::fabs(light - moffat_enclosed(r, 1)));
    square += 2 * M_PI * r * at(r) * at(r) * 0.002;
    moffat_square += 2 * M_PI * r * moffat(r, 1) * moffat(r, 1) * 0.002;
  }
  CHECK(worst_profile < 0.0012);
  CHECK(worst_light < 0.0010);
  CHECK(at(0.5) / at(0) == close_to(0.5, 0.005));      // FWHM
  CHECK(1 / moffat_square == close_to(3.229, 0.001));  // effective area in FWHM^2, beta = 4
  CHECK(1 / square == close_to(3.229, 0.005));
}

TEST_CASE("the enclosed share of satellites is the integral of the projected NFW density with its core") {
  const double core = 0.15, limit = 6;
  const ProjectedNfw nfw(core, limit);
  const auto cumulative = [&](double x) {
    constexpr int steps = 20000;
    double sum = 0;
    for (int k = 0; k < steps; ++k) {
      const double r = x * (k + 0.5) / steps;
      sum += r * ProjectedNfw::density(std::fmax(r, core)) * x / steps;
    }
    return sum;
  };
  const double total = cumulative(limit);
  for (const double x : {0.05, 0.15, 0.5, 0.999, 1.0, 1.001, 2.0, 4.0})
    CHECK(nfw.enclosed(x) == close_to(cumulative(x) / total, 2e-4));
  CHECK(nfw.enclosed(limit) == 1);
  CHECK(ProjectedNfw::density(1) == close_to(1.0 / 3, 1e-9));
  CHECK(ProjectedNfw::density(0.9998) == close_to(ProjectedNfw::density(1.0002), 1e-3));

  Random random(3);
  std::vector<double> radii;
  constexpr int draws = 20000;
  for (const double x : {0.1, 0.5, 1.0, 2.0, 4.0}) {
    int inside = 0;
    for (int k = 0; k < draws; ++k) inside += nfw.radius(random.uniform()) < x;
    const double p = cumulative(x) / total;
    CHECK(std::fabs(inside / double(draws) - p) < 4 * std::sqrt(p * (1 - p) / draws) + 5e-4);
  }
}

TEST_CASE("Schechter counts for alpha = -1 are the exponential integral") {
  CHECK(schechter_count(-1, 0.2) == close_to(1.2227, 5e-5));
  CHECK(schechter_count(-1, 0.1) == close_to(1.8229, 5e-5));
  CHECK(schechter_count(-1, 0.02) == close_to(3.3547, 5e-5));
  CHECK(schechter_count(0, 0.5) == close_to(std::exp(-0.5), 1e-8));
}

TEST_CASE("drawn luminosities follow the Schechter function") {
  for (const double alpha : {-1.0, -1.2, -0.85}) {
    Random random(4);
    constexpr int draws = 100000;
    int above = 0, bright = 0;
    for (int k = 0; k < draws; ++k) {
      const double x = draw_schechter(alpha, 0.02, 60, random);
      REQUIRE(x >= 0.02);
      above += x > 0.2;
      bright += x > 1.5;
    }
    const double all = schechter_count(alpha, 0.02);
    CHECK(above / double(draws) == close_to(schechter_count(alpha, 0.2) / all, 0.02));
    CHECK(bright / double(draws) == close_to(schechter_count(alpha, 1.5) / all, 0.05));
  }
}
