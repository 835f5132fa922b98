// SPDX-License-Identifier: BSD-3-Clause
// Training samples on a device, in the 16 bits they are stored in. What the device has no room for is not kept, and
// whoever trains makes those images on the host, time and again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "clustermass/gpu/device_memory.hpp"
#include "clustermass/train/sample.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

class SampleCache {
 public:
  static constexpr std::size_t images = band_count * field_cells, coverages = band_count * coarse_cells;

  /// Forgets everything if this is another set.
  void use(const train::SampleSet& set) {
    if (set_ == &set && place_.size() == set.size()) return;
    *this = SampleCache();
    set_ = &set;
    place_.assign(set.size(), none);
  }

  bool has(std::size_t sample) const { return place_[sample] != none && filled_[place_[sample]]; }
  /// Gives the sample a place. False: the device has no room to spare.
  bool reserve(std::size_t sample) {
    if (place_[sample] != none) return true;
    if (used_ == chunks_.size() * chunk && !grow()) return false;
    place_[sample] = used_++;
    filled_.push_back(false);
    coverage_.resize(used_ * coverages);
    return true;
  }
  std::size_t size() const { return used_; }
  void filled(std::size_t sample) { filled_[place_[sample]] = true; }

  /// Of a sample that has a place: its images [5,1,128,128] on the device, its coverage [5,1,8,8] here.
  std::int16_t* at(std::size_t sample) const {
    return chunks_[place_[sample] / chunk].data() + place_[sample] % chunk * images;
  }
  std::span<float> coverage(std::size_t sample) {
    return std::span(coverage_).subspan(place_[sample] * coverages, coverages);
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1), chunk = 64;

  /// An eighth of the device's memory is left alone: libraries and other processes want some, too.
  bool grow() {
    std::size_t free = 0, all = 0;
    check(cudaMemGetInfo(&free, &all), "cudaMemGetInfo");
    constexpr std::size_t bytes = chunk * images * sizeof(std::int16_t);
    if (free < bytes + all / 8) return false;
    try {
      chunks_.emplace_back(chunk * images);
    } catch (const DeviceMemoryError&) {
      return false;
    }
    return true;
  }

  const train::SampleSet* set_ = nullptr;
  std::vector<std::size_t> place_;  ///< [set]
  std::vector<bool> filled_;        ///< by place
  std::vector<float> coverage_;     ///< by place
  std::vector<DeviceArena<std::int16_t>> chunks_;
  std::size_t used_ = 0;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
