// SPDX-License-Identifier: BSD-3-Clause
// SDSS fpM mask files: boxes of bad pixels, one table a plane. Only the planes that spoil photometry are read and
// written. Part of clustermass::fits. Source: SDSS data model, fpM.html.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/cutout.hpp"  // mask_bit
#include "clustermass/io/fits_reader.hpp"
#include "clustermass/io/fits_writer.hpp"

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

/// The planes of an fpM file in the survey's order, and the bits of ours that go into each. The survey knows no plane
/// of its own for bleed trails, bad columns and the surroundings of bright stars; bits without a plane (edge, no_data)
/// are not written.
inline constexpr std::array<FpmPlane, 10> fpm_planes{
    {{"INTERP", mask_bit::interpolated | mask_bit::bad_column},
     {"SATUR", mask_bit::saturated | mask_bit::bleed | mask_bit::bright_neighbour},
     {"NOTCHECKED", 0},
     {"OBJECT", 0},
     {"BRIGHTOBJECT", 0},
     {"BINOBJECT", 0},
     {"CATOBJECT", 0},
     {"SUBTRACTED", 0},
     {"GHOST", mask_bit::ghost},
     {"CR", mask_bit::cosmic_ray}}};

/// The survey's name of a frame's mask file: fpM-004510-r4-0030.fit.
inline std::string mask_file_name(Band band, int run, int camcol, int field) {
  char name[64];
  std::snprintf(name, sizeof name, "fpM-%06d-%c%d-%04d.fit", run, band_names[static_cast<std::size_t>(band)], camcol,
                field);
  return name;
}

namespace detail {
/// Inclusive boxes that cover exactly the pixels with one of the bits: runs of a row, those alike in consecutive rows
/// joined.
struct MaskBoxes {
  std::vector<std::int32_t> column_min, column_max, row_min, row_max;

  MaskBoxes(std::span<const std::int32_t> mask, int height, int width, std::int32_t bits) {
    std::vector<std::size_t> above, here;  // boxes that reach the row above, this row, by rising column
    for (int y = 0; y < height; ++y) {
      const std::int32_t* const row = mask.data() + static_cast<std::ptrdiff_t>(y) * width;
      here.clear();
      std::size_t next = 0;
      for (int x = 0; x < width; ++x) {
        if ((row[x] & bits) == 0) continue;
        const int first = x;
        while (x + 1 < width && (row[x + 1] & bits) != 0) ++x;
        while (next < above.size() && column_min[above[next]] < first) ++next;
        if (next < above.size() && column_min[above[next]] == first && column_max[above[next]] == x) {
          row_max[above[next]] = y;
          here.push_back(above[next]);
          continue;
        }
        here.push_back(column_min.size());
        column_min.push_back(first), column_max.push_back(x);
        row_min.push_back(y), row_max.push_back(y);
      }
      above.swap(here);
    }
  }
};
}  // namespace detail

/// Writes mask bits [height,width] as an fpM file: ten planes of boxes, and the table of their names, as read_fpm_mask
/// expects them. Bits that share a plane (fpm_planes) come back as that plane's. `cards` go to the first HDU.
///
/// Throws  InputError if the mask does not have height x width values, or the file cannot be written
inline void write_sdss_mask(const std::string& path, std::span<const std::int32_t> mask, int height, int width,
                            const std::vector<FitsCard>& cards = {}) {
  if (height < 1 || width < 1 || mask.size() != static_cast<std::size_t>(height) * static_cast<std::size_t>(width))
    detail::raise<InputError>("the mask for '" + path + "' has " + std::to_string(mask.size()) + " values where " +
                              std::to_string(height) + " x " + std::to_string(width) + " pixels ask for " +
                              std::to_string(std::int64_t{height} * width));
  FitsWriter writer;
  writer.image({}, {});
  writer.card({"ORIGIN", std::string("clustermass"), "program that wrote this file"});
  for (const FitsCard& card : cards) writer.card(card);
  std::vector<std::string> types, names, values;
  for (std::size_t plane = 0; plane < fpm_planes.size(); ++plane) {
    const detail::MaskBoxes boxes(mask, height, width, fpm_planes[plane].bit);
    writer.table(
        "", {{"cmin", boxes.column_min}, {"cmax", boxes.column_max}, {"rmin", boxes.row_min}, {"rmax", boxes.row_max}});
    types.emplace_back("S_MASKTYPE");
    names.push_back("S_MASK_" + std::string(fpm_planes[plane].name));
    values.push_back(std::to_string(plane));
  }
  writer.table("", {{"defName", types}, {"attributeName", names}, {"Value", values}});
  writer.save(path);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
