// SPDX-License-Identifier: BSD-3-Clause
// A folder for files in the making, so that a failed run leaves nothing half-written.
#pragma once

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "clustermass/core/error.hpp"

/// Lies inside the target; removed with all it holds unless `publish` was reached.
class StagedFolder {
 public:
  /// Throws  InputError if the target cannot be made or written to
  explicit StagedFolder(const std::filesystem::path& target)
      : target_(target), created_(!std::filesystem::exists(target)) {
    std::error_code error;
    std::filesystem::create_directories(target, error);
    if (!error) std::filesystem::remove_all(path(), error);  // of a run that was killed
    if (!error) std::filesystem::create_directory(path(), error);
    if (error)
      throw clustermass::InputError("cannot write into the folder '" + target.string() + "': " + error.message() +
                                    "; give another one with -o");
  }
  ~StagedFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path(), ignored);
    if (created_ && !published_) std::filesystem::remove(target_, ignored);
  }
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  std::filesystem::path path() const { return target_ / ".unfinished"; }

  /// Moves every file to the target, in the order of their names.
  void publish() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path())) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) std::filesystem::rename(file, target_ / file.filename());
    published_ = true;
  }

 private:
  std::filesystem::path target_;
  bool created_, published_ = false;
};
