// SPDX-License-Identifier: BSD-3-Clause
// Numbered records of one size, in memory or in one file: what a training run keeps of its prepared cutouts and of its
// frozen features. A file says what it holds, every record carries a checksum, and nothing that it says is believed
// before it is checked. Reading is thread-safe and takes no memory but the caller's.
//
//   "CMRECS1\n"  u64 N  N bytes of header text  SHA-256 of that text (64 hex digits)  records, each with a u64 checksum
//
// The header's first lines are record_bytes, records and byte_order; after an empty line follows the description.
#pragma once

#include <fcntl.h>     // open
#include <sys/stat.h>  // fstat
#include <unistd.h>    // pread, fsync

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/io/sha256.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

class Records {
 public:
  virtual ~Records() = default;
  virtual std::size_t size() const = 0;
  virtual std::size_t record_bytes() const = 0;
  /// Copies record k into `bytes`, which has record_bytes().
  virtual void read(std::size_t k, std::span<std::byte> bytes) const = 0;
};

class MemoryRecords final : public Records {
 public:
  MemoryRecords(std::size_t count, std::size_t bytes) : count_(count), bytes_(bytes), data_(count * bytes) {}
  std::size_t size() const override { return count_; }
  std::size_t record_bytes() const override { return bytes_; }
  void read(std::size_t k, std::span<std::byte> bytes) const override {
    std::memcpy(bytes.data(), data_.data() + k * bytes_, bytes_);
  }
  std::span<std::byte> operator[](std::size_t k) { return std::span(data_).subspan(k * bytes_, bytes_); }

 private:
  std::size_t count_, bytes_;
  std::vector<std::byte> data_;
};

/// Several sets of records one after the other.
class JoinedRecords final : public Records {
 public:
  /// All parts have records of the same size; there is at least one part.
  explicit JoinedRecords(std::vector<std::shared_ptr<const Records>> parts) : parts_(std::move(parts)) {
    for (const auto& part : parts_) {
      CLUSTERMASS_ASSERT(part->record_bytes() == parts_[0]->record_bytes());
      ends_.push_back((ends_.empty() ? 0 : ends_.back()) + part->size());
    }
  }
  std::size_t size() const override { return ends_.back(); }
  std::size_t record_bytes() const override { return parts_[0]->record_bytes(); }
  void read(std::size_t k, std::span<std::byte> bytes) const override {
    const auto part = std::upper_bound(ends_.begin(), ends_.end(), k) - ends_.begin();
    const std::size_t n = static_cast<std::size_t>(part);
    parts_[n]->read(n == 0 ? k : k - ends_[n - 1], bytes);
  }

 private:
  std::vector<std::shared_ptr<const Records>> parts_;
  std::vector<std::size_t> ends_;
};

namespace records {

inline constexpr std::string_view magic = "CMRECS1\n";
inline constexpr std::size_t largest_header = std::size_t{1} << 20;
inline constexpr const char* byte_order = std::endian::native == std::endian::little ? "little" : "big";

/// Checksum of a record, a multiple of 8 bytes long: Fowler, Noll and Vo's FNV-1a over words of 64 bits.
inline std::uint64_t checksum(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::size_t k = 0; k + 8 <= bytes.size(); k += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + k, 8);
    hash = (hash ^ word) * 0x100000001b3u;
    hash ^= hash >> 29;
  }
  return hash;
}

inline std::string header_text(std::size_t bytes, std::size_t count, const std::string& description) {
  return "record_bytes = " + std::to_string(bytes) + "\nrecords = " + std::to_string(count) +
         "\nbyte_order = " + byte_order + "\n\n" + description;
}

/// The number after "key = " on the next line of the text, which is taken off.
inline std::size_t take_number(std::string_view& text, std::string_view key, const std::string& path) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  std::size_t value = 0;
  const std::string start = std::string(key) + " = ";
  bool good = end != std::string_view::npos && line.starts_with(start);
  if (good) {
    line.remove_prefix(start.size());
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    good = error == std::errc{} && stop == line.data() + line.size();
  }
  if (!good)
    detail::raise<InputError>(path + ": the header does not say '" + start +
                              "NUMBER' where it should; remove the file");
  text.remove_prefix(end + 1);
  return value;
}

}  // namespace records

