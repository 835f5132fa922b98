// SPDX-License-Identifier: BSD-3-Clause
// Where the images of one cluster are and what is known of it, as the programs take it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tool {

struct ImageOptions {
  std::string frames;               ///< folder of SDSS frames
  std::vector<std::string> cutout;  ///< ready-made cutout files
  std::optional<double> ra, dec;    ///< [deg]
  std::optional<double> redshift;
  double redshift_error = 0, ebv = 0;
  std::optional<double> pixel_scale;  ///< of cutout files without a WCS [arcsec]
  bool native = false;                ///< cutout files hold detector pixels, not resampled ones
  bool any_unit = false;
};

}  // namespace tool
