// SPDX-License-Identifier: BSD-3-Clause
// Fields of the survey held whole in memory, five frames each, from which cutouts at any number of places are views:
// nothing is copied, so a thousand of them cost a thousand preparations and no more.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/io/mosaic.hpp"
#include "clustermass/parallel.hpp"
#include "frame_index.hpp"
#include "progress.hpp"

/// One field, a frame in each of the five bands.
struct SdssField {
  std::string name;  ///< run, camcol and field: 004510-4-0030
  std::array<clustermass::SdssFrame, clustermass::band_count> frames;

  const clustermass::SdssFrame& r_frame() const { return frames[static_cast<std::size_t>(clustermass::Band::r)]; }

  /// Whether a place lies inside the frames of all bands, so many pixels off the edges.
  bool holds(clustermass::SkyPosition place, double margin_pixels) const {
    return std::all_of(frames.begin(), frames.end(), [&](const clustermass::SdssFrame& frame) {
      const auto pixel = frame.wcs.sky_to_pixel(place);
      const double m = margin_pixels - 0.5;
      return pixel && pixel->x >= m && pixel->y >= m && pixel->x <= frame.width - 1 - m &&
             pixel->y <= frame.height - 1 - m;
    });
  }

  /// A place drawn uniformly among those that all bands hold, so many pixels off the edges. Throws InputError if the
  /// frames have hardly any in common.
  clustermass::SkyPosition draw_place(clustermass::Random& random, double margin_pixels = 0) const {
    for (int trial = 0; trial < 1000; ++trial) {
      const double x = (r_frame().width - 1) * random.uniform(), y = (r_frame().height - 1) * random.uniform();
      if (const auto place = r_frame().wcs.pixel_to_sky({x, y}); holds(place, margin_pixels)) return place;
    }
    throw clustermass::InputError("the five frames of field " + name + " hardly overlap on the sky; correct their WCS");
  }

  /// What an estimator is handed for a place: a view of the whole frames, valid while the field lives.
  clustermass::Cutout cutout(clustermass::SkyPosition place, double redshift, double ebv) const {
    clustermass::Cutout cutout;
    cutout.redshift = redshift;
    cutout.ebv = ebv;
    for (std::size_t b = 0; b < frames.size(); ++b) {
      const clustermass::SdssFrame& frame = frames[b];
      const auto map = frame.wcs.local_map(place);
      if (!map) continue;
      cutout.bands[b].pixels = frame.image.data();
      cutout.bands[b].mask = frame.mask.empty() ? nullptr : frame.mask.data();
      cutout.bands[b].height = frame.height;
      cutout.bands[b].width = frame.width;
      cutout.bands[b].map = *map;
    }
    return cutout;
  }
};

/// The folder of real frames: what was asked for, else $CLUSTERMASS_REAL_DATA/sdss, else ../shared/data/sdss.
inline std::string find_real_frames(const std::string& asked) {
  if (!asked.empty()) return asked;
  if (const char* folder = std::getenv("CLUSTERMASS_REAL_DATA")) return std::string(folder) + "/sdss";
  return "../shared/data/sdss";
}

/// All fields below a folder that have a frame in each of the five bands, in the order of their names.
/// Throws InputError if there is none, or if a frame cannot be read.
inline std::vector<SdssField> read_sdss_fields(const std::string& folder, clustermass::Team& team, bool quiet) {
  using namespace clustermass;
  struct Job {
    std::size_t field;
    const FrameFile* file;
  };
  const FrameIndex index(folder);
  std::vector<SdssField> fields;
  std::vector<Job> jobs;
  for (const Field& field : index.fields()) {
    std::array<bool, band_count> seen{};
    for (const FrameFile& file : field.files) seen[static_cast<std::size_t>(file.name.band)] = true;
    if (std::find(seen.begin(), seen.end(), false) != seen.end()) continue;
    char name[32];
    std::snprintf(name, sizeof name, "%06d-%d-%04d", field.run, field.camcol, field.number);
    for (const FrameFile& file : field.files) jobs.push_back({fields.size(), &file});
    fields.push_back({name, {}});
  }
  if (fields.empty())
    throw InputError("no field below '" + folder +
                     "' has frames in all of the bands u g r i z; at least one is needed");
  tool::Progress progress("Reading frames", jobs.size(), quiet);
  team.run(jobs.size(), [&](std::size_t k, int) {
    SdssFrame frame = read_sdss_frame(jobs[k].file->path);
    if (!jobs[k].file->mask_path.empty())
      frame.mask = read_fpm_mask(jobs[k].file->mask_path, frame.height, frame.width);
    fields[jobs[k].field].frames[static_cast<std::size_t>(jobs[k].file->name.band)] = std::move(frame);
    progress.step();
  });
  return fields;
}

/// Places of a frame that are nobody's cluster: uniform over the frame, 3 arcmin from every place to avoid; fewer than
/// wanted if the frame has no room. The same each time.
template <class Holds>
std::vector<clustermass::SkyPosition> null_places(const clustermass::SdssFrame& frame,
                                                  std::span<const clustermass::SkyPosition> avoid, std::size_t wanted,
                                                  Holds&& holds) {
  using namespace clustermass;
  constexpr double least_separation_arcsec = 180;
  std::vector<SkyPosition> places;
  Random random(1, 27);
  for (int trial = 0; trial < 10000 && places.size() < wanted; ++trial) {
    const double x = (frame.width - 1) * random.uniform(), y = (frame.height - 1) * random.uniform();
    const SkyPosition place = frame.wcs.pixel_to_sky({x, y});
    if (holds(place) && std::none_of(avoid.begin(), avoid.end(), [&](SkyPosition a) {
          return separation_arcsec(a, place) < least_separation_arcsec;
        }))
      places.push_back(place);
  }
  return places;
}
