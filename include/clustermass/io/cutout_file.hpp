// SPDX-License-Identifier: BSD-3-Clause
// Ready-made cutouts in FITS files: images of single bands (files or extensions), one cube of bands, LSST exposures.
// The kind is told from the content. Raw SDSS frames and a position are mosaic.hpp's. Part of clustermass::fits.
#pragma once

#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/io/fits_reader.hpp"
#include "clustermass/io/sdss_frame.hpp"
#include "clustermass/io/wcs.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// What a cutout's file does not say.
struct CutoutFileOptions {
  double redshift = std::numeric_limits<double>::quiet_NaN();
  std::optional<SkyPosition> centre{};  ///< the cluster's position; absent: the centre of each image
  std::optional<double>
      pixel_scale_arcsec{};  ///< for images without a WCS: north up, east left, the cluster in the middle
  bool any_unit = false;     ///< take the pixels for nanomaggies whatever BUNIT says
  /// Kind of the pixels. Image services resample, which correlates the noise; crops of frames are native.
  InputKind input_kind = InputKind::resampled;
};

namespace detail {
using CutoutPlane = CutoutBuffer::Plane;

/// Puts NaN pixels behind the mask: bad_column, or no_data where the file says the band has no image.
inline void mask_nan(CutoutPlane& plane) {
  plane.mask.resize(plane.pixels.size(), 0);
  for (std::size_t k = 0; k < plane.pixels.size(); ++k) {
    const bool bad_variance = !plane.variance.empty() && !finite_bits(plane.variance[k]);
    if (finite_bits(plane.pixels[k]) && !bad_variance) continue;
    plane.pixels[k] = 0;
    if (!plane.variance.empty()) plane.variance[k] = 0;
    plane.mask[k] |= mask_bit::bad_column;
  }
}

/// The map of an image to the sky around the cluster: by the WCS of the current HDU, else by the given scale.
inline AffineMap cutout_map(const FitsFile& file, int width, int height, const CutoutFileOptions& options) {
  const PixelPosition middle{(width - 1) / 2.0, (height - 1) / 2.0};
  if (const std::optional<Wcs> wcs = find_wcs(file)) {
    const SkyPosition centre = options.centre.value_or(wcs->pixel_to_sky(middle));
    const std::optional<AffineMap> map = wcs->local_map(centre);
    if (!map ||
        !(map->centre_x > -0.5 && map->centre_y > -0.5 && map->centre_x < width - 0.5 && map->centre_y < height - 0.5))
      file.fail("the position RA " + std::to_string(centre.ra_deg) + " Dec " + std::to_string(centre.dec_deg) +
                " lies outside the image of " + std::to_string(width) + " x " + std::to_string(height) +
                " pixels; give the cutout around it, or correct the position");
    return *map;
  }
  if (!options.pixel_scale_arcsec)
    file.fail("the image has no WCS (CTYPE1); give the pixel scale in arcsec, north up and east left");
  const double s = *options.pixel_scale_arcsec;
  if (!(s > 0 && s < 3600)) raise<InputError>("a pixel scale of " + std::to_string(s) + " arcsec is not possible");
  return {{{{-s, 0}, {0, s}}}, middle.x, middle.y};
}

/// A band's name as it stands in headers: r, R, sdss_r, "r (SDSS)", r.MP9602, SDSS-r; nothing if it names none of
/// ugriz.
inline std::optional<Band> band_from_text(const std::string& text) {
  std::string word;
  std::optional<Band> found;
  for (const char c : text + " ") {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      if (const auto band = find_band(word); band && !found) found = band;
      word.clear();
    }
  }
  return found;
}

/// Band of the current HDU from EXTNAME or FILTER, of the first HDU's FILTER, or of a file named like r.fits.
inline std::optional<Band> image_band(FitsFile& file) {
  for (const char* key : {"FILTER", "BAND", "EXTNAME"})
    if (const auto text = file.find_string(key))
      if (const auto band = band_from_text(*text)) return band;
  const int here = file.hdu();
  file.go_to(0);
  const std::optional<std::string> filter = file.find_string("FILTER");
  file.go_to(here);
  if (filter)
    if (const auto band = band_from_text(*filter)) return band;
  const std::string name = std::filesystem::path(file.path()).filename().string();
  return name.size() > 1 && name[1] == '.' ? find_band(name.substr(0, 1)) : std::nullopt;
}

inline void put_plane(CutoutBuffer& buffer, Band band, CutoutPlane&& plane, const FitsFile& file) {
  CutoutPlane& place = buffer.bands[static_cast<std::size_t>(band)];
  if (!place.pixels.empty())
    file.fail("a second image of band " + std::string(1, band_letter(band)) + "; expected one");
  place = std::move(plane);
}

inline void check_unit(const FitsFile& file, const CutoutFileOptions& options) {
  if (!options.any_unit) require_nanomaggies(file);
}

