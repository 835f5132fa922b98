// SPDX-License-Identifier: BSD-3-Clause
// SDSS fpM mask files: boxes of bad pixels, one table a plane. Only the planes that spoil photometry are read.
// Part of clustermass::fits. Source: SDSS data model, fpM.html.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/cutout.hpp"  // mask_bit
#include "clustermass/io/fits_reader.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A plane of the fpM file and the bit it sets.
struct FpmPlane {
  std::string_view name;
  std::int32_t bit;
};

/// Bad by default. The other planes (OBJECT, SUBTRACTED, NOTCHECKED, ...) mark good pixels too.
inline constexpr FpmPlane fpm_bad_planes[] = {{"INTERP", mask_bit::interpolated},
                                              {"SATUR", mask_bit::saturated},
                                              {"CR", mask_bit::cosmic_ray},
                                              {"GHOST", mask_bit::ghost}};

/// Mask bits [height,width] of the frame that the fpM file belongs to. Planes are found by the name table in the last
/// HDU (defName S_MASKTYPE), not by number; boxes are inclusive and are clipped to the image. Throws InputError.
inline std::vector<std::int32_t> read_fpm_mask(const std::string& path, int height, int width) {
  FitsFile file(path);
  file.go_to(file.hdu_count() - 1);
  const std::vector<std::string> types = file.read_text_column("defName");
  const std::vector<std::string> names = file.read_text_column("attributeName");
  const std::vector<std::string> values = file.read_text_column("Value");
  std::vector<std::int32_t> mask(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (const FpmPlane& plane : fpm_bad_planes) {
    int number = -1;
    for (std::size_t k = 0; k < names.size(); ++k) {
      std::string_view name = names[k];
      if (name.starts_with("S_MASK_")) name.remove_prefix(7);
      if (types[k] == "S_MASKTYPE" && name == plane.name)
        std::from_chars(values[k].data(), values[k].data() + values[k].size(), number);
    }
    if (number < 0 || number + 2 >= file.hdu_count()) {
      file.go_to(file.hdu_count() - 1);
      file.fail("the table of mask names does not give the HDU of plane " + std::string(plane.name));
    }
    file.go_to(number + 1);
    if (!file.is_table() || file.row_count() == 0) continue;
    const auto column_min = file.read_column<std::int64_t>("cmin"), column_max = file.read_column<std::int64_t>("cmax");
    const auto row_min = file.read_column<std::int64_t>("rmin"), row_max = file.read_column<std::int64_t>("rmax");
    if (column_min.repeat != 1 || column_max.repeat != 1 || row_min.repeat != 1 || row_max.repeat != 1)
      file.fail("cmin, cmax, rmin, rmax are expected to hold one value a row");
    for (std::size_t k = 0; k < file.row_count(); ++k) {
      const auto x0 = static_cast<int>(std::clamp<std::int64_t>(column_min.values[k], 0, width));
      const auto x1 = static_cast<int>(std::clamp<std::int64_t>(column_max.values[k], -1, width - 1));
      const auto y0 = static_cast<int>(std::clamp<std::int64_t>(row_min.values[k], 0, height));
      const auto y1 = static_cast<int>(std::clamp<std::int64_t>(row_max.values[k], -1, height - 1));
      for (int y = y0; y <= y1; ++y)
        for (int x = x0; x <= x1; ++x)
          mask[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)] |=
              plane.bit;
    }
  }
  return mask;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
