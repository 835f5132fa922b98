// SPDX-License-Identifier: BSD-3-Clause
// Training on the device, through the test double: every stage against the trainer on the CPU, gradients of whole
// networks against Reference<double>, losses, too little memory, and calls that fail.
#include <doctest/doctest.h>

#include "clean_double.hpp"
#include "clustermass/cpu/engine.hpp"
#include "clustermass/gpu/trainer.hpp"
#include "clustermass/parallel.hpp"
#include "clustermass/train/checkpoint.hpp"
#include "clustermass/train/trainer.hpp"
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

/// Random cutouts with labels of random error.
struct Sky {
  static constexpr std::size_t count = 3;

  Sky() : labels(count), all(count) {
    const auto records = std::make_shared<train::MemoryRecords>(count, train::sample_bytes);
    Random random(9);
    for (std::size_t k = 0; k < count; ++k) {
      train::Sample sample;
      sample.info.redshift = random.uniform(0.1, 0.5);
      sample.info.ebv = random.uniform(0, 0.2);
      labels[k] = {random.uniform(14, 15), random.uniform(0, 0.2)};
      for (std::size_t p = 0; p < band_count * field_cells; ++p)
        sample.input.push_back(static_cast<std::int16_t>(4000 * random.normal()));
      for (float& w : sample.band_coverage) w = static_cast<float>(random.uniform());
      train::encode(sample, (*records)[k]);
      all[k] = k;
    }
    set = train::SampleSet(records);
  }
  train::Selection selection() const { return {&set, all, labels}; }

  train::SampleSet set;
  std::vector<train::Label> labels;
  std::vector<std::size_t> all;
};

const Sky& sky() {
  static const Sky one;
  return one;
}

Team& team() {
  static Team two(2);
  return two;
}
const auto go_on = [](std::size_t, std::size_t) { return true; };

/// A network in training on one of the two, its parameters and moments as if a run had come so far.
template <class Trainer>
struct Training {
  template <class Make>
  explicit Training(Make&& make) : trainer(make(network)) {}

  /// The one of these numbers in which no output is so near to zero that its last digit decides about its ReLU.
  train::EpochReport epoch(train::Stage stage, const train::StageOptions& options) {
    const TrainedNetwork<Small> start = small_network();
    network.features = start.features;
    network.band = start.band;
    network.mass = start.mass;
    adam = train::Adam(trainer->parameter_count(stage));
    Random random(8);
    for (float& m : adam.first) m = static_cast<float>(1e-3 * random.normal());
    for (float& v : adam.second) v = static_cast<float>(random.uniform(1e-6, 1e-5));
    adam.step = 7;
    return trainer->run_epoch(stage, 4, options, sky().selection(), adam, go_on);
  }
  /// Features of all samples, which the stage of the heads then reads.
  std::vector<double> freeze() {
    const auto features = std::make_shared<train::MemoryRecords>(Sky::count, trainer->feature_bytes());
    std::size_t next = 0;
    std::vector<float> all(Sky::count * trainer->feature_bytes() / sizeof(float));
    trainer->make_features(sky().selection(), [&](std::span<const std::byte> bytes) {
      std::memcpy(all.data() + next * bytes.size() / sizeof(float), bytes.data(), bytes.size());
      std::ranges::copy(bytes, (*features)[next++].begin());
    });
    trainer->use_features(features, sky().selection());
    return in_double(all);
  }
  std::vector<double> numbers() {
    std::vector<double> all;
    for (const auto& tensor : network.tensors())
      all.insert(all.end(), tensor.values.begin(), tensor.values.end());
    return all;
  }

  TrainedNetwork<Small> network = small_network();
  train::Adam adam;
  std::unique_ptr<Trainer> trainer;
};

using CpuTraining = Training<train::Trainer<Small, cpu::baseline::Engine, Team>>;
using DeviceTraining = Training<CudaTrainer<Small, Team>>;
CpuTraining on_cpu() {
  return CpuTraining(
      [](auto& n) { return std::make_unique<train::Trainer<Small, cpu::baseline::Engine, Team>>(n, team(), 11); });
}
DeviceTraining on_device(int batch) {
  return DeviceTraining([&](auto& n) {
    CudaOptions options;
    options.batch = batch;
    return std::make_unique<CudaTrainer<Small, Team>>(std::make_shared<const CudaDevice>(options), n, team(), 11);
  });
}