/// OVERLAP = F: the survey has no data here, the pixels are fill.
inline bool without_data(const FitsFile& file) {
  return file.find_string("OVERLAP") && file.find_bool("OVERLAP") == false;
}

/// A cube [bands,height,width]; bands named by BANDS = 'ugriz' or BAND0, BAND1, ...
inline void read_cube(FitsFile& file, const CutoutFileOptions& options, CutoutBuffer& buffer) {
  check_unit(file, options);
  FitsImage cube = file.read_image();
  const std::string all = file.find_string("BANDS").value_or("");
  const bool empty = without_data(file);
  const AffineMap map = cutout_map(file, cube.width, cube.height, options);
  const std::size_t size = static_cast<std::size_t>(cube.width) * static_cast<std::size_t>(cube.height);
  if (!all.empty() && all.size() != static_cast<std::size_t>(cube.depth))
    file.fail("BANDS = '" + all + "' names " + std::to_string(all.size()) + " bands, the cube has " +
              std::to_string(cube.depth) + " planes");
  for (int k = 0; k < cube.depth; ++k) {
    const std::string key = "BAND" + std::to_string(k);
    const std::optional<std::string> name =
        all.empty() ? file.find_string(key) : std::string(1, all[static_cast<std::size_t>(k)]);
    if (!name) file.fail("neither BANDS nor " + key + " says which band plane " + std::to_string(k) + " is");
    const std::optional<Band> band = find_band(*name);
    if (!band) continue;  // a cube may hold more bands than the five
    CutoutPlane plane;
    plane.width = cube.width;
    plane.height = cube.height;
    plane.map = map;
    const auto first = cube.pixels.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(k) * size);
    plane.pixels.assign(first, first + static_cast<std::ptrdiff_t>(size));
    mask_nan(plane);
    if (empty) plane.mask.assign(size, mask_bit::no_data);
    put_plane(buffer, *band, std::move(plane), file);
  }
}

/// An image of one band, which is the current HDU.
inline void read_band_image(FitsFile& file, const CutoutFileOptions& options, CutoutBuffer& buffer) {
  check_unit(file, options);
  const std::optional<Band> band = image_band(file);
  if (!band) file.fail("neither EXTNAME nor FILTER names one of the bands u, g, r, i, z");
  FitsImage image = file.read_image();
  CutoutPlane plane;
  plane.width = image.width;
  plane.height = image.height;
  plane.map = cutout_map(file, image.width, image.height, options);
  plane.pixels = std::move(image.pixels);
  mask_nan(plane);
  if (without_data(file)) plane.mask.assign(plane.pixels.size(), mask_bit::no_data);
  put_plane(buffer, *band, std::move(plane), file);
}

/// Adds the mask that is the current HDU, its bits named by MP_* keys. Bad: BAD, SAT, CR, NO_DATA, EDGE.
inline void read_mask_bits(FitsFile& file, CutoutPlane& plane) {
  const std::vector<std::int32_t> bits = file.read_bits();
  constexpr std::pair<const char*, std::int32_t> bad_planes[] = {{"MP_BAD", mask_bit::bad_column},
                                                                 {"MP_SAT", mask_bit::saturated},
                                                                 {"MP_CR", mask_bit::cosmic_ray},
                                                                 {"MP_NO_DATA", mask_bit::no_data},
                                                                 {"MP_EDGE", mask_bit::edge}};
  bool named = false;
  for (const auto& [key, bit] : bad_planes) {
    const std::optional<std::int64_t> number = file.find_int(key);
    if (!number) continue;
    named = true;
    if (*number < 0 || *number > 30)
      file.fail(std::string(key) + " = " + std::to_string(*number) + ", expected 0 to 30");
    for (std::size_t k = 0; k < bits.size(); ++k)
      if ((bits[k] >> *number & 1) != 0) plane.mask[k] |= bit;
  }
  if (!named) file.fail("no keyword MP_BAD, MP_SAT, MP_CR, MP_NO_DATA or MP_EDGE names the bits of the mask");
}

/// The mask of a band that was read from the same file: extension MASK_R for the band r, and so on.
inline void read_band_mask(FitsFile& file, Band band, CutoutBuffer& buffer) {
  CutoutPlane& plane = buffer.bands[static_cast<std::size_t>(band)];
  if (plane.pixels.empty()) file.fail("a mask, but no image of band " + std::string(1, band_letter(band)));
  if (file.extents() != std::vector<int>{plane.width, plane.height})
    file.fail("the mask's extents differ from the " + std::to_string(plane.width) + " x " +
              std::to_string(plane.height) + " pixels of its image");
  read_mask_bits(file, plane);
}

