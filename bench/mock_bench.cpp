// SPDX-License-Identifier: BSD-3-Clause
// Cost of the mock sky on one core: scenes and working-scale cutouts by redshift, richness, size and number of sources;
// where the time goes, stage by stage and kind by kind; native frames. Say --benchmark_repetitions=5 for medians.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "clustermass/mock/contribution.hpp"
#include "clustermass/mock/native.hpp"
#include "clustermass/mock/working.hpp"

namespace {

using namespace clustermass::mock;

/// Scenes of the training prior, drawn once; fixed numbers where options have them.
std::vector<Scene> scenes(const SkyParameters& sky, const SceneOptions& options = {}, std::uint64_t count = 64) {
  std::vector<Scene> result;
  for (std::uint64_t k = 0; k < count; ++k) result.push_back(draw_scene(sky, 1, k, options));
  return result;
}

/// Runs work(scene) on scene after scene; whole rounds, so that every run sees the same mixture.
template <class Work>
void over_scenes(benchmark::State& state, const std::vector<Scene>& list, Work&& work) {
  double sources = 0, runs = 0, richness = 0;
  for (auto _ : state)
    for (const Scene& scene : list) {
      work(scene);
      sources += static_cast<double>(scene.sources.size());
      richness += scene.lambda_int;
      runs += 1;
    }
  state.counters["per_scene"] = benchmark::Counter(runs, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["sources"] = sources / runs;
  state.counters["lambda"] = richness / runs;
}

/// Drawing and rendering, the training's whole cost; redshift in hundredths, 0 for the prior's.
void cutout(benchmark::State& state, bool render) {
  const SkyParameters sky;
  SceneOptions options;
  if (state.range(0) > 0) options.redshift = 0.01 * static_cast<double>(state.range(0));
  const std::vector<Scene> list = scenes(sky, options);
  over_scenes(state, list, [&](const Scene& known) {
    const Scene scene = draw_scene(sky, known.seed, known.index, options);
    if (render)
      benchmark::DoNotOptimize(render_working(scene, sky).bands[3].pixels.data());
    else
      benchmark::DoNotOptimize(scene.sources.data());
  });
}

/// Rendering alone, by mass: 10 log10 M500c at z = 0.3.
void richness(benchmark::State& state) {
  const SkyParameters sky;
  SceneOptions options;
  options.redshift = 0.3;
  options.log10_m500c = 0.1 * static_cast<double>(state.range(0));
  over_scenes(state, scenes(sky, options, 24),
              [&](const Scene& scene) { benchmark::DoNotOptimize(render_working(scene, sky).bands[3].pixels.data()); });
}

/// Rendering alone, by cells along the side.
void size(benchmark::State& state) {
  const SkyParameters sky;
  WorkingOptions options;
  options.side = static_cast<int>(state.range(0));
  over_scenes(state, scenes(sky, {}, 24), [&](const Scene& scene) {
    benchmark::DoNotOptimize(render_working(scene, sky, options).bands[3].pixels.data());
  });
}

/// The sources' part alone, for skies of more and more field galaxies: linear in their number.
void sources(benchmark::State& state) {
  SkyParameters sky;
  sky.field_scale = static_cast<double>(state.range(0));
  WorkingOptions options;
  options.noise = options.sky_residual = options.masks = false;
  over_scenes(state, scenes(sky, {}, 24), [&](const Scene& scene) {
    benchmark::DoNotOptimize(render_working(scene, sky, options).bands[3].pixels.data());
  });
}

/// One stage beside the sources, as the difference to "sources only" says it.
void stage(benchmark::State& state, bool noise, bool residual, bool masks) {
  const SkyParameters sky;
  WorkingOptions options;
  options.noise = noise, options.sky_residual = residual, options.masks = masks;
  over_scenes(state, scenes(sky), [&](const Scene& scene) {
    benchmark::DoNotOptimize(render_working(scene, sky, options).bands[3].pixels.data());
  });
}

/// The light of one kind of source.
void kind(benchmark::State& state, std::initializer_list<SourceKind> kinds) {
  const SkyParameters sky;
  over_scenes(state, scenes(sky), [&](const Scene& scene) {
    benchmark::DoNotOptimize(render_contribution(scene, sources_of(scene, kinds), sky).bands[3].pixels.data());
  });
}

/// Five frames of 2048 x 1489 pixels.
void native(benchmark::State& state, bool noise, bool artefacts) {
  const SkyParameters sky;
  SceneOptions options;
  options.redshift = 0.38;
  options.half_width_arcsec = 510;
  options.frame_pixel = {1023, 744};
  options.footprint_probability = 1;
  NativeOptions native_options;
  native_options.noise = noise, native_options.artefacts = artefacts;
  over_scenes(state, scenes(sky, options, 2), [&](const Scene& scene) {
    benchmark::DoNotOptimize(render_native(scene, sky, native_options).bands[3].image.data());
  });
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
BENCHMARK(richness)->Arg(138)->Arg(144)->Arg(150)->ArgName("log10_m500c_x10")->Unit(benchmark::kMillisecond);
BENCHMARK(size)->RangeMultiplier(2)->Range(32, 512)->ArgName("side")->Unit(benchmark::kMillisecond);
BENCHMARK(sources)->RangeMultiplier(2)->Range(1, 16)->ArgName("field_scale")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(stage, sources_only, false, false, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(stage, sources_and_noise, true, false, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(stage, sources_and_residual, false, true, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(stage, sources_and_masks, false, false, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(stage, all, true, true, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(kind, members, {SourceKind::red_member, SourceKind::blue_member})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(kind, bcg_and_icl, {SourceKind::bcg, SourceKind::icl})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(kind, structure_and_projection, {SourceKind::structure, SourceKind::projected})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(kind, field, {SourceKind::field})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(kind, stars, {SourceKind::star})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(native, sources_only, false, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(native, sources_and_noise, true, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(native, all, true, true)->Unit(benchmark::kMillisecond);
