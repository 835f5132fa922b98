// SPDX-License-Identifier: BSD-3-Clause
// The frame files of a folder, with the mask files that lie beside them. Names only: nothing is opened here.
// Part of clustermass::fits.
#pragma once

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

#include "clustermass/io/sdss_frame.hpp"
#include "clustermass/io/sdss_mask.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A frame's file, what its name says, and the mask file that lies beside it, if there is one.
struct FrameFile {
  std::string path;
  FrameName name{};
  std::string mask_path{};
};

/// The file of a frame at a path. Where the name is not the survey's, the header is asked. Throws InputError.
inline FrameFile frame_file(const std::string& path) {
  const std::filesystem::path place(path);
  FrameFile result{path, {}, {}};
  if (const auto name = parse_frame_name(place.filename().string())) {
    result.name = *name;
  } else {
    FitsFile file(path);
    const SdssFrame frame = read_sdss_frame_header(file);
    result.name = {frame.band, frame.run, frame.camcol, frame.field};
  }
  for (const char* suffix : {".fit", ".fit.gz"}) {
    char name[64];
    std::snprintf(name, sizeof name, "fpM-%06d-%c%d-%04d%s", result.name.run, detail::band_letter(result.name.band),
                  result.name.camcol, result.name.field, suffix);
    const std::filesystem::path mask = place.parent_path() / name;
    std::error_code error;
    if (result.mask_path.empty() && std::filesystem::exists(mask, error)) result.mask_path = mask.string();
  }
  return result;
}

/// All frames named frame-{band}-{run:06d}-{camcol}-{field:04d}.fits[.bz2|.gz|.fz] in a folder, in the order band, run,
/// camcol, field; one file of each frame, the least compressed. Throws InputError if there is no folder or no frame.
inline std::vector<FrameFile> find_frames(const std::string& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) detail::raise<InputError>("the folder '" + folder + "' cannot be read: " + error.message());
  std::vector<FrameFile> files;
  for (const std::filesystem::directory_entry& entry : entries)
    if (parse_frame_name(entry.path().filename().string())) files.push_back(frame_file(entry.path().string()));
  if (files.empty())
    detail::raise<InputError>(
        "the folder '" + folder +
        "' holds no file named like frame-r-004510-4-0030.fits (or .fits.bz2, .fits.gz, .fits.fz)");
  const auto key = [](const FrameFile& f) { return std::tuple(f.name.band, f.name.run, f.name.camcol, f.name.field); };
  const auto order = [&](const FrameFile& f) {
    const bool packed = f.path.ends_with(".bz2") || f.path.ends_with(".gz");
    return std::tuple(key(f), packed, f.path);
  };
  std::sort(files.begin(), files.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  files.erase(std::unique(files.begin(), files.end(), [&](const auto& a, const auto& b) { return key(a) == key(b); }),
              files.end());
  return files;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
