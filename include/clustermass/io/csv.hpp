// SPDX-License-Identifier: BSD-3-Clause
// Comma-separated text after RFC 4180: quotes, doubled quotes, any line ending, a byte-order mark, comment lines (#) on
// top. It knows fields and lines, not what they mean. Standard library only.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// One row of fields and the line on which it begins, from 1.
struct CsvRow {
  std::vector<std::string> fields;
  std::size_t line = 0;
};

inline constexpr std::size_t csv_field_limit = 65536;  ///< bytes
inline constexpr std::size_t csv_column_limit = 4096;

/// Hands out the rows of a text. Blank lines are no rows, nor are lines that begin with # before the first row. Fields
/// outside quotes lose the blanks around them. Throws InputError with name and line: a quote never closed or followed
/// by more text, a byte that text does not hold, a field or a row beyond the limits.
class CsvReader {
 public:
  CsvReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  /// The next row; false at the end.
  bool next(CsvRow& row) {
    skip_lines_without_fields();
    if (at_ >= text_.size()) return false;
    first_ = false;
    row.fields.clear();
    row.line = line_;
    for (bool more = true; more;) {
      if (row.fields.size() == csv_column_limit) fail(row.line, "more than 4096 fields in a row");
      row.fields.push_back(field());
      more = at_ < text_.size() && text_[at_] == ',';
      if (more) ++at_;
    }
    end_of_line();
    return true;
  }

  [[noreturn]] void fail(std::size_t line, const std::string& what) const {
    detail::raise<InputError>("'" + name_ + "', line " + std::to_string(line) + ": " + what);
  }

 private:
  static bool blank(char c) { return c == ' ' || c == '\t'; }
  bool at_line_end() const { return at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r'; }

  void end_of_line() {
    if (at_ >= text_.size()) return;
    const bool carriage_return = text_[at_++] == '\r';
    if (carriage_return && at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
  }

  void skip_lines_without_fields() {
    while (at_ < text_.size()) {
      const std::size_t start = at_;
      while (at_ < text_.size() && blank(text_[at_])) ++at_;
      const bool comment = first_ && at_ < text_.size() && text_[at_] == '#';
      while (comment && !at_line_end()) ++at_;
      if (!at_line_end()) {
        at_ = start;
        return;
      }
      end_of_line();
    }
  }

  std::string field() {
    while (at_ < text_.size() && blank(text_[at_])) ++at_;
    if (at_ < text_.size() && text_[at_] == '"') return quoted_field();
    std::string value;
    for (; !at_line_end() && text_[at_] != ','; ++at_) append(value, text_[at_]);
    while (!value.empty() && blank(value.back())) value.pop_back();
    return value;
  }

  std::string quoted_field() {
    const std::size_t first_line = line_;
    std::string value;
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) fail(first_line, "a quote is opened here and never closed");
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      if (text_[at_] == '\n') ++line_;
      append(value, text_[at_]);
    }
    ++at_;
    while (at_ < text_.size() && blank(text_[at_])) ++at_;
    if (!at_line_end() && text_[at_] != ',') fail(line_, "text after a closing quote; expected a comma");
    return value;
  }

  void append(std::string& value, char c) const {
    if (c == '\0') fail(line_, "a byte 0; expected text");
    if (value.size() == csv_field_limit) fail(line_, "a field longer than 65536 bytes");
    value += c;
  }

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0, line_ = 1;
  bool first_ = true;
};

/// A value as a field: quoted if it has to be to be read back as it is.
inline std::string csv_field(std::string_view value) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  const bool edge = !value.empty() && (blank(value.front()) || blank(value.back()) || value.front() == '#');
  const bool byte_order_mark = value.starts_with("\xEF\xBB\xBF");
  if (!edge && !byte_order_mark && value.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(value);
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

/// Fields as a line with its line end; a lone empty field is quoted, for a blank line is no row.
inline std::string csv_line(std::span<const std::string> fields) {
  if (fields.size() == 1 && fields[0].empty()) return "\"\"\n";
  std::string line;
  for (std::size_t k = 0; k < fields.size(); ++k) line += (k > 0 ? "," : "") + csv_field(fields[k]);
  return line + "\n";
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
