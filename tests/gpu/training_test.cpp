// SPDX-License-Identifier: BSD-3-Clause
// Gradients of whole networks and a training step on the device, through the test double, against Reference<double>,
// the trainer's own augmentation and its optimiser.
#include "clustermass/gpu/training.hpp"

#include <doctest/doctest.h>

#include "clean_double.hpp"
#include "clustermass/train/loss.hpp"
#include "device_maps.hpp"
#include "support/random_network.hpp"

using namespace clustermass;
using namespace clustermass::gpu;
using namespace clustermass::support;

namespace {

using Small = Architecture<16, 16, 16, 16, 16>;
using Exact = Reference<double>;
constexpr std::size_t heads = 2;

TrainedNetwork<Small> small_network() {
  TrainedNetwork<Small> network(static_cast<int>(heads), 0, 16);
  fill_at_random(network.features, 1, 0);
  fill_at_random(network.band, 1, 1);
  for (std::size_t h = 0; h < heads; ++h) fill_at_random(network.mass[h], 1, 2 + h);
  return network;
}

std::vector<train::Sample> random_samples(std::size_t count) {
  std::vector<train::Sample> samples(count);
  Random random(9);
  for (train::Sample& sample : samples) {
    sample.info.redshift = random.uniform(0.1, 0.5);
    sample.info.log10_mass = random.uniform(14, 15);
    sample.info.label_error = random.uniform(0, 0.2);
    for (std::size_t k = 0; k < band_count * field_cells; ++k)
      sample.input.push_back(static_cast<std::int16_t>(4000 * random.normal()));
    for (float& w : sample.band_coverage) w = static_cast<float>(random.uniform());
  }
  return samples;
}

const CudaAugment augmentation{.orient = true, .band_drop = 0.5, .mask_patch = 0.5, .gain_rms = 0.02};
Random random_of(std::size_t sample) { return Random(4, 7, static_cast<std::uint32_t>(sample)); }

/// Mean loss and mean gradient as the trainer has them, sample by sample in double.
double reference_gradient(const TrainedNetwork<Small>& network, std::span<const train::Sample> samples,
                          std::span<const std::size_t> chosen, std::vector<double>& gradient) {
  const Shape input{band_count, 1, field_side, field_side};
  Plan<Small::Features, Exact> features(network.features.values(), input, Walk::recorded);
  const Shape f = features.output_shape(), joined{1, f.c * band_count, f.h, f.w};
  gradient.assign(Small::Features::parameter_count + heads * Small::MassHead::parameter_count, 0);
  double loss = 0;
  Exact engine;
  train::PreparedBuffer buffer;
  for (const std::size_t k : chosen) {
    for (std::size_t p = 0; p < buffer.input.size(); ++p)
      buffer.input[p] = static_cast<float>(samples[k].input[p]) * train::input_step;
    Random random = random_of(k);
    train::PreparedBuffer masked;  // only for its coverage
    const auto draws = draw_augmentation(samples[k], k, augmentation, random, masked);
    train::orient(buffer, static_cast<std::uint32_t>(draws[0].orientation));
    for (std::size_t b = 0; b < band_count; ++b) {
      const Draw& draw = draws[b];
      if (draw.top < draw.bottom)
        train::mask_rectangle(buffer, b, draw.top, draw.left, draw.bottom - draw.top, draw.right - draw.left);
    }
    for (float& value : buffer.input) value += 0.5f * draws[0].gain * std::tanh(2 * value);
    std::copy(masked.band_coverage.begin(), masked.band_coverage.end(), buffer.band_coverage.begin());
    buffer.update(samples[k].info.redshift);
    const auto wide = [](const auto& values) { return std::vector<double>(values.begin(), values.end()); };
    std::vector<double> x = wide(buffer.input), bands = wide(buffer.band_coverage), coverage = wide(buffer.coverage),
                        context = wide(buffer.context);
    const Conditions<double, Host> per_band{{bands.data(), {band_count, 1, coarse_side, coarse_side}}, {}};
    const Conditions<double, Host> of_cutout{{coverage.data(), {1, 1, coarse_side, coarse_side}},
                                             {context.data(), {1, context_count, 1, 1}}};
    Arena<double> arena(features.arena_size()), gradients(features.gradient_arena_size());
    const View<double> in{x.data(), input}, out = features.run(engine, arena.data(), per_band, in);
    std::vector<double> d_features(f.size()), part(f.size());
    for (std::size_t h = 0; h < heads; ++h) {
      const Plan<Small::MassHead, Exact> head(network.mass[h].values(), joined, Walk::recorded);
      Arena<double> head_arena(head.arena_size()), head_gradients(head.gradient_arena_size());
      const View<double> maps{out.data, joined}, y = head.run(engine, head_arena.data(), of_cutout, maps);
      train::HeadOutput d_head;
      loss += train::mass_loss({y.data[0], y.data[1]}, samples[k].info.log10_mass, samples[k].info.label_error,
                               train::MassLossOptions{.kind = train::MassLoss::beta, .beta = 0.5}, d_head) /
              static_cast<double>(heads);
      if (k % heads == h) continue;
      double d_y[2] = {d_head.mean, d_head.log_variance};
      head.backward(engine, head_arena.data(), head_gradients.data(), of_cutout, maps, y, {d_y, y.shape},
                    {part.data(), joined},
                    gradient.data() + Small::Features::parameter_count + h * Small::MassHead::parameter_count);
      for (std::size_t p = 0; p < part.size(); ++p) d_features[p] += part[p] / static_cast<double>(heads);
    }
    features.backward(engine, arena.data(), gradients.data(), per_band, in, out, {d_features.data(), f}, {},
                      gradient.data());
  }
  for (double& g : gradient) g /= static_cast<double>(chosen.size());
  return loss / static_cast<double>(chosen.size());
}

}  // namespace

