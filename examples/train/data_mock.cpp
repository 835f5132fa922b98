// SPDX-License-Identifier: BSD-3-Clause
// Training data of a mock sky. The parts of a run never share a scene: a cluster seen in training is never calibrated
// or tested on.
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include "clustermass/baselines/filter_mass.hpp"
#include "clustermass/baselines/floor.hpp"
#include "clustermass/mock/labels.hpp"
#include "clustermass/mock/skies.hpp"
#include "clustermass/mock/working.hpp"
#include "data.hpp"

using namespace clustermass;

namespace {

enum class Part : std::uint64_t { training = 0, blank = 1, calibration = 2, test = 3, unlabelled = 4 };
constexpr std::uint64_t part_size = 1'000'000'000;

mock::Prior prior_of(const std::string& name) {
  return name == "survey"       ? mock::Prior::survey
         : name == "label-like" ? mock::Prior::label_like
                                : mock::Prior::training;
}

/// Scenes of one part of one sky.
class PartOfSky {
 public:
  /// oracle: o2 and the richness it measures, which take a matched filter for each scene. on_pixels: what the network
  /// is told besides the images, or null.
  PartOfSky(const Settings& settings, const std::string& sky, const std::string& prior, Part part, bool oracle,
            const FilterMass* on_pixels)
      : sky_(sky), prior_(prior), seed_(settings.seed), part_(part), on_pixels_(on_pixels) {
    if (oracle) filter_ = filter_of(sky == "B" ? "B" : "A", prior);
  }

  std::string description() const {
    return "sky = " + sky_ + "\nprior = " + prior_ + "\nseed = " + std::to_string(seed_) +
           "\npart = " + std::to_string(static_cast<int>(part_)) + "\nrichness = " + (filter_ ? "yes" : "no") +
           "\nfilter = " + (on_pixels_ ? "yes" : "no") + "\n";
  }

  std::uint64_t index(std::size_t k) const { return static_cast<std::uint64_t>(part_) * part_size + k; }

  train::Sample make(std::size_t k, train::PreparedBuffer& buffer, std::span<Cell> scratch) const {
    const mock::SkyParameters sky = parameters(k);
    mock::SceneOptions options;
    options.cluster = part_ != Part::blank;
    const mock::Scene scene = mock::draw_scene(sky, seed_, index(k), options);
    CutoutBuffer cutout = mock::render_working(scene, sky);
    if (on_pixels_ && options.cluster) cutout.filter_mass = (*on_pixels_)(cutout);
    train::SampleInfo info;
    info.number = static_cast<double>(k);
    if (options.cluster) {
      info.log10_mass = scene.log10_m500c;
      info.lambda = scene.lambda_int;
      info.o1_mass = oracle_richness(scene.lambda_int, scene.redshift, sky);
    }
    if (filter_ && options.cluster) {
      const FilterEstimate found = (*filter_)(scene);
      info.o2_mass = found.mass.log10_m500c;
      info.ln_richness = std::log(found.richness.lambda);
      info.ln_richness_error = found.richness.ln_lambda_error;
    }
    return train::make_sample(cutout, info, buffer, scratch);
  }

  mock::SkyParameters parameters(std::size_t k) const {
    mock::SkyParameters sky = sky_ == "B"       ? mock::sky_b()
                              : sky_ == "mixed" ? mock::mixed_sky(seed_, index(k))
                                                : mock::sky_a();
    sky.prior = prior_of(prior_);
    return sky;
  }

 private:
  /// Building a filter takes a second: one for each sky and prior. That of a mixed sky is A's, as a survey has one.
  static std::shared_ptr<const FilterOracle> filter_of(const std::string& name, const std::string& prior) {
    static std::map<std::string, std::shared_ptr<const FilterOracle>> filters;
    std::shared_ptr<const FilterOracle>& filter = filters[name + " " + prior];
    if (!filter) {
      mock::SkyParameters sky = name == "B" ? mock::sky_b() : mock::sky_a();
      sky.prior = prior_of(prior);
      filter = std::make_shared<const FilterOracle>(sky);
    }
    return filter;
  }

  std::string sky_, prior_;
  std::uint64_t seed_;
  Part part_;
  std::shared_ptr<const FilterOracle> filter_;
  const FilterMass* on_pixels_;
};

/// The label of a scene as a catalogue has it, its source's known offset taken off.
train::Label label_of(const Settings& settings, double truth, std::uint64_t index, std::string& source) {
  train::Label label{truth, 0};
  source = "truth";
  if (settings.labels != "truth") {
    const bool sz = settings.labels == "sz" || (settings.labels == "both" && index % 2 == 1);
    source = sz ? "sz" : "xray";
    const mock::Label drawn =
        mock::draw_label(truth, sz ? mock::LabelSource::sz : mock::LabelSource::xray, settings.seed, index);
    label = {drawn.log10_m500c - label_offset(settings.label_offsets, source), drawn.log10_m500c_error};
  }
  Random noise(settings.seed, index, 777);
  label.log10_mass += settings.label_noise * noise.normal();
  label.error = std::hypot(label.error, settings.label_noise);
  return label;
}

}  // namespace

