// SPDX-License-Identifier: BSD-3-Clause
// Which sky the commands draw: A, B or a mixture, its prior, single ingredients exchanged.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/mock/skies.hpp"

struct SkyChoice {
  std::string sky = "A", prior = "training";
  std::vector<std::string> ingredients;  ///< NAME=A or NAME=B

  /// The parameters of scene number `index`; only a mixture depends on it.
  /// Throws  InputError for an ingredient that is none
  clustermass::mock::SkyParameters of(std::uint64_t seed, std::uint64_t index) const {
    using namespace clustermass;
    mock::SkyParameters parameters = sky == "mixed" ? mock::mixed_sky(seed, index)
                                     : sky == "B"   ? mock::sky_b()
                                                    : mock::sky_a();
    for (const std::string& pair : ingredients) {
      const std::size_t equals = pair.find('=');
      const std::string variant = equals == std::string::npos ? "" : pair.substr(equals + 1);
      if (variant != "A" && variant != "B")
        throw InputError("--with " + pair + ": expected an ingredient and its sky, such as psf=B");
      parameters = mock::with_ingredient(std::move(parameters), mock::ingredient_of(pair.substr(0, equals)),
                                         variant == "B" ? mock::Variant::b : mock::Variant::a);
    }
    parameters.prior = prior == "survey"       ? mock::Prior::survey
                       : prior == "label-like" ? mock::Prior::label_like
                                               : mock::Prior::training;
    return parameters;
  }

  /// Adds --sky, --with and, where masses are drawn, --prior.
  void add_options(CLI::App& command, bool with_prior) {
    command.add_option("--sky", sky, "mock sky: A, B, or mixed (every ingredient somewhere between the two)")
        ->capture_default_str()
        ->check(CLI::IsMember({"A", "B", "mixed"}));
    std::string names;
    for (const auto name : clustermass::mock::ingredient_names)
      names += (names.empty() ? "" : ", ") + std::string(name);
    command.add_option("--with", ingredients,
                       "one ingredient of the other sky, such as psf=B; may be given again.\n" + names);
    if (!with_prior) return;
    command
        .add_option("--prior", prior,
                    "masses and redshifts: training (flat), survey (mass function times volume), label-like\n"
                    "(as clusters with an X-ray mass)")
        ->capture_default_str()
        ->check(CLI::IsMember({"training", "survey", "label-like"}));
  }
};
