// SPDX-License-Identifier: BSD-3-Clause
// The network as the compiled rivals see it: a list of convolutions with plain weights, and the small tail (pooling and
// two dense layers, 0.1 % of the work) that all of them share. Nothing of this library but the reader of the file.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "clustermass/io/file.hpp"
#include "clustermass/io/weight_file.hpp"

namespace peers {

inline constexpr int bands = 5, side = 128, cells = 64, pool_regions = 5, contexts = 17, hidden = 64;

/// One convolution, y = relu(W * x + b [+ skip]), zero-padded by size / 2.
struct PlainConv {
  int in, out, size, stride, side;  ///< side: rows and columns of x
  bool adds_skip;                   ///< the input of the convolution before it is added
  std::vector<float> weight, bias;  ///< [out,in,size,size], [out]

  int side_out() const { return (side + stride - 1) / stride; }
};

struct PlainHead {
  PlainConv first, second;
  std::vector<float> hidden_weight, hidden_bias, weight, bias;
};

struct PlainNetwork {
  std::vector<PlainConv> features;
  std::vector<PlainHead> heads;

  int feature_channels() const { return features.back().out; }
  int head_channels() const { return heads[0].second.out; }
};

/// Reads any weight file of this architecture's family. Throws on a broken file.
inline PlainNetwork read_plain_network(const std::string& path) {
  const std::vector<std::byte> bytes = clustermass::read_file(path);
  const clustermass::WeightFile file = clustermass::WeightFile::parse(bytes, path);
  const auto values = [&](const std::string& name) {
    const clustermass::TensorInfo* tensor = file.find(name);
    if (!tensor) throw std::runtime_error(path + ": no tensor " + name);
    std::size_t count = 1;
    for (const auto extent : tensor->shape) count *= static_cast<std::size_t>(extent);
    std::vector<float> numbers(count);
    file.read(name, numbers);
    return numbers;
  };
  const auto conv = [&](const std::string& name, int stride, int at, bool adds_skip) {
    const auto& shape = file.find(name + ".weight") ? file.find(name + ".weight")->shape
                                                    : throw std::runtime_error(path + ": no layer " + name);
    return PlainConv{
        static_cast<int>(shape[1]), static_cast<int>(shape[0]), static_cast<int>(shape[2]), stride, at, adds_skip,
        values(name + ".weight"),   values(name + ".bias")};
  };
  PlainNetwork network;
  int at = side;
  for (int layer = 0; layer < 8; layer += 2) {
    const std::string name = "features." + std::to_string(layer), block = "features." + std::to_string(layer + 1);
    network.features.push_back(conv(name, 2, at, false));
    at = network.features.back().side_out();
    network.features.push_back(conv(block + ".conv1", 1, at, false));
    network.features.push_back(conv(block + ".conv2", 1, at, true));
  }
  for (int k = 0; file.find("mass." + std::to_string(k) + ".0.weight"); ++k) {
    const std::string head = "mass." + std::to_string(k) + ".";
    network.heads.push_back({conv(head + "0", 1, at, false), conv(head + "1", 1, at, false), values(head + "3.weight"),
                             values(head + "3.bias"), values(head + "4.weight"), values(head + "4.bias")});
  }
  if (network.heads.empty()) throw std::runtime_error(path + ": no mass head");
  return network;
}

/// Pooling and the dense layers of one head for one cutout. maps [head_channels,64] with strides; output [2].
inline void run_tail(const PlainHead& head, const float* maps, std::size_t channel_stride, std::size_t cell_stride,
                     const float* regions, const float* context, float* output) {
  const std::size_t channels = static_cast<std::size_t>(head.second.out);
  std::vector<float> pooled(pool_regions * channels + contexts), middle(hidden);
  for (std::size_t r = 0; r < pool_regions; ++r)
    for (std::size_t p = 0; p < cells; ++p) {
      const float weight = regions[r * cells + p];
      if (weight == 0) continue;
      for (std::size_t c = 0; c < channels; ++c)
        pooled[r * channels + c] += weight * maps[c * channel_stride + p * cell_stride];
    }
  for (std::size_t k = 0; k < contexts; ++k) pooled[pool_regions * channels + k] = context[k];
  const auto dense = [](std::span<const float> weight, std::span<const float> bias, std::span<const float> x,
                        float* y) {
    for (std::size_t o = 0; o < bias.size(); ++o) {
      float sum = bias[o];
      for (std::size_t c = 0; c < x.size(); ++c) sum += weight[o * x.size() + c] * x[c];
      y[o] = sum;
    }
  };
  dense(head.hidden_weight, head.hidden_bias, pooled, middle.data());
  for (float& value : middle) value = value > 0 ? value : 0;
  dense(head.weight, head.bias, middle, output);
}

}  // namespace peers
