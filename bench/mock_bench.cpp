// SPDX-License-Identifier: BSD-3-Clause
// Cost of the mock sky: drawing scenes, working-scale cutouts by redshift, one native field. Processor time of one
// core.
#include <benchmark/benchmark.h>

#include <cstdint>

#include "clustermass/mock/native.hpp"
#include "clustermass/mock/working.hpp"

namespace {

using namespace clustermass::mock;

/// Draws and renders clusters of the training prior; redshift in hundredths, 0 for all redshifts.
void cutout(benchmark::State& state, bool render) {
  const SkyParameters sky;
  SceneOptions options;
  if (state.range(0) > 0) options.redshift = 0.01 * static_cast<double>(state.range(0));
  std::uint64_t index = 0;
  double sources = 0;
  for (auto _ : state) {
    const Scene scene = draw_scene(sky, 1, index++, options);
    if (render) benchmark::DoNotOptimize(render_working(scene, sky).bands[2].pixels.data());
    sources += static_cast<double>(scene.sources.size());
  }
  state.counters["sources"] = sources / static_cast<double>(index);
}

void native(benchmark::State& state) {
  const SkyParameters sky;
  SceneOptions options;
  options.redshift = 0.38;
  options.half_width_arcsec = 510;
  options.frame_pixel = {1023, 744};
  std::uint64_t index = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(render_native(draw_scene(sky, 1, index++, options), sky).bands[2].image.data());
}

}  // namespace

BENCHMARK_CAPTURE(cutout, draw, false)->Arg(0)->ArgName("z_percent")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(cutout, draw_and_render, true)
    ->Arg(0)
    ->Arg(10)
    ->Arg(20)
    ->Arg(30)
    ->Arg(40)
    ->Arg(55)
    ->ArgName("z_percent")
    ->Unit(benchmark::kMillisecond);
BENCHMARK(native)->Unit(benchmark::kMillisecond);
