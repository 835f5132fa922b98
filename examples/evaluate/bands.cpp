// SPDX-License-Identifier: BSD-3-Clause
#include "bands.hpp"

#include <cstdio>
#include <map>
#include <sstream>

#include "../common/program.hpp"
#include "../common/sdss_field.hpp"
#include "clustermass/mock/sky.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/train/stage.hpp"
#include "extractor.hpp"
#include "fields.hpp"
#include "text_table.hpp"

using namespace clustermass;

namespace {

/// A prepared cutout of one field, real or mock.
struct Patch {
  std::size_t field;
  train::Sample sample;
};

struct Bench {
  std::vector<Patch> patches;
  std::vector<std::string> fields;  ///< names; the last is the mock sky
};

/// The same places, redshifts and number of patches for each field, and as many of the mock sky, half of them without a
/// cluster.
Bench make_bench(const BandsOptions& options, const std::vector<SdssField>& fields, Team& team) {
  Bench bench;
  for (const SdssField& field : fields) bench.fields.push_back(field.name);
  bench.fields.emplace_back("mock sky A");
  const std::size_t mock_patches = options.patches * fields.size();
  bench.patches.resize(2 * mock_patches);
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(team.size()));
  std::vector<std::vector<Cell>> scratch(buffers.size(), std::vector<Cell>(field_cells));
  tool::Progress progress("Patches", bench.patches.size(), options.quiet);
  const mock::SkyParameters sky = mock::sky_a();
  team.run(bench.patches.size(), [&](std::size_t k, int member) {
    const std::size_t m = static_cast<std::size_t>(member);
    Random random(options.seed, k, 41);
    Patch& patch = bench.patches[k];
    if (k < mock_patches) {
      patch.field = k / options.patches;
      const double redshift = random.uniform(sky.redshift_min, sky.redshift_max);
      const SkyPosition place = fields[patch.field].draw_place(random);
      patch.sample = train::make_sample(fields[patch.field].cutout(place, redshift, 0.02), {}, buffers[m], scratch[m]);
    } else {
      patch.field = fields.size();
      mock::SceneOptions request;
      request.cluster = k % 2 == 0;
      request.footprint_probability = 1;
      const mock::Scene scene = mock::draw_scene(sky, options.seed, beside_real_scenes + k, request);
      patch.sample = train::make_sample(mock::render_working(scene, sky), {}, buffers[m], scratch[m]);
    }
    progress.step();
  });
  return bench;
}

/// Rightly named bands among so many.
struct Count {
  std::array<double, band_count> right{};
  double patches = 0;

  void operator+=(const Count& other) {
    for (std::size_t b = 0; b < right.size(); ++b) right[b] += other.right[b];
    patches += other.patches;
  }
  double accuracy() const {
    double sum = 0;
    for (const double r : right) sum += r;
    return sum / (patches * band_count);
  }
  double accuracy(std::size_t b) const { return right[b] / patches; }
};

/// By field. The images are made as the extractor's own pretext makes them.
std::vector<Count> name_all(const Bench& bench, const Extractor& extractor, Team& team) {
  std::vector<std::array<int, band_count>> named(bench.patches.size());
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(team.size()));
  team.run(bench.patches.size(), [&](std::size_t k, int member) {
    train::PreparedBuffer& buffer = buffers[static_cast<std::size_t>(member)];
    const train::Sample& sample = bench.patches[k].sample;
    for (std::size_t c = 0; c < buffer.input.size(); ++c)
      buffer.input[c] = static_cast<float>(sample.input[c]) * train::input_step;
    std::copy(sample.band_coverage.begin(), sample.band_coverage.end(), buffer.band_coverage.begin());
    Random random(1, k, 43);  // the same for every extractor
    train::StageOptions stage;
    stage.pretext = extractor.hardened ? train::Pretext::hardened : train::Pretext::plain;
    train::make_pretext(buffer, sample.info, stage, random);
    named[k] = extractor.name_bands(buffer, member);
  });
  std::vector<Count> counts(bench.fields.size());
  for (std::size_t k = 0; k < named.size(); ++k) {
    Count& count = counts[bench.patches[k].field];
    ++count.patches;
    for (std::size_t b = 0; b < band_count; ++b) count.right[b] += named[k][b] == static_cast<int>(b) ? 1 : 0;
  }
  return counts;
}

bool was_seen(const Extractor& extractor, const std::string& field) {
  if (!extractor.of_real) return false;
  std::istringstream words(extractor.left_out);
  for (std::string name; words >> name;)
    if (name == field) return false;
  return true;
}

/// What extractors of one kind add up to: each left out another field.
struct Group {
  std::string trained_on, pretext;
  std::size_t extractors = 0;
  Count mock, real;
  std::vector<double> by_field;
};

}  // namespace

