// SPDX-License-Identifier: BSD-3-Clause
// A list of clusters to estimate: what a row holds, which column names are understood, and the list as CSV. The FITS
// form is list.hpp's. Nothing is estimated here, no row is dropped. Standard library only.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/io/csv.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// One cluster of a list. NaN or empty: the list does not say.
struct ListRow {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  std::string id;                        ///< as written; the row's number from 1 if there is no such column
  double ra_deg = none, dec_deg = none;  ///< ICRS
  double redshift = none, redshift_error = none;
  double ebv = none;     ///< E(B-V) [mag]
  double lambda = none;  ///< richness, passed through
  std::string path;      ///< cutout file, or folder of frames
  int run = -1, rerun = -1, camcol = -1, field = -1;
  double label = none, label_error = none;  ///< mass of a catalogue [log10 M500c/Msun, dex]; with ListOptions::labels
  std::string label_source;                 ///< which catalogue
};

/// Which columns to take instead of the known names: role ("ra") to column name ("ALPHA_J2000").
struct ListOptions {
  std::map<std::string, std::string> columns;
  bool labels = false;  ///< read the columns of masses too
};

/// What a column may hold, in the order of list_columns.
enum class ListColumn : int {
  id, ra, dec, z, z_err, ebv, lambda, path, run, rerun, camcol, field, label, label_err, label_source
};

/// A role and the names it goes by, the most wanted first; case does not matter. redMaPPer tables work as they are.
struct ListColumnNames {
  const char* role;
  std::array<const char*, 4> names;
};
inline constexpr ListColumnNames list_columns[] = {{"id", {"MEM_MATCH_ID", "ID", "NAME", "OBJID"}},
                                                   {"ra", {"RA", "RAJ2000", "RA_DEG", nullptr}},
                                                   {"dec", {"DEC", "DEJ2000", "DECJ2000", "DEC_DEG"}},
                                                   {"z", {"Z_LAMBDA", "Z", "REDSHIFT", nullptr}},
                                                   {"z_err", {"Z_LAMBDA_E", "Z_LAMBDA_ERR", "Z_ERR", "REDSHIFT_ERROR"}},
                                                   {"ebv", {"EBV", "E_BV", nullptr, nullptr}},
                                                   {"lambda", {"LAMBDA", "LAMBDA_CHISQ", "RICHNESS", nullptr}},
                                                   {"path", {"PATH", nullptr, nullptr, nullptr}},
                                                   {"run", {"RUN", nullptr, nullptr, nullptr}},
                                                   {"rerun", {"RERUN", nullptr, nullptr, nullptr}},
                                                   {"camcol", {"CAMCOL", nullptr, nullptr, nullptr}},
                                                   {"field", {"FIELD", nullptr, nullptr, nullptr}},
                                                   {"label", {"LABEL", "LOGM500C", "LOG10_M500C", nullptr}},
                                                   {"label_err", {"LABEL_ERR", "LABEL_ERROR", "LOGM500C_ERR", nullptr}},
                                                   {"label_source", {"LABEL_SOURCE", "SOURCE", nullptr, nullptr}}};
inline constexpr std::size_t list_column_count = std::size(list_columns);

