// SPDX-License-Identifier: BSD-3-Clause
// Reading FITS: images as float, header values, columns of binary tables. Every extent is checked before memory is
// taken, every error names file, HDU and keyword. HDUs are counted from 0. It is not meant for tables of millions of
// rows with a few wanted ones: a column is read whole. Longer than other files because it is one class around one
// handle. Part of clustermass::fits.
#pragma once

#include <array>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/io/bzip2.hpp"
#include "clustermass/io/cfitsio.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// An image HDU: NAXIS1 is the width, NAXIS2 the height, NAXIS3 the depth (1 where absent). Null pixels are NaN.
struct FitsImage {
  std::vector<float> pixels;  ///< [depth,height,width]
  int width = 0, height = 1, depth = 1;
};

/// A whole column, row after row; repeat values in each row, shaped by TDIM (fastest extent first) if it is there.
template <class T>
struct FitsColumn {
  std::vector<T> values;
  std::size_t repeat = 1;
  std::vector<int> extents;
};

namespace detail {
inline constexpr long long fits_extent_limit = 32768;     // of each NAXISn
inline constexpr long long fits_pixel_limit = 1LL << 28;  // of an image: 1 GiB of floats
inline constexpr long long fits_table_limit = 1LL << 31;  // bytes of a table

/// Equal without regard to the case of ASCII letters.
inline bool same_name(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return std::toupper(static_cast<unsigned char>(c)); };
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k)
    if (upper(a[k]) != upper(b[k])) return false;
  return true;
}

template <class T>
constexpr int fits_type() {
  if constexpr (std::is_same_v<T, float>) return TFLOAT;
  if constexpr (std::is_same_v<T, double>) return TDOUBLE;
  if constexpr (std::is_same_v<T, std::int32_t>) return TINT;
  if constexpr (std::is_same_v<T, std::int64_t>) return TLONGLONG;
}
static_assert(sizeof(int) == 4 && sizeof(LONGLONG) == 8);
}  // namespace detail

/// A FITS file open for reading: plain, .gz, .bz2 or with tile-compressed images (.fz), recognised by content.
///
/// One object serves one thread; any number of objects may be used at once. Throws InputError everywhere.
class FitsFile {
 public:
  explicit FitsFile(const std::string& path) : path_(path) {
    open(read_magic());
    int count = 0, status = 0;
    fits_get_num_hdus(handle_.get(), &count, &status);
    check(status, "no HDU can be read");
    count_ = count;
  }

  const std::string& path() const { return path_; }
  int hdu_count() const { return count_; }
  int hdu() const { return hdu_; }

  /// Makes an HDU the current one.
  void go_to(int hdu) {
    const auto lock = detail::fits_call_lock();
    int status = 0;
    if (hdu < 0 || hdu >= count_) fail("has no HDU " + std::to_string(hdu) + ", only " + std::to_string(count_));
    fits_movabs_hdu(handle_.get(), hdu + 1, &type_, &status);
    hdu_ = hdu;
    check(status, "the HDU cannot be read");
  }

  /// Whether the current HDU is a table (a tile-compressed image is an image).
  bool is_table() const { return type_ != IMAGE_HDU; }

  /// EXTNAME of the current HDU, empty if it has none.
  std::string name() const { return find_string("EXTNAME").value_or(""); }

  /// Extents of the current image HDU, NAXIS1 first; empty for a table or an HDU without data.
  std::vector<int> extents() const {
    if (is_table()) return {};
    const auto lock = detail::fits_call_lock();
    int naxis = 0, bitpix = 0, status = 0;
    std::array<LONGLONG, 9> axes{};
    fits_get_img_paramll(handle_.get(), static_cast<int>(axes.size()), &bitpix, &naxis, axes.data(), &status);
    check(status, "NAXIS or BITPIX cannot be read");
    if (naxis < 0 || naxis > static_cast<int>(axes.size()))
      fail("NAXIS = " + std::to_string(naxis) + " is not an image");
    std::vector<int> result;
    long long product = 1;
    for (int k = 0; k < naxis; ++k) {
      const long long extent = axes[static_cast<std::size_t>(k)];
      if (extent == 0) return {};
      if (extent < 0 || extent > detail::fits_extent_limit || product > detail::fits_pixel_limit / extent)
        fail("NAXIS" + std::to_string(k + 1) + " = " + std::to_string(extent) +
             " is beyond the limits of an image (extents 1 to 32768, at most 2^28 pixels)");
      product *= extent;
      result.push_back(static_cast<int>(extent));
    }
    return result;
  }