/// Every augmentation comes true now and then. One batch, so that both steps start from the same numbers.
train::StageOptions options_of() {
  train::StageOptions options{.epochs = 2, .batch = Sky::count, .warmup_steps = 0, .extractor_factor = 0.3};
  options.augment = {.orient = true,
                     .band_drop = 0.5,
                     .mask_patch = 0.5,
                     .shift = 0.5,
                     .retake = 0.3,
                     .gain_rms = 0.1,
                     .ebv_rms = 0.5};
  return options;
}

/// The same epoch on both: losses, errors, moments, parameters.
void compare(CpuTraining& expected, DeviceTraining& found, train::Stage stage, const train::StageOptions& options) {
  CAPTURE(static_cast<int>(stage));
  const train::EpochReport a = expected.epoch(stage, options), b = found.epoch(stage, options);
  CHECK(std::fabs(b.loss - a.loss) < 1e-5 * std::max(1.0, std::fabs(a.loss)));
  CHECK(std::fabs(b.mae - a.mae) < 1e-5);
  CHECK(b.accuracy == doctest::Approx(a.accuracy));
  CHECK(found.adam.step == 8);
  check_near("first moments", in_double(found.adam.first), in_double(expected.adam.first), 1e-5);
  check_near("second moments", in_double(found.adam.second), in_double(expected.adam.second), 1e-5);
  check_near("parameters", found.numbers(), expected.numbers(), 1e-6);
}

}  // namespace

TEST_CASE(
    "Each stage of training on the device is that of the trainer on the CPU, from the same parameters and moments") {
  const CleanDouble clean;
  CpuTraining expected = on_cpu();
  DeviceTraining found = on_device(2);  // the batch of 3 in parts of 2 and 1
  train::StageOptions options = options_of();
  check_near("frozen features", found.freeze(), expected.freeze(), 1e-5);
  const std::vector<double> outputs = found.trainer->outputs(sky().selection());
  check_near("outputs", outputs, expected.trainer->outputs(sky().selection()), 1e-5);
  CHECK(found.trainer->outputs(sky().selection(), true) == outputs);
  compare(expected, found, train::Stage::bands, options);
  compare(expected, found, train::Stage::all, options);
  options.loss = {.kind = train::MassLoss::gaussian, .outlier_share = 0.1};
  compare(expected, found, train::Stage::heads, options);
  options.loss.kind = train::MassLoss::moment;
  compare(expected, found, train::Stage::heads, options);
  options.pretext = train::Pretext::plain;
  CHECK(found.trainer->band_accuracy(sky().selection(), options) ==
        expected.trainer->band_accuracy(sky().selection(), options));

  // The same bits again, and the network's present numbers are taken: they come from a file when a run goes on.
  const std::vector<double> once = found.numbers();
  found.epoch(train::Stage::heads, options);
  CHECK(found.numbers() == once);
  CHECK_THROWS_WITH_AS(found.trainer->run_epoch(train::Stage::all, 0, options, sky().selection(), found.adam, go_on),
                       doctest::Contains("the stage changes"), InputError);
  const auto stop = [](std::size_t, std::size_t) { return false; };
  CHECK(found.trainer->run_epoch(train::Stage::heads, 0, options, sky().selection(), found.adam, stop).interrupted);
}

TEST_CASE("A device without room trains in smaller parts, and makes the images that it cannot keep on the host") {
  const CleanDouble clean;
  std::size_t taken = 0;
  std::vector<double> expected;
  {
    DeviceTraining roomy = on_device(2);
    taken = test_double::memory();
    expected = roomy.trainer->outputs(sky().selection());
    CHECK(roomy.trainer->kept() == Sky::count);
  }
  test_double::limit_memory(taken - 1);
  DeviceTraining found = on_device(2);
  CHECK(found.trainer->batch() == 1);
  test_double::limit_memory(test_double::memory() + (1 << 20));
  check_near("outputs", found.trainer->outputs(sky().selection()), expected, 1e-6);
  CHECK(found.trainer->kept() == 0);
}

