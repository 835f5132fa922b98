// SPDX-License-Identifier: BSD-3-Clause
// One training example as it lies in memory: the network's input in 16 bits, what is covered, and the label.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "clustermass/model/prepare.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// Step of the stored input; its rounding is 1e-4 of the sky noise of a cell, or less.
inline constexpr float input_step = 1.0f / 4096;

/// A prepared cutout with its label. NaN label: unlabelled, good for band naming only.
struct Sample {
  std::vector<std::int16_t> input;                               ///< [5,1,128,128] in units of input_step
  std::array<float, band_count * coarse_cells> band_coverage{};  ///< [5,1,8,8]
  double redshift = 0;
  double log10_mass = std::numeric_limits<double>::quiet_NaN();
  double label_error = 0;  ///< of the label alone [dex]
  PreparedState state{};
};

/// The numbers of one prepared cutout, to work on.
struct PreparedBuffer {
  std::vector<float> input = std::vector<float>(band_count * field_cells);
  std::vector<float> band_coverage = std::vector<float>(band_count * coarse_cells);
  std::vector<float> coverage = std::vector<float>(coarse_cells);
  std::vector<float> context = std::vector<float>(context_count);

  PreparedView view() { return {input, band_coverage, coverage, context}; }

  /// Coverage of the cutout and context, made again from the bands' coverage.
  void update(double redshift) {
    std::array<bool, band_count> valid{};
    int bands = 0;
    for (float& w : coverage) w = 0;
    for (std::size_t b = 0; b < band_count; ++b) {
      double sum = 0;
      for (std::size_t k = 0; k < coarse_cells; ++k) sum += static_cast<double>(band_coverage[b * coarse_cells + k]);
      valid[b] = sum > no_result_coverage * coarse_cells;
      if (!valid[b]) continue;
      ++bands;
      for (std::size_t k = 0; k < coarse_cells; ++k) coverage[k] += band_coverage[b * coarse_cells + k];
    }
    if (bands > 0)
      for (float& w : coverage) w /= static_cast<float>(bands);
    fill_context(redshift, coverage, coarse_side, valid, context);
  }
};

/// Prepares a cutout through the library's own front door and stores it.
inline Sample make_sample(const Cutout& cutout, double log10_mass, double label_error, PreparedBuffer& buffer,
                          std::span<Cell> scratch) {
  Sample sample;
  sample.redshift = cutout.redshift;
  sample.log10_mass = log10_mass;
  sample.label_error = label_error;
  sample.state = prepare(cutout, cutout.redshift, scratch, buffer.view());
  sample.input.reserve(buffer.input.size());
  for (const float value : buffer.input)
    sample.input.push_back(static_cast<std::int16_t>(std::lround(value / input_step)));
  std::copy(buffer.band_coverage.begin(), buffer.band_coverage.end(), sample.band_coverage.begin());
  return sample;
}

/// Unpacks a sample as it was prepared.
inline void unpack(const Sample& sample, PreparedBuffer& buffer) {
  for (std::size_t k = 0; k < buffer.input.size(); ++k)
    buffer.input[k] = static_cast<float>(sample.input[k]) * input_step;
  std::copy(sample.band_coverage.begin(), sample.band_coverage.end(), buffer.band_coverage.begin());
  buffer.update(sample.redshift);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
