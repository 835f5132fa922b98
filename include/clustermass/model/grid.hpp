// SPDX-License-Identifier: BSD-3-Clause
// The network's grid on the sky and what one cell of it receives of an image.
#pragma once

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// What one cell of the grid received.
struct Cell {
  double flux = 0;   ///< of valid pixels [nanomaggies]
  double seen = 0;   ///< area covered by the image, masked or not [cells]
  double valid = 0;  ///< area covered by valid pixels [cells]
};

/// A square grid of side x side cells around the cluster's centre: north up, east left (columns rise to the west, rows
/// to the north).
struct Grid {
  int side = 0;
  double cell_arcsec = 0;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