TEST_CASE(
    "Whichever call of a training epoch fails, the exception names it, nothing leaks, and the next epoch is right") {
  const CleanDouble clean;
  const std::size_t one[] = {1};
  const train::Selection part{&sky().set, one, sky().labels};
  DeviceTraining training = on_device(1);
  const auto epoch = [&] {
    train::Adam adam(training.trainer->parameter_count(train::Stage::all));
    training.trainer->run_epoch(train::Stage::all, 1, options_of(), part, adam, go_on);
    return adam.first;
  };
  test_double::reset();
  const std::vector<float> expected = epoch();
  const int calls = test_double::calls();
  const TrainedNetwork<Small> start = small_network();
  CHECK(calls > 100);
  for (int nth = 1; nth <= calls; nth += calls / 6) {
    test_double::reset();
    test_double::fail(nth);
    std::string message;
    try {
      epoch();
    } catch (const DeviceError& error) {
      message = error.what();
    }
    INFO("call ", nth, ": ", test_double::failed_call());
    CHECK(message.find(test_double::failed_call()) != std::string::npos);
    CHECK(test_double::broken_rules().empty());
  }
  test_double::reset();
  std::ranges::copy(start.features.values(), training.network.features.values().begin());
  for (std::size_t h = 0; h < heads; ++h)
    std::ranges::copy(start.mass[h].values(), training.network.mass[h].values().begin());
  CHECK(epoch() == expected);  // the trainer is as good as new
}

TEST_CASE("The kernel of the mass losses is train::mass_loss, for labels near and absurdly far") {
  const CleanDouble clean;
  CudaContext context(device_with(Generation::fixed_function));
  std::vector<float> output, target, error;
  for (const float mean : {-3.0f, -0.2f, 0.0f, 0.7f, 30.0f})
    for (const float log_variance : {-9.0f, -7.9f, -2.0f, 0.0f, 3.9f, 5.0f})
      for (const float s : {0.0f, 0.2f}) {
        output.insert(output.end(), {mean, log_variance});
        target.push_back(0.1f);
        error.push_back(s);
      }
  const std::size_t count = target.size();
  const DeviceNumbers outputs(output), targets(target), errors(error), d_outputs(output), losses(error);
  const DeviceArena<int> samples(count);
  for (const auto& options : {train::MassLossOptions{train::MassLoss::gaussian},
                              {train::MassLoss::beta, 0.5},
                              {train::MassLoss::beta, 0.5, 0.05, 0.4},
                              {train::MassLoss::gaussian, 0.5, 0.1, 0.8},
                              {train::MassLoss::moment}}) {
    const double share = options.outlier_share, far = options.outlier_rms / MassScale::width;
    context.launch(kernel_index("mass_loss"), count, static_cast<const float*>(outputs.data()),
                   static_cast<const float*>(targets.data()), static_cast<const float*>(errors.data()),
                   d_outputs.data(), losses.data(), options.kind == train::MassLoss::moment ? 1 : 0,
                   options.kind == train::MassLoss::beta ? static_cast<float>(options.beta) : 0.0f,
                   static_cast<float>(std::log(share / (1 - share))), static_cast<float>(far * far), 1.0f, 1, 0,
                   static_cast<const int*>(samples.data()));
    context.synchronize();
    const std::vector<double> found = losses.read(), d_found = d_outputs.read();
    for (std::size_t k = 0; k < count; ++k) {
      CAPTURE(k);
      CAPTURE(static_cast<int>(options.kind));
      train::HeadOutput gradient;
      const double loss = train::mass_loss({static_cast<double>(output[2 * k]), static_cast<double>(output[2 * k + 1])},
                                           MassScale::centre + MassScale::width * static_cast<double>(target[k]),
                                           MassScale::width * static_cast<double>(error[k]), options, gradient);
      CHECK(std::isfinite(loss));
      const auto near = [](double a, double b) { return std::fabs(a - b) <= 1e-5 * std::max(1.0, std::fabs(b)); };
      CHECK(near(found[k], loss));
      CHECK(near(d_found[2 * k], gradient.mean));
      CHECK(near(d_found[2 * k + 1], gradient.log_variance));
    }
  }
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