  /// Makes the first image of 2 or 3 dimensions the current HDU: a .fz file and an LSST exposure begin with an empty
  /// one.
  void go_to_first_image() {
    for (int hdu = 0; hdu < count_; ++hdu) {
      go_to(hdu);
      const std::size_t naxis = extents().size();
      if (naxis == 2 || naxis == 3) return;
    }
    detail::raise<InputError>("'" + path_ + "' holds no image of 2 or 3 dimensions in its " + std::to_string(count_) +
                              " HDUs; give a file with one");
  }

  /// Pixels of the current image HDU, of 1 to 3 dimensions and any BITPIX, scaled by BSCALE and BZERO; nulls are NaN.
  FitsImage read_image() const {
    const std::vector<int> axes = extents();
    if (axes.empty() || axes.size() > 3)
      fail("expected an image of 1 to 3 dimensions, found " + std::string(is_table() ? "a table" : "NAXIS = ") +
           (is_table() ? "" : std::to_string(axes.size())));
    FitsImage image;
    image.width = axes[0];
    if (axes.size() > 1) image.height = axes[1];
    if (axes.size() > 2) image.depth = axes[2];
    image.pixels = read_pixels<float>(axes);
    return image;
  }

  /// Pixels of the current image HDU as 32-bit integers, all bits kept, as mask planes need it.
  std::vector<std::int32_t> read_bits() const { return read_pixels<std::int32_t>(extents()); }

  /// A header value of the current HDU, or nothing if the keyword is absent or has no value.
  std::optional<double> find_double(const std::string& key) const {
    double value = 0;
    return find(key, [&](int* status) { fits_read_key_dbl(handle_.get(), key.c_str(), &value, nullptr, status); })
               ? std::optional(value)
               : std::nullopt;
  }
  std::optional<std::int64_t> find_int(const std::string& key) const {
    LONGLONG value = 0;
    return find(key, [&](int* status) { fits_read_key_lnglng(handle_.get(), key.c_str(), &value, nullptr, status); })
               ? std::optional<std::int64_t>(value)
               : std::nullopt;
  }
  std::optional<bool> find_bool(const std::string& key) const {
    int value = 0;
    return find(key, [&](int* status) { fits_read_key_log(handle_.get(), key.c_str(), &value, nullptr, status); })
               ? std::optional(value != 0)
               : std::nullopt;
  }
  std::optional<std::string> find_string(const std::string& key) const {
    char* text = nullptr;
    const bool found =
        find(key, [&](int* status) { fits_read_key_longstr(handle_.get(), key.c_str(), &text, nullptr, status); });
    if (!found) return std::nullopt;
    std::string value = text;
    int status = 0;
    fits_free_memory(text, &status);
    while (!value.empty() && value.back() == ' ') value.pop_back();
    return value;
  }

  /// A header value that must be there.
  double get_double(const std::string& key) const { return required(find_double(key), key); }
  std::int64_t get_int(const std::string& key) const { return required(find_int(key), key); }
  std::string get_string(const std::string& key) const { return required(find_string(key), key); }

  /// Names of the header keywords of the current HDU, in order (commentary cards too).
  std::vector<std::string> keys() const {
    const auto lock = detail::fits_call_lock();
    int count = 0, status = 0;
    fits_get_hdrspace(handle_.get(), &count, nullptr, &status);
    std::vector<std::string> result;
    for (int k = 1; k <= count && status == 0; ++k) {
      char name[FLEN_KEYWORD] = {}, value[FLEN_VALUE] = {};
      fits_read_keyn(handle_.get(), k, name, value, nullptr, &status);
      result.emplace_back(name);
    }
    check(status, "the header cannot be read");
    return result;
  }

