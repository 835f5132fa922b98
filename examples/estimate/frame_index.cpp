// SPDX-License-Identifier: BSD-3-Clause
#include "frame_index.hpp"

#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <tuple>

#include "clustermass/io/sdss_frame.hpp"

using namespace clustermass;
namespace fs = std::filesystem;

FrameIndex::FrameIndex(const std::string& folder) : folder_(folder) {
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

std::vector<std::string> FrameIndex::place(Team& team) {
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

std::vector<FrameFile> FrameIndex::near(SkyPosition position, double radius_arcsec) const {
  constexpr double between_bands = 60;  // the bands of a field are some pixels apart; generous [arcsec]
  std::vector<FrameFile> files;
  for (const Field& field : fields_)
    if (field.half_diagonal_arcsec >= 0 &&
        separation_arcsec(field.centre, position) <= radius_arcsec + field.half_diagonal_arcsec + between_bands)
      files.insert(files.end(), field.files.begin(), field.files.end());
  if (files.empty()) throw InputError("the position lies outside all frames below '" + folder_ + "'");
  return files;
}

std::vector<FrameFile> FrameIndex::of(int run, int camcol, int number) const {
  std::vector<FrameFile> files;
  for (const Field& field : fields_)
    if (field.run == run && (camcol < 0 || field.camcol == camcol) && (number < 0 || field.number == number))
      files.insert(files.end(), field.files.begin(), field.files.end());
  if (files.empty())
    throw InputError("run " + std::to_string(run) + ", camcol " + std::to_string(camcol) + ", field " +
                     std::to_string(number) + " is not among the frames below '" + folder_ + "'");
  return files;
}
