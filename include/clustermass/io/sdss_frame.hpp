// SPDX-License-Identifier: BSD-3-Clause
// One SDSS corrected frame (DR8 and later): image, calibration, sky, sky position, noise; read, written, cut. The older
// fpC files are not read. Files of a folder: sdss_folder.hpp; mask files: sdss_mask.hpp. Part of clustermass::fits.
// Source: SDSS data model, frame.html.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/io/fits.hpp"
#include "clustermass/io/sdss_ccd.hpp"
#include "clustermass/io/wcs.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A corrected frame: what the four HDUs of its file say.
struct SdssFrame {
  Band band = Band::u;
  int run = 0, camcol = 0, field = 0;  ///< field 0: the file does not tell
  int height = 0, width = 0;
  std::vector<float> image;        ///< [height,width] nanomaggies, calibrated, sky-subtracted; NaN: no value
  std::vector<float> calibration;  ///< [width] nanomaggies per count of each column, applied to the image
  std::vector<float> allsky;       ///< [allsky_height,allsky_width] the subtracted sky, coarse [counts]
  int allsky_height = 0, allsky_width = 0;
  std::vector<float> xinterp, yinterp;  ///< [width], [height]: where columns and rows lie on allsky, from 0
  std::vector<std::int32_t> mask;       ///< [height,width] bits of mask_bit, or empty
  Wcs wcs{};

  SkyPosition centre() const { return wcs.pixel_to_sky({(width - 1) / 2.0, (height - 1) / 2.0}); }
  std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(column);
  }
};

namespace detail {
/// Neither NaN nor infinite, told from the bits: holds under -ffast-math too.
inline bool finite_bits(float value) { return (std::bit_cast<std::uint32_t>(value) & 0x7F800000u) != 0x7F800000u; }

inline std::optional<Band> find_band(std::string_view name) {
  for (std::size_t b = 0; b < band_names.size(); ++b)
    if (name.size() == 1 && name[0] == band_names[b]) return static_cast<Band>(b);
  return std::nullopt;
}
inline char band_letter(Band band) { return band_names[static_cast<std::size_t>(band)]; }

/// The unit of the current HDU must be nanomaggies, in one of the spellings in use.
inline void require_nanomaggies(const FitsFile& file) {
  const std::string unit = file.find_string("BUNIT").value_or("");
  for (const char* known : {"nanomaggy", "nanomaggies", "nanomaggys", "nmgy"})
    if (same_name(unit, known)) return;
  file.fail(unit.empty() ? "keyword BUNIT is missing; expected 'nanomaggy'"
                         : "BUNIT = '" + unit + "', expected 'nanomaggy': convert the pixels first");
}
}  // namespace detail

/// The survey's name of a frame's file, without compression suffix.
inline std::string frame_file_name(Band band, int run, int camcol, int field) {
  char name[64];
  std::snprintf(name, sizeof name, "frame-%c-%06d-%d-%04d.fits", detail::band_letter(band), run, camcol, field);
  return name;
}

/// Band, run, camcol and field from a name like frame-r-004510-4-0030.fits.bz2; nothing if it is no such name.
struct FrameName {
  Band band = Band::u;
  int run = 0, camcol = 0, field = 0;
};
inline std::optional<FrameName> parse_frame_name(const std::string& file_name) {
  char band = 0;
  FrameName name;
  int end = 0;
  if (std::sscanf(file_name.c_str(), "frame-%c-%6d-%1d-%4d%n", &band, &name.run, &name.camcol, &name.field, &end) != 4)
    return std::nullopt;
  const std::string_view suffix = std::string_view(file_name).substr(static_cast<std::size_t>(end));
  const std::optional<Band> found = detail::find_band({&band, 1});
  if (!found || (suffix != ".fits" && suffix != ".fits.bz2" && suffix != ".fits.gz" && suffix != ".fits.fz"))
    return std::nullopt;
  name.band = *found;
  return name;
}