  /// Rows of the current table.
  std::size_t row_count() const {
    if (!is_table()) fail("expected a binary table, found an image");
    const auto lock = detail::fits_call_lock();
    LONGLONG rows = 0, width = 0;
    int status = 0;
    fits_get_num_rowsll(handle_.get(), &rows, &status);
    fits_read_key_lnglng(handle_.get(), "NAXIS1", &width, nullptr, &status);
    check(status, "NAXIS1 or NAXIS2 cannot be read");
    if (rows < 0 || width < 0 || (width > 0 && rows > detail::fits_table_limit / width))
      fail("a table of " + std::to_string(rows) + " rows of " + std::to_string(width) +
           " bytes is beyond the limit of 2 GiB");
    return static_cast<std::size_t>(rows);
  }

  /// Names of the current table's columns.
  std::vector<std::string> column_names() const {
    std::vector<std::string> names;
    const std::int64_t fields = is_table() ? get_int("TFIELDS") : 0;
    for (std::int64_t k = 1; k <= fields; ++k) names.push_back(find_string("TTYPE" + std::to_string(k)).value_or(""));
    return names;
  }

  /// Number of a column, from 1, by name without regard to case; 0 if there is none.
  int find_column(std::string_view name) const {
    const std::vector<std::string> names = column_names();
    for (std::size_t k = 0; k < names.size(); ++k)
      if (detail::same_name(names[k], name)) return static_cast<int>(k) + 1;
    return 0;
  }

  /// A column of numbers (T: float, double, int32, int64). Null floats are NaN.
  template <class T>
  FitsColumn<T> read_column(std::string_view name) const {
    const int number = column_number(name);
    const std::size_t rows = row_count();
    const auto [code, repeat] = column_type(number, name);
    if (code < 0 || code == TBIT || code == TLOGICAL || code == TSTRING || code >= TCOMPLEX)
      fail("column " + std::string(name) + " is expected to hold numbers of fixed count");
    FitsColumn<T> column;
    column.repeat = repeat;
    column.extents = column_extents(number, repeat);
    column.values.resize(rows * repeat);
    if (column.values.empty()) return column;
    const auto lock = detail::fits_call_lock();
    T null{};
    if constexpr (std::is_floating_point_v<T>) null = std::numeric_limits<T>::quiet_NaN();
    int any_null = 0, status = 0;  // CFITSIO 4.2 writes any_null without looking whether it is there
    fits_read_col(handle_.get(), detail::fits_type<T>(), number, 1, 1, static_cast<LONGLONG>(column.values.size()),
                  &null, column.values.data(), &any_null, &status);
    check(status, "column " + std::string(name) + " cannot be read");
    return column;
  }

  /// A column as text, one string a row, blanks at the end removed; integers are written out exactly.
  std::vector<std::string> read_text_column(std::string_view name) const {
    const int number = column_number(name);
    const std::size_t rows = row_count();
    const auto [code, repeat] = column_type(number, name);
    std::vector<std::string> result(rows);
    if (code == TBYTE || code == TSHORT || code == TINT || code == TLONG || code == TLONGLONG) {
      const FitsColumn<std::int64_t> column = read_column<std::int64_t>(name);
      if (repeat != 1) fail("column " + std::string(name) + " is expected to hold one value a row");
      for (std::size_t k = 0; k < rows; ++k) result[k] = std::to_string(column.values[k]);
      return result;
    }
    if (code != TSTRING) fail("column " + std::string(name) + " is expected to hold text or integers");
    const auto lock = detail::fits_call_lock();
    std::vector<char> text(repeat + 1);
    char null[1] = {};
    for (std::size_t k = 0; k < rows; ++k) {
      char* cell = text.data();
      int any_null = 0, status = 0;
      fits_read_col_str(handle_.get(), number, static_cast<LONGLONG>(k) + 1, 1, 1, null, &cell, &any_null, &status);
      check(status, "column " + std::string(name) + " cannot be read");
      result[k] = cell;
      while (!result[k].empty() && result[k].back() == ' ') result[k].pop_back();
    }
    return result;
  }

