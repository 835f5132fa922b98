// SPDX-License-Identifier: BSD-3-Clause
// What is known of a scene, as rows of text and tables: the clusters' truth, and their sources.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "clustermass/io/csv.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/io/fits_writer.hpp"
#include "clustermass/mock/sky.hpp"

namespace truth {

/// A number with as few digits as give it back; nothing for NaN.
inline std::string number(double value) {
  if (!(value == value)) return {};
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return {text, error == std::errc() ? end : text};
}

/// A number with seven digits, as a pixel knows it.
inline std::string short_number(double value) {
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value, std::chars_format::general, 7);
  return {text, error == std::errc() ? end : text};
}

/// A field with quotes where CSV needs them.
inline std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + "\"";
}

/// One line of a CSV file.
inline std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t k = 0; k < fields.size(); ++k) line += (k > 0 ? "," : "") + quoted(fields[k]);
  return line + "\n";
}

inline void write_text(const std::string& path, const std::string& text) {
  clustermass::write_file<clustermass::InputError>(path, std::as_bytes(std::span(text)));
}

constexpr std::array<const char*, 8> kind_names{"red_member", "blue_member", "bcg",   "icl",
                                                "structure",  "projected",   "field", "star"};
constexpr std::array<const char*, 3> profile_names{"point", "exponential", "de_vaucouleurs"};

/// The sources of a scene as a CSV text: kind, profile, offsets from the cutout's centre, shape, fluxes as they reach
/// the telescope (reddened).
inline std::string sources_csv(const clustermass::mock::Scene& scene) {
  std::string text =
      "KIND,PROFILE,EAST_ARCSEC,NORTH_ARCSEC,RADIUS_ARCSEC,AXIS_RATIO,PA_RAD,FLUX_U,FLUX_G,FLUX_R,FLUX_I,FLUX_Z\n";
  for (const clustermass::mock::Source& s : scene.sources) {
    text += std::string(kind_names[static_cast<std::size_t>(s.kind)]) + "," +
            profile_names[static_cast<std::size_t>(s.profile)];
    for (const double value : {s.east, s.north, s.radius, s.axis_ratio, s.position_angle, s.flux[0], s.flux[1],
                               s.flux[2], s.flux[3], s.flux[4]})
      text += "," + short_number(value);
    text += '\n';
  }
  return text;
}

/// The same as a FITS table, extension SOURCES. KIND and PROFILE are the numbers of the names in this file.
inline void add_sources(clustermass::FitsWriter& writer, const clustermass::mock::Scene& scene) {
  std::vector<std::int32_t> kind, profile;
  std::array<std::vector<double>, 5> place;
  std::vector<float> flux;
  for (const clustermass::mock::Source& s : scene.sources) {
    kind.push_back(static_cast<std::int32_t>(s.kind));
    profile.push_back(static_cast<std::int32_t>(s.profile));
    const std::array<double, 5> numbers{s.east, s.north, s.radius, s.axis_ratio, s.position_angle};
    for (std::size_t k = 0; k < numbers.size(); ++k) place[k].push_back(numbers[k]);
    for (const double f : s.flux) flux.push_back(static_cast<float>(f));
  }
  writer.table("SOURCES",
               {{"KIND", kind, "", "", "0 red member, 1 blue, 2 BCG, 3 ICL, 4 structure, 5 projected, 6 field, 7 star"},
                {"PROFILE", profile, "", "", "0 point, 1 exponential, 2 de Vaucouleurs"},
                {"EAST", place[0], "arcsec", "", "from the cutout's centre"},
                {"NORTH", place[1], "arcsec"},
                {"RADIUS", place[2], "arcsec", "", "half light"},
                {"AXIS_RATIO", place[3]},
                {"PA", place[4], "rad", "", "north through east"},
                {"FLUX", flux, "nmgy", "", "u g r i z, reddened", 5}});
}

}  // namespace truth
