// SPDX-License-Identifier: BSD-3-Clause
// The released network layer by layer as the GPU wing runs it: floating-point operations and bytes of one cutout.
#pragma once

#include <string>
#include <vector>

#include "clustermass/model/networks.hpp"

namespace gpu_layers {

struct Layer {
  std::string name;
  double flop;                  ///< per cutout, multiply and add counted apart
  double read, written, fixed;  ///< numbers moved per cutout; weights, per launch
  bool own_kernel;
};

inline double count(clustermass::Shape s) { return static_cast<double>(s.size()); }

/// Every launch of a walk in order; five heads are five rows of the same name.
inline std::vector<Layer> layers(int heads) {
  using namespace clustermass;
  std::vector<Layer> all;
  const auto visit = [&]<class Net>(Net, Shape x, const std::string& where) {
    Net::for_each_layer([&]<int i>() {
      using L = typename Net::template layer<i>;
      bool second = false;
      Shape in = x;
      L::for_each_kernel([&](const KernelSlot& slot) {
        const KernelGeometry g = slot.geometry;
        const Shape y = slot.form == Form::vector ? Shape{x.n, g.out, 1, 1} : strided(in, g.out, g.stride);
        const double pixels = count(y) / g.out, weights = static_cast<double>(g.weight_count());
        all.push_back({where + " " + std::to_string(g.in) + " to " + std::to_string(g.out) + ", " +
                           std::to_string(g.size) + "x" + std::to_string(g.size) +
                           (g.stride > 1 ? "/" + std::to_string(g.stride) : "") + (second ? " + skip" : "") + ", " +
                           std::to_string(y.h) + "x" + std::to_string(y.w),
                       2 * pixels * weights, count(in) + (second ? count(y) : 0), count(y), weights + g.out,
                       slot.form == Form::vector || g.in % 8 != 0});
        second = true;
        in = y;
      });
      const Shape y = L::output_shape(x);
      if (L::kernel_count == 0) all.push_back({where + " pool", 2 * 5 * count(x), 5 * count(x), count(y), 0, true});
      x = y;
    });
    return x;
  };
  const Shape coarse = visit(Released::Shallow{}, {band_count, 1, 128, 128}, "shallow");
  visit(Released::Deep{}, coarse, "deep");
  all.push_back(
      {"pool of the bands", 2 * count(coarse), count(coarse), band_count * static_cast<double>(coarse.c), 0, true});
  all.push_back({"gather of the bands", 0, count(coarse), count(coarse), 0, true});
  for (int k = 0; k < heads; ++k) visit(Released::MassHead{}, {1, band_count * coarse.c, coarse.h, coarse.w}, "head");
  return all;
}

}  // namespace gpu_layers
