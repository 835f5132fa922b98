// SPDX-License-Identifier: BSD-3-Clause
// The only file that includes <fitsio.h>: handle, process-wide mutex, error text. What is read or written is decided in
// fits_reader.hpp and fits_writer.hpp. Part of clustermass::fits.
#pragma once

#include <fitsio.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "clustermass/core/error.hpp"

namespace clustermass::inline CLUSTERMASS_DATA_TAG {

/// The one mutex around every open, create and close of CFITSIO in this process: its handle tables race without it even
/// between separate files (HEASARC/cfitsio issue 100). A host that uses CFITSIO in other threads holds it there too.
/// It carries the tag of plain data, so that files compiled with different -m flags share one mutex.
inline std::mutex& fits_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace clustermass::inline CLUSTERMASS_DATA_TAG

namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail {

/// Held around calls other than open, create and close: locks only where CFITSIO was built without thread support.
inline std::unique_lock<std::mutex> fits_call_lock() {
  return fits_is_reentrant() ? std::unique_lock<std::mutex>() : std::unique_lock<std::mutex>(fits_mutex());
}

/// Closes a handle under the mutex. Errors are of no interest: what matters was checked before.
struct FitsClose {
  void operator()(fitsfile* file) const {
    const std::lock_guard<std::mutex> lock(fits_mutex());
    int status = 0;
    fits_close_file(file, &status);
    if (status != 0) fits_clear_errmsg();
  }
};
using FitsHandle = std::unique_ptr<fitsfile, FitsClose>;

/// CFITSIO's sentence for a status; its error stack is global, shared by all threads, and is left empty.
inline std::string fits_status_text(int status) {
  char text[FLEN_STATUS] = {};
  fits_get_errstatus(status, text);
  fits_clear_errmsg();
  return std::string(text) + " (CFITSIO status " + std::to_string(status) + ")";
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::detail
