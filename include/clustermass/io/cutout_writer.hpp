// SPDX-License-Identifier: BSD-3-Clause
// A cutout as one FITS file: an image extension per band (EXTNAME = 'U' ... 'Z'), its mask, its place on the sky.
// read_cutout_file gives it back. Part of clustermass::fits.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/io/fits_writer.hpp"
#include "clustermass/io/wcs.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// The MP_* keyword of each mask bit and its bit number, as LSST's masks name theirs; those that the reader knows.
inline constexpr std::pair<const char*, int> cutout_mask_keys[] = {
    {"MP_SAT", 0}, {"MP_CR", 2}, {"MP_BAD", 3}, {"MP_EDGE", 4}, {"MP_NO_DATA", 5}};

/// Puts a cutout into a FITS file that is being made, after what it holds already: for each band there is an extension
/// 'U', 'G', 'R', 'I' or 'Z' [height,width] in nanomaggies and, if it has a mask, 'MASK_U' and so on. A band without an
/// image is left out. Bits without a keyword (bleed, interpolated, bright_neighbour, ghost) are written as MP_BAD;
/// variances are not written.
///
/// Throws  InputError if a plane's vectors do not have the sizes its extents ask for, or no band has an image
inline void add_cutout(FitsWriter& writer, const CutoutBuffer& cutout, SkyPosition centre) {
  bool any = false;
  for (std::size_t b = 0; b < cutout.bands.size(); ++b) {
    const CutoutBuffer::Plane& plane = cutout.bands[b];
    if (plane.pixels.empty()) continue;
    any = true;
    const auto cells = static_cast<std::size_t>(plane.height) * static_cast<std::size_t>(plane.width);
    if (plane.height < 1 || plane.width < 1 || plane.pixels.size() != cells ||
        (!plane.mask.empty() && plane.mask.size() != cells))
      detail::raise<InputError>("the image or mask of band " + std::string(1, band_names[b]) +
                                " does not have the size its extents ask for");
    Wcs wcs{centre, {plane.map.centre_x, plane.map.centre_y}, plane.map.arcsec_per_pixel};
    for (auto& row : wcs.cd)
      for (double& value : row) value /= 3600;
    const std::string band(1, static_cast<char>(band_names[b] - 'a' + 'A'));
    writer.image(plane.pixels, {plane.width, plane.height}, band);
    writer.card({"FILTER", std::string(1, band_names[b]), "SDSS band"});
    writer.card({"BUNIT", std::string("nanomaggy"), "1 nanomaggy = 3.631e-6 Jy"});
    for (const FitsCard& card : wcs_cards(wcs)) writer.card(card);
    if (plane.mask.empty()) continue;
    std::int32_t keyed = 0;
    for (const auto& [key, bit] : cutout_mask_keys) keyed |= 1 << bit;
    std::vector<std::int16_t> mask(cells);
    for (std::size_t k = 0; k < cells; ++k) {
      const std::int32_t bits = plane.mask[k];
      mask[k] = static_cast<std::int16_t>((bits & keyed) | ((bits & ~keyed) != 0 ? mask_bit::bad_column : 0));
    }
    writer.bits(mask, {plane.width, plane.height}, "MASK_" + band);
    for (const auto& [key, bit] : cutout_mask_keys) writer.card({key, std::int64_t{bit}, "number of the mask bit"});
  }
  if (!any) detail::raise<InputError>("a cutout without any image cannot be written");
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
