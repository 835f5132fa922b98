// SPDX-License-Identifier: BSD-3-Clause
#include "release.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "clustermass/cpu/reference.hpp"
#include "clustermass/estimator.hpp"
#include "clustermass/io/sha256.hpp"
#include "clustermass/stats/whitening.hpp"
#include "clustermass/train/checkpoint.hpp"
#include "evaluate.hpp"

using namespace clustermass;

namespace {

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

std::string two_numbers(double low, double high) {
  char text[64];
  std::snprintf(text, sizeof text, "%g %g", low, high);
  return text;
}

void describe(TrainedNetwork<>& network, const TrainOptions& options, const mock::SkyParameters& sky) {
  network.metadata = {
      {"format", "clustermass"},
      {"format_version", std::string(weight_format_version)},
      {"model_id", options.model_id},
      {"arch", Released::name()},
      {"bands", "ugriz"},
      {"input_size", std::to_string(field_side)},
      {"field_mpc", "2"},
      {"normalisation", normalisation_text()},
      {"mass_definition", std::string(mass_definition_text)},
      {"h", "0.7"},
      {"om0", "0.3"},
      {"z_range", two_numbers(sky.redshift_min, sky.redshift_max)},
      {"logm_range", two_numbers(sky.log10_m500c_min, sky.log10_m500c_max)},
      {"prior", "flat in log10 M500c and in z over these ranges"},
      {"calibration", "temperature and split conformal 90 % on " + std::to_string(options.calibration) +
                          " mock clusters that no head saw"},
      {"training_set", "simulated: " + sky.name + ", " + std::to_string(options.clusters) + " clusters, seed " +
                           std::to_string(options.seed)},
      {"license", "BSD-3-Clause"},
  };
}

/// Mean features of each band for every training sample, then their whitening.
void fit_out_of_distribution(TrainedNetwork<>& network, std::span<const train::Sample> training, Team& team) {
  const CpuEngine engine;
  const std::unique_ptr<const NetworkWalk> walk = engine.with([&]<class E>(E) -> std::unique_ptr<const NetworkWalk> {
    return std::make_unique<const NetworkWalkOn<Released, E>>(network, field_side);
  });
  constexpr std::size_t dims = TrainedNetwork<>::pooled_features;
  std::vector<double> rows(training.size() * dims);
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(team.size()));
  std::vector<Arena<std::byte>> arenas;
  for (int member = 0; member < team.size(); ++member) arenas.emplace_back(walk->arena_bytes());
  team.run(training.size(), [&](std::size_t k, int member) {
    const std::size_t m = static_cast<std::size_t>(member);
    train::PreparedBuffer& buffer = buffers[m];
    train::unpack(training[k], buffer);
    std::vector<double> outputs(2 * network.mass.size());
    walk->run(arenas[m].data(), {buffer.input, buffer.band_coverage, buffer.coverage, buffer.context, outputs,
                                 std::span(rows).subspan(k * dims, dims)});
  });
  const Whitening whitening = fit_whitening(rows, dims, 0.995);
  network.ood_mean.values = whitening.mean;
  network.ood_whitening.values = whitening.matrix;
}

/// The middle of the first complete training cutout, coarsened to nothing: a real input with a cluster in it.
void record_probe(TrainedNetwork<>& network, std::span<const train::Sample> training) {
  const auto full =
      std::find_if(training.begin(), training.end(), [](const train::Sample& s) { return s.state.flags == 0; });
  const train::Sample& sample = full != training.end() ? *full : training.front();
  train::PreparedBuffer buffer;
  train::unpack(sample, buffer);
  const int side = static_cast<int>(network.probe_input.shape[3]), margin = (field_side - side) / 2;
  for (int b = 0; b < band_count; ++b)
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j)
        network.probe_input.values[static_cast<std::size_t>((b * side + i) * side + j)] =
            buffer.input[static_cast<std::size_t>((b * field_side + i + margin) * field_side + j + margin)];
  const NetworkWalkOn<Released, Reference<double>> walk(network, side);  // the specification is the oracle
  const std::vector<double> outputs =
      walk_probe(walk, network.probe_input.values, static_cast<int>(network.mass.size()));
  for (std::size_t k = 0; k < outputs.size(); ++k) network.probe_output.values[k] = static_cast<float>(outputs[k]);
}

/// The command that repeats the run, every option spelled out: defaults may change.
std::string command_line(const TrainOptions& o) {
  char text[512];
  std::snprintf(
      text, sizeof text,
      "clustermass_train -o run --model-id %s --seed %llu --clusters %d --blank-fields %d --band-fields %d \\\n"
      "  --calibration %d --test %d --heads %d --batch %d --band-epochs %d --head-epochs %d --all-epochs %d \\\n"
      "  --rate %g --extractor-factor %g --label-error %g",
      o.model_id.c_str(), static_cast<unsigned long long>(o.seed), o.clusters, o.blank_fields, o.band_fields,
      o.calibration, o.test, o.heads, o.batch, o.band_epochs, o.head_epochs, o.all_epochs, o.rate, o.extractor_factor,
      o.label_error);
  return text;
}

}  // namespace