/// Sky that was subtracted at a pixel: ALLSKY interpolated bilinearly, positions clamped to its edges. [counts]
inline double sky_at(const SdssFrame& frame, int row, int column) {
  const auto place = [](float position, int extent, int& low, int& high) {
    const double p = std::clamp(static_cast<double>(position), 0.0, extent - 1.0);
    low = static_cast<int>(p);
    high = std::min(low + 1, extent - 1);
    return p - low;
  };
  int x0 = 0, x1 = 0, y0 = 0, y1 = 0;
  const double fx = place(frame.xinterp[static_cast<std::size_t>(column)], frame.allsky_width, x0, x1);
  const double fy = place(frame.yinterp[static_cast<std::size_t>(row)], frame.allsky_height, y0, y1);
  const auto sky = [&](int y, int x) -> double {
    return frame.allsky[static_cast<std::size_t>(y) * static_cast<std::size_t>(frame.allsky_width) +
                        static_cast<std::size_t>(x)];
  };
  return (1 - fy) * ((1 - fx) * sky(y0, x0) + fx * sky(y0, x1)) + fy * ((1 - fx) * sky(y1, x0) + fx * sky(y1, x1));
}

/// Variance of a pixel from the CCD's gain and dark variance; 0, which marks a bad pixel, where it is not known.
///
///   counts = image / calibration + sky,  variance = (counts / gain + dark) calibration^2    [nanomaggies^2]
inline float variance_at(const SdssFrame& frame, const SdssCcd& ccd, int row, int column) {
  const double calibration = frame.calibration[static_cast<std::size_t>(column)];
  const double counts = frame.image[frame.index(row, column)] / calibration + sky_at(frame, row, column);
  const float variance =
      static_cast<float>((std::max(counts, 0.0) / ccd.gain + ccd.dark_variance) * calibration * calibration);
  return calibration > 0 && detail::finite_bits(frame.image[frame.index(row, column)]) && detail::finite_bits(variance)
             ? variance
             : 0.0f;
}

/// Sky of the whole frame [height,width]. [counts]
inline std::vector<float> sky_counts(const SdssFrame& frame) {
  std::vector<float> sky(frame.image.size());
  for (int i = 0; i < frame.height; ++i)
    for (int j = 0; j < frame.width; ++j) sky[frame.index(i, j)] = static_cast<float>(sky_at(frame, i, j));
  return sky;
}

/// Variance of the whole frame [height,width]. [nanomaggies^2]
inline std::vector<float> pixel_variance(const SdssFrame& frame) {
  const SdssCcd ccd = sdss_ccd(frame.run, frame.camcol, frame.band);
  std::vector<float> variance(frame.image.size());
  for (int i = 0; i < frame.height; ++i)
    for (int j = 0; j < frame.width; ++j) variance[frame.index(i, j)] = variance_at(frame, ccd, i, j);
  return variance;
}

/// Band, numbers, extents and sky position of a frame, no pixels; leaves the file at the image HDU.
inline SdssFrame read_sdss_frame_header(FitsFile& file) {
  file.go_to_first_image();
  const std::vector<int> extents = file.extents();
  if (extents.size() != 2) file.fail("expected an image of 2 dimensions, found " + std::to_string(extents.size()));
  // the first frames of DR8 have the calibration factor NMGY, but no BUNIT
  if (file.find_string("BUNIT") || !file.find_double("NMGY")) detail::require_nanomaggies(file);
  SdssFrame frame;
  frame.width = extents[0];
  frame.height = extents[1];
  const std::string filter = file.get_string("FILTER");
  const std::optional<Band> band = detail::find_band(filter);
  if (!band) file.fail("FILTER = '" + filter + "', expected u, g, r, i or z");
  frame.band = *band;
  frame.run = static_cast<int>(file.get_int("RUN"));
  frame.camcol = static_cast<int>(file.get_int("CAMCOL"));
  if (frame.camcol < 1 || frame.camcol > 6) file.fail("CAMCOL = " + std::to_string(frame.camcol) + ", expected 1 to 6");
  const std::optional<Wcs> wcs = find_wcs(file);
  if (!wcs) file.fail("keyword CTYPE1 is missing: the image has no position on the sky");
  frame.wcs = *wcs;
  if (const auto name = parse_frame_name(std::filesystem::path(file.path()).filename().string()))
    frame.field = name->field;
  return frame;
}

