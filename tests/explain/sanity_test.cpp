// SPDX-License-Identifier: BSD-3-Clause
// Does a map depend on what the network has learned (Adebayo et al. 2018, arXiv:1810.03292)? The same test is put to a
// map that ignores the weights, which has to fail it. The released network, two clusters of the mock sky.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "../../examples/explain/statistics.hpp"
#include "clustermass/explain/explainer.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/nn/initialise.hpp"

using namespace clustermass;

namespace {

/// Any released weight file.
std::string released_weights() {
  for (const auto& entry : std::filesystem::directory_iterator(CLUSTERMASS_SOURCE_DIR "/weights"))
    if (const auto file = entry.path() / "model.safetensors"; std::filesystem::exists(file)) return file.string();
  return {};
}

/// What a network says of some fields, and the light alone.
struct Maps {
  std::vector<std::vector<float>> gradients, joint, light;

  Maps(const Estimator& estimator, const std::vector<CutoutBuffer>& fields) {
    const Explainer explainer(estimator, {.steps = 8});
    ExplainerWorkspace memory = explainer.workspace();
    for (const CutoutBuffer& field : fields) {
      const Explanation why = explainer.explain(field, memory);
      gradients.push_back(why.gradients);
      joint.push_back(why.joint);
      const std::span<const float> input = memory.estimate.prepared().input;
      light.emplace_back(input.begin(), input.end());
    }
  }
};

/// Mean over the fields.
double likeness_of(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += statistics::likeness(a[k], b[k]);
  return sum / static_cast<double>(a.size());
}

}  // namespace

TEST_CASE(
    "Maps of a network whose layers are made random are unlike the trained one's; a map of the light alone is not") {
  const std::string path = released_weights();
  if (path.empty()) {
    MESSAGE("skipped: there is no released weight file");
    return;
  }
  const std::vector<std::byte> bytes = read_file(path);
  const EstimatorOptions quick{.replay_probe = false, .redshift_response = false};
  const TrainedNetwork<> trained = read_network(bytes, path);
  TrainedNetwork<> top = trained;
  for (std::size_t k = 0; k < top.mass.size(); ++k) initialise(top.mass[k], 11, k);
  TrainedNetwork<> whole = top;
  initialise(whole.features, 11, 100);
  const Estimator before(trained, path, quick), half(std::move(top), path, quick), after(std::move(whole), path, quick);

  const mock::SkyParameters sky;
  std::vector<CutoutBuffer> fields;
  for (const std::uint64_t index : {1u, 2u})
    fields.push_back(mock::render_working(
        mock::draw_scene(sky, 3, index, {.log10_m500c = 14.6, .redshift = 0.3, .footprint_probability = 0}), sky));

  const Maps learned(before, fields), partly(half, fields), unlearned(after, fields);
  CHECK(std::fabs(likeness_of(learned.gradients, unlearned.gradients)) < statistics::most_alike);
  CHECK(std::fabs(likeness_of(learned.joint, unlearned.joint)) < statistics::most_alike);
  CHECK(likeness_of(learned.gradients, partly.gradients) < 0.5);
  CHECK_FALSE(std::fabs(likeness_of(learned.light, unlearned.light)) < statistics::most_alike);
  CHECK(likeness_of(learned.gradients, learned.gradients) == doctest::Approx(1));
}
