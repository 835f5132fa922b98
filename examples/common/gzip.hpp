// SPDX-License-Identifier: BSD-3-Clause
// gzip in memory, for text files that CFITSIO does not unpack. zlib comes with libpng, which every tool is linked to.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <span>
#include <string>

#include "clustermass/core/error.hpp"

namespace tool {

inline bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() > 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

/// The text of a gzip file. Throws clustermass::InputError: damaged, cut short, or larger than 1 GiB when unpacked.
inline std::string gunzip(std::span<const std::byte> bytes, const std::string& path) {
  constexpr std::size_t limit = std::size_t{1} << 30, step = std::size_t{1} << 20;
  struct Stream : z_stream {
    Stream() : z_stream{} {}
    ~Stream() { inflateEnd(this); }
  } stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int status = inflateInit2(&stream, 15 + 16);  // a gzip header
  std::string text;
  while (status == Z_OK) {
    const std::size_t filled = text.size();
    text.resize(filled + step);
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + filled);
    stream.avail_out = static_cast<uInt>(step);
    status = inflate(&stream, Z_NO_FLUSH);
    text.resize(filled + step - stream.avail_out);
    if (text.size() > limit) throw clustermass::InputError("'" + path + "' unpacks to more than 1 GiB of text");
    if (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0) status = Z_BUF_ERROR;
  }
  if (status != Z_STREAM_END)
    throw clustermass::InputError("'" + path + "': the gzip data are " +
                                  (status == Z_BUF_ERROR ? "cut short" : "damaged") + "; fetch the file again");
  return text;
}

}  // namespace tool