/// An LSST exposure: IMAGE, MASK (bits named by MP_* keys) and VARIANCE. Bad: BAD, SAT, CR, NO_DATA, EDGE.
inline void read_exposure(FitsFile& file, int image_hdu, int mask_hdu, int variance_hdu,
                          const CutoutFileOptions& options, CutoutBuffer& buffer) {
  file.go_to(image_hdu);
  check_unit(file, options);
  const std::optional<Band> band = image_band(file);
  if (!band) file.fail("FILTER names none of the bands u, g, r, i, z");
  FitsImage image = file.read_image();
  CutoutPlane plane;
  plane.width = image.width;
  plane.height = image.height;
  plane.map = cutout_map(file, image.width, image.height, options);
  plane.pixels = std::move(image.pixels);
  const auto check_extents = [&] {
    if (file.extents() != std::vector<int>{plane.width, plane.height})
      file.fail("the plane's extents differ from the " + std::to_string(plane.width) + " x " +
                std::to_string(plane.height) + " pixels of IMAGE");
  };
  if (variance_hdu >= 0) {
    file.go_to(variance_hdu);
    check_extents();
    plane.variance = file.read_image().pixels;
  }
  plane.mask.assign(plane.pixels.size(), 0);
  if (mask_hdu >= 0) {
    file.go_to(mask_hdu);
    check_extents();
    read_mask_bits(file, plane);
  }
  mask_nan(plane);
  put_plane(buffer, *band, std::move(plane), file);
}

/// The band of a mask extension named like MASK_R; nothing for another name.
inline std::optional<Band> mask_band(const std::string& name) {
  if (name.size() != 6 || !same_name(name.substr(0, 5), "MASK_")) return std::nullopt;
  return find_band(std::string(1, static_cast<char>(std::tolower(static_cast<unsigned char>(name[5])))));
}

/// Everything one file holds.
inline void read_cutout_parts(const std::string& path, const CutoutFileOptions& options, CutoutBuffer& buffer) {
  FitsFile file(path);
  int image = -1, mask = -1, variance = -1;
  std::vector<int> images;
  std::vector<std::pair<int, Band>> masks;  // of single bands
  for (int hdu = 0; hdu < file.hdu_count(); ++hdu) {
    file.go_to(hdu);
    const std::size_t naxis = file.extents().size();
    if (naxis != 2 && naxis != 3) continue;
    const std::string name = file.name();
    if (same_name(name, "IMAGE"))
      image = hdu;
    else if (same_name(name, "MASK"))
      mask = hdu;
    else if (same_name(name, "VARIANCE"))
      variance = hdu;
    else if (const auto band = mask_band(name))
      masks.emplace_back(hdu, *band);
    else
      images.push_back(hdu);
  }
  if (image >= 0 && (mask >= 0 || variance >= 0)) return read_exposure(file, image, mask, variance, options, buffer);
  if (image >= 0) images.insert(images.begin(), image);
  if (images.empty()) file.go_to_first_image();  // says that there is none
  for (const int hdu : images) {
    file.go_to(hdu);
    if (file.extents().size() == 3)
      read_cube(file, options, buffer);
    else
      read_band_image(file, options, buffer);
  }
  for (const auto& [hdu, band] : masks) {
    file.go_to(hdu);
    read_band_mask(file, band, buffer);
  }
}
}  // namespace detail

/// A cutout from one or several files, any of: an image of one band (in files of their own or in extensions, band from
/// FILTER, BAND, EXTNAME or a name like r.fits), with its mask in an extension MASK_R (bits named by MP_* keys) if the
/// file has one; one cube of bands (BANDS = 'ugriz' or BAND0..4; OVERLAP = F: no data); an LSST exposure a band (IMAGE,
/// MASK with MP_* keys, VARIANCE). Pixels in nanomaggies by BUNIT, each image placed by its own WCS. Bands that no file
/// holds stay empty. Throws InputError: a picture (JPEG), an unknown unit or band, a band twice, no WCS and no pixel
/// scale, a centre outside an image, a mask that fits no image, no image at all.
inline CutoutBuffer read_cutout_file(std::span<const std::string> paths, const CutoutFileOptions& options = {}) {
  CutoutBuffer buffer;
  buffer.redshift = options.redshift;
  buffer.input_kind = options.input_kind;
  for (const std::string& path : paths) detail::read_cutout_parts(path, options, buffer);
  bool any = false;
  for (const CutoutBuffer::Plane& plane : buffer.bands) any = any || !plane.pixels.empty();
  if (!any)
    detail::raise<InputError>(paths.empty() ? "no file was given; expected the images of u, g, r, i and z"
                                            : "'" + paths.front() + "' holds no image of the bands u, g, r, i, z");
  return buffer;
}
inline CutoutBuffer read_cutout_file(const std::string& path, const CutoutFileOptions& options = {}) {
  return read_cutout_file(std::span(&path, 1), options);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