  /// Throws InputError: file, current HDU, and what is wrong there.
  [[noreturn]] void fail(const std::string& what) const {
    detail::raise<InputError>("'" + path_ + "', HDU " + std::to_string(hdu_) + ": " + what);
  }

 private:
  void check(int status, const std::string& what) const {
    if (status != 0) fail(what + ": " + detail::fits_status_text(status));
  }

  /// First bytes of the file, after the checks that CFITSIO would answer with a riddle.
  std::array<unsigned char, 9> read_magic() const {
    std::error_code error;
    if (!std::filesystem::exists(path_, error)) detail::raise<InputError>("there is no file '" + path_ + "'");
    if (std::filesystem::is_directory(path_, error))
      detail::raise<InputError>("expected a FITS file, found the folder '" + path_ + "'");
    std::ifstream stream(path_, std::ios::binary);
    std::array<unsigned char, 9> magic{};
    stream.read(reinterpret_cast<char*>(magic.data()), static_cast<std::streamsize>(magic.size()));
    if (stream.bad() || (!stream && stream.gcount() == 0))
      detail::raise<InputError>("'" + path_ + "' is empty or cannot be read");
    return magic;
  }

  void open(const std::array<unsigned char, 9>& magic) {
    const std::string_view head(reinterpret_cast<const char*>(magic.data()), magic.size());
    if (head.starts_with("\xFF\xD8\xFF") || head.starts_with("\x89PNG"))
      detail::raise<InputError>("'" + path_ +
                                "' is a JPEG or PNG picture, whose stretched colours carry no fluxes; "
                                "fetch the FITS images of the same field");
    const bool bzip2 = head.starts_with("BZh"), gzip = head.starts_with("\x1F\x8B");
    if (!bzip2 && !gzip && !head.starts_with("SIMPLE  ="))
      detail::raise<InputError>("'" + path_ + "' is not a FITS file: it does not begin with 'SIMPLE  ='");
    if (bzip2 && detail::bzip2_available) {
      std::ifstream stream(path_, std::ios::binary);
      std::vector<char> packed(static_cast<std::size_t>(std::filesystem::file_size(path_)));
      stream.read(packed.data(), static_cast<std::streamsize>(packed.size()));
      packed.resize(static_cast<std::size_t>(stream.gcount()));
      bytes_ = detail::bzip2_inflate(packed, path_);
      if (!std::string_view(bytes_.data(), bytes_.size()).starts_with("SIMPLE  ="))
        detail::raise<InputError>("'" + path_ + "' inflates to something that is not a FITS file");
    }
    int status = 0;
    fitsfile* file = nullptr;
    {
      const std::lock_guard<std::mutex> lock(fits_mutex());
      fits_init_cfitsio();  // does nothing after the first time
      if (bytes_.empty()) {
        fits_open_diskfile(&file, path_.c_str(), READONLY, &status);
      } else {
        memory_ = std::make_unique<Memory>(Memory{bytes_.data(), bytes_.size()});
        fits_open_memfile(&file, "memory", READONLY, &memory_->data, &memory_->size, 0, nullptr, &status);
      }
    }
    handle_.reset(file);
    if (status != 0)
      detail::raise<InputError>(
          "'" + path_ + "' cannot be opened: " + detail::fits_status_text(status) +
          (bzip2 && !detail::bzip2_available ? "; this program was built without libbz2: inflate the file first" : ""));
  }

  /// Throws if the data unit that the header promises reaches beyond the end of the file.
  void require_data() const {
    const auto lock = detail::fits_call_lock();
    LONGLONG head = 0, data = 0, end = 0;
    int status = 0;
    fits_get_hduaddrll(handle_.get(), &head, &data, &end, &status);
    check(status, "the data cannot be found");
    const LONGLONG size = bytes_.empty() ? handle_->Fptr->filesize : static_cast<LONGLONG>(bytes_.size());
    if (end - padding > size)
      fail("the header promises data to byte " + std::to_string(end) + ", the file ends at byte " +
           std::to_string(size) + "; it is cut short or its NAXIS cards are wrong");
  }