/// A corrected frame from an open file. Image, calibration and sky are found by their shape and column names, so that a
/// tile-compressed file, whose HDUs are shifted by one, reads like any other. Throws InputError.
inline SdssFrame read_sdss_frame(FitsFile& file) {
  SdssFrame frame = read_sdss_frame_header(file);
  frame.image = file.read_image().pixels;
  for (int hdu = file.hdu() + 1; hdu < file.hdu_count(); ++hdu) {
    file.go_to(hdu);
    if (!file.is_table()) {
      if (!frame.calibration.empty() || file.extents().size() != 1) continue;
      frame.calibration = file.read_image().pixels;
      if (frame.calibration.size() != static_cast<std::size_t>(frame.width))
        file.fail("the calibration vector has " + std::to_string(frame.calibration.size()) + " values for " +
                  std::to_string(frame.width) + " columns of the image");
    } else if (frame.allsky.empty() && file.find_column("ALLSKY") > 0) {
      FitsColumn<float> sky = file.read_column<float>("ALLSKY");
      if (sky.extents.size() != 2 || sky.extents[0] < 1 || sky.extents[1] < 1 || sky.values.empty())
        file.fail("column ALLSKY is expected to hold one image of 2 dimensions (TDIM)");
      frame.allsky_width = sky.extents[0];
      frame.allsky_height = sky.extents[1];
      sky.values.resize(sky.repeat);
      frame.allsky = std::move(sky.values);
      // a frame trimmed at its upper right may keep the longer vectors
      const auto positions = [&](const char* name, int count) {
        std::vector<float> values = file.read_column<float>(name).values;
        if (values.size() < static_cast<std::size_t>(count))
          file.fail("column " + std::string(name) + " has " + std::to_string(values.size()) + " values for " +
                    std::to_string(count) + " pixels");
        values.resize(static_cast<std::size_t>(count));
        for (const float value : values)
          if (!detail::finite_bits(value))
            file.fail("column " + std::string(name) + " holds a value that is no number");
        return values;
      };
      frame.xinterp = positions("XINTERP", frame.width);
      frame.yinterp = positions("YINTERP", frame.height);
    } else if (file.find_column("FIELD") > 0 && file.row_count() > 0) {
      frame.field = static_cast<int>(file.read_column<std::int64_t>("FIELD").values.front());
    }
  }
  if (frame.calibration.empty() || frame.allsky.empty())
    detail::raise<InputError>("'" + file.path() + "' has no " +
                              (frame.calibration.empty() ? "calibration vector" : "table with the column ALLSKY") +
                              "; expected the four HDUs of an SDSS corrected frame (an image alone is a cutout file)");
  return frame;
}

/// A corrected frame, plain, .gz, .bz2 or .fz. Throws InputError naming file, HDU and keyword.
inline SdssFrame read_sdss_frame(const std::string& path) {
  FitsFile file(path);
  return read_sdss_frame(file);
}