namespace detail {
inline std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

/// For each role the column that holds it, -1 if none. Throws InputError: an override of an unknown role or to a column
/// that is not there, a wanted column twice, neither a position nor a path.
inline std::array<int, list_column_count> find_list_columns(std::span<const std::string> header,
                                                            const ListOptions& options, const std::string& name) {
  std::string found;
  for (const std::string& column : header.subspan(0, std::min<std::size_t>(header.size(), 40)))
    found += (found.empty() ? "" : ", ") + column.substr(0, 40);
  const auto position = [&](std::string_view wanted) {
    int result = -1;
    for (std::size_t k = 0; k < header.size(); ++k) {
      if (upper(header[k]) != upper(wanted)) continue;
      if (result >= 0) raise<InputError>("'" + name + "': column " + header[k] + " stands there twice; rename one");
      result = static_cast<int>(k);
    }
    return result;
  };
  for (const auto& [role, column] : options.columns) {
    const bool known = std::any_of(std::begin(list_columns), std::end(list_columns),
                                   [&r = role](const ListColumnNames& c) { return r == c.role; });
    if (!known)
      raise<InputError>("'" + role +
                        "' is no column of a list; known: id, ra, dec, z, z_err, ebv, lambda, path, run, "
                        "rerun, camcol, field, label, label_err, label_source");
    if (position(column) < 0)
      raise<InputError>("'" + name + "' has no column " + column + " for " + role + "; found: " + found);
  }
  std::array<int, list_column_count> places{};
  for (std::size_t k = 0; k < places.size(); ++k) {
    places[k] = -1;
    if (!options.labels && static_cast<ListColumn>(k) >= ListColumn::label) continue;
    const auto chosen = options.columns.find(list_columns[k].role);
    if (chosen != options.columns.end()) places[k] = position(chosen->second);
    for (const char* alias : list_columns[k].names)
      if (alias != nullptr && places[k] < 0) places[k] = position(alias);
  }
  const auto has = [&](ListColumn column) { return places[static_cast<std::size_t>(column)] >= 0; };
  if (!has(ListColumn::path) && !(has(ListColumn::ra) && has(ListColumn::dec)))
    raise<InputError>("'" + name + "' has neither the columns RA and DEC nor PATH; found: " +
                      (found.empty() ? "none" : found) + "; name them (ra=..., dec=...)");
  return places;
}

/// A number of a list; nothing, nan, null, none and -- are NaN.
inline double list_number(std::string_view text, const auto& fail) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::string word = upper(text);
  if (word.empty() || word == "NAN" || word == "NULL" || word == "NONE" || word == "--" || word == "N/A")
    return ListRow::none;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    fail("expected a number, found '" + std::string(text.substr(0, 40)) + "'");
  return std::isfinite(value) ? value : ListRow::none;
}

/// A field number; -1 where the list has none.
inline int list_integer(std::string_view text, const auto& fail) {
  const double value = list_number(text, fail);
  if (!(value == value)) return -1;
  if (value < -1 || value > 1e9 || value != std::floor(value))
    fail("expected a whole number, found '" + std::string(text.substr(0, 40)) + "'");
  return static_cast<int>(value);
}

/// A row from a function that gives the text of a role (empty if the list has none of it).
inline ListRow list_row(std::size_t number, const auto& text_of, const auto& fail) {
  const auto number_of = [&](ListColumn column) {
    return list_number(text_of(column), [&](const std::string& what) { fail(column, what); });
  };
  const auto integer_of = [&](ListColumn column) {
    return list_integer(text_of(column), [&](const std::string& what) { fail(column, what); });
  };
  ListRow row;
  row.id = text_of(ListColumn::id);
  if (row.id.empty()) row.id = std::to_string(number);
  row.ra_deg = number_of(ListColumn::ra);
  row.dec_deg = number_of(ListColumn::dec);
  row.redshift = number_of(ListColumn::z);
  row.redshift_error = number_of(ListColumn::z_err);
  row.ebv = number_of(ListColumn::ebv);
  row.lambda = number_of(ListColumn::lambda);
  row.path = text_of(ListColumn::path);
  row.run = integer_of(ListColumn::run);
  row.rerun = integer_of(ListColumn::rerun);
  row.camcol = integer_of(ListColumn::camcol);
  row.field = integer_of(ListColumn::field);
  row.label = number_of(ListColumn::label);
  row.label_error = number_of(ListColumn::label_err);
  row.label_source = text_of(ListColumn::label_source);
  return row;
}
}  // namespace detail

/// The list in a CSV text with a header line; every row is kept, in order. Throws InputError with name, line and
/// column.
inline std::vector<ListRow> list_from_csv(std::string_view text, const std::string& name,
                                          const ListOptions& options = {}) {
  CsvReader reader(text, name);
  CsvRow header, row;
  if (!reader.next(header))
    detail::raise<InputError>("'" + name + "' is empty; expected a header line with RA and DEC");
  const auto places = detail::find_list_columns(header.fields, options, name);
  std::vector<ListRow> list;
  while (reader.next(row)) {
    if (row.fields.size() != header.fields.size())
      reader.fail(row.line, std::to_string(row.fields.size()) + " fields where the header has " +
                                std::to_string(header.fields.size()));
    const auto text_of = [&](ListColumn column) {
      const int place = places[static_cast<std::size_t>(column)];
      return place < 0 ? std::string() : row.fields[static_cast<std::size_t>(place)];
    };
    const auto fail = [&](ListColumn column, const std::string& what) {
      const int place = places[static_cast<std::size_t>(column)];
      reader.fail(row.line, "column " + header.fields[static_cast<std::size_t>(place)] + ": " + what);
    };
    list.push_back(detail::list_row(list.size() + 1, text_of, fail));
  }
  return list;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
