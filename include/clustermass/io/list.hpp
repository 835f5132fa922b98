// SPDX-License-Identifier: BSD-3-Clause
// A list of clusters from a file: CSV with a header, or a FITS binary table (redMaPPer's as they are). VOTable, ECSV
// and Parquet are turned into one of these by STILTS or astropy. Part of clustermass::fits.
#pragma once

#include <charconv>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/io/fits_reader.hpp"
#include "clustermass/io/list_csv.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

namespace detail {
/// The columns of the current table that a list needs, as text: integers exactly, other numbers with all their digits.
inline std::vector<std::string> column_as_text(const FitsFile& file, const std::string& name, bool number) {
  if (!number) return file.read_text_column(name);
  const FitsColumn<double> column = file.read_column<double>(name);
  if (column.repeat != 1)
    file.fail("column " + name + " holds " + std::to_string(column.repeat) + " values a row, expected one");
  std::vector<std::string> result;
  result.reserve(column.values.size());
  for (const double value : column.values) {
    char text[40];
    const auto [end, error] = std::to_chars(text, text + sizeof text, value);
    result.emplace_back(text, error == std::errc() ? end : text);
  }
  return result;
}

inline std::vector<ListRow> list_from_fits(const std::string& path, const ListOptions& options) {
  FitsFile file(path);
  int table = -1;
  for (int hdu = 0; hdu < file.hdu_count() && table < 0; ++hdu) {
    file.go_to(hdu);
    if (file.is_table()) table = hdu;
  }
  if (table < 0) raise<InputError>("'" + path + "' holds no table; expected one with the columns RA and DEC");
  const std::vector<std::string> header = file.column_names();
  const auto places = find_list_columns(header, options, path);
  std::array<std::vector<std::string>, list_column_count> text;
  for (std::size_t k = 0; k < places.size(); ++k) {
    const auto column = static_cast<ListColumn>(k);
    if (places[k] >= 0)
      text[k] = column_as_text(file, header[static_cast<std::size_t>(places[k])],
                               column != ListColumn::id && column != ListColumn::path && column != ListColumn::rerun &&
                                   column != ListColumn::label_source);
  }
  std::vector<ListRow> list;
  const std::size_t rows = file.row_count();
  for (std::size_t row = 0; row < rows; ++row) {
    const auto text_of = [&](ListColumn column) {
      const std::vector<std::string>& values = text[static_cast<std::size_t>(column)];
      return values.empty() ? std::string() : values[row];
    };
    const auto fail = [&](ListColumn column, const std::string& what) {
      file.fail("row " + std::to_string(row + 1) + ", column " + list_columns[static_cast<std::size_t>(column)].role +
                ": " + what);
    };
    list.push_back(list_row(row + 1, text_of, fail));
  }
  return list;
}
}  // namespace detail

/// The rows of a list, all of them and in order. FITS is told from CSV by the file's first bytes.
/// Throws InputError with file and line or row.
inline std::vector<ListRow> read_list(const std::string& path, const ListOptions& options = {}) {
  std::ifstream stream(path, std::ios::binary);
  char head[9] = {};
  stream.read(head, sizeof head);
  const std::string_view magic(head, static_cast<std::size_t>(stream.gcount()));
  if (!stream.good() && magic.empty())
    detail::raise<InputError>("the list '" + path + "' is empty, or there is no such file");
  if (magic.starts_with("SIMPLE  =") || magic.starts_with("\x1F\x8B") || magic.starts_with("BZh"))
    return detail::list_from_fits(path, options);
  stream.clear();
  stream.seekg(0);
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  return list_from_csv(text, path, options);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
