// SPDX-License-Identifier: BSD-3-Clause
// Gain and dark variance of the thirty SDSS imaging CCDs, by camera column, band and run. Numbers only.
// Source: SDSS data model of the corrected frames (frame.html).
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Noise of a CCD: var(counts) = counts / gain + dark_variance, with counts before sky subtraction.
struct SdssCcd {
  double gain = 0;           ///< electrons per count
  double dark_variance = 0;  ///< dark and read noise [counts^2]
};

/// The CCD that took a band of a camera column (1 to 6). Throws InputError for another column.
inline SdssCcd sdss_ccd(int run, int camcol, Band band) {
  using Row = std::array<double, band_count>;  // u g r i z
  constexpr std::array<Row, 6> gain{{{1.62, 3.32, 4.71, 5.165, 4.745},
                                     {1.595, 3.855, 4.6, 6.565, 5.155},
                                     {1.59, 3.845, 4.72, 4.86, 4.885},
                                     {1.6, 3.995, 4.76, 4.885, 4.775},
                                     {1.47, 4.05, 4.725, 4.64, 3.48},
                                     {2.17, 4.035, 4.895, 4.76, 4.69}}};
  constexpr std::array<Row, 6> dark{{{9.61, 15.6025, 1.8225, 7.84, 0.81},
                                     {12.6025, 1.44, 1.00, 5.76, 1.0},
                                     {8.7025, 1.3225, 1.3225, 4.6225, 1.0},
                                     {12.6025, 1.96, 1.3225, 6.25, 9.61},
                                     {9.3025, 1.1025, 0.81, 7.84, 1.8225},
                                     {7.0225, 1.8225, 0.9025, 5.0625, 1.21}}};
  if (camcol < 1 || camcol > 6)
    detail::raise<InputError>("SDSS camera columns are 1 to 6, found " + std::to_string(camcol));
  const auto row = static_cast<std::size_t>(camcol - 1), column = static_cast<std::size_t>(band);
  SdssCcd ccd{gain[row][column], dark[row][column]};
  if (run > 1100 && camcol == 2 && band == Band::u) ccd.gain = 1.825;
  if (run > 1500) {
    if (camcol == 2 && band == Band::i) ccd.dark_variance = 6.25;
    if (camcol == 4 && band == Band::i) ccd.dark_variance = 7.5625;
    if (camcol == 4 && band == Band::z) ccd.dark_variance = 12.6025;
    if (camcol == 5 && band == Band::z) ccd.dark_variance = 2.1025;
  }
  return ccd;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
