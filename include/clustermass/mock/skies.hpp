// SPDX-License-Identifier: BSD-3-Clause
// The skies that have a name: A (the defaults of SkyParameters), B (another plausible sky, to test on what was not
// trained on), and mixtures of both. How a scene is drawn from one is sky.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/mock/parameters.hpp"
#include "clustermass/mock/sky.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Which sky an ingredient is taken from.
enum class Variant { a, b };

/// Names of the ingredients on a command line, in the order of the enumeration.
inline constexpr std::array<std::string_view, ingredient_count> ingredient_names{
    "richness", "luminosity", "satellites", "red-sequence", "blue-members", "bcg",  "icl",
    "centring", "field",      "psf",        "noise",        "stars",        "sizes"};

inline std::string_view name_of(Ingredient ingredient) {
  return ingredient_names[static_cast<std::size_t>(ingredient)];
}

/// Throws  InputError for a name that is none, listing those there are
inline Ingredient ingredient_of(std::string_view name) {
  std::string known;
  for (std::size_t k = 0; k < ingredient_count; ++k) {
    if (name == ingredient_names[k]) return static_cast<Ingredient>(k);
    known += (k > 0 ? ", " : "") + std::string(ingredient_names[k]);
  }
  detail::raise<InputError>("expected an ingredient of the sky (" + known + "), found '" + std::string(name) + "'");
}

/// Sky A: the defaults.
inline SkyParameters sky_a() { return {}; }

/// Sky B: richness as SZ and abundance studies prefer (steeper, lower, more scatter), everything else moved by about
/// what the literature leaves open. Set against A, so that a corrected number of A moves B too.
inline SkyParameters sky_b() {
  SkyParameters sky;
  sky.name = "mock sky B";
  sky.richness_norm = 46;
  sky.richness_slope = 0.95;
  sky.richness_scatter = 0.28;
  sky.lf_alpha = -0.85;
  sky.lf_mstar_offset += 0.15;
  sky.satellite_concentration = 2.0;
  sky.satellite_core_mpc = 0.1;
  sky.ridge_shift_gr += 0.03;
  sky.ridge_shift_ri += 0.02;
  sky.ridge_scatter_scale *= 1.5;
  sky.blue_norm *= 1.6;
  sky.bcg_slope = -0.20;
  sky.bcg_offset = -1.25;
  sky.bcg_rms = 0.5;
  sky.icl_fraction = 0.20;
  sky.well_centred_fraction = 0.75;
  sky.field_scale *= 1.15;
  sky.field_rms_10arcmin *= 1.4;
  sky.psf_shape = PsfShape::two_gaussians;
  for (double& fwhm : sky.psf_fwhm_arcsec) fwhm *= 1.12;
  sky.noise_scale *= 1.10;
  sky.noise_correlation_pixels = 1.5;
  sky.galactic_latitude_deg = 35;
  sky.size_scale *= 0.85;
  return sky;
}

namespace ingredients {
using CLUSTERMASS_CODE_TAG::detail::raise;  // this detail hides the outer one from headers included later

/// The numbers that belong to an ingredient.
inline std::vector<double*> numbers_of(SkyParameters& sky, Ingredient ingredient) {
  std::vector<double*> numbers;
  for (const auto& field : parameter_table())
    if (field.ingredient == ingredient)
      for (double& value : field.values(sky)) numbers.push_back(&value);
  return numbers;
}

/// Puts an ingredient a share `weight` of the way from A (0) to B (1).
inline void blend(SkyParameters& sky, Ingredient ingredient, double weight, bool shape_of_b) {
  SkyParameters a = sky_a(), b = sky_b();
  const auto from = numbers_of(a, ingredient), to = numbers_of(b, ingredient), into = numbers_of(sky, ingredient);
  for (std::size_t k = 0; k < into.size(); ++k)
    *into[k] = weight == 1 ? *to[k] : *from[k] + weight * (*to[k] - *from[k]);
  if (ingredient == Ingredient::psf) sky.psf_shape = shape_of_b ? b.psf_shape : a.psf_shape;
}

}  // namespace ingredients

/// The sky with one ingredient taken from A or B, and a name that says so.
inline SkyParameters with_ingredient(SkyParameters sky, Ingredient ingredient, Variant variant) {
  const bool b = variant == Variant::b;
  ingredients::blend(sky, ingredient, b ? 1 : 0, b);
  sky.name += ", " + std::string(name_of(ingredient)) + (b ? " of B" : " of A");
  return sky;
}

/// Domain randomisation: every ingredient at a place of its own between A and B (the PSF's shape is that of either), a
/// pure function of (seed, index). Prior and ranges are those of A: set them on the result.
inline SkyParameters mixed_sky(std::uint64_t seed, std::uint64_t index) {
  Random random = stream_of(seed, index, Stream::mixture);
  SkyParameters sky;
  for (std::size_t k = 0; k < ingredient_count; ++k) {
    const double weight = random.uniform();
    const bool shape_of_b = random.uniform() < 0.5;
    ingredients::blend(sky, static_cast<Ingredient>(k), weight, shape_of_b);
  }
  sky.name = "mock sky AB-mixed";
  return sky;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
