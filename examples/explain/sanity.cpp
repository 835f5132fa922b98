// SPDX-License-Identifier: BSD-3-Clause
#include "sanity.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

#include "clustermass/mock/working.hpp"
#include "clustermass/nn/initialise.hpp"
#include "clustermass/train/trainer.hpp"
#include "statistics.hpp"

using namespace clustermass;

namespace sanity {

namespace {

using Arch = Released;

/// Maps of all fields.
std::vector<Explanation> explain_all(const Estimator& estimator, const ExplainOptions& options,
                                     const std::vector<Field>& fields, Team& team) {
  const Explainer explainer(estimator, options);
  std::vector<ExplainerWorkspace> memory;
  for (int member = 0; member < team.size(); ++member) memory.push_back(explainer.workspace());
  std::vector<Explanation> result(fields.size());
  team.run(fields.size(), [&](std::size_t k, int member) {
    result[k] = explainer.explain(fields[k].cutout, memory[static_cast<std::size_t>(member)]);
  });
  return result;
}

Estimator estimator_of(TrainedNetwork<> network) {
  return Estimator(std::move(network), "a changed network", {.replay_probe = false, .redshift_response = false});
}

Likeness compare(std::string name, const std::vector<Explanation>& trained, const std::vector<Explanation>& changed) {
  std::vector<double> gradients, joint;
  for (std::size_t k = 0; k < trained.size(); ++k) {
    if (!trained[k].has_result() || !changed[k].has_result()) continue;
    gradients.push_back(statistics::likeness(trained[k].gradients, changed[k].gradients));
    joint.push_back(statistics::likeness(trained[k].joint, changed[k].joint));
  }
  return {std::move(name), statistics::mean(gradients), statistics::mean(joint)};
}

template <class Net>
void copy_from_layer(int layer, std::span<const float> random, std::span<float> weights) {
  const std::size_t first = Net::parameter_offset[static_cast<std::size_t>(layer)];
  std::copy(random.begin() + static_cast<std::ptrdiff_t>(first), random.end(),
            weights.begin() + static_cast<std::ptrdiff_t>(first));
}

}  // namespace

std::vector<Likeness> randomise_from_the_top(const TrainedNetwork<>& trained, const ExplainOptions& options,
                                             const std::vector<Field>& fields, Team& team) {
  const std::vector<Explanation> before = explain_all(estimator_of(trained), options, fields, team);
  constexpr std::uint64_t seed = 4242;
  TrainedNetwork<> random = trained;
  initialise(random.features, seed, 0);
  for (std::size_t k = 0; k < random.mass.size(); ++k) initialise(random.mass[k], seed, 1 + k);
  TrainedNetwork<> changed = trained;
  std::vector<Likeness> result;
  const auto look = [&](const std::string& name) {
    result.push_back(compare(name, before, explain_all(estimator_of(changed), options, fields, team)));
  };
  for (int layer = Arch::MassHead::size - 1; layer >= 0; --layer) {
    if (layer == 2) continue;  // the pooling has no weights
    for (std::size_t k = 0; k < changed.mass.size(); ++k)
      copy_from_layer<Arch::MassHead>(layer, random.mass[k].values(), changed.mass[k].values());
    look("heads from layer " + std::to_string(layer));
  }
  const std::size_t shallow = Arch::Shallow::parameter_count;
  copy_from_layer<Arch::Deep>(0, std::span<const float>(random.features.values()).subspan(shallow),
                              changed.features.values().subspan(shallow));
  look("extractor from layer " + std::to_string(Arch::Shallow::size));
  for (int layer = Arch::Shallow::size - 1; layer >= 0; --layer) {
    copy_from_layer<Arch::Shallow>(layer, std::span<const float>(random.features.values()).first(shallow),
                                   changed.features.values().first(shallow));
    look("extractor from layer " + std::to_string(layer));
  }
  return result;
}

Likeness permute_labels(const TrainedNetwork<>& trained, const ExplainOptions& options,
                        const std::vector<Field>& fields, std::size_t clusters, Team& team) {
  const mock::SkyParameters sky;
  constexpr std::uint64_t seed = 7, stream = 90;
  const auto records = std::make_shared<train::MemoryRecords>(clusters, train::sample_bytes);
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(team.size()));
  std::vector<std::vector<Cell>> scratch(static_cast<std::size_t>(team.size()), std::vector<Cell>(field_cells));
  std::vector<double> masses(clusters);
  team.run(clusters, [&](std::size_t k, int member) {
    const auto m = static_cast<std::size_t>(member);
    const mock::Scene scene = mock::draw_scene(sky, seed, k);
    masses[k] = scene.log10_m500c;
    train::encode(train::make_sample(mock::render_working(scene, sky), {}, buffers[m], scratch[m]), (*records)[k]);
  });
  const train::SampleSet set(records);
  const std::vector<std::size_t> order = train::shuffled(clusters, Random(seed, stream));
  std::vector<train::Label> labels;
  for (const std::size_t other : order) labels.push_back({masses[other], 0});
  std::vector<std::size_t> all(clusters);
  std::iota(all.begin(), all.end(), std::size_t{0});

