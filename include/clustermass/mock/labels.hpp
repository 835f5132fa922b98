// SPDX-License-Identifier: BSD-3-Clause
// Masses as catalogues quote them: the true mass with the offset, scatter and outliers of an X-ray or an SZ catalogue.
//
//   log10 M_label = log10 M500c + offset + N(0, scatter), and with a small probability N(0, outlier rms) instead
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "clustermass/mock/sky.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Where a label comes from.
enum class LabelSource { xray, sz };
inline constexpr std::size_t label_source_count = 2;
inline constexpr std::array<std::string_view, label_source_count> label_source_names{"xray", "sz"};

/// One source's error. [dex]
struct LabelError {
  double offset, scatter;
};

/// The labels of a sky: against ACT DR5 `m500c_cal` as the scale of the truth.
///
/// Source  408 clusters of both PSZ2 and MCXC (log M_SZ - log M_X = 0.085, sd 0.118 dex); the scatter of mass at given
///         X-ray luminosity, and the median error of PSZ2
struct LabelModel {
  std::array<LabelError, label_source_count> source{{{-0.13, 0.11}, {-0.04, 0.06}}};
  double outlier_share = 0.02, outlier_rms = 0.4;

  const LabelError& operator[](LabelSource name) const { return source[static_cast<std::size_t>(name)]; }
};

/// The variant with the offsets of the CHANCES homogenisation (Sifon 2025): M_PSZ2 x 10^0.13, M_MCXC x 10^0.18.
inline LabelModel chances_labels() {
  LabelModel model;
  model.source[static_cast<std::size_t>(LabelSource::xray)].offset = -0.18;
  model.source[static_cast<std::size_t>(LabelSource::sz)].offset = -0.13;
  return model;
}

/// A catalogue's mass of a cluster.
struct Label {
  double log10_m500c;        ///< on the catalogue's own scale
  double log10_m500c_error;  ///< the scatter that is known of the source [dex]
  bool outlier;
};

/// The label of scene (seed, index), independent of every other draw of that scene.
inline Label draw_label(double log10_m500c, LabelSource name, std::uint64_t seed, std::uint64_t index,
                        const LabelModel& model = {}) {
  const auto number = static_cast<std::uint32_t>(name);
  Random random(seed, index, static_cast<std::uint32_t>(Stream::labels) + number);
  const LabelError& error = model[name];
  const bool outlier = random.uniform() < model.outlier_share;
  const double deviate = random.normal();
  return {log10_m500c + error.offset + (outlier ? model.outlier_rms : error.scatter) * deviate, error.scatter, outlier};
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