Data data_of_mock_sky(const Settings& settings, const std::string& cache, Team& team, bool quiet) {
  Data data;
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(team.size()));
  std::vector<std::vector<Cell>> scratch(static_cast<std::size_t>(team.size()), std::vector<Cell>(field_cells));
  const std::unique_ptr<const FilterMass> on_pixels = settings.filter ? std::make_unique<const FilterMass>() : nullptr;
  std::size_t total = 0;
  // Adds a part; returns where its samples begin.
  const auto add = [&](const char* name, const std::string& sky, const std::string& prior, Part part, int count,
                       bool oracle) {
    const std::size_t begin = total, size = static_cast<std::size_t>(count);
    if (count == 0) return begin;
    const PartOfSky scenes(settings, sky, prior, part, oracle, on_pixels.get());
    data.files.push_back(cached_samples(
        cache, name, scenes.description(), size,
        [&](std::size_t k, int member) {
          const std::size_t m = static_cast<std::size_t>(member);
          return scenes.make(k, buffers[m], scratch[m]);
        },
        team, quiet));
    for (std::size_t k = 0; k < size; ++k) {
      data.ids.push_back(std::string(name) + "-" + std::to_string(k));
      data.block.push_back(scenes.index(k));
    }
    total += size;
    return begin;
  };
  const bool richness = settings.richness_epochs > 0;
  const std::size_t clusters =
      add("clusters", settings.sky, settings.prior, Part::training, settings.clusters, richness);
  const std::size_t unlabelled =
      add("unlabelled", settings.sky, settings.unlabelled_prior, Part::unlabelled, settings.unlabelled, richness);
  const std::size_t blank = add("blank", settings.sky, "training", Part::blank, settings.blank_fields, false);
  const std::size_t calibration =
      add("calibration", settings.sky, settings.prior, Part::calibration, settings.calibration, false);
  const std::size_t end_of_calibration = total;
  const std::string own = settings.sky == "B" ? "B" : "A", other = settings.sky == "B" ? "A" : "B";
  std::vector<std::pair<std::size_t, std::string>> tests;
  if (settings.sky == "mixed")
    tests.emplace_back(add("test-mixed", "mixed", settings.prior, Part::test, settings.test, true),
                       "mock sky AB-mixed");
  for (const std::string& sky : {own, other})
    tests.emplace_back(add(("test-" + sky).c_str(), sky, settings.prior, Part::test, settings.test, true),
                       "mock sky " + sky);

  data.set = train::SampleSet(std::make_shared<train::JoinedRecords>(data.files));
  data.labels.resize(total);
  data.richness.resize(total);
  data.sources.resize(total);
  const auto usable = [&](std::size_t k) {
    return (static_cast<std::uint32_t>(data.set.info(k).flags) & flag::no_result) == 0;
  };
  for (std::size_t k = 0; k < total; ++k) {
    const train::SampleInfo& info = data.set.info(k);
    if (k >= unlabelled && k < calibration) continue;  // unlabelled clusters and blank fields
    data.labels[k] = label_of(settings, info.log10_mass, data.block[k], data.sources[k]);
  }
  for (std::size_t k = clusters; k < blank; ++k) {
    const train::SampleInfo& info = data.set.info(k);
    if (richness) data.richness[k] = mass_of_richness(info.ln_richness, info.ln_richness_error);
    if (k < unlabelled && usable(k)) data.labelled.push_back(k);
    if (data.richness[k].log10_mass == data.richness[k].log10_mass && usable(k)) data.with_richness.push_back(k);
  }
  for (std::size_t k = calibration; k < end_of_calibration; ++k)
    if (usable(k)) data.calibration.push_back(k);
  for (const auto& [begin, name] : tests) {
    data.test.push_back({name, {}});
    for (std::size_t k = begin; k < begin + static_cast<std::size_t>(settings.test); ++k)
      if (usable(k)) data.test.back().which.push_back(k);
  }
  // Band naming: the blank fields, then the unlabelled clusters, then the last of the labelled ones.
  const std::size_t fields = static_cast<std::size_t>(settings.band_fields);
  for (std::size_t k = blank; k < calibration && data.bands.size() < fields; ++k) data.bands.push_back(k);
  for (std::size_t k = unlabelled; k < blank && data.bands.size() < fields; ++k) data.bands.push_back(k);
  for (std::size_t k = unlabelled; k > clusters && data.bands.size() < fields; --k) data.bands.push_back(k - 1);

  const mock::SkyParameters sky = mock::sky_a();
  data.z_min = sky.redshift_min, data.z_max = sky.redshift_max;
  data.logm_min = sky.log10_m500c_min, data.logm_max = sky.log10_m500c_max;
  data.prior = settings.prior == "training" ? "flat in log10 M500c and in z over these ranges" : settings.prior;
  data.training_set = "simulated: mock sky " + (settings.sky == "mixed" ? std::string("AB-mixed") : settings.sky) +
                      ", " + std::to_string(settings.clusters) + " clusters, seed " + std::to_string(settings.seed);
  return data;
}
