// SPDX-License-Identifier: BSD-3-Clause
// From SDSS frames and a position to the five images of a cluster's field: each band cut from its own frames on its own
// pixel grid, registered by its own WCS. The bands are not resampled onto each other: that is done behind the front
// door. Part of clustermass::fits.
#pragma once

#include <array>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/io/band_cut.hpp"
#include "clustermass/io/sdss_folder.hpp"
#include "clustermass/io/sdss_frame.hpp"
#include "clustermass/io/sdss_mask.hpp"
#include "clustermass/io/wcs.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

namespace detail {
/// What is known of a band's frames, to say it in an error.
struct BandReport {
  bool given = false, sees = false, strictly = false;
  double distance_arcmin = 1e9;
  std::string nearest;
};

inline void note_frame(BandReport& report, const SdssFrame& frame, const std::string& name, SkyPosition position) {
  // registration shifts the bands by a few pixels: a position just off one of them is still in the same field
  constexpr double slack_pixels = 40;
  report.given = true;
  const double distance = separation_arcsec(frame.centre(), position) / 60;
  if (distance < report.distance_arcmin) {
    report.distance_arcmin = distance;
    report.nearest = name;
  }
  const auto pixel = frame.wcs.sky_to_pixel(position);
  const auto inside = [&](double slack) {
    return pixel && pixel->x >= -0.5 - slack && pixel->y >= -0.5 - slack && pixel->x <= frame.width - 0.5 + slack &&
           pixel->y <= frame.height - 0.5 + slack;
  };
  report.sees = report.sees || inside(slack_pixels);
  report.strictly = report.strictly || inside(0);
}

/// Throws InputError if the position lies in no band's frames, or in those of some bands only.
inline void check_position(const std::array<BandReport, band_count>& reports, SkyPosition position) {
  char where[64];
  std::snprintf(where, sizeof where, "RA %.5f Dec %+.5f", position.ra_deg, position.dec_deg);
  std::string inside, outside;
  bool given = false, strictly = false;
  for (std::size_t b = 0; b < reports.size(); ++b) {
    const BandReport& report = reports[b];
    given = given || report.given;
    strictly = strictly || report.strictly;
    if (report.given && report.sees) inside += std::string(inside.empty() ? "" : " ") + band_names[b];
    if (report.given && !report.sees) {
      char distance[48];
      std::snprintf(distance, sizeof distance, "; nearest centre %.1f arcmin away)", report.distance_arcmin);
      outside += std::string(outside.empty() ? "" : ", ") + band_names[b] + " (" + report.nearest + distance;
    }
  }
  if (!given)
    raise<InputError>("no frames were given; expected those of u, g, r, i and z around " + std::string(where));
  if (inside.empty() || (outside.empty() && !strictly))
    raise<InputError>("the position " + std::string(where) + " lies outside all frames: " +
                      (outside.empty() ? "at most 40 pixels off those of " + inside : outside) +
                      "; give the frames of its own field, or correct the position");
  if (!outside.empty())
    raise<InputError>("the bands are of different fields: the position " + std::string(where) +
                      " lies in the frames of " + inside + " but not in those of " + outside +
                      "; give frames of the same field in every band");
}

/// A frame counts as resampled input if more than a tenth of its pixels were interpolated.
inline void take_band(CutoutBuffer& buffer, std::size_t b, BandCut&& cut) {
  buffer.bands[b] = std::move(cut.plane);
  if (cut.resampled_fraction > 0.1) buffer.input_kind = InputKind::resampled;
}
}  // namespace detail

/// Cuts a cluster's field from loaded frames of any bands, runs and order, see cut_band. A frame of which only the
/// header was read takes part in the checks of the position, no more. A band without frames stays empty. The redshift
/// is kept as it is; E(B-V) and the redshift's error are the caller's to fill in. Throws InputError if the position
/// lies outside the frames of every band, or of some.
inline CutoutBuffer cut_from_frames(std::span<const SdssFrame> frames, SkyPosition position, double redshift,
                                    const CutOptions& options = {}) {
  std::array<std::vector<const SdssFrame*>, band_count> of_band;
  std::array<detail::BandReport, band_count> reports;
  for (const SdssFrame& frame : frames) {
    const auto b = static_cast<std::size_t>(frame.band);
    if (!frame.image.empty()) of_band[b].push_back(&frame);
    detail::note_frame(reports[b], frame, frame_file_name(frame.band, frame.run, frame.camcol, frame.field), position);
  }
  detail::check_position(reports, position);
  CutoutBuffer buffer;
  buffer.redshift = redshift;
  for (std::size_t b = 0; b < of_band.size(); ++b)
    if (!of_band[b].empty()) detail::take_band(buffer, b, cut_band(of_band[b], position, redshift, options));
  return buffer;
}

/// The frames of one band that touch the field, read from their files with their masks; others are not read beyond
/// their headers. Thread-safe: a host may read the five bands on threads of its own. Throws InputError.
inline std::vector<SdssFrame> read_frames_near(std::span<const FrameFile> files, Band band, SkyPosition position,
                                               double redshift, const CutOptions& options = {}) {
  std::vector<SdssFrame> frames;
  for (const FrameFile& entry : files) {
    if (entry.name.band != band) continue;
    FitsFile file(entry.path);
    SdssFrame frame = read_sdss_frame_header(file);
    if (frame.band != band)
      file.fail("FILTER = '" + std::string(1, detail::band_letter(frame.band)) + "', but the name says band " +
                detail::band_letter(band));
    const double reach = detail::field_radius_arcsec(redshift, options) + detail::half_diagonal_arcsec(frame);
    if (separation_arcsec(frame.centre(), position) <= reach) {
      frame = read_sdss_frame(file);
      if (!entry.mask_path.empty()) frame.mask = read_fpm_mask(entry.mask_path, frame.height, frame.width);
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

/// The same from files, one band in memory at a time.
inline CutoutBuffer cut_from_frames(std::span<const FrameFile> files, SkyPosition position, double redshift,
                                    const CutOptions& options = {}) {
  std::array<detail::BandReport, band_count> reports;
  CutoutBuffer buffer;
  buffer.redshift = redshift;
  for (std::size_t b = 0; b < reports.size(); ++b) {
    const std::vector<SdssFrame> frames = read_frames_near(files, static_cast<Band>(b), position, redshift, options);
    std::vector<const SdssFrame*> loaded;
    for (const SdssFrame& frame : frames) {
      detail::note_frame(reports[b], frame, frame_file_name(frame.band, frame.run, frame.camcol, frame.field),
                         position);
      if (!frame.image.empty()) loaded.push_back(&frame);
    }
    if (reports[b].sees) detail::take_band(buffer, b, cut_band(loaded, position, redshift, options));
  }
  detail::check_position(reports, position);
  return buffer;
}

/// The same from a folder of frames, see find_frames.
inline CutoutBuffer cut_from_folder(const std::string& folder, SkyPosition position, double redshift,
                                    const CutOptions& options = {}) {
  return cut_from_frames(find_frames(folder), position, redshift, options);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