/// Records in a file, read with pread: no record is held in memory.
class FileRecords final : public Records {
 public:
  /// Throws  InputError if the file cannot be read, is no file of records, or is damaged or cut short
  explicit FileRecords(const std::string& path) : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    using records::magic;
    if (file_ < 0) fail(std::string("cannot open the file for reading (") + std::strerror(errno) + ")");
    try {
      struct stat about = {};
      if (::fstat(file_, &about) != 0 || !S_ISREG(about.st_mode)) fail("not a regular file");
      const auto file_size = static_cast<std::uint64_t>(about.st_size);
      constexpr std::size_t front = magic.size() + 8;
      char head[front];
      if (file_size < front + 64 || !read_at(0, head, front) || std::string_view(head, magic.size()) != magic)
        fail("not a file of prepared records; remove it");
      std::uint64_t length;
      std::memcpy(&length, head + magic.size(), 8);
      if (length > records::largest_header || length > file_size - front - 64)
        fail("the header's length is " + std::to_string(length) + ", more than the file holds; remove it");
      std::string text(length + 64, '\0');
      if (!read_at(front, text.data(), text.size())) fail("cut short; remove it");
      const std::string sum = text.substr(length);
      text.resize(length);
      if (sha256_hex(std::as_bytes(std::span(text))) != sum) fail("the header is damaged; remove the file");
      std::string_view rest = text;
      bytes_ = records::take_number(rest, "record_bytes", path_);
      count_ = records::take_number(rest, "records", path_);
      const std::string order = std::string("byte_order = ") + records::byte_order + "\n\n";
      if (!rest.starts_with(order)) fail("written on a machine of the other byte order; remove it");
      description_ = rest.substr(order.size());
      data_ = front + length + 64;
      const std::uint64_t body = file_size - data_;
      if (bytes_ == 0 || bytes_ % 8 != 0 || bytes_ > body || count_ != body / (bytes_ + 8) || body % (bytes_ + 8) != 0)
        fail("the file holds " + std::to_string(body) + " bytes of records, expected " + std::to_string(count_) +
             " records of " + std::to_string(bytes_) + "; it was cut short: remove it");
    } catch (...) {
      ::close(file_);
      throw;
    }
  }
  ~FileRecords() override { ::close(file_); }
  FileRecords(const FileRecords&) = delete;
  FileRecords& operator=(const FileRecords&) = delete;

  const std::string& description() const { return description_; }
  std::size_t size() const override { return count_; }
  std::size_t record_bytes() const override { return bytes_; }

  /// Throws  InputError if the record cannot be read or its checksum is another one
  void read(std::size_t k, std::span<std::byte> bytes) const override {
    if (k >= count_ || bytes.size() != bytes_)
      detail::raise<InputError>(path_ + ": record " + std::to_string(k) + " of " + std::to_string(bytes.size()) +
                                " bytes was asked for, there are " + std::to_string(count_) + " of " +
                                std::to_string(bytes_));
    const std::uint64_t place = data_ + std::uint64_t{k} * (bytes_ + 8);
    std::uint64_t sum = 0;
    if (!read_at(place, bytes.data(), bytes_) || !read_at(place + bytes_, &sum, 8) || sum != records::checksum(bytes))
      detail::raise<InputError>(path_ + ": record " + std::to_string(k) +
                                " is damaged or cannot be read; remove the file, it will be made anew");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { detail::raise<InputError>(path_ + ": " + what); }

  bool read_at(std::uint64_t place, void* into, std::size_t count) const {
    auto* to = static_cast<char*>(into);
    while (count > 0) {
      const ssize_t got = ::pread(file_, to, count, static_cast<off_t>(place));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      to += got;
      place += static_cast<std::uint64_t>(got);
      count -= static_cast<std::size_t>(got);
    }
    return true;
  }

  std::string path_, description_;
  int file_;
  std::size_t bytes_ = 0, count_ = 0;
  std::uint64_t data_ = 0;
};

/// Writes a file of records in their order. Until `finish`, the file has another name; what is not finished is removed.
class RecordWriter {
 public:
  /// bytes: of a record, a multiple of 8. Throws InputError if the file cannot be made.
  RecordWriter(const std::string& path, std::size_t bytes, std::size_t count, const std::string& description)
      : path_(path),
        partial_(path + ".partial-" + std::to_string(::getpid())),
        left_(count),
        file_(std::fopen(partial_.c_str(), "wb")) {
    if (!file_) fail(errno);
    const std::string text = records::header_text(bytes, count, description);
    const std::uint64_t length = text.size();
    put(records::magic.data(), records::magic.size());
    put(&length, 8);
    put(text.data(), text.size());
    const std::string sum = sha256_hex(std::as_bytes(std::span(text)));
    put(sum.data(), sum.size());
  }
  ~RecordWriter() {
    if (file_) std::remove(partial_.c_str());
  }
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  void append(std::span<const std::byte> record) {
    const std::uint64_t sum = records::checksum(record);
    put(record.data(), record.size());
    put(&sum, 8);
    --left_;
  }

  /// Gives the file its name. Throws InputError if not all records were written or the disk is full.
  void finish() {
    if (left_ != 0) detail::raise<InputError>(path_ + ": " + std::to_string(left_) + " records were never written");
    if (std::fflush(file_.get()) != 0 || ::fsync(::fileno(file_.get())) != 0) fail(errno);
    if (std::rename(partial_.c_str(), path_.c_str()) != 0) fail(errno);
    file_.reset();
  }

 private:
  [[noreturn]] void fail(int cause) {
    detail::raise<InputError>(path_ + ": cannot write the file (" + std::strerror(cause) +
                              "); check that the folder exists, is writable and has room");
  }
  void put(const void* from, std::size_t count) {
    if (std::fwrite(from, 1, count, file_.get()) != count) fail(errno);
  }

  std::string path_, partial_;
  std::size_t left_;
  detail::FileHandle file_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