void release(TrainedNetwork<>& network, const TrainOptions& options, const mock::SkyParameters& sky,
             std::span<const train::Sample> training, Team& team) {
  const std::string folder = options.out + "/" + options.model_id;
  std::filesystem::create_directories(folder);
  describe(network, options, sky);
  fit_out_of_distribution(network, training, team);
  network.calibration_scale.values[0] = 1;
  network.calibration_q90.values[0] = 1;
  record_probe(network, training);

  const EstimatorOptions quick{.replay_probe = true, .redshift_response = false};
  {
    const std::string path = folder + "/model.safetensors";
    train::write_network(path, network);
    const Estimator raw = Estimator::from_file(path, quick);
    const auto held_out =
        estimate_part(raw, sky, options.seed, Part::calibration, static_cast<std::size_t>(options.calibration), team);
    const auto predictions = predictions_of(held_out);
    const double temperature = fit_temperature(predictions);
    network.calibration_scale.values[0] = static_cast<float>(temperature);
    network.calibration_q90.values[0] = static_cast<float>(conformal_quantile(predictions, temperature, 0.10));
    train::write_network(path, network);
  }

  const std::vector<std::byte> bytes = read_file(folder + "/model.safetensors");
  const Estimator estimator = Estimator::from_memory(bytes, quick);
  const auto outcomes =
      estimate_part(estimator, sky, options.seed, Part::test, static_cast<std::size_t>(options.test), team);
  std::vector<double> labels;
  for (const train::Sample& sample : training) labels.push_back(sample.log10_mass);
  const std::vector<Row> rows = tabulate(outcomes, median(labels));

  std::ofstream predictions(options.out + "/test_predictions.csv");
  predictions << "log10_m500c_true,log10_m500c,log10_m500c_error,lo90,hi90,z,lambda_int,oracle_o1,oracle_o2,ood,"
                 "coverage,masked_"
                 "fraction,flags\n";
  for (const Outcome& o : outcomes) {
    char line[256];
    std::snprintf(line, sizeof line, "%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.2f,%.4f,%.4f,%.3f,%.4f,%.4f,%u\n", o.truth,
                  o.mass.log10_m500c, o.mass.log10_m500c_error, o.mass.lo90, o.mass.hi90, o.redshift, o.lambda,
                  o.oracle, o.filter, o.mass.ood, o.mass.coverage, o.mass.masked_fraction, o.mass.flags);
    predictions << line;
  }

  const std::string hash = sha256_hex(bytes);
  std::ofstream(folder + "/SHA256SUMS") << hash << "  model.safetensors\n";
  char figures[512];
  std::snprintf(
      figures, sizeof figures,
      "MAE %.3f dex against truth on %zu held-out clusters of %s; constant predictor %.3f, oracle o1 %.3f, oracle "
      "o2 %.3f",
      rows[0].mae, rows[0].count, sky.name.c_str(), rows[0].constant, rows[0].oracle, rows[0].filter);
  std::ofstream card(folder + "/MODEL_CARD.md");
  card << "---\nlicense: bsd-3-clause\ntags: [galaxy-clusters, sdss, simulated-training-set]\nmetrics:\n  - mae_dex: "
       << rows[0].mae << "\n  - mae_dex_constant: " << rows[0].constant << "\n---\n\n# " << options.model_id << "\n\n"
       << "**Trained on a simulated sky only (" << sky.name
       << ").** No real cluster was used. On real images treat the answer as\n"
          "an extrapolation: the error and the interval are calibrated on the simulation, not on the sky.\n\n"
       << "log10(M500c/Msun), h = 0.7, Om = 0.3, from five SDSS images (u g r i z) of one field and a redshift in 0.08 "
          "to 0.55.\n"
       << "Method: Lin et al. 2022 (arXiv:2203.06288): an extractor taught to name photometric bands, then taken to "
          "the mass.\n\n"
       << "- Architecture " << Released::name() << ", " << options.heads << " mass heads, "
       << Weights<Released::Features>::size +
              static_cast<std::size_t>(options.heads) * Weights<Released::MassHead>::size +
              Weights<Released::BandHead>::size
       << " parameters\n- Training set: " << *network.find_metadata("training_set") << "; prior "
       << *network.find_metadata("prior") << "; labels "
       << (options.label_error > 0 ? "with noise told to the loss" : "are the true masses")
       << "\n- Half of all clusters end at the edge of a real frame's footprint; 1 % lack a band\n- Calibration: "
       << *network.find_metadata("calibration") << "; temperature " << network.calibration_scale.values[0]
       << ", interval half-width " << network.calibration_q90.values[0] << " sigma\n- SHA-256 `" << hash
       << "`\n\n## Scores\n\n"
       << figures
       << ". Errors in dex; o1 knows the halo's intrinsic richness and nothing of the image: it is the floor, not a "
          "rival. o2 is\na matched filter on the true positions, magnitudes and colours of the galaxies inside the "
          "cutout's own "
          "footprint.\n\n"
       << markdown_table(rows)
       << "\nBands named rightly in the last epoch of the first stage, and all losses: `metrics.csv`.\n"
          "\n## Limits\n\nOne sky, one recipe of galaxies: see docs/limitations.md. Miscentring and projections are in "
          "the training set but are not\n"
          "flagged. Masses near the ends of the prior (13.7 and 15.2) are drawn inwards, as for any posterior mean.\n"
       << "\n## Repeat\n\n```\n"
       << command_line(options) << "\n```\n\nThe same bits for any number of threads.\n";
  std::printf("%s\n%s\nwritten: %s\n", figures, markdown_table(rows).c_str(), folder.c_str());
}
