// SPDX-License-Identifier: BSD-3-Clause
// Does a map depend on what the network has learned (Adebayo et al. 2018, arXiv:1810.03292)? The same test is put to a
// map that ignores the weights, which has to fail it. The released network, two clusters of the mock sky.
#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
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

using MapOf = std::function<std::vector<float>(const Estimator&, const Cutout&)>;

/// Mean likeness of the maps of two networks over some fields.
double likeness_of(const MapOf& map, const Estimator& a, const Estimator& b, const std::vector<CutoutBuffer>& fields) {
  double sum = 0;
  for (const CutoutBuffer& field : fields) sum += statistics::likeness(map(a, field), map(b, field));
  return sum / static_cast<double>(fields.size());
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

  const auto explained = [](const Estimator& estimator, const Cutout& cutout) {
    return Explainer(estimator, {.steps = 8}).explain(cutout);
  };
  const MapOf gradients = [&](const Estimator& e, const Cutout& c) { return explained(e, c).gradients; };
  const MapOf joint = [&](const Estimator& e, const Cutout& c) { return explained(e, c).joint; };
  const MapOf light = [](const Estimator& e, const Cutout& c) {
    Workspace memory = e.workspace();
    prepare(c, c.redshift, memory.cells, memory.prepared());
    return std::vector<float>(memory.prepared().input.begin(), memory.prepared().input.end());
  };
  CHECK(std::fabs(likeness_of(gradients, before, after, fields)) < statistics::most_alike);
  CHECK(std::fabs(likeness_of(joint, before, after, fields)) < statistics::most_alike);
  CHECK(likeness_of(gradients, before, half, fields) < 0.5);
  CHECK_FALSE(std::fabs(likeness_of(light, before, after, fields)) < statistics::most_alike);
  CHECK(likeness_of(gradients, before, before, fields) == doctest::Approx(1));
}