TEST_CASE("A training step on the device: loss, gradient and parameters are those of the trainer's rules") {
  const CleanDouble clean;
  TrainedNetwork<Small> network = small_network();
  const std::vector<train::Sample> samples = random_samples(3);
  const std::vector<std::size_t> chosen{2, 1};
  std::vector<double> expected;
  const double expected_loss = reference_gradient(network, samples, chosen, expected);

  CudaTraining<Small> training(device_with(Generation::fixed_function), network, samples, 2);
  const train::AdamOptions options;
  const double loss = training.step(chosen, augmentation, 0.5, 1e-2, 0.3, options, random_of);
  CHECK(std::fabs(loss - expected_loss) < 1e-5);
  const std::vector<float> gradient = training.gradient();
  check_near("gradient", in_double(gradient), expected, 1e-5);

  // The step itself, from the gradient that the device has.
  const TrainedNetwork<Small> before = network;
  training.download(network);
  std::vector<float> parameters(before.features.values().begin(), before.features.values().end());
  for (const auto& head : before.mass) parameters.insert(parameters.end(), head.values().begin(), head.values().end());
  train::Adam adam(parameters.size());
  double square = 0;
  for (const float g : gradient) square += static_cast<double>(g) * static_cast<double>(g);
  const double factor = train::clip_factor(std::sqrt(square), options.clip_norm);
  const std::size_t split = Small::Features::parameter_count;
  train::adam_step(std::span(parameters).first(split), std::span(gradient).first(split), adam, 0, 0.3e-2, factor,
                   options);
  train::adam_step(std::span(parameters).subspan(split), std::span(gradient).subspan(split), adam, split, 1e-2, factor,
                   options);
  std::vector<float> found(network.features.values().begin(), network.features.values().end());
  for (const auto& head : network.mass) found.insert(found.end(), head.values().begin(), head.values().end());
  check_near("parameters", in_double(found), in_double(parameters), 1e-7);
  CHECK(found != std::vector<float>(before.features.values().begin(), before.features.values().end()));

  // The kernels were prepared again: the next gradient is the new network's.
  const double next = training.gradient_of(chosen, augmentation, 0.5, random_of);
  CHECK(std::fabs(next - reference_gradient(network, samples, chosen, expected)) < 1e-5);
  CHECK_THROWS_WITH_AS(training.gradient_of(std::span(chosen).first(1), augmentation, 0.5, random_of),
                       doctest::Contains("got 1 samples, expected 2"), InputError);
}

