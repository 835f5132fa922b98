// SPDX-License-Identifier: BSD-3-Clause
// bzip2 in memory, outside CFITSIO and its mutex: inflating one SDSS frame takes some 0.5 s. Where <bzlib.h> is absent
// bzip2_available is false and nothing here is called. Not a general compression interface. Part of clustermass::fits.
#pragma once

#if __has_include(<bzlib.h>)
#include <bzlib.h>
#endif

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "clustermass/core/error.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail {

/// No frame comes near this size [bytes]: a small file that inflates beyond it is hostile.
inline constexpr std::size_t inflated_limit = std::size_t{1} << 30;

#if __has_include(<bzlib.h>)
inline constexpr bool bzip2_available = true;

/// The inflated bytes of a bzip2 file, also of one made of several streams (pbzip2).
/// Throws InputError, naming the file, if the stream is damaged, cut short, or larger than inflated_limit.
inline std::vector<char> bzip2_inflate(std::vector<char>& packed, const std::string& path) {
  struct Stream : bz_stream {
    Stream() : bz_stream{} {}
    ~Stream() { BZ2_bzDecompressEnd(this); }
  };
  constexpr std::size_t step = std::size_t{1} << 22;
  std::vector<char> bytes;
  std::size_t filled = 0, taken = 0;
  while (taken < packed.size()) {
    Stream stream;
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) raise<InputError>("bzip2 cannot start on '" + path + "'");
    for (int status = BZ_OK; status != BZ_STREAM_END;) {
      if (filled == bytes.size()) bytes.resize(std::max(step, 2 * bytes.size()));
      const std::size_t in = std::min(packed.size() - taken, step), out = std::min(bytes.size() - filled, step);
      stream.next_in = packed.data() + taken;
      stream.avail_in = static_cast<unsigned>(in);
      stream.next_out = bytes.data() + filled;
      stream.avail_out = static_cast<unsigned>(out);
      status = BZ2_bzDecompress(&stream);
      taken += in - stream.avail_in;
      filled += out - stream.avail_out;
      const bool starved = status == BZ_OK && taken == packed.size() && stream.avail_out == out;
      if ((status != BZ_OK && status != BZ_STREAM_END) || starved)
        raise<InputError>("bzip2 data of '" + path + "' are " + (starved ? "cut short" : "damaged") + " after " +
                          std::to_string(taken) + " bytes; fetch the file again");
      if (filled > inflated_limit) raise<InputError>("'" + path + "' inflates to more than 1 GiB, which no frame does");
    }
  }
  bytes.resize(filled);
  return bytes;
}

/// The bytes as one bzip2 stream.
inline std::vector<char> bzip2_deflate(std::vector<char>& bytes) {
  std::vector<char> packed(bytes.size() + bytes.size() / 100 + 600);  // the bound of bzip2's manual, section 3.5.1
  unsigned size = static_cast<unsigned>(packed.size());
  if (bytes.size() > inflated_limit || BZ2_bzBuffToBuffCompress(packed.data(), &size, bytes.data(),
                                                                static_cast<unsigned>(bytes.size()), 9, 0, 0) != BZ_OK)
    raise<InputError>("bzip2 cannot compress " + std::to_string(bytes.size()) + " bytes");
  packed.resize(size);
  return packed;
}
#else
inline constexpr bool bzip2_available = false;
inline std::vector<char> bzip2_inflate(std::vector<char>&, const std::string&) { return {}; }
inline std::vector<char> bzip2_deflate(std::vector<char>&) { return {}; }
#endif

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail
