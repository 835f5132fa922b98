// SPDX-License-Identifier: BSD-3-Clause
// An estimate with what was asked, in words and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/mass_estimate.hpp"
#include "network.hpp"

struct Answer {
  clustermass::MassEstimate mass;
  std::optional<double> ra, dec, redshift;
  double redshift_error = 0, ebv = 0;
  std::optional<double> truth;  ///< true log10(M500c/Msun), if it is known
  NetworkInfo network;
  std::vector<double> null_masses{};  ///< rising: what other positions of the frame give; empty if not asked
};

/// "log10(M500c/Msun) = 14.72 +- 0.14", or why there is none.
std::string headline(const Answer& answer);

/// Label and value of each line of the answer, without the headline.
std::vector<std::pair<std::string, std::string>> lines_in_words(const Answer& answer);

/// One sentence per flag that is set.
std::vector<std::string> flag_sentences(std::uint32_t flags);

/// For people.
std::string as_text(const Answer& answer);

/// The keys of MassEstimate, then names of the flags, what was asked, and who answered. NaN is null.
nlohmann::ordered_json as_json(const Answer& answer);

/// log10_m500c from a truth.json as clustermass_mock writes it. Throws InputError.
double read_truth(const std::string& path);
