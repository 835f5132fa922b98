// SPDX-License-Identifier: BSD-3-Clause
// Tables for people, which are Markdown as well.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "report.hpp"

/// A number of JSON, or a dash where there is none.
inline std::string shown(const Figures& value, const char* format) {
  if (!value.is_number() || !(value.get<double>() == value.get<double>())) return "-";
  char text[64];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

/// Rows of cells as a Markdown table whose columns line up.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) { add(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string str() const {
    std::vector<std::size_t> width(rows_.front().size(), 3);
    for (const auto& row : rows_)
      for (std::size_t k = 0; k < row.size(); ++k) width[k] = std::max(width[k], row[k].size());
    std::string text;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      text += "|";
      for (std::size_t k = 0; k < width.size(); ++k)
        text += " " + rows_[r][k] + std::string(width[k] - rows_[r][k].size(), ' ') + " |";
      text += "\n";
      if (r > 0) continue;
      text += "|";
      for (const std::size_t w : width) text += " " + std::string(w, '-') + " |";
      text += "\n";
    }
    return text;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};
