// SPDX-License-Identifier: BSD-3-Clause
// Eigen as a rival: each convolution is im2col and one product, image by image, maps as [pixels, channels]. What a host
// program would write that has Eigen and no framework. Compiled twice: with every instruction of the machine, and with
// plain flags.
#include <Eigen/Dense>
#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "peer.h"
#include "plain_network.hpp"

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::string last_error;

struct Conv {
  const peers::PlainConv* plain;
  Matrix weight;  // [size * size * in, out]
  Eigen::RowVectorXf bias;

  explicit Conv(const peers::PlainConv& conv) : plain(&conv), weight(conv.size * conv.size * conv.in, conv.out) {
    for (int o = 0; o < conv.out; ++o)
      for (int c = 0; c < conv.in; ++c)
        for (int tap = 0; tap < conv.size * conv.size; ++tap)
          weight(tap * conv.in + c, o) =
              conv.weight[static_cast<std::size_t>((o * conv.in + c) * conv.size * conv.size + tap)];
    bias = Eigen::Map<const Eigen::RowVectorXf>(conv.bias.data(), conv.out);
  }

  /// x [side * side, in] to y [pixels, out]; y may hold the skip.
  void run(const float* x, Matrix& columns, Matrix& y) const {
    const auto& [in, out, size, stride, side, adds_skip, w, b] = *plain;
    const int rows = plain->side_out(), taps = size * size;
    if (taps == 1) {
      y.noalias() = Eigen::Map<const Matrix>(x, side * side, in) * weight;
    } else {
      columns.resize(rows * rows, taps * in);
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < rows; ++j)
          for (int tap = 0; tap < taps; ++tap) {
            const int p = stride * i + tap / size - size / 2, q = stride * j + tap % size - size / 2;
            float* to = &columns(i * rows + j, tap * in);
            if (p >= 0 && p < side && q >= 0 && q < side)
              std::copy_n(x + (p * side + q) * in, in, to);
            else
              std::fill_n(to, in, 0.0f);
          }
      if (adds_skip)
        y.noalias() += columns * weight;
      else
        y.noalias() = columns * weight;
    }
    y = (y.rowwise() + bias).cwiseMax(0.0f);
  }
};

struct Peer {
  peers::PlainNetwork network;
  int n;
  std::vector<Conv> features;
  std::vector<std::pair<Conv, Conv>> heads;
  Matrix columns, x, middle, joined, first, second;

  Peer(const std::string& file, int count, int threads) : network(peers::read_plain_network(file)), n(count) {
    Eigen::setNbThreads(threads);
    for (const auto& conv : network.features) features.emplace_back(conv);
    for (const auto& head : network.heads) heads.emplace_back(Conv(head.first), Conv(head.second));
    joined.resize(peers::cells, peers::bands * network.feature_channels());
  }

  void run(const PeerInput& input, float* output) {
    const int channels = network.feature_channels();
    for (int k = 0; k < n; ++k) {
      for (int band = 0; band < peers::bands; ++band) {
        const float* image = input.images + (k * peers::bands + band) * peers::side * peers::side;
        for (std::size_t layer = 0; layer < features.size(); layer += 3) {
          features[layer].run(layer == 0 ? image : x.data(), columns, middle);
          x.swap(middle);
          features[layer + 1].run(x.data(), columns, middle);
          features[layer + 2].run(middle.data(), columns, x);
        }
        joined.middleCols(band * channels, channels) = x;
      }
      for (std::size_t h = 0; h < heads.size(); ++h) {
        heads[h].first.run(joined.data(), columns, first);
        heads[h].second.run(first.data(), columns, second);
        peers::run_tail(network.heads[h], second.data(), 1, static_cast<std::size_t>(second.cols()),
                        input.regions + k * peers::pool_regions * peers::cells, input.context + k * peers::contexts,
                        output + 2 * (static_cast<std::size_t>(k) * heads.size() + h));
      }
    }
  }
};

}  // namespace

extern "C" {

void* peer_open(const char* weight_file, int n, int threads, const char*) try {
  return new Peer(weight_file, n, threads);
} catch (const std::exception& error) {
  last_error = error.what();
  return nullptr;
}

void peer_run(void* peer, const PeerInput* input, float* output) { static_cast<Peer*>(peer)->run(*input, output); }

void peer_close(void* peer) { delete static_cast<Peer*>(peer); }

const char* peer_error() { return last_error.c_str(); }

#define CLUSTERMASS_TEXT(x) #x
#define CLUSTERMASS_VERSION_TEXT(a, b, c) CLUSTERMASS_TEXT(a) "." CLUSTERMASS_TEXT(b) "." CLUSTERMASS_TEXT(c)
const char* peer_version() {
  return CLUSTERMASS_VERSION_TEXT(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
}

}  // extern "C"
