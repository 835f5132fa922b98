// SPDX-License-Identifier: BSD-3-Clause
// The frames below a folder, by field, and where each field lies on the sky, so that each cluster of a list opens only
// the frames near it.
#pragma once

#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "clustermass/io/sdss_folder.hpp"
#include "clustermass/io/sdss_frame.hpp"
#include "clustermass/parallel.hpp"

/// The frames of one field, all bands.
struct Field {
  int run = 0, camcol = 0, number = 0;
  std::vector<clustermass::FrameFile> files;
  clustermass::SkyPosition centre{};
  double half_diagonal_arcsec = -1;  ///< negative: its place is not known
};

class FrameIndex {
 public:
  /// Finds the frames in a folder and in all folders below it. Throws InputError if there is none.
  explicit FrameIndex(const std::string& folder);

  /// Reads one header of every field, which gives its place. A field whose frame cannot be read is left without one;
  /// returned are the messages.
  std::vector<std::string> place(clustermass::Team& team);

  /// All frames of the fields that reach within radius_arcsec of a position. After place().
  std::vector<clustermass::FrameFile> near(clustermass::SkyPosition position, double radius_arcsec) const;

  /// The frames of a run; camcol and field below 0 mean all.
  std::vector<clustermass::FrameFile> of(int run, int camcol, int field) const;

  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::string folder_;
  std::vector<Field> fields_;
};

inline FrameIndex::FrameIndex(const std::string& folder) : folder_(folder) {
  using namespace clustermass;
  namespace fs = std::filesystem;
  std::set<std::string> places;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::follow_directory_symlink, error), end;
  if (error) throw InputError("the folder '" + folder + "' cannot be read: " + error.message());
  for (; entry != end; entry.increment(error)) {
    if (error) throw InputError("the folder '" + folder + "' cannot be read: " + error.message());
    if (parse_frame_name(entry->path().filename().string())) places.insert(entry->path().parent_path().string());
  }
  std::map<std::tuple<int, int, int>, Field> fields;
  for (const std::string& place : places)
    for (FrameFile& file : find_frames(place)) {
      Field& field = fields[{file.name.run, file.name.camcol, file.name.field}];
      field.run = file.name.run;
      field.camcol = file.name.camcol;
      field.number = file.name.field;
      field.files.push_back(std::move(file));
    }
  if (fields.empty())
    throw InputError(
        "neither the folder '" + folder +
        "' nor one below it holds a file named like frame-r-004510-4-0030.fits (or .fits.bz2, .fits.gz, .fits.fz)");
  for (auto& [key, field] : fields) fields_.push_back(std::move(field));
}

inline std::vector<std::string> FrameIndex::place(clustermass::Team& team) {
  using namespace clustermass;
  std::vector<std::string> messages(fields_.size());
  team.run(fields_.size(), [&](std::size_t k, int) {
    Field& field = fields_[k];
    try {
      FitsFile file(field.files.front().path);
      const SdssFrame frame = read_sdss_frame_header(file);
      field.centre = frame.centre();
      field.half_diagonal_arcsec = separation_arcsec(field.centre, frame.wcs.pixel_to_sky({0, 0}));
    } catch (const InputError& error) {
      messages[k] = error.what();
    }
  });
  std::erase_if(messages, [](const std::string& message) { return message.empty(); });
  return messages;
}

inline std::vector<clustermass::FrameFile> FrameIndex::near(clustermass::SkyPosition position,
                                                            double radius_arcsec) const {
  using namespace clustermass;
  constexpr double between_bands = 60;  // the bands of a field are some pixels apart; generous [arcsec]
  std::vector<FrameFile> files;
  for (const Field& field : fields_)
    if (field.half_diagonal_arcsec >= 0 &&
        separation_arcsec(field.centre, position) <= radius_arcsec + field.half_diagonal_arcsec + between_bands)
      files.insert(files.end(), field.files.begin(), field.files.end());
  if (files.empty()) throw InputError("the position lies outside all frames below '" + folder_ + "'");
  return files;
}

inline std::vector<clustermass::FrameFile> FrameIndex::of(int run, int camcol, int number) const {
  using namespace clustermass;
  std::vector<FrameFile> files;
  for (const Field& field : fields_)
    if (field.run == run && (camcol < 0 || field.camcol == camcol) && (number < 0 || field.number == number))
      files.insert(files.end(), field.files.begin(), field.files.end());
  if (files.empty())
    throw InputError("run " + std::to_string(run) + ", camcol " + std::to_string(camcol) + ", field " +
                     std::to_string(number) + " is not among the frames below '" + folder_ + "'");
  return files;
}