  TrainedNetwork<> network = trained;
  initialise(network.features, seed, stream);
  for (std::size_t k = 0; k < network.mass.size(); ++k) initialise(network.mass[k], seed, stream + 2 + k);
  CpuEngine().with([&]<class E>(E) {
    train::Trainer<Arch, E, Team> trainer(network, team, seed);
    train::Adam adam(trainer.parameter_count(train::Stage::all));
    const train::StageOptions stage{.epochs = 2, .batch = 16};
    for (int epoch = 0; epoch < stage.epochs; ++epoch)
      trainer.run_epoch(train::Stage::all, epoch, stage, {&set, all, labels}, adam,
                        [](std::size_t, std::size_t) { return true; });
  });
  return compare("trained on shuffled masses", explain_all(estimator_of(trained), options, fields, team),
                 explain_all(estimator_of(std::move(network)), options, fields, team));
}

Likeness shift_by_a_cell(const Estimator& estimator, const ExplainOptions& options, const std::vector<Field>& fields,
                         Team& team) {
  constexpr int shift = coarse_factor;
  std::vector<Field> moved = fields;
  for (Field& field : moved)
    for (CutoutBuffer::Plane& plane : field.cutout.bands) {
      if (plane.pixels.empty()) continue;
      if (plane.mask.empty()) plane.mask.assign(plane.pixels.size(), 0);
      for (int i = 0; i < field_side; ++i) {
        const auto row = static_cast<std::ptrdiff_t>(i) * field_side;
        std::move_backward(plane.pixels.begin() + row, plane.pixels.begin() + row + field_side - shift,
                           plane.pixels.begin() + row + field_side);
        std::move_backward(plane.mask.begin() + row, plane.mask.begin() + row + field_side - shift,
                           plane.mask.begin() + row + field_side);
        std::fill_n(plane.mask.begin() + row, shift, mask_bit::no_data);
      }
    }
  const std::vector<Explanation> here = explain_all(estimator, options, fields, team),
                                 there = explain_all(estimator, options, moved, team);
  std::vector<double> gradients, joint;
  for (std::size_t k = 0; k < here.size(); ++k) {
    if (!here[k].has_result() || !there[k].has_result()) continue;
    const auto likeness = [&](const std::vector<float>& a, const std::vector<float>& b) {
      std::vector<double> x, y;
      for (std::size_t p = 0; p < a.size(); ++p)
        if (p % field_side + shift < field_side)
          x.push_back(static_cast<double>(a[p])), y.push_back(static_cast<double>(b[p + shift]));
      return statistics::pearson(x, y);
    };
    gradients.push_back(likeness(here[k].gradients, there[k].gradients));
    joint.push_back(likeness(here[k].joint, there[k].joint));
  }
  return {"moved by a cell", statistics::mean(gradients), statistics::mean(joint)};
}

}  // namespace sanity
