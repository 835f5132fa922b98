// SPDX-License-Identifier: BSD-3-Clause
// Sky B against the table it is made of, one ingredient at a time, and mixtures of A and B.
#include "clustermass/mock/skies.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "close_to.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
/// Every number in which the two skies may differ.
std::vector<std::pair<double, double>> numbers(const SkyParameters& a, const SkyParameters& b) {
  std::vector<std::pair<double, double>> pairs;
  for (std::size_t k = 0; k < ingredient_count; ++k) {
    SkyParameters x = a, y = b;
    const auto p = mock::ingredients::numbers_of(x, static_cast<Ingredient>(k)),
               q = mock::ingredients::numbers_of(y, static_cast<Ingredient>(k));
    for (std::size_t n = 0; n < p.size(); ++n) pairs.emplace_back(*p[n], *q[n]);
  }
  return pairs;
}
int differences(const SkyParameters& a, const SkyParameters& b) {
  int count = a.psf_shape != b.psf_shape;
  for (const auto& [x, y] : numbers(a, b)) count += x != y;
  return count;
}
bool same(const Source& s, const Source& t) {
  return s.kind == t.kind && s.east == t.east && s.north == t.north && s.flux == t.flux && s.radius == t.radius;
}
std::vector<Source> of_kind(const Scene& scene, std::initializer_list<SourceKind> kinds) {
  std::vector<Source> found;
  for (const Source& source : scene.sources)
    for (const SourceKind kind : kinds)
      if (source.kind == kind) found.push_back(source);
  return found;
}
bool same(const std::vector<Source>& a, const std::vector<Source>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k)
    if (!same(a[k], b[k])) return false;
  return true;
}
}  // namespace

TEST_CASE("sky B has the numbers of its table") {
  const SkyParameters a = sky_a(), b = sky_b();
  CHECK(a.richness_norm == 52);
  CHECK(a.richness_slope == 0.80);
  CHECK(a.richness_scatter == 0.22);
  CHECK(b.richness_norm == 46);
  CHECK(b.richness_slope == 0.95);
  CHECK(b.richness_scatter == 0.28);
  CHECK(b.lf_alpha == -0.85);
  CHECK(b.lf_mstar_offset - a.lf_mstar_offset == close_to(0.15));
  CHECK(b.satellite_concentration == 2);
  CHECK(b.satellite_core_mpc == 0.1);
  CHECK(b.ridge_shift_gr - a.ridge_shift_gr == close_to(0.03));
  CHECK(b.ridge_shift_ri - a.ridge_shift_ri == close_to(0.02));
  CHECK(b.ridge_scatter_scale / a.ridge_scatter_scale == close_to(1.5));
  CHECK(b.blue_norm / a.blue_norm == close_to(1.6));
  CHECK(b.bcg_slope == -0.20);
  CHECK(b.bcg_offset == -1.25);
  CHECK(b.bcg_rms == 0.5);
  CHECK(b.icl_fraction == 0.20);
  CHECK(1 - b.well_centred_fraction == close_to(0.25));
  CHECK(b.field_scale / a.field_scale == close_to(1.15));
  CHECK(clustering_rms(5, b) / clustering_rms(5, a) == close_to(0.28 / 0.20));
  CHECK(b.psf_shape == PsfShape::two_gaussians);
  for (std::size_t k = 0; k < 5; ++k) CHECK(b.psf_fwhm_arcsec[k] / a.psf_fwhm_arcsec[k] == close_to(1.12));
  CHECK(b.noise_scale / a.noise_scale == close_to(1.10));
  CHECK(b.noise_correlation_pixels == 1.5);
  CHECK(b.galactic_latitude_deg == 35);
  CHECK(b.size_scale / a.size_scale == close_to(0.85));
}

TEST_CASE("the thirteen ingredients of B, put into A one after the other, make B, and back again A") {
  SkyParameters sky = sky_a();
  int changed = 0;
  for (std::size_t k = 0; k < ingredient_count; ++k) {
    const auto ingredient = static_cast<Ingredient>(k);
    const SkyParameters alone = with_ingredient(sky_a(), ingredient, Variant::b);
    CAPTURE(alone.name);
    CHECK(differences(alone, sky_a()) > 0);
    changed += differences(alone, sky_a());
    CHECK(differences(with_ingredient(alone, ingredient, Variant::a), sky_a()) == 0);
    sky = with_ingredient(sky, ingredient, Variant::b);
  }
  CHECK(differences(sky, sky_b()) == 0);
  CHECK(changed == differences(sky_a(), sky_b()));
  CHECK(with_ingredient(sky_a(), Ingredient::psf, Variant::b).name == "mock sky A, psf of B");
}

TEST_CASE("ingredients have names that can be typed, and a wrong one is answered with the list") {
  std::set<std::string_view> names;
  for (std::size_t k = 0; k < ingredient_count; ++k) {
    const auto ingredient = static_cast<Ingredient>(k);
    CHECK(ingredient_of(name_of(ingredient)) == ingredient);
    names.insert(name_of(ingredient));
  }
  CHECK(names.size() == ingredient_count);
  CHECK_THROWS_WITH_AS(ingredient_of("colour"), doctest::Contains("red-sequence"), InputError);
}