CLI::App* declare_bands(CLI::App& app, BandsOptions& o) {
  CLI::App* command = app.add_subcommand(
      "bands",
      "How well extractors name the bands of images of fields they have not seen, of the mock sky and of real frames.\n"
      "Extractors of one kind (trained on mock, on real fields, on both) add up: each is asked about the fields that "
      "it\n"
      "left out (clustermass_train --band-left-out); one that saw no real field is asked about all.");
  command->add_option("extractors", o.extractors, "run folders of clustermass_train, checkpoints or weight files")
      ->required();
  command->add_option("--frames", o.frames,
                      "folder of SDSS frames; of the fields below it those with all five bands are used\n"
                      "[$CLUSTERMASS_REAL_DATA/sdss, else ../shared/data/sdss]");
  command->add_option("--patches", o.patches, "patches of each field, and for each as many of the mock sky")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{100000}));
  command->add_option("--seed", o.seed, "of places, redshifts and the mock sky")->capture_default_str();
  command->add_flag("--json", o.json, "print JSON instead of tables");
  command->add_option("--threads", o.threads, "threads [OMP_NUM_THREADS, else all this process may use]")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--quiet", o.quiet, "no progress line");
  return command;
}

int evaluate_bands(const BandsOptions& options) {
  Team team(tool::thread_count(options.threads));
  std::vector<std::unique_ptr<Extractor>> extractors;
  for (const std::string& path : options.extractors) extractors.push_back(open_extractor(path, team.size()));
  const std::string folder = find_real_frames(options.frames);
  const std::vector<SdssField> fields = read_sdss_fields(folder, team, options.quiet);
  const Bench bench = make_bench(options, fields, team);

  std::vector<Group> groups;
  for (const auto& extractor : extractors) {
    const std::string on = !extractor->of_real  ? extractor->training_set
                           : extractor->of_mock ? extractor->training_set + " and real fields"
                                                : "real fields";
    const std::string pretext = extractor->hardened ? "hardened" : "plain";
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Group& g) { return g.trained_on == on && g.pretext == pretext; });
    if (group == groups.end()) group = groups.insert(groups.end(), Group{on, pretext, 0, {}, {}, {}});
    const std::vector<Count> counts = name_all(bench, *extractor, team);
    ++group->extractors;
    group->mock += counts.back();
    for (std::size_t f = 0; f < fields.size(); ++f) {
      if (was_seen(*extractor, fields[f].name)) continue;
      group->real += counts[f];
      group->by_field.push_back(counts[f].accuracy());
    }
  }
  Figures figures{
      {"frames", folder}, {"seed", options.seed}, {"patches", options.patches}, {"chance", 1.0 / band_count}};
  figures["groups"] = Figures::array();
  for (const Group& group : groups) {
    Figures row{{"trained_on", group.trained_on},
                {"pretext", group.pretext},
                {"extractors", group.extractors},
                {"mock", group.mock.accuracy()},
                {"real", group.by_field.empty() ? NAN : group.real.accuracy()},
                {"fields", group.by_field.size()},
                {"real_lowest", group.by_field.empty() ? NAN : *std::ranges::min_element(group.by_field)},
                {"real_highest", group.by_field.empty() ? NAN : *std::ranges::max_element(group.by_field)}};
    for (std::size_t b = 0; b < band_count; ++b)
      row["real_bands"][std::string(1, band_names[b])] = group.by_field.empty() ? NAN : group.real.accuracy(b);
    figures["groups"].push_back(row);
  }
  if (options.json) {
    std::printf("%s\n", figures.dump(2, ' ', false, Figures::error_handler_t::replace).c_str());
    return tool::Exit::ok;
  }
  TextTable table({"trained on", "pretext", "extractors", "mock fields", "real fields", "lowest", "highest", "u", "g",
                   "r", "i", "z"});
  for (const Figures& row : figures["groups"]) {
    std::vector<std::string> cells{row["trained_on"],
                                   row["pretext"],
                                   shown(row["extractors"], "%.0f"),
                                   shown(row["mock"], "%.3f"),
                                   shown(row["real"], "%.3f"),
                                   shown(row["real_lowest"], "%.3f"),
                                   shown(row["real_highest"], "%.3f")};
    for (const char b : band_names) cells.push_back(shown(row["real_bands"][std::string(1, b)], "%.2f"));
    table.add(cells);
  }
  std::printf(
      "%s\nShare of bands named rightly on fields not seen in training (chance 0.2), images as the extractor's "
      "pretext makes them; lowest,\nhighest: of the real fields, %zu patches each; u to z: by the band that it "
      "is, on real fields.\n",
      table.str().c_str(), options.patches);
  return tool::Exit::ok;
}
