// SPDX-License-Identifier: BSD-3-Clause
// Data of a training run from the mock sky: samples in memory for training, cutouts on the fly for evaluation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "clustermass/mock/working.hpp"
#include "clustermass/parallel.hpp"
#include "clustermass/train/sample.hpp"

/// Index ranges of the mock sky that never overlap: a cluster seen in training is never calibrated or tested on.
enum class Part : std::uint64_t { training = 0, blank = 1, calibration = 2, test = 3 };

inline constexpr std::uint64_t part_size = 1'000'000'000;

inline clustermass::mock::Scene scene_of(const clustermass::mock::SkyParameters& sky, std::uint64_t seed, Part part,
                                         std::size_t index) {
  clustermass::mock::SceneOptions options;
  options.cluster = part != Part::blank;
  return clustermass::mock::draw_scene(sky, seed, static_cast<std::uint64_t>(part) * part_size + index, options);
}

/// count prepared samples of a part, made by the team. progress(done, total) is called from the calling thread only.
template <class Progress>
std::vector<clustermass::train::Sample> make_samples(const clustermass::mock::SkyParameters& sky, std::uint64_t seed,
                                                     Part part, std::size_t count, double label_error,
                                                     clustermass::Team& team, Progress&& progress) {
  using namespace clustermass;
  std::vector<train::Sample> samples(count);
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(team.size()));
  std::vector<std::vector<Cell>> scratch(static_cast<std::size_t>(team.size()), std::vector<Cell>(field_cells));
  constexpr std::size_t chunk = 64;
  for (std::size_t begin = 0; begin < count; begin += chunk) {
    team.run(std::min(chunk, count - begin), [&](std::size_t k, int member) {
      const std::size_t index = begin + k, m = static_cast<std::size_t>(member);
      const mock::Scene scene = scene_of(sky, seed, part, index);
      const CutoutBuffer cutout = mock::render_working(scene, sky);
      Random label_noise(seed, index, 777);
      const double label = scene.log10_m500c + label_error * label_noise.normal();
      samples[index] = train::make_sample(cutout, label, label_error, buffers[m], scratch[m]);
    });
    progress(std::min(begin + chunk, count), count);
  }
  return samples;
}
