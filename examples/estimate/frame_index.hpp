// SPDX-License-Identifier: BSD-3-Clause
// The frames below a folder, by field, and where each field lies on the sky, so that each cluster of a list opens only
// the frames near it.
#pragma once

#include <string>
#include <vector>

#include "clustermass/io/sdss_folder.hpp"
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

 private:
  std::string folder_;
  std::vector<Field> fields_;
};
