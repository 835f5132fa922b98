// SPDX-License-Identifier: BSD-3-Clause
// Writing FITS: images, binary tables, header values. The file grows in memory; save() writes it beside the target and
// renames it, so that a full disk or a killed program leaves the target as it was. Part of clustermass::fits.
#pragma once

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/io/bzip2.hpp"
#include "clustermass/io/cfitsio.hpp"
#include "clustermass/io/file.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A header value with its comment.
struct FitsCard {
  std::string key;
  std::variant<bool, std::int64_t, double, std::string> value;
  std::string comment;
};

/// A column to write: values row after row, repeat of them in each row (text: one string a row).
struct FitsTableColumn {
  std::string name;
  std::variant<std::vector<float>, std::vector<double>, std::vector<std::int32_t>, std::vector<std::int64_t>,
               std::vector<std::string>>
      values;
  std::string unit{}, ucd{}, comment{};  ///< TUNITn, TUCDn, TCOMMn; empty: not written
  std::size_t repeat = 1;
  std::vector<long> extents{};  ///< TDIMn, fastest first; empty: not written
};

namespace detail {
/// Writes bytes beside the target and renames (write_file); a target that exists and is no regular file, a pipe or a
/// device, is written directly instead of being replaced. Throws InputError.
inline void write_target(const std::string& path, std::span<const char> bytes) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) || std::filesystem::is_regular_file(path, error))
    return write_file<InputError>(path, std::as_bytes(bytes));
  const FileHandle file(std::fopen(path.c_str(), "wb"));
  if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() || std::fflush(file.get()) != 0)
    raise<InputError>(path + ": cannot write the file (" + std::generic_category().message(errno) + ")");
}
}  // namespace detail

/// Builds a FITS file in memory, HDU by HDU; cards go to the HDU made last. Throws InputError everywhere.
class FitsWriter {
 public:
  FitsWriter() : memory_(new Memory) {
    const std::lock_guard<std::mutex> lock(fits_mutex());
    fits_init_cfitsio();  // does nothing after the first time
    int status = 0;
    fitsfile* file = nullptr;
    // from nothing: whatever lies in a block handed over at this point is taken for a file and read back
    fits_create_memfile(&file, &memory_->data, &memory_->size, std::size_t{1} << 22, Memory::grow, &status);
    handle_.reset(file);
    if (status != 0)
      detail::raise<InputError>("no FITS file can be made in memory: " + detail::fits_status_text(status));
  }

  /// A float image; extents NAXIS1 first. Empty extents make an HDU of cards alone, as the first HDU of a catalogue is.
  void image(std::span<const float> pixels, const std::vector<long>& extents, const std::string& name = "") {
    write_image(pixels, extents, extents.empty() ? BYTE_IMG : FLOAT_IMG, TFLOAT, name);
  }
  /// An image of 16-bit integers, such as a mask.
  void bits(std::span<const std::int16_t> pixels, const std::vector<long>& extents, const std::string& name = "") {
    write_image(pixels, extents, SHORT_IMG, TSHORT, name);
  }

