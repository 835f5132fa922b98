// SPDX-License-Identifier: BSD-3-Clause
// Impossible skies are refused with one sentence that names the parameter.
#include "clustermass/mock/check.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/mock/skies.hpp"
#include "clustermass/mock/sky.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
/// What draw_scene says to a sky that `spoil` changed; empty if it draws.
template <class Spoil>
std::string answer(Spoil&& spoil) {
  SkyParameters sky;
  spoil(sky);
  try {
    draw_scene(sky, 1, 2);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}
bool names(const std::string& text, const char* parameter) {
  return text.find(parameter) != std::string::npos && text.find('\n') == std::string::npos;
}
}  // namespace

TEST_CASE("the named skies and mixtures of them are possible") {
  CHECK_NOTHROW(check(sky_a()));
  CHECK_NOTHROW(check(sky_b()));
  for (std::uint64_t k = 0; k < 50; ++k) CHECK_NOTHROW(check(mixed_sky(1, k)));
  for (std::size_t k = 0; k < ingredient_count; ++k)
    CHECK_NOTHROW(check(with_ingredient(sky_a(), static_cast<Ingredient>(k), Variant::b)));
}

TEST_CASE("a parameter that no sky can have is refused by name") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  CHECK(answer([](SkyParameters&) {}).empty());
  CHECK(answer([](SkyParameters& s) { s.redshift_min = -0.1; }) ==
        "sky parameters: expected redshift_min in [0.05, 0.6], found -0.1");
  CHECK(names(answer([](SkyParameters& s) { s.log10_m500c_max = 17; }), "log10_m500c_max in [12.5, 16], found 17"));
  CHECK(names(answer([](SkyParameters& s) { s.cosmic_rays_per_mpix = -1; }), "cosmic_rays_per_mpix"));
  CHECK(names(answer([](SkyParameters& s) { s.bad_column_share = 1.5; }), "bad_column_share"));
  CHECK(names(answer([](SkyParameters& s) { s.star_scale = nan; }), "star_scale in [0, 1000], found nan"));
  CHECK(names(answer([](SkyParameters& s) { s.field_scale = infinite; }), "field_scale"));
  CHECK(names(answer([](SkyParameters& s) { s.psf_fwhm_arcsec[3] = 0; }), "psf_fwhm_arcsec"));
  CHECK(names(answer([](SkyParameters& s) { s.sky_nmgy_arcsec2[0] = -1; }), "sky_nmgy_arcsec2"));
  CHECK(names(answer([](SkyParameters& s) { s.icl_fraction = 1; }), "icl_fraction"));
  CHECK(names(answer([](SkyParameters& s) { s.accuracy.reach_sigma = 0; }), "accuracy.reach_sigma"));
  CHECK(names(answer([](SkyParameters& s) { s.clump_min = 0; }), "clump_min"));
  CHECK(names(answer([](SkyParameters& s) { s.redshift_min = 0.5, s.redshift_max = 0.2; }),
              "redshift_min = 0.5 lies above redshift_max = 0.2"));
  CHECK(names(answer([](SkyParameters& s) { s.full_well_counts = 70000; }), "full_well_counts"));
}

TEST_CASE("every number of a sky stands in the table once, within its range, and is refused by its name outside") {
  SkyParameters sky;
  std::set<std::string> names;
  std::vector<std::pair<const void*, std::size_t>> known{
      {&sky.name, sizeof sky.name},           {&sky.prior, sizeof sky.prior},
      {&sky.psf_shape, sizeof sky.psf_shape}, {&sky.clump_min, sizeof sky.clump_min},
      {&sky.clump_max, sizeof sky.clump_max}, {&sky.accuracy, sizeof sky.accuracy}};
  for (const auto& field : parameter_table()) {
    names.insert(field.name);
    const auto values = field.values(sky);
    known.emplace_back(values.data(), values.size_bytes());
    for (double& value : values) {
      CAPTURE(field.name);
      const double kept = value;
      CHECK((value >= field.low && value <= field.high));
      for (const double wrong : {field.low - 1, field.high * 1.001 + 1, std::numeric_limits<double>::quiet_NaN()}) {
        value = wrong;
        std::string answer;
        try {
          check(sky);
        } catch (const InputError& error) {
          answer = error.what();
        }
        CHECK(answer.find(std::string("expected ") + field.name + " in [") != std::string::npos);
      }
      value = kept;
    }
  }
  CHECK(names.size() == parameter_table().size());
  // No double of the struct is left over: every eight bytes of it belong to something named above.
  const char* const start = reinterpret_cast<const char*>(&sky);
  for (std::size_t at = 0; at < sizeof sky; at += sizeof(double)) {
    CAPTURE(at);
    CHECK(std::any_of(known.begin(), known.end(), [&](const auto& place) {
      const auto first = static_cast<std::size_t>(static_cast<const char*>(place.first) - start);
      return first < at + sizeof(double) && first + place.second > at;
    }));
  }
}
