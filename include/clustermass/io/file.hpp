// SPDX-License-Identifier: BSD-3-Clause
// Whole files in and out of memory. Knows no format.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>
#if __has_include(<unistd.h>)
#include <unistd.h>  // fsync, getpid
#endif

#include "clustermass/core/error.hpp"
#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

namespace detail {
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FileHandle = std::unique_ptr<std::FILE, CloseFile>;
}  // namespace detail

/// All bytes of a file.
///
/// Throws  Exception if the file cannot be opened or read, is a directory, or is empty
template <class Exception = WeightError>
std::vector<std::byte> read_file(const std::string& path) {
  errno = 0;
  const detail::FileHandle file(std::fopen(path.c_str(), "rb"));
  if (!file)
    detail::raise<Exception>(detail::sentence(
        {path, ": cannot open the file for reading (", std::strerror(errno), "); check the path and its permissions"}));
  long length = std::fseek(file.get(), 0, SEEK_END) == 0 ? std::ftell(file.get()) : 0;  // a guess: not of a pipe
  std::rewind(file.get());
  errno = 0;
  if (length <= 0 || length > (1L << 30)) length = 1L << 20;
  std::vector<std::byte> bytes(static_cast<std::size_t>(length) + 1);  // one more, to see the end
  std::size_t size = 0;
  for (std::size_t count = 1; count > 0; size += count) {
    if (size == bytes.size()) bytes.resize(2 * size);
    count = std::fread(bytes.data() + size, 1, bytes.size() - size, file.get());
  }
  if (std::ferror(file.get()))
    detail::raise<Exception>(detail::sentence({path, ": cannot read the file (", std::strerror(errno),
                                               "), expected a regular file; give the path of the file itself"}));
  if (size == 0) detail::raise<Exception>(detail::sentence({path, ": the file is empty; copy or write it again"}));
  bytes.resize(size);
  return bytes;
}

/// Writes a file beside `path`, flushes it to the disk and renames it to `path`: a reader finds the old file or the new
/// one, whole, also after a crash or on a full disk.
///
/// Throws  Exception if it cannot; then `path` is as before and nothing is left beside it
template <class Exception = InputError>
void write_file(const std::string& path, std::span<const std::byte> bytes) {
  static std::atomic<unsigned> counter{0};
  std::string partial = path + ".partial-" + std::to_string(counter++);
#if __has_include(<unistd.h>)
  partial += "-" + std::to_string(::getpid());
#endif
  errno = 0;
  detail::FileHandle file(std::fopen(partial.c_str(), "wb"));
  bool good = file != nullptr;
  const bool opened = good;
  good = good && (bytes.empty() || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size());
  good = good && std::fflush(file.get()) == 0;
#if __has_include(<unistd.h>)
  good = good && ::fsync(::fileno(file.get())) == 0;
#endif
  int cause = errno;
  if (opened && std::fclose(file.release()) != 0 && good) {
    good = false;
    cause = errno;
  }
  if (good && std::rename(partial.c_str(), path.c_str()) != 0) {
    good = false;
    cause = errno;
  }
  if (good) return;
  if (opened) std::remove(partial.c_str());
  detail::raise<Exception>(
      detail::sentence({path, ": cannot write the file of ", bytes.size(), " bytes (", std::strerror(cause),
                        "); check that the folder exists, is writable and has room"}));
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
