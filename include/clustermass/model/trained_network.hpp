// SPDX-License-Identifier: BSD-3-Clause
// Everything a released network consists of, in memory: weights of the extractor, of the band head and of the ensemble
// of mass heads, the statistics for the out-of-distribution flag, the calibration, and the probe. One visitor names all
// tensors for reading and writing; no file format is known here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/model/networks.hpp"
#include "clustermass/model/prepare.hpp"
#include "clustermass/nn/weights.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A tensor that is not a parameter.
struct NamedTensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;

  void resize(std::initializer_list<std::int64_t> extents) {
    shape = extents;
    std::size_t count = 1;
    for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
    values.assign(count, 0.0f);
  }
};

/// A tensor of a network: its name and shape in the file, its numbers in the network.
struct TensorSlice {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<float> values;
};

/// Most heads and the largest probe a weight file may declare.
inline constexpr int most_heads = 64;
inline constexpr std::int64_t largest_probe_side = 512;

template <class Arch = Released>
struct TrainedNetwork {
  static constexpr std::int64_t pooled_features = band_count * Arch::feature_channels;

  std::vector<std::pair<std::string, std::string>> metadata;
  Weights<typename Arch::Features> features;
  Weights<typename Arch::BandHead> band;
  std::vector<Weights<typename Arch::MassHead>> mass;  ///< the ensemble
  NamedTensor ood_mean;                                ///< [240] mean of the pooled features
  NamedTensor ood_whitening;      ///< [rank,240]; |whitening (f - mean)| > 1 is outside the training set
  NamedTensor calibration_scale;  ///< [1] factor on sigma (temperature)
  NamedTensor calibration_q90;    ///< [1] half-width of the conformal 90 % interval in units of sigma
  NamedTensor probe_input;        ///< [5,1,side,side] input of the network, fully covered, at z = 0.3
  NamedTensor probe_output;       ///< [heads,2] its outputs

  TrainedNetwork() { resize(1, 0, coarse_factor); }
  TrainedNetwork(int heads, int ood_rank, int probe_side) { resize(heads, ood_rank, probe_side); }

  void resize(int heads, int ood_rank, int probe_side) {
    mass.resize(static_cast<std::size_t>(heads));
    ood_mean.resize({pooled_features});
    ood_whitening.resize({ood_rank, pooled_features});
    calibration_scale.resize({1});
    calibration_q90.resize({1});
    calibration_scale.values[0] = 1;
    calibration_q90.values[0] = 1.645f;  // 90 % of a Gaussian
    probe_input.resize({band_count, 1, probe_side, probe_side});
    probe_output.resize({heads, 2});
  }

  /// All tensors of the file.
  std::vector<TensorSlice> tensors() {
    std::vector<TensorSlice> all;
    const auto parameter = [&](const std::string& name, const Parameter& p, std::span<float> values) {
      const std::int64_t extents[] = {p.shape.n, p.shape.c, p.shape.h, p.shape.w};
      all.push_back({name, {extents, extents + p.rank}, values});
    };
    features.for_each_tensor("features.", parameter);
    band.for_each_tensor("band.", parameter);
    for (std::size_t k = 0; k < mass.size(); ++k) mass[k].for_each_tensor("mass." + std::to_string(k) + ".", parameter);
    for (const auto& [name, tensor] : {std::pair{"ood.mean", &ood_mean},
                                       {"ood.whitening", &ood_whitening},
                                       {"calibration.scale", &calibration_scale},
                                       {"calibration.q90", &calibration_q90},
                                       {"probe.input", &probe_input},
                                       {"probe.output", &probe_output}})
      all.push_back({name, tensor->shape, tensor->values});
    return all;
  }

  /// visit(name, shape, values) for every tensor of the file.
  template <class Visit>
  void for_each_tensor(Visit&& visit) {
    for (const TensorSlice& tensor : tensors()) visit(tensor.name, tensor.shape, tensor.values);
  }

  const std::string* find_metadata(std::string_view key) const {
    for (const auto& [name, value] : metadata)
      if (name == key) return &value;
    return nullptr;
  }
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