  /// A binary table. All columns must have the same number of rows. A table cannot be a file's first HDU: an empty one
  /// is put before it.
  void table(const std::string& name, const std::vector<FitsTableColumn>& columns) {
    if (count_ == 0) image({}, {});
    const auto lock = detail::fits_call_lock();
    std::vector<std::string> names, formats, units;
    std::size_t rows = columns.empty() ? 0 : row_count(columns.front());
    for (const FitsTableColumn& column : columns) {
      if (row_count(column) != rows || column.repeat == 0)
        detail::raise<InputError>("column " + column.name + " has " + std::to_string(row_count(column)) +
                                  " rows where the others have " + std::to_string(rows));
      names.push_back(column.name);
      units.push_back(column.unit);
      formats.push_back(format(column));
    }
    std::vector<char*> name_list, format_list, unit_list;
    for (std::size_t k = 0; k < columns.size(); ++k) {
      name_list.push_back(names[k].data());
      format_list.push_back(formats[k].data());
      unit_list.push_back(units[k].data());
    }
    int status = 0;
    fits_create_tbl(handle_.get(), BINARY_TBL, static_cast<LONGLONG>(rows), static_cast<int>(columns.size()),
                    name_list.data(), format_list.data(), unit_list.data(), name.empty() ? nullptr : name.c_str(),
                    &status);
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const FitsTableColumn& column = columns[k];
      const int number = static_cast<int>(k) + 1;
      const std::string suffix = std::to_string(number);
      if (column.unit.empty()) {
        int ignored = 0;
        fits_delete_key(handle_.get(), ("TUNIT" + suffix).c_str(), &ignored);
        if (ignored != 0) fits_clear_errmsg();
      }
      if (!column.ucd.empty())
        fits_write_key_longstr(handle_.get(), ("TUCD" + suffix).c_str(), column.ucd.c_str(), nullptr, &status);
      if (!column.comment.empty())
        fits_write_key_longstr(handle_.get(), ("TCOMM" + suffix).c_str(), column.comment.c_str(), nullptr, &status);
      if (!column.extents.empty()) {
        std::vector<long> extents = column.extents;
        fits_write_tdim(handle_.get(), number, static_cast<int>(extents.size()), extents.data(), &status);
      }
    }
    for (std::size_t k = 0; k < columns.size() && rows > 0; ++k)
      std::visit([&](const auto& values) { write(static_cast<int>(k) + 1, values, &status); }, columns[k].values);
    check(status, "table " + name);
    ++count_;
  }

  /// A header value of the current HDU; doubles are written with as many digits as give them back.
  void card(const FitsCard& card) {
    const auto lock = detail::fits_call_lock();
    int status = 0;
    const char* key = card.key.c_str();
    const char* comment = card.comment.empty() ? nullptr : card.comment.c_str();
    fitsfile* file = handle_.get();
    if (const bool* flag = std::get_if<bool>(&card.value)) fits_write_key_log(file, key, *flag, comment, &status);
    if (const auto* number = std::get_if<std::int64_t>(&card.value))
      fits_write_key_lng(file, key, *number, comment, &status);
    if (const double* number = std::get_if<double>(&card.value)) {
      if (std::isfinite(*number))
        fits_write_key_dbl(file, key, *number, -digits(*number), comment, &status);
      else
        fits_write_key_null(file, key, comment, &status);
    }
    if (const auto* text = std::get_if<std::string>(&card.value)) {
      if (text->size() > 68) fits_write_key_longwarn(file, &status);  // says that CONTINUE cards follow
      fits_write_key_longstr(file, key, text->c_str(), comment, &status);
    }
    check(status, "keyword " + card.key);
  }

  void history(const std::string& text) {
    const auto lock = detail::fits_call_lock();
    int status = 0;
    fits_write_history(handle_.get(), text.c_str(), &status);
    check(status, "HISTORY");
  }

  /// Adds DATE, DATASUM and CHECKSUM to every HDU and gives the file's bytes. The writer is spent afterwards. Undated,
  /// the same content gives the same bytes at any time: without these keywords, for the checksum's comment holds the
  /// time.
  std::vector<char> bytes(bool dated = true) {
    if (count_ == 0) detail::raise<InputError>("a FITS file without any HDU cannot be written");
    std::vector<char> result;
    {
      const std::lock_guard<std::mutex> lock(
          fits_mutex());  // CFITSIO asks gmtime for the date, which is not thread-safe
      int status = 0;
      LONGLONG head = 0, data = 0, end = 0;
      for (int hdu = 1; hdu <= count_; ++hdu) {
        fits_movabs_hdu(handle_.get(), hdu, nullptr, &status);
        if (!dated) continue;
        fits_write_date(handle_.get(), &status);
        fits_write_chksum(handle_.get(), &status);
      }
      fits_flush_file(handle_.get(), &status);
      fits_get_hduaddrll(handle_.get(), &head, &data, &end, &status);
      check(status, "the file");
      const char* first = static_cast<const char*>(memory_->data);
      result.assign(first, first + end);
    }
    handle_.reset();
    return result;
  }

  /// Writes the file, bzip2-compressed if the name ends in .bz2. Compressed names of other kinds are refused.
  void save(const std::string& path, bool dated = true) {
    const auto ends = [&](std::string_view suffix) { return std::string_view(path).ends_with(suffix); };
    if (ends(".gz") || ends(".fz") || (ends(".bz2") && !detail::bzip2_available))
      detail::raise<InputError>("'" + path + "' asks for a compression this program does not write; use .fits" +
                                (detail::bzip2_available ? " or .fits.bz2" : ""));
    std::vector<char> content = bytes(dated);
    if (ends(".bz2")) content = detail::bzip2_deflate(content);
    detail::write_target(path, content);
  }

 private:
  template <class T>
  void write_image(std::span<const T> pixels, const std::vector<long>& extents, int kind, int type,
                   const std::string& name) {
    std::size_t count = extents.empty() ? 0 : 1;
    for (const long extent : extents) count *= static_cast<std::size_t>(extent);
    if (count != pixels.size())
      detail::raise<InputError>("an image of " + std::to_string(count) + " pixels was given " +
                                std::to_string(pixels.size()) + " values");
    const auto lock = detail::fits_call_lock();
    int status = 0;
    std::vector<long> axes = extents;
    fits_create_img(handle_.get(), kind, static_cast<int>(axes.size()), axes.data(), &status);
    if (!name.empty()) fits_write_key_str(handle_.get(), "EXTNAME", name.c_str(), nullptr, &status);
    if (!pixels.empty())
      fits_write_img(handle_.get(), type, 1, static_cast<LONGLONG>(count), const_cast<T*>(pixels.data()), &status);
    check(status, "an image");
    ++count_;
  }

  static std::size_t row_count(const FitsTableColumn& column) {
    const std::size_t count = std::visit([](const auto& values) { return values.size(); }, column.values);
    return column.repeat == 0 || count % column.repeat != 0 ? count + 1 : count / column.repeat;
  }

  /// The fewest digits, 15 at least, that give a number back exactly: 0.7, not 0.69999999999999996.
  static int digits(double value) {
    for (int count = 15; count < 17; ++count) {
      char text[40];
      const auto [end, error] =
          std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, count - 1);
      double back = 0;
      if (error == std::errc() && std::from_chars(text, end, back).ec == std::errc() && back == value) return count;
    }
    return 17;
  }

  static std::string format(const FitsTableColumn& column) {
    if (const auto* text = std::get_if<std::vector<std::string>>(&column.values)) {
      std::size_t width = 1;
      for (const std::string& cell : *text) width = std::max(width, cell.size());
      return std::to_string(width) + "A";
    }
    constexpr const char* letters[] = {"E", "D", "J", "K"};  // order of the variant
    return std::to_string(column.repeat) + letters[column.values.index()];
  }

  template <class T>
  void write(int number, const std::vector<T>& values, int* status) {
    const int type = std::is_same_v<T, float>          ? TFLOAT
                     : std::is_same_v<T, double>       ? TDOUBLE
                     : std::is_same_v<T, std::int32_t> ? TINT
                                                       : TLONGLONG;
    fits_write_col(handle_.get(), type, number, 1, 1, static_cast<LONGLONG>(values.size()),
                   const_cast<T*>(values.data()), status);
  }
  void write(int number, const std::vector<std::string>& values, int* status) {
    for (std::size_t k = 0; k < values.size(); ++k) {
      char* cell = const_cast<char*>(values[k].c_str());
      fits_write_col_str(handle_.get(), number, static_cast<LONGLONG>(k) + 1, 1, 1, &cell, status);
    }
  }

  void check(int status, const std::string& what) const {
    if (status != 0) detail::raise<InputError>(what + " cannot be written: " + detail::fits_status_text(status));
  }

  /// CFITSIO keeps the addresses of these two and moves the block as the file grows.
  struct Memory {
    void* data = nullptr;
    std::size_t size = 0;

    Memory() = default;
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() {
      if (data != nullptr) std::free(static_cast<char*>(data) - head);
    }

    /// realloc with zeros in what is new, for CFITSIO looks at bytes it has not written; the size stands before the
    /// block.
    static void* grow(void* block, std::size_t size) {
      char* const old = block != nullptr ? static_cast<char*>(block) - head : nullptr;
      std::size_t before = 0;
      if (old != nullptr) std::memcpy(&before, old, sizeof before);
      char* const fresh = static_cast<char*>(std::realloc(old, head + size));
      if (fresh == nullptr) return nullptr;
      std::memcpy(fresh, &size, sizeof size);
      if (size > before) std::memset(fresh + head + before, 0, size - before);
      return fresh + head;
    }
    static constexpr std::size_t head = alignof(std::max_align_t);
  };
  std::unique_ptr<Memory> memory_;
  detail::FitsHandle handle_;
  int count_ = 0;  // HDUs
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
