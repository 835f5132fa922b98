// SPDX-License-Identifier: BSD-3-Clause
// One training example: the network's input in 16 bits, what is covered, and what is known of the cluster. Examples lie
// as records of one size, in memory or in a file, and are unpacked when they are used.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/model/prepare.hpp"
#include "clustermass/train/records.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// Step of the stored input; its rounding is 1e-4 of the sky noise of a cell, or less.
inline constexpr float input_step = 1.0f / 4096;

/// What is known of a cutout besides its images. NaN: not known. Masses in log10 Msun, errors in dex.
struct SampleInfo {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  double number = 0;  ///< of the scene of a mock sky, or of the row of a list from 0
  double redshift = none, ebv = 0;
  double log10_mass = none;   ///< mock: the truth; list: the label on its own scale
  double label_error = none;  ///< list: the label's own
  double source = 0;          ///< list: place of the label's source among those the list names
  double lambda = none;       ///< mock: the halo's intrinsic richness
  double ln_richness = none;  ///< richness that a catalogue gives without knowing the mass [ln]
  double ln_richness_error = none;
  double o1_mass = none, o2_mass = none;  ///< mock: the two oracles
  double filter_mass = none;              ///< matched filter on the cutout's own pixels, where a network is to see it
  double filter_mass_error = none;
  double coverage = 0, masked_fraction = 0;
  double flags = 0;
  double redshift_hidden = 0;  ///< 1: the heads are not told it
};
inline constexpr std::size_t info_count = sizeof(SampleInfo) / sizeof(double);

/// A prepared cutout.
struct Sample {
  SampleInfo info;
  std::vector<std::int16_t> input;                               ///< [5,1,128,128] in units of input_step
  std::array<float, band_count * coarse_cells> band_coverage{};  ///< [5,1,8,8]
};

/// Bytes of a record: info, coverage, input.
inline constexpr std::size_t sample_bytes =
    sizeof(SampleInfo) + band_count * (coarse_cells * sizeof(float) + field_cells * sizeof(std::int16_t));

/// The numbers of one prepared cutout, to work on.
struct PreparedBuffer {
  std::vector<float> input = std::vector<float>(band_count * field_cells);
  std::vector<float> band_coverage = std::vector<float>(band_count * coarse_cells);
  std::vector<float> coverage = std::vector<float>(coarse_cells);
  std::vector<float> context = std::vector<float>(context_count);

  PreparedView view() { return {input, band_coverage, coverage, context}; }

  /// Coverage of the cutout and context, made again from the bands' coverage.
  void update(const SampleInfo& info) {
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
    fill_context(info.redshift, {info.filter_mass, info.filter_mass_error}, coverage, coarse_side, valid, context);
    if (info.redshift_hidden > 0) std::fill_n(context.begin(), redshift_numbers, 0.0f);
  }

  std::vector<std::byte> record = std::vector<std::byte>(sample_bytes);  ///< room for reading
};

/// Prepares a cutout through the library's own front door. `info` is completed.
inline Sample make_sample(const Cutout& cutout, const SampleInfo& info, PreparedBuffer& buffer,
                          std::span<Cell> scratch) {
  Sample sample;
  sample.info = info;
  sample.info.redshift = cutout.redshift;
  sample.info.ebv = cutout.ebv;
  sample.info.filter_mass = cutout.filter_mass.log10_m500c;
  sample.info.filter_mass_error = cutout.filter_mass.log10_m500c_error;
  const PreparedState state = prepare(cutout, cutout.redshift, scratch, buffer.view());
  sample.info.coverage = state.coverage;
  sample.info.masked_fraction = state.masked_fraction;
  sample.info.flags = state.flags;
  sample.input.reserve(buffer.input.size());
  for (const float value : buffer.input)
    sample.input.push_back(static_cast<std::int16_t>(std::lround(value / input_step)));
  std::copy(buffer.band_coverage.begin(), buffer.band_coverage.end(), sample.band_coverage.begin());
  return sample;
}

/// A sample as a record of sample_bytes.
inline void encode(const Sample& sample, std::span<std::byte> record) {
  std::byte* to = record.data();
  const auto put = [&](const void* from, std::size_t count) {
    std::memcpy(std::exchange(to, to + count), from, count);
  };
  put(&sample.info, sizeof(SampleInfo));
  put(sample.band_coverage.data(), sizeof sample.band_coverage);
  put(sample.input.data(), band_count * field_cells * sizeof(std::int16_t));
}

/// A set of samples: their records, and what is known of each in memory.
class SampleSet {
 public:
  SampleSet() = default;
  explicit SampleSet(std::shared_ptr<const Records> records) : records_(std::move(records)) {
    if (records_->record_bytes() != sample_bytes)
      detail::raise<InputError>("the records are " + std::to_string(records_->record_bytes()) +
                                " bytes each, samples " + std::to_string(sample_bytes) +
                                "; remove the file, it will be made anew");
    info_.resize(records_->size());
    std::vector<std::byte> record(sample_bytes);
    for (std::size_t k = 0; k < info_.size(); ++k) {
      records_->read(k, record);
      std::memcpy(static_cast<void*>(&info_[k]), record.data(), sizeof(SampleInfo));
    }
  }

  /// Experiments: what a network makes of the bands that are left, or without being told the redshift.
  void hide(const std::array<bool, band_count>& bands, bool redshift) {
    hidden_ = bands;
    for (SampleInfo& info : info_) info.redshift_hidden = redshift ? 1 : 0;
  }

  std::size_t size() const { return info_.size(); }
  const SampleInfo& info(std::size_t k) const { return info_[k]; }

  /// Unpacks sample k as it was prepared; from any thread.
  void unpack(std::size_t k, PreparedBuffer& buffer) const {
    const std::byte* from = read(k, buffer);
    std::int16_t value;
    for (std::size_t c = 0; c < buffer.input.size(); ++c) {
      std::memcpy(&value, from + c * sizeof value, sizeof value);
      buffer.input[c] = static_cast<float>(value) * input_step;
    }
    buffer.update(info_[k]);
  }

  /// Reads sample k with its images as they are stored, [5,1,128,128] of 16 bits in units of input_step: returns where
  /// they lie in the buffer's record. Fills the bands' coverage and nothing else.
  const std::byte* read(std::size_t k, PreparedBuffer& buffer) const {
    records_->read(k, buffer.record);
    std::byte* from = buffer.record.data() + sizeof(SampleInfo);
    for (std::size_t b = 0; b < hidden_.size(); ++b) {
      if (!hidden_[b]) continue;
      constexpr std::size_t covered = coarse_cells * sizeof(float), image = field_cells * sizeof(std::int16_t);
      std::memset(from + b * covered, 0, covered);
      std::memset(from + band_count * covered + b * image, 0, image);
    }
    std::memcpy(buffer.band_coverage.data(), from, band_count * coarse_cells * sizeof(float));
    return from + band_count * coarse_cells * sizeof(float);
  }

 private:
  std::shared_ptr<const Records> records_;
  std::vector<SampleInfo> info_;
  std::array<bool, band_count> hidden_{};
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
