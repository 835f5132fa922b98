// SPDX-License-Identifier: BSD-3-Clause
// The FITS headers, taken in from outside, find and link CFITSIO: a file that is not there is an InputError.
#include <clustermass/io/fits.hpp>

int main() {
  const std::lock_guard<std::mutex> lock(clustermass::fits_mutex());
  return clustermass::Error("x").what()[0] == 'x' ? 0 : 1;
}
