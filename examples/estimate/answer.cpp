// SPDX-License-Identifier: BSD-3-Clause
#include "answer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "../common/words.hpp"
#include "clustermass/core/error.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/version.hpp"

using namespace clustermass;

namespace {
template <class... Numbers>
std::string format(const char* pattern, Numbers... numbers) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, numbers...);
  return text;
}

constexpr flag::Name sentences[] = {
    {flag::edge, "the 2 Mpc field reaches beyond the images"},
    {flag::missing_band, "a band is missing or has no usable pixel in the field"},
    {flag::masked_gt_20, "more than 20 % of the covered field is masked"},
    {flag::bright_star, "a source brighter than r = 13 lies in the field"},
    {flag::high_ebv, "E(B-V) is above 0.15, or not a number from 0 to 10"},
    {flag::z_out_of_range, "the redshift is outside the training range"},
    {flag::m_extrapolated, "the mass is outside the training range"},
    {flag::ood, "the images are unlike those of the training set"},
    {flag::projection, "a second structure lies in the line of sight"},
    {flag::miscentred, "the answer depends on the centre"},
    {flag::low_coverage, "less than 60 % of the field lies inside the images"},
    {flag::input_kind, "the pixels are resampled, those of the training set are not"},
    {flag::nonfinite_pixels, "pixels are NaN or infinite"},
    {flag::z_missing, "there is no redshift (--z)"},
    {flag::filter_missing, "the network expects the matched filter's answer and is not told it"},
    {flag::no_result, "no estimate is given"},
};

/// How many of the other positions give less.
std::size_t below(const Answer& answer) {
  const std::vector<double>& null = answer.null_masses;
  return static_cast<std::size_t>(std::lower_bound(null.begin(), null.end(), answer.mass.log10_m500c) - null.begin());
}

/// Of rising numbers, at least one.
double median(const std::vector<double>& values) {
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}
}  // namespace

std::string headline(const Answer& answer) {
  if (!answer.mass.has_result()) return "no estimate";
  return format("log10(M500c/Msun) = %.2f +- %.2f", answer.mass.log10_m500c, answer.mass.log10_m500c_error);
}

std::vector<std::string> flag_sentences(std::uint32_t flags) {
  std::vector<std::string> result;
  for (std::size_t k = 0; k < std::size(sentences); ++k)
    if (flags & sentences[k].bit) result.push_back(std::string(flag::names[k].name) + ": " + sentences[k].name);
  return result;
}

std::vector<std::pair<std::string, std::string>> lines_in_words(const Answer& answer) {
  const MassEstimate& m = answer.mass;
  std::vector<std::pair<std::string, std::string>> lines;
  if (m.has_result()) {
    const double x = m.log10_m500c, e = m.log10_m500c_error;
    const auto mass = [](double log10_mass) { return std::pow(10.0, log10_mass - 14); };
    lines.emplace_back("mass", format("%.2g (%.2g to %.2g) x 10^14 Msun", mass(x), mass(x - e), mass(x + e)));
    lines.emplace_back("90 % interval", format("%.2f to %.2f", m.lo90, m.hi90));
    if (answer.truth) {
      const double off = x - *answer.truth;
      lines.emplace_back("truth", format("%.2f; the estimate is %.2f dex %s, %.1f sigma", *answer.truth, std::fabs(off),
                                         off < 0 ? "below" : "above", std::fabs(off) / e));
    }
    if (!answer.null_masses.empty())
      lines.emplace_back("null test",
                         format("higher than %zu of %zu other positions of the frame, whose median is %.2f",
                                below(answer), answer.null_masses.size(), median(answer.null_masses)));
  } else if (answer.truth) {
    lines.emplace_back("truth", format("%.2f", *answer.truth));
  }
  std::string redshift = answer.redshift ? format("%.3f", *answer.redshift) : "not given";
  if (answer.redshift_error > 0) redshift += format(" +- %.3f", answer.redshift_error);
  if (std::isfinite(m.dlogm_dz))
    redshift += format("; the estimate changes by %+.3f dex per +0.01 in z", 0.01 * m.dlogm_dz);
  lines.emplace_back("redshift", redshift);
  lines.emplace_back("field", format("%.0f %% of 2 Mpc inside the images, %.1f %% of that masked", 100 * m.coverage,
                                     100 * m.masked_fraction));
  if (std::isfinite(m.ood))
    lines.emplace_back("unlike training", format("%.2f (above 1 is outside the training set)", m.ood));
  const std::vector<std::string> flags = flag_sentences(m.flags);
  if (flags.empty()) lines.emplace_back("flags", "none");
  for (const std::string& sentence : flags) lines.emplace_back(&sentence == flags.data() ? "flags" : "", sentence);
  lines.emplace_back("network", answer.network.model_id + ", " + tool::training_words(answer.network.training_set));
  return lines;
}

std::string as_text(const Answer& answer) {
  std::string text = headline(answer) + "\n";
  for (const auto& [label, value] : lines_in_words(answer)) {
    text += "  " + label;
    text.append(label.size() < 17 ? 17 - label.size() : 1, ' ').append(value).append("\n");
  }
  return text;
}

nlohmann::ordered_json as_json(const Answer& answer) {
  const MassEstimate& m = answer.mass;
  nlohmann::ordered_json names = nlohmann::ordered_json::array();
  for (const flag::Name& name : flag::names)
    if (m.flags & name.bit) names.push_back(name.name);
  const auto optional = [](const std::optional<double>& value) -> nlohmann::ordered_json {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  nlohmann::ordered_json json{{"log10_m500c", m.log10_m500c},
                              {"log10_m500c_error", m.log10_m500c_error},
                              {"lo90", m.lo90},
                              {"hi90", m.hi90},
                              {"dlogm_dz", m.dlogm_dz},
                              {"ood", m.ood},
                              {"coverage", m.coverage},
                              {"masked_fraction", m.masked_fraction},
                              {"flags", m.flags},
                              {"flag_names", names},
                              {"ra", optional(answer.ra)},
                              {"dec", optional(answer.dec)},
                              {"z", optional(answer.redshift)},
                              {"model_id", answer.network.model_id},
                              {"training_set", answer.network.training_set},
                              {"version", CLUSTERMASS_VERSION_STRING},
                              {"mass_definition", answer.network.mass_definition},
                              {"h", std::stod(answer.network.h.empty() ? "0.7" : answer.network.h)}};
  if (answer.truth) json["truth_log10_m500c"] = *answer.truth;
  if (!answer.null_masses.empty())
    json["null_test"] = {{"positions", answer.null_masses.size()},
                         {"below", m.has_result() ? nlohmann::ordered_json(below(answer)) : nlohmann::ordered_json()},
                         {"median", median(answer.null_masses)},
                         {"log10_m500c", answer.null_masses}};
  return json;
}

double read_truth(const std::string& path) {
  const std::vector<std::byte> bytes = read_file<InputError>(path);
  const auto json = nlohmann::json::parse(reinterpret_cast<const char*>(bytes.data()),
                                          reinterpret_cast<const char*>(bytes.data()) + bytes.size(), nullptr, false);
  const auto value = json.is_object() ? json.find("log10_m500c") : json.end();
  if (json.is_discarded() || !json.is_object() || value == json.end() || !value->is_number())
    throw InputError(path + ": expected a JSON object with the number log10_m500c, as clustermass_mock writes it");
  return value->get<double>();
}