/// Writes a frame with the four HDUs of the survey, bzip2-compressed if the name ends in .bz2; the extra cards go to
/// the first header. read_sdss_frame gives the same numbers back, bit by bit; the mask has no place in a frame's file.
inline void write_sdss_frame(const std::string& path, const SdssFrame& frame, const std::vector<FitsCard>& extra = {}) {
  const auto width = static_cast<std::size_t>(frame.width), height = static_cast<std::size_t>(frame.height);
  if (frame.width < 1 || frame.height < 1 || frame.image.size() != width * height ||
      frame.calibration.size() != width || frame.xinterp.size() != width || frame.yinterp.size() != height ||
      frame.allsky.empty() ||
      frame.allsky.size() !=
          static_cast<std::size_t>(frame.allsky_width) * static_cast<std::size_t>(frame.allsky_height))
    detail::raise<InputError>("the vectors of the frame for '" + path + "' do not have the sizes its extents ask for");
  double mean_calibration = 0;
  for (const float value : frame.calibration) mean_calibration += value / static_cast<double>(width);

  FitsWriter writer;
  writer.image(frame.image, {frame.width, frame.height});
  const std::string filter(1, detail::band_letter(frame.band));
  std::vector<FitsCard> cards{{"ORIGIN", std::string("clustermass"), "program that wrote this file"},
                              {"RUN", std::int64_t{frame.run}, "Run number"},
                              {"CAMCOL", std::int64_t{frame.camcol}, "column in the imaging camera"},
                              {"FIELD", std::int64_t{frame.field}, "field of the run"},
                              {"FILTER", filter, "filter used"},
                              {"RERUN", std::string("301"), "rerun"},
                              {"BUNIT", std::string("nanomaggy"), "1 nanomaggy = 3.631e-6 Jy"},
                              {"NMGY", mean_calibration, "mean calibration [nMgy per count]"}};
  for (const std::vector<FitsCard>& more : {wcs_cards(frame.wcs), extra})
    cards.insert(cards.end(), more.begin(), more.end());
  for (const FitsCard& card : cards) writer.card(card);
  writer.image(frame.calibration, {frame.width});
  writer.table("",
               {{"ALLSKY", frame.allsky, "", "", "", frame.allsky.size(), {frame.allsky_width, frame.allsky_height}},
                {"XINTERP", frame.xinterp, "", "", "", width, {}},
                {"YINTERP", frame.yinterp, "", "", "", height, {}}});
  writer.table("", {{"RUN", std::vector<std::int32_t>{frame.run}},
                    {"RERUN", std::vector<std::string>{"301"}},
                    {"CAMCOL", std::vector<std::int32_t>{frame.camcol}},
                    {"FILTER", std::vector<std::string>{filter}},
                    {"FIELD", std::vector<std::int32_t>{frame.field}}});
  writer.save(path);
}

/// The part of a frame that begins at column x0, row y0. Throws InputError if it is empty or reaches beyond the frame.
inline SdssFrame crop(const SdssFrame& frame, int x0, int y0, int width, int height) {
  if (x0 < 0 || y0 < 0 || width < 1 || height < 1 || width > frame.width - x0 || height > frame.height - y0)
    detail::raise<InputError>("a part of " + std::to_string(width) + " x " + std::to_string(height) + " pixels at (" +
                              std::to_string(x0) + ", " + std::to_string(y0) + ") does not lie in a frame of " +
                              std::to_string(frame.width) + " x " + std::to_string(frame.height));
  SdssFrame part = frame;
  part.width = width;
  part.height = height;
  part.wcs = frame.wcs.shifted(x0, y0);
  const auto piece = [](const std::vector<float>& all, int first, int count) {
    return std::vector<float>(all.begin() + first, all.begin() + first + count);
  };
  part.calibration = piece(frame.calibration, x0, width);
  part.xinterp = piece(frame.xinterp, x0, width);
  part.yinterp = piece(frame.yinterp, y0, height);
  part.image.clear();
  part.mask.clear();
  for (int i = y0; i < y0 + height; ++i) {
    const auto first = static_cast<std::ptrdiff_t>(frame.index(i, x0));
    part.image.insert(part.image.end(), frame.image.begin() + first, frame.image.begin() + first + width);
    if (!frame.mask.empty())
      part.mask.insert(part.mask.end(), frame.mask.begin() + first, frame.mask.begin() + first + width);
  }
  return part;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
