// SPDX-License-Identifier: BSD-3-Clause
// One list of cases for every primitive, used by the tests of the engines, the tests of the gradients and the
// benchmark. Odd sizes, tails of tiles, strides, channels off the multiple of 16, batches of 1 and 3.
#pragma once

#include <cstddef>
#include <string>

#include "clustermass/core/engine.hpp"

namespace clustermass::cases {

struct ConvolutionCase {
  KernelGeometry geometry;  // {in, out, size, stride}
  int batch, height, width;
  bool skip = false;
  Activation activation = Activation::none;

  Shape input() const { return {batch, geometry.in, height, width}; }
  Shape output() const { return strided(input(), geometry.out, geometry.stride); }
  std::string name() const {
    return "convolve/" + std::to_string(geometry.size) + "x" + std::to_string(geometry.size) + "/" +
           std::to_string(geometry.in) + "to" + std::to_string(geometry.out) +
           "/stride:" + std::to_string(geometry.stride) + "/batch:" + std::to_string(batch) + "/" +
           std::to_string(height) + "x" + std::to_string(width) + (skip ? "/skip" : "") +
           (activation == Activation::relu ? "/relu" : "");
  }
};

inline constexpr Activation relu = Activation::relu, linear = Activation::none;
inline constexpr ConvolutionCase convolutions[] = {
    // the network's own kinds
    {{1, 16, 3, 2}, 1, 24, 24, false, relu},
    {{16, 16, 3, 1}, 1, 17, 33, true, relu},
    {{16, 32, 3, 2}, 3, 13, 18, false, relu},
    {{48, 48, 3, 1}, 1, 8, 8, true, relu},
    {{32, 48, 3, 2}, 3, 17, 23, true, relu},
    {{17, 5, 3, 2}, 1, 20, 33, false, linear},
    {{240, 64, 1, 1}, 1, 8, 8, false, relu},
    // kernels 1, 3, 5 and strides 1, 2, 3 on odd sizes
    {{16, 16, 1, 1}, 3, 7, 9, false, linear},
    {{16, 16, 1, 2}, 1, 7, 10, false, linear},
    {{16, 16, 3, 2}, 1, 1, 1, false, linear},
    {{16, 16, 5, 1}, 1, 11, 6, true, relu},
    {{16, 16, 5, 2}, 3, 5, 7, false, linear},
    {{32, 16, 3, 3}, 1, 10, 11, false, linear},
    {{16, 16, 7, 1}, 1, 3, 2, false, linear},
    // channels off the multiple of 16
    {{1, 1, 3, 1}, 3, 6, 5, true, relu},
    {{1, 1, 5, 2}, 1, 9, 8, false, linear},
    {{1, 5, 3, 1}, 3, 9, 7, false, linear},
    {{1, 17, 5, 2}, 1, 9, 8, false, relu},
    {{3, 1, 3, 1}, 1, 5, 18, true, relu},
    {{17, 1, 3, 2}, 3, 6, 7, false, linear},
    {{20, 1, 1, 1}, 1, 4, 4, false, linear},
    {{5, 3, 3, 1}, 3, 19, 17, true, relu},
    {{17, 31, 3, 1}, 1, 9, 16, true, relu},
    {{33, 15, 3, 2}, 1, 16, 15, false, linear},
    {{7, 18, 5, 1}, 1, 6, 6, true, linear},
    {{2, 2, 1, 2}, 3, 5, 4, false, relu},
};

struct DenseCase {
  int batch, in, out;
  Activation activation;

  KernelGeometry geometry() const { return {in, out, 1, 1}; }
  std::string name() const {
    return "dense/" + std::to_string(in) + "to" + std::to_string(out) + "/batch:" + std::to_string(batch) +
           (activation == Activation::relu ? "/relu" : "");
  }
};

inline constexpr DenseCase denses[] = {
    {1, 334, 64, relu}, {1, 64, 2, linear}, {5, 48, 5, linear}, {3, 1, 20, relu},
    {3, 20, 1, linear}, {1, 1, 1, linear},  {2, 17, 33, relu},  {1, 16, 16, linear},
};

/// What of the map is covered; a region without coverage must give zeros, not NaN.
enum class Covered { all, random, some_cells, outer_ring_only, nothing };

struct PoolCase {
  int batch, channels, height, width, rings, context;
  Covered covered;

  Shape input() const { return {batch, channels, height, width}; }
  Shape output() const { return {batch, (1 + rings) * channels + context, 1, 1}; }
  std::string name() const {
    return "pool/" + std::to_string(channels) + "/rings:" + std::to_string(rings) +
           "/context:" + std::to_string(context) + "/batch:" + std::to_string(batch) + "/" + std::to_string(height) +
           "x" + std::to_string(width) + "/covered:" + std::to_string(static_cast<int>(covered));
  }
};

inline constexpr PoolCase pools[] = {
    {1, 64, 8, 8, ring_count, 14, Covered::random},   {5, 48, 8, 8, 0, 0, Covered::all},
    {3, 20, 5, 7, ring_count, 3, Covered::random},    {1, 16, 8, 8, ring_count, 0, Covered::outer_ring_only},
    {3, 7, 6, 6, ring_count, 2, Covered::some_cells}, {2, 16, 4, 4, ring_count, 14, Covered::nothing},
    {1, 1, 5, 4, ring_count, 1, Covered::random},     {1, 3, 1, 1, ring_count, 0, Covered::all},
};

/// Unit roundoff of float.
inline constexpr double unit = 0x1p-24;

/// Largest error of a sum of `terms` products in float, any order: gamma_n * sum |terms| (Higham 2002, eq. 3.5), n the
/// roundings a term can pass through. Multiply and add may be rounded apart (baseline), hence two more than terms.
/// A single wrong or missing term is some 1 / terms of the magnitude, a thousand times more.
constexpr double tolerance(std::size_t terms, double magnitude) {
  return static_cast<double>(terms + 4) * unit * magnitude + 1e-37;
}

}  // namespace clustermass::cases