TEST_CASE("The band head's loss and the whole walk down to the pixels are those of the reference") {
  const CleanDouble clean;
  CudaContext context(device_with(Generation::graph));
  CudaEngine<float> engine(context);
  const TrainedNetwork<Small> network = small_network();
  const Shape input{2 * band_count, 1, 32, 32}, grid{2 * band_count, 1, 2, 2}, logits{2 * band_count, band_count, 1, 1};
  const Numbers x = random_numbers(input, 1), coverage = random_numbers(grid, 2).magnitudes();

  const auto walk = [&]<class E>(E on, typename E::Map in, const ConditionsOf<E>& conditions, typename E::Map d_x,
                                 typename E::Scalar* d_parameters, auto& memory, auto&& loss) {
    const Plan<Small::Features, E> features(std::span<const float>(network.features.values()), input, Walk::recorded,
                                            on);
    const Plan<Small::BandHead, E> band(std::span<const float>(network.band.values()), features.output_shape(),
                                        Walk::recorded, on);
    using Numbers = ArenaOf<E>;
    Numbers arena(features.arena_size()), gradients(features.gradient_arena_size()), band_arena(band.arena_size()),
        band_gradients(band.gradient_arena_size()), d_features(E::map_size(features.output_shape(), Form::map));
    const auto maps = features.run(on, arena.data(), conditions, in);
    const auto y = band.run(on, band_arena.data(), conditions, maps);
    const auto d_y = loss(y);
    const auto d_maps = E::map_at(d_features.data(), features.output_shape(), Form::map);
    band.backward(on, band_arena.data(), band_gradients.data(), conditions, maps, y, d_y, d_maps,
                  d_parameters + Small::Features::parameter_count);
    features.backward(on, arena.data(), gradients.data(), conditions, in, maps, d_maps, d_x, d_parameters);
    memory();
  };
  constexpr std::size_t count = Small::Features::parameter_count + Small::BandHead::parameter_count;

  std::vector<double> wide(x.values.begin(), x.values.end()), covered(coverage.values.begin(), coverage.values.end());
  std::vector<double> d_x(input.size()), d_parameters(count), d_logits(logits.size()), losses;
  auto nothing = [] {};
  walk(Exact{}, {wide.data(), input}, {{covered.data(), grid}, {}}, {d_x.data(), input}, d_parameters.data(), nothing,
       [&](View<double> y) {
         for (std::size_t n = 0; n < 2 * band_count; ++n) {
           std::array<double, band_count> row{}, d_row{};
           for (std::size_t b = 0; b < band_count; ++b) row[b] = y.data[n * band_count + b];
           losses.push_back(train::band_loss(row, n % band_count, 0.05, d_row));
           for (std::size_t b = 0; b < band_count; ++b) d_logits[n * band_count + b] = d_row[b] / (2 * band_count);
         }
         return View<double>{d_logits.data(), logits};
       });

  const DeviceDoor<float> in(context, x), out(context, input), d_y(context, logits);
  const DeviceNumbers conditions(coverage.values), sums{std::vector<float>(count)},
      loss{std::vector<float>(2 * band_count)};
  auto finish = [&] { context.synchronize(); };
  walk(engine, in.map, {{conditions.data(), grid}, {}}, out.map, sums.data(), finish, [&](CudaMap<float> y) {
    context.launch(kernel_index("band_loss"), std::size_t{2 * band_count}, static_cast<const float*>(y.data),
                   d_y.map.data, loss.data(), int{band_count}, 0.05f, 1.0f / (2 * band_count));
    return d_y.map;
  });
  check_near("losses", loss.read(), losses, 1e-5);
  check_near("d_x", out.read(), d_x, 1e-5);
  check_near("d_parameters", sums.read(), d_parameters, 1e-5);
}
