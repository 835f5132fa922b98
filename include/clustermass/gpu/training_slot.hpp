// SPDX-License-Identifier: BSD-3-Clause
// What crosses to the device for a few training samples, and what comes back: page-locked on the host, so that one slot
// is filled while the device works on the other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "clustermass/gpu/device_memory.hpp"
#include "clustermass/gpu/sample_cache.hpp"
#include "clustermass/train/augment.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// What is drawn for one image; the same numbers in the same order as the kernels' text has them.
struct Draw {
  const std::int16_t* image = nullptr;
  int orientation = 0, down = 0, across = 0, top = 0, left = 0, bottom = 0, right = 0;
  float gain = 0;
};

/// Writes down what train::draw_augmentation draws for the five images of a sample, and does it to their coverage.
struct DrawRecorder {
  std::span<Draw, band_count> draws;
  std::span<float> band_coverage;  ///< [5,1,8,8]
  bool on_host = false;            ///< another exposure draws a number for each pixel: the host makes the images

  void orient(std::uint32_t which) {
    for (std::size_t b = 0; b < band_count; ++b) {
      draws[b].orientation = static_cast<int>(which);
      train::orient(coverage(b), coarse_side, which);
    }
  }
  void shift(int down, int right) {
    for (std::size_t b = 0; b < band_count; ++b) {
      draws[b].down = down;
      draws[b].across = right;
      train::shift_coverage(coverage(b), down, right);
    }
  }
  void retake(Random&) { on_host = true; }
  /// At most one rectangle for all bands, then perhaps the whole of one band, which holds that rectangle.
  void mask(std::size_t b, int top, int left, int height, int width) {
    draws[b].top = top;
    draws[b].left = left;
    draws[b].bottom = std::min(top + height, field_side);
    draws[b].right = std::min(left + width, field_side);
    train::mask_coverage(coverage(b), top, left, height, width);
  }
  void gain(std::size_t b, double ln) { draws[b].gain = static_cast<float>(ln); }

 private:
  std::span<float> coverage(std::size_t b) const { return band_coverage.subspan(b * coarse_cells, coarse_cells); }
};

/// Room for `capacity` samples.
class TrainingSlot {
 public:
  /// How the images of a sample reach the device.
  enum class Way : int { there, to_cache, made };

  TrainingSlot(int capacity, std::size_t heads) : ways(static_cast<std::size_t>(capacity)) {
    const std::size_t n = ways.size();
    draws_ = place(n * band_count * sizeof(Draw));
    per_band_ = place(n * SampleCache::coverages * sizeof(float));
    coverage_ = place(n * coarse_cells * sizeof(float));
    context_ = place(n * context_count * sizeof(float));
    target_ = place(n * sizeof(float));
    label_error_ = place(n * sizeof(float));
    sample_ = place(n * sizeof(int));
    host = PinnedArena<std::byte>(bytes_);
    device = DeviceArena<std::byte>(bytes_);
    pixels = PinnedArena<float>(n * SampleCache::images);
    losses = PinnedArena<float>(n * std::max<std::size_t>(heads, band_count));
    outputs = PinnedArena<float>(n * std::max<std::size_t>(2 * heads, band_count * band_count));
  }

  /// The parts of one of the two memories.
  struct Parts {
    Draw* draws;
    float *per_band, *coverage, *context, *target, *label_error;
    int* sample;  ///< numbers in the set: a head leaves out its own share
  };
  Parts on_host() const { return parts(host.data()); }
  Parts on_device() const { return parts(device.data()); }

  std::span<const std::size_t> places{};  ///< of the selection; fewer than the capacity in a last batch
  std::vector<Way> ways;
  PinnedArena<std::byte> host;
  DeviceArena<std::byte> device;
  PinnedArena<float> pixels;  ///< [capacity,5,128,128] images that the host made, or that go to the cache; or features
  PinnedArena<float> losses,
      outputs;  ///< what came back: [heads,capacity] or [capacity,5], [heads,capacity,2] or [..,5,5]

 private:
  std::size_t place(std::size_t bytes) {
    const std::size_t begin = bytes_;
    bytes_ += (bytes + 15) / 16 * 16;
    return begin;
  }
  Parts parts(std::byte* data) const {
    const auto floats = [&](std::size_t at) { return reinterpret_cast<float*>(data + at); };
    return {reinterpret_cast<Draw*>(data + draws_),
            floats(per_band_),
            floats(coverage_),
            floats(context_),
            floats(target_),
            floats(label_error_),
            reinterpret_cast<int*>(data + sample_)};
  }

  std::size_t bytes_ = 0, draws_ = 0, per_band_ = 0, coverage_ = 0, context_ = 0, target_ = 0, label_error_ = 0,
              sample_ = 0;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
