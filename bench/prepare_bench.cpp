// SPDX-License-Identifier: BSD-3-Clause
// Cost of prepare on one core: native pixels at three redshifts and the angles of real frames, with and without mask
// and variance; the ready 128 x 128 cutout. Each iteration times in turn prepare, a streaming read of the same memory
// and one walk of the released network (thread CPU time), so that the ratios hold on a busy machine. Counters, from
// medians: ns_per_pixel, bytes/s, of_memory (bytes/s over the streaming read's), of_network (time over the walk's).
// row_sums is what a turned image cannot do without: the running sums of its rows, and nothing else.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "clustermass/estimator.hpp"
#include "clustermass/nn/initialise.hpp"
#include "support/cutouts.hpp"

namespace {

using namespace clustermass;
using namespace clustermass::support;

constexpr double native_arcsec = 0.396;

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Reads an array once, in registers of 16 bytes, which any core does faster than its memory delivers.
template <class T>
void read_once(const std::vector<T>& values) {
  using Words [[gnu::vector_size(16)]] = std::uint64_t;
  constexpr std::size_t step = 8 * sizeof(Words) / sizeof(T);
  Words sum[8] = {};
  for (std::size_t k = 0; k + step <= values.size(); k += step)
    for (std::size_t r = 0; r < 8; ++r) {
      Words word;
      std::memcpy(&word, values.data() + k + r * step / 8, sizeof word);
      sum[r] ^= word;
    }
  for (const Words& word : sum) benchmark::DoNotOptimize(word[0] ^ word[1]);
}

/// One walk of the released network, as in network_bench.
struct Walk {
  Walk() : trained(5, 0, coarse_factor) {
    initialise(trained.features, 1, 0);
    for (auto& head : trained.mass) initialise(head, 1, 1);
    cpu::with_engine(cpu::choose_instruction_set(),
                     [&]<class E>(E) { walk = std::make_unique<NetworkWalkOn<Released, E>>(trained, field_side); });
    arena = Arena<std::byte>(walk->arena_bytes());
  }
  void run() {
    walk->run(arena.data(), {input, coverage, std::span(coverage).first(coarse_cells), context, outputs, pooled});
  }
  TrainedNetwork<Released> trained;
  std::unique_ptr<NetworkWalk> walk;
  Arena<std::byte> arena;
  std::vector<float> input = std::vector<float>(band_count * field_cells, 0.3f);
  std::vector<float> coverage = std::vector<float>(band_count * coarse_cells, 1.0f);
  std::vector<float> context = std::vector<float>(context_count);
  std::vector<double> outputs = std::vector<double>(10);
  std::vector<double> pooled = std::vector<double>(TrainedNetwork<Released>::pooled_features);
};

struct Case {
  const char* name;
  double redshift, degrees;
  bool ready = false;   ///< the network's own grid at that redshift, else native pixels
  bool masked = false;  ///< mask and variance given, one pixel in 200 bad
  double shift = 0;     ///< of the redshift, as the response to it asks for
  bool sums_only = false;
};

/// The running sums of all rows that the field touches.
double row_sums(const Cutout& cutout, double redshift) {
  namespace code = CLUSTERMASS_CODE_TAG::detail;  // the data's tag has a `detail`, too
  static code::RowSums sums;
  double all = 0;
  for (const BandImage& image : cutout.bands) {
    const code::PixelToCell map(image.map, field_grid(redshift));
    for (int from = 0; from < image.width; from += code::RowSums::capacity)
      for (int y = 0; y < image.height; ++y) {
        const int to = std::min(image.width, from + code::RowSums::capacity);
        const auto [first, last] = code::columns_in_field(map, y, from, to);
        if (first >= last) continue;
        const float* pixels = image.pixels + y * image.stride() + first;
        sums.take(pixels, last - first, y + 1 < image.height ? pixels + image.stride() : pixels);
        all += sums.below[static_cast<std::size_t>(last - first)];
      }
  }
  return all;
}

CutoutBuffer cutout_of(const Case& c) {
  if (c.ready) {
    CutoutBuffer buffer = noisy_grid_cutout(c.redshift, 1);
    if (c.masked)
      for (auto& plane : buffer.bands) {
        plane.mask.assign(plane.pixels.size(), 0);
        plane.variance.assign(plane.pixels.size(), 1.0f);
      }
    return buffer;
  }
  const double turn = c.degrees * 0.017453292519943295;
  const double field = field_width_arcsec(c.redshift) / native_arcsec;
  const int side = static_cast<int>(std::ceil(field * (std::fabs(std::cos(turn)) + std::fabs(std::sin(turn))))) + 2;
  CutoutBuffer buffer;
  buffer.redshift = c.redshift;
  Random random(1);
  std::vector<float> noise(9973);
  for (float& value : noise) value = static_cast<float>(random.normal(0, 0.03));
  for (std::size_t b = 0; b < band_count; ++b) {
    CutoutBuffer::Plane& plane = buffer.bands[b];
    plane.height = plane.width = side;
    plane.map =
        rotated_map(native_arcsec, c.degrees, side / 2.0 - 0.5 + 0.1 * static_cast<double>(b), side / 2.0 - 0.4);
    plane.pixels.resize(static_cast<std::size_t>(side) * static_cast<std::size_t>(side));
    for (std::size_t k = 0; k < plane.pixels.size(); ++k) plane.pixels[k] = noise[(k + 131 * b) % noise.size()];
    if (c.masked) {
      plane.mask.assign(plane.pixels.size(), 0);
      plane.variance.assign(plane.pixels.size(), 1e-3f);
      for (std::size_t k = b; k < plane.mask.size(); k += 1 + static_cast<std::size_t>(random.uniform(0, 400)))
        plane.mask[k] = mask_bit::cosmic_ray;
    }
  }
  return buffer;
}

void prepare_cutout(benchmark::State& state, const Case& c) {
  static Walk walk;
  const CutoutBuffer buffer = cutout_of(c);
  const Cutout cutout = buffer;
  std::vector<Cell> cells(field_cells);
  std::vector<float> input(band_count * field_cells), band_coverage(band_count * coarse_cells), coverage(coarse_cells),
      context(context_count);
  const double z = c.redshift + c.shift;
  std::vector<double> preparing, reading, walking;
  for (auto _ : state) {
    const double start = thread_seconds();
    if (c.sums_only)
      benchmark::DoNotOptimize(row_sums(cutout, z));
    else
      benchmark::DoNotOptimize(prepare(cutout, z, cells, {input, band_coverage, coverage, context}).flags);
    const double prepared = thread_seconds();
    for (const auto& plane : buffer.bands) {
      read_once(plane.pixels);
      read_once(plane.variance);
      read_once(plane.mask);
    }
    const double read = thread_seconds();
    walk.run();
    const double walked = thread_seconds();
    preparing.push_back(prepared - start);
    reading.push_back(read - prepared);
    walking.push_back(walked - read);
    state.SetIterationTime(prepared - start);
  }
  // What prepare needs: the pixels that lie in the field, in native pixels at most the image.
  const double pixel_arcsec =
      std::hypot(buffer.bands[0].map.arcsec_per_pixel[0][0], buffer.bands[0].map.arcsec_per_pixel[1][0]);
  const double across = field_width_arcsec(z) / pixel_arcsec,
               stored = static_cast<double>(buffer.bands[0].pixels.size());
  const double pixels = band_count * std::min(across * across, stored), bytes_per_pixel = c.masked ? 12 : 4;
  const double seconds = median(preparing), bandwidth = band_count * stored * bytes_per_pixel / median(reading);
  state.counters["Mpixels"] = 1e-6 * pixels;
  state.counters["ns_per_pixel"] = 1e9 * seconds / pixels;
  state.counters["bytes/s"] = pixels * bytes_per_pixel / seconds;
  state.counters["memory_bytes/s"] = bandwidth;
  state.counters["of_memory"] = pixels * bytes_per_pixel / seconds / bandwidth;
  state.counters["of_network"] = seconds / median(walking);
}

constexpr Case cases[] = {
    {"native/z:0.1/degrees:0", 0.1, 0},
    {"native/z:0.1/degrees:41.7", 0.1, 41.7},
    {"native/z:0.2/degrees:0", 0.2, 0},
    {"native/z:0.2/degrees:41.7", 0.2, 41.7},
    {"native/z:0.2/degrees:56.2", 0.2, 56.2},
    {"native/z:0.2/degrees:132.7", 0.2, 132.7},
    {"native/z:0.4/degrees:0", 0.4, 0},
    {"native/z:0.4/degrees:41.7", 0.4, 41.7},
    {"native_masked/z:0.2/degrees:0", 0.2, 0, false, true},
    {"native_masked/z:0.2/degrees:41.7", 0.2, 41.7, false, true},
    {"native_masked/z:0.4/degrees:41.7", 0.4, 41.7, false, true},
    {"ready/z:0.3", 0.3, 0, true},
    {"ready_masked/z:0.3", 0.3, 0, true, true},
    {"ready/z:0.3/shift:-0.02", 0.3, 0, true, false, -0.02},
    {"ready/z:0.3/shift:+0.02", 0.3, 0, true, false, 0.02},
    {"row_sums/z:0.2/degrees:41.7", 0.2, 41.7, false, false, 0, true},
};

}  // namespace

int main(int argc, char** argv) {
  for (const Case& c : cases)
    benchmark::RegisterBenchmark((std::string("prepare/") + c.name).c_str(),
                                 [&c](benchmark::State& state) { prepare_cutout(state, c); })
        ->UseManualTime()
        ->MinTime(0.3)
        ->Unit(benchmark::kMillisecond);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
