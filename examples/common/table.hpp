// SPDX-License-Identifier: BSD-3-Clause
// Any columns of a table on disk: CSV with a header line, plain or .gz, or the first table of a FITS file. Column names
// are found without regard to case.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "clustermass/io/csv.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/io/fits_reader.hpp"
#include "gzip.hpp"

namespace tool {

class Table {
 public:
  /// Throws clustermass::InputError, naming the file and the line.
  explicit Table(std::string path) : path_(std::move(path)) {
    using namespace clustermass;
    const std::vector<std::byte> bytes = read_file<InputError>(path_);
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (is_gzip(bytes)) text = gunzip(bytes, path_);
    if (text.starts_with("SIMPLE  =")) {
      open_fits();
      return;
    }
    CsvReader reader(text, path_);
    CsvRow row;
    if (!reader.next(row)) throw InputError("'" + path_ + "' is empty; expected a header line");
    for (std::string& name : row.fields) columns_.push_back({std::move(name), {}});
    while (reader.next(row)) {
      if (row.fields.size() != columns_.size())
        reader.fail(row.line, std::to_string(row.fields.size()) + " fields where the header has " +
                                  std::to_string(columns_.size()));
      for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c].text.push_back(std::move(row.fields[c]));
    }
  }

  const std::string& path() const { return path_; }
  std::size_t rows() const {
    if (fits_) return fits_->row_count();
    return columns_.empty() ? 0 : columns_.front().text.size();
  }

  /// Whether there is such a column.
  bool has(std::string_view name) const { return fits_ ? fits_->find_column(name) > 0 : find(name) != nullptr; }

  /// A column as text. Throws clustermass::InputError if there is none.
  std::vector<std::string> text(std::string_view name) const {
    if (fits_) return fits_->read_text_column(name);
    if (const Column* column = find(name)) return column->text;
    std::string names;
    for (const Column& c : columns_) names += (names.empty() ? "" : ", ") + c.name;
    throw clustermass::InputError("'" + path_ + "' has no column " + std::string(name) + "; found: " + names);
  }

  /// A column as numbers; an empty field is NaN. Throws clustermass::InputError, also for text that is no number.
  std::vector<double> numbers(std::string_view name) const {
    if (fits_) return fits_->read_column<double>(name).values;
    std::vector<double> values;
    for (const std::string& field : text(name)) {
      double value = NAN;
      if (!field.empty() && !same_name(field, "nan")) {
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
        if (error != std::errc() || end != field.data() + field.size())
          throw clustermass::InputError("'" + path_ + "', row " + std::to_string(values.size() + 1) + ", column " +
                                        std::string(name) + ": expected a number, found '" + field.substr(0, 40) + "'");
      }
      values.push_back(value);
    }
    return values;
  }

 private:
  struct Column {
    std::string name;
    std::vector<std::string> text;
  };

  static bool same_name(std::string_view a, std::string_view b) {
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return upper(x) == upper(y); });
  }
  const Column* find(std::string_view name) const {
    for (const Column& column : columns_)
      if (same_name(column.name, name)) return &column;
    return nullptr;
  }

  /// Goes to the first table; its columns are read when they are asked for.
  void open_fits() {
    fits_.emplace(path_);
    for (int hdu = 0; hdu < fits_->hdu_count(); ++hdu) {
      fits_->go_to(hdu);
      if (fits_->is_table()) return;
    }
    throw clustermass::InputError("'" + path_ + "' holds no table");
  }

  std::string path_;
  std::vector<Column> columns_;
  std::optional<clustermass::FitsFile> fits_;
};

}  // namespace tool