  template <class T>
  std::vector<T> read_pixels(const std::vector<int>& axes) const {
    require_data();
    std::size_t count = axes.empty() ? 0 : 1;
    for (const int extent : axes) count *= static_cast<std::size_t>(extent);
    std::vector<T> pixels(count);
    if (count == 0) return pixels;
    const auto lock = detail::fits_call_lock();
    T null{};  // 0: integers are taken as they are
    if constexpr (std::is_floating_point_v<T>) null = std::numeric_limits<T>::quiet_NaN();
    std::vector<LONGLONG> first(axes.size(), 1);
    int any_null = 0, status = 0;
    fits_read_pixll(handle_.get(), detail::fits_type<T>(), first.data(), static_cast<LONGLONG>(count), &null,
                    pixels.data(), &any_null, &status);
    check(status, "the pixels cannot be read; the file is cut short or damaged");
    return pixels;
  }

  template <class Read>
  bool find(const std::string& key, const Read& read) const {
    const auto lock = detail::fits_call_lock();
    int status = 0;
    read(&status);
    if (status == KEY_NO_EXIST || status == VALUE_UNDEFINED) {
      fits_clear_errmsg();
      return false;
    }
    check(status, "keyword " + key + " cannot be read");
    return true;
  }

  template <class T>
  T required(std::optional<T> value, const std::string& key) const {
    if (!value) fail("keyword " + key + " is missing");
    return *std::move(value);
  }

  int column_number(std::string_view name) const {
    const int number = find_column(name);
    if (number > 0) return number;
    std::string list;
    for (const std::string& column : column_names()) list += (list.empty() ? "" : ", ") + column;
    fail("there is no column " + std::string(name) + "; found: " + (list.empty() ? "none" : list));
  }

  std::pair<int, std::size_t> column_type(int number, std::string_view name) const {
    require_data();
    const auto lock = detail::fits_call_lock();
    int code = 0, status = 0;
    LONGLONG repeat = 0, width = 0;
    fits_get_coltypell(handle_.get(), number, &code, &repeat, &width, &status);
    check(status, "TFORM of column " + std::string(name) + " cannot be read");
    if (repeat < 0 || repeat > detail::fits_pixel_limit) fail("TFORM of column " + std::string(name) + " is too long");
    return {code, static_cast<std::size_t>(repeat)};
  }

  std::vector<int> column_extents(int number, std::size_t repeat) const {
    const auto lock = detail::fits_call_lock();
    std::array<LONGLONG, 9> axes{};
    int naxis = 0, status = 0;
    fits_read_tdimll(handle_.get(), number, static_cast<int>(axes.size()), &naxis, axes.data(), &status);
    check(status, "TDIM" + std::to_string(number) + " does not fit its column");
    std::vector<int> result;
    LONGLONG product = 1;
    for (int k = 0; k < naxis && k < static_cast<int>(axes.size()); ++k) {
      const LONGLONG extent = axes[static_cast<std::size_t>(k)];
      if (extent < 0 || extent > detail::fits_pixel_limit ||
          (extent > 0 && product > detail::fits_pixel_limit / extent))
        fail("TDIM" + std::to_string(number) + " is out of range");
      product *= extent;
      result.push_back(static_cast<int>(extent));
    }
    if (static_cast<std::size_t>(product) != repeat) fail("TDIM" + std::to_string(number) + " does not fit its column");
    return result;
  }

  static constexpr LONGLONG padding = 2879;  // zeros after the last datum that some writers leave out

  /// CFITSIO keeps the addresses of these two, so they stay where they are when a FitsFile is moved.
  struct Memory {
    void* data;
    std::size_t size;
  };

  std::string path_;
  std::vector<char> bytes_;  // inflated bzip2; outlives the handle
  std::unique_ptr<Memory> memory_;
  int count_ = 0, hdu_ = 0, type_ = IMAGE_HDU;
  detail::FitsHandle handle_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