TEST_CASE("an ingredient of B changes what it is about and nothing else in the scene") {
  SceneOptions options;
  options.log10_m500c = 14.6;
  options.redshift = 0.3;
  const Scene plain = draw_scene(sky_a(), 81, 0, options);
  using enum SourceKind;
  const auto with_b = [&](Ingredient ingredient) {
    return draw_scene(with_ingredient(sky_a(), ingredient, Variant::b), 81, 0, options);
  };
  const auto members = {red_member, blue_member, bcg, icl}, others = {field, star};

  const Scene starry = with_b(Ingredient::stars);
  CHECK(same(of_kind(starry, {red_member, blue_member, bcg, icl, field}),
             of_kind(plain, {red_member, blue_member, bcg, icl, field})));
  CHECK(of_kind(starry, {star}).size() > of_kind(plain, {star}).size());

  const Scene poor = with_b(Ingredient::richness);
  CHECK(poor.lambda_int != plain.lambda_int);
  CHECK(same(of_kind(poor, others), of_kind(plain, others)));

  const Scene bright = with_b(Ingredient::bcg);
  CHECK(same(of_kind(bright, others), of_kind(plain, others)));
  CHECK(of_kind(bright, {bcg})[0].flux[3] != of_kind(plain, {bcg})[0].flux[3]);

  const Scene knee = with_b(Ingredient::luminosity);
  CHECK(same(of_kind(knee, {bcg}), of_kind(plain, {bcg})));
  CHECK(!same(of_kind(knee, {red_member}), of_kind(plain, {red_member})));

  const Scene crowded = with_b(Ingredient::field);
  CHECK(same(of_kind(crowded, members), of_kind(plain, members)));
  CHECK(same(of_kind(crowded, {star}), of_kind(plain, {star})));

  const Scene seen = with_b(Ingredient::psf);
  CHECK(same(seen.sources, plain.sources));
  CHECK(seen.psf[2].fwhm_arcsec / plain.psf[2].fwhm_arcsec == close_to(1.12));

  const Scene loud = with_b(Ingredient::noise);
  CHECK(same(loud.sources, plain.sources));
  CHECK(loud.camera[2].noise() / plain.camera[2].noise() == close_to(1.10));
}

TEST_CASE("whoever reads sky B's richness with A's relation is off by what the relations say") {
  // (ln(46/52) + 0.15 ln(M / 3e14)) / (0.80 ln 10) = -0.123, -0.067 and -0.010 dex at 1.5, 3 and 6e14 Msun.
  const SkyParameters a = sky_a(), b = sky_b();
  const double mass[] = {1.5e14, 3e14, 6e14}, expected[] = {-0.123, -0.067, -0.010};
  for (int k = 0; k < 3; ++k) {
    SceneOptions options;
    options.log10_m500c = std::log10(mass[k]);
    options.redshift = 0.3;
    options.half_width_arcsec = 1;
    double bias = 0;
    constexpr int count = 1500;
    for (std::uint64_t n = 0; n < count; ++n) {
      const double lambda = draw_scene(b, 82, n, options).lambda_int;
      const double read = std::log10(3e14) + std::log(lambda / a.richness_norm) / a.richness_slope / std::log(10.0);
      bias += (read - *options.log10_m500c) / count;
    }
    // Scatter 0.28 / (0.80 ln 10) = 0.15 dex per cluster.
    CHECK(std::fabs(bias - expected[k]) < 4 * 0.152 / std::sqrt(double(count)));
  }
}

TEST_CASE("a mixed sky lies between A and B in every ingredient and is a pure function of seed and index") {
  const SkyParameters a = sky_a(), b = sky_b();
  std::vector<double> mean(numbers(a, b).size());
  int moffat = 0;
  constexpr int count = 2000;
  for (std::uint64_t n = 0; n < count; ++n) {
    const SkyParameters sky = mixed_sky(83, n);
    moffat += sky.psf_shape == PsfShape::sdss;
    const auto from_a = numbers(a, sky), to_b = numbers(sky, b);
    for (std::size_t k = 0; k < mean.size(); ++k) {
      const double span = to_b[k].second - from_a[k].first;
      if (span == 0) continue;
      const double weight = (from_a[k].second - from_a[k].first) / span;
      REQUIRE(weight >= 0);
      REQUIRE(weight <= 1);
      mean[k] += weight / count;
    }
  }
  const auto ends = numbers(a, b);
  for (std::size_t k = 0; k < mean.size(); ++k)
    if (ends[k].first != ends[k].second) CHECK(std::fabs(mean[k] - 0.5) < 0.03);
  CHECK(std::fabs(moffat / double(count) - 0.5) < 0.05);
  CHECK(differences(mixed_sky(83, 5), mixed_sky(83, 5)) == 0);
  CHECK(differences(mixed_sky(83, 5), mixed_sky(83, 6)) > 10);
  CHECK(differences(mixed_sky(83, 5), mixed_sky(84, 5)) > 10);
}
