// SPDX-License-Identifier: BSD-3-Clause
// The images of a list's rows: cutout files, folders of frames, or the frames of a survey by place or by number.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/io/cutout_file.hpp"
#include "clustermass/io/list.hpp"
#include "clustermass/io/mosaic.hpp"
#include "clustermass/model/prepare.hpp"
#include "clustermass/parallel.hpp"
#include "frame_index.hpp"

/// Whether a field can be cut at this redshift at all.
inline bool is_redshift_possible(double z) {
  return z >= clustermass::lowest_redshift && z <= clustermass::highest_redshift;
}

struct ListImagesOptions {
  std::string list;                            ///< paths are relative to its folder
  std::string frames;                          ///< folder of the frames; needed by rows without a path
  std::optional<double> pixel_scale_arcsec{};  ///< of cutout files without a WCS
  bool any_unit = false, native = false;
};

/// Where the images of the list's rows are.
class ListImages {
 public:
  ListImages(ListImagesOptions options, const std::vector<clustermass::ListRow>& rows, clustermass::Team& team)
      : options_(std::move(options)), beside_(std::filesystem::path(options_.list).parent_path()) {
    using namespace clustermass;
    const bool needed = std::any_of(rows.begin(), rows.end(), [](const ListRow& row) { return row.path.empty(); });
    if (needed && options_.frames.empty())
      throw InputError("'" + options_.list +
                       "' has rows without PATH: give the folder of the frames with --frames DIR");
    if (!needed) return;
    index_.emplace(options_.frames);
    const auto by_place = [](const ListRow& row) {
      return row.path.empty() && row.run < 0 && is_redshift_possible(row.redshift);
    };
    if (std::any_of(rows.begin(), rows.end(), by_place)) messages_ = index_->place(team);
  }

  /// The cutout of a row. Throws InputError.
  clustermass::CutoutBuffer read(const clustermass::ListRow& row) const {
    using namespace clustermass;
    CutoutBuffer buffer;
    if (!is_redshift_possible(row.redshift)) {  // no field can be cut: the estimator flags it without any image
      buffer.redshift = row.redshift;
    } else if (!row.path.empty() && !std::filesystem::is_directory(beside_ / row.path)) {
      CutoutFileOptions reading;
      reading.redshift = row.redshift;
      if (has_position(row)) reading.centre = SkyPosition{row.ra_deg, row.dec_deg};
      reading.pixel_scale_arcsec = options_.pixel_scale_arcsec;
      reading.any_unit = options_.any_unit;
      reading.input_kind = options_.native ? InputKind::native : InputKind::resampled;
      buffer = read_cutout_file((beside_ / row.path).string(), reading);
    } else {
      if (!has_position(row)) throw InputError("the row has no position in degrees, which frames need");
      buffer = cut_from_frames(frames_of(row), {row.ra_deg, row.dec_deg}, row.redshift);
    }
    buffer.redshift_error = row.redshift_error;
    buffer.ebv = row.ebv;
    return buffer;
  }

  /// What was wrong with frames that could not be placed on the sky.
  const std::vector<std::string>& messages() const { return messages_; }

 private:
  static bool has_position(const clustermass::ListRow& row) {
    return row.ra_deg >= 0 && row.ra_deg <= 360 && row.dec_deg >= -90 && row.dec_deg <= 90;
  }

  std::vector<clustermass::FrameFile> frames_of(const clustermass::ListRow& row) const {
    using namespace clustermass;
    if (!row.path.empty()) return find_frames((beside_ / row.path).string());
    if (row.run >= 0) return index_->of(row.run, row.camcol, row.field);
    return index_->near({row.ra_deg, row.dec_deg}, arcsec_of_mpc(std::sqrt(2.0), row.redshift));
  }

  ListImagesOptions options_;
  std::filesystem::path beside_;
  std::optional<FrameIndex> index_;
  std::vector<std::string> messages_;
};
