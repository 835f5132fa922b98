// SPDX-License-Identifier: BSD-3-Clause
// A roofline on paper for every launch of the released network on an H100 SXM, from operations, bytes and the card's
// data sheet; no device is used and nothing is measured. bench/gpu.sh --roofline prints it.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "gpu_layers.hpp"

namespace {
// NVIDIA H100 Tensor Core GPU data sheet, SXM: dense rates without sparsity.
constexpr double fp32 = 67e12, tf32 = 494.7e12, fp16 = 989.4e12, memory = 3.35e12, pcie = 64e9;
constexpr double launch = 1.5e-6;  // gap between two kernels of a graph: an assumption, to be replaced by a measurement

struct Case {
  const char* name;
  double rate, bytes_of_number;
};
constexpr Case cases[] = {{"fp32", fp32, 4}, {"tf32", tf32, 4}, {"fp16", fp16, 2}};

double seconds(const gpu_layers::Layer& layer, const Case& c, int batch) {
  const double work = layer.flop * batch / (layer.own_kernel ? fp32 : c.rate);
  const double moved = ((layer.read + layer.written) * batch + layer.fixed) * c.bytes_of_number / memory;
  return std::max(work, moved);
}
}  // namespace

int main() {
  const auto all = gpu_layers::layers(5);
  std::printf(
      "| launch | MFLOP per cutout | kB moved in fp32 | FLOP per byte | us at 128 cutouts: fp32 | tf32 | fp16 | bound "
      "|\n");
  std::printf("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  std::map<std::string, bool> seen;
  double flop = 0, bytes = 0;
  for (const auto& layer : all) {
    const double moved = 4 * (layer.read + layer.written);
    flop += layer.flop;
    bytes += moved;
    if (std::exchange(seen[layer.name], true)) continue;  // the other heads
    std::printf("| %s%s | %.2f | %.0f | %.1f |", layer.name.c_str(), layer.own_kernel ? " (own kernel)" : "",
                layer.flop / 1e6, moved / 1e3, layer.flop / moved);
    for (const Case& c : cases) std::printf(" %.1f |", 1e6 * seconds(layer, c, 128));
    const auto bound = [&](const Case& c) {
      return layer.flop / (layer.own_kernel ? fp32 : c.rate) > moved * c.bytes_of_number / 4 / memory ? "work"
                                                                                                      : "memory";
    };
    std::printf(" %s, %s, %s |\n", bound(cases[0]), bound(cases[1]), bound(cases[2]));
  }
  std::printf("\nwhole network with five heads: %.0f MFLOP and %.2f MB of maps per cutout in fp32, %zu launches\n\n",
              flop / 1e6, bytes / 1e6, all.size());
  std::printf("| | fp32 | tf32 | fp16 |\n| --- | --- | --- | --- |\n");
  for (const int batch : {1, 128}) {
    std::printf("| least time per cutout, batch %d, launches apart [us] |", batch);
    for (const Case& c : cases) {
      double sum = 0;
      for (const auto& layer : all) sum += seconds(layer, c, batch);
      std::printf(" %.2f |", 1e6 * sum / batch);
    }
    std::printf("\n");
  }
  std::printf("| launches of one walk at %.1f us each [us] | %.0f | %.0f | %.0f |\n", 1e6 * launch,
              1e6 * launch * static_cast<double>(all.size()), 1e6 * launch * static_cast<double>(all.size()),
              1e6 * launch * static_cast<double>(all.size()));
  const double pixels = 5 * 128 * 128;
  std::printf("| pixels of one cutout over PCIe 5 [us]: 32 bits, 32 bits, 16 bits | %.1f | %.1f | %.1f |\n",
              1e6 * pixels * 4 / pcie, 1e6 * pixels * 4 / pcie, 1e6 * pixels * 2 / pcie);
}
