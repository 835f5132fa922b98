// SPDX-License-Identifier: BSD-3-Clause
// Walks up and down on the device for explanations, through the test double, against Reference<double>.
#include "clustermass/gpu/explainer.hpp"

#include <doctest/doctest.h>

#include "clean_double.hpp"
#include "device_maps.hpp"
#include "support/cutouts.hpp"
#include "support/random_network.hpp"

using namespace clustermass;
using namespace clustermass::gpu;
using namespace clustermass::support;

namespace {

constexpr int side = 32;

/// What comes out of a walk up from pixels and down again, and of one between the features and the ends.
struct Answers {
  std::vector<double> ends, features, d_features, d_input, between;
};
Answers answers_of(const RecordedWalk& walk, Heads heads) {
  const Numbers input = random_numbers({band_count, 1, side, side}, 1),
                cover = random_numbers({band_count + 1, 1, side / coarse_factor, side / coarse_factor}, 2).magnitudes(),
                context = random_numbers({1, context_count, 1, 1}, 3);
  const std::size_t cells = cover.values.size() / (band_count + 1);
  const std::span<const float> covered = cover.values;
  const WalkConditions conditions{covered.first(band_count * cells), covered.subspan(band_count * cells),
                                  context.values};
  const std::unique_ptr<RecordedMemory> memory = walk.memory();
  WalkEnds ends, d_ends;
  std::vector<float> features(walk.features_shape().size()), d_features(features.size());
  Answers result;
  result.d_input.resize(input.values.size());
  walk.up_from_input(*memory, heads, conditions, input.values, features, ends);
  for (std::size_t k = 0; k < ends.outputs.size(); ++k)
    d_ends.outputs.push_back(std::sin(1.0 + static_cast<double>(k)));
  for (std::size_t k = 0; k < d_ends.logits.size(); ++k) d_ends.logits[k] = std::cos(static_cast<double>(k));
  walk.down_to_input(*memory, heads, conditions, d_ends, d_features, result.d_input);
  result.ends = ends.outputs;
  result.ends.insert(result.ends.end(), ends.logits.begin(), ends.logits.end());
  result.features = in_double(features);
  result.d_features = in_double(d_features);
  walk.up_from_features(*memory, heads, conditions, features, ends);
  walk.down_to_features(*memory, heads, conditions, d_ends, d_features);
  result.between = in_double(d_features);
  return result;
}

}  // namespace

TEST_CASE("Passes of an explanation on the device are the reference's, up and down, from pixels and from features") {
  const CleanDouble clean;
  const TrainedNetwork<> network = random_network(3, 2, side);
  for (const Heads heads : {Heads::mass, Heads::band}) {
    const Answers expected = answers_of(RecordedWalkOn<Released, Reference<double>>(network, side), heads);
    const Answers found =
        answers_of(CudaRecordedWalk<Released>(device_with(Generation::fixed_function), network, side), heads);
    check_near("ends", found.ends, expected.ends, 1e-5);
    check_near("features", found.features, expected.features, 1e-5);
    check_near("d_features", found.d_features, expected.d_features, 1e-5);
    check_near("d_input", found.d_input, expected.d_input, 1e-5);
    check_near("d_features between", found.between, expected.between, 1e-5);
  }
  CHECK_THROWS_WITH_AS(
      CudaRecordedWalk<Released>(device_with(Generation::fixed_function, Precision::fp16), network, side),
      doctest::Contains("half maps"), InputError);
}

TEST_CASE("CudaExplainer explains on the device: value and gradient are those of the explainer on the CPU") {
  const CleanDouble clean;
  const std::vector<std::byte> file = encoded(random_network(1, 1, side));
  CudaOptions options;
  options.batch = 1;
  const EstimatorOptions quick{.redshift_response = false};
  const CudaEstimator device = CudaEstimator::from_memory(file, quick, Cuda(options));
  const Estimator cpu = Estimator::from_memory(file, quick);
  const CudaExplainer on_device(device);
  const Explainer on_cpu(cpu);
  ExplainerWorkspace of_device = on_device.workspace(), of_cpu = on_cpu.workspace();
  const std::vector<float> input = random_numbers({band_count, 1, field_side, field_side}, 1).values;
  std::vector<double> found(input.size()), expected(input.size());
  const double value = on_device.gradient_of(input, of_device, found);
  CHECK(std::fabs(value - on_cpu.gradient_of(input, of_cpu, expected)) < 1e-5);
  check_near("gradient", found, expected, 1e-5);
}
