// SPDX-License-Identifier: BSD-3-Clause
#include "release.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "clustermass/baselines/filter_mass.hpp"
#include "clustermass/io/sha256.hpp"
#include "clustermass/network_file.hpp"
#include "clustermass/stats/calibration.hpp"
#include "clustermass/stats/whitening.hpp"
#include "report.hpp"

using namespace clustermass;

namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[600];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// "0.08 0.55"; a range of one value is widened, as the format wants two rising numbers.
std::string range_text(double low, double high) {
  if (!(high > low)) low -= 1e-3, high += 1e-3;
  return format("%g %g", low, high);
}

std::span<float> values_of(Model& model, std::string_view name) {
  for (const TensorSlice& tensor : model.tensors())
    if (tensor.name == name) return tensor.values;
  throw WeightError("the network has no tensor '" + std::string(name) + "'");
}

/// Posteriors of the first `heads` heads for samples as they are.
std::vector<train::Posterior> posteriors(std::span<const double> outputs, std::size_t all_heads, std::size_t heads) {
  std::vector<train::Posterior> result;
  for (std::size_t n = 0; n < outputs.size() / (2 * all_heads); ++n)
    result.push_back(train::posterior_of(outputs.subspan(2 * all_heads * n, 2 * heads), heads));
  return result;
}

Case case_of(const Data& data, const std::string& part, std::size_t k, const train::Posterior& mass, double temperature,
             int fold) {
  const train::SampleInfo& info = data.set.info(k);
  Case c{data.ids[k],
         part,
         data.sources[k],
         info.redshift,
         info.coverage,
         info.masked_fraction,
         0,
         0,
         mass.mean,
         temperature * mass.sigma,
         info.o2_mass,
         info.o1_mass,
         fold};
  c.target = data.mock ? info.log10_mass : data.labels[k].log10_mass;
  c.target_error = data.mock ? 0 : data.labels[k].error;
  return c;
}

struct Calibration {
  double temperature = 1, q90 = 1.645;
  std::string text = "none: there are no clusters that no head saw";
};

/// Temperature and conformal half-width on labels of clusters that no head saw; the label's own error counts once.
Calibration calibrate(Run& run) {
  Calibration result;
  const train::Selection part{&run.data.set, run.data.calibration, run.data.labels};
  if (part.which.size() < 20) return result;
  const std::size_t heads = static_cast<std::size_t>(run.model.heads());
  const auto masses = posteriors(run.model.outputs(part, false), heads, heads);
  std::vector<Prediction> predictions;
  for (std::size_t n = 0; n < masses.size(); ++n) {
    const train::Label& label = run.data.labels[part.which[n]];
    predictions.push_back({masses[n].mean, masses[n].sigma, label.log10_mass, label.error});
  }
  result.temperature = fit_temperature(predictions);
  result.q90 = conformal_quantile(predictions, result.temperature, 0.10);
  result.text = "temperature and split conformal 90 % on " + std::to_string(masses.size()) +
                (run.data.mock ? " mock clusters" : " clusters of other parts of the sky") + " that no head saw";
  return result;
}

WeightMetadata metadata_of(const Run& run, const Calibration& calibration) {
  WeightMetadata metadata{{"format", is_experiment(run.settings) ? "clustermass experiment" : "clustermass"},
                          {"format_version", std::string(weight_format_version)},
                          {"model_id", run.settings.model_id},
                          {"arch", run.model.arch()},
                          {"bands", "ugriz"},
                          {"input_size", std::to_string(field_side)},
                          {"field_mpc", "2"},
                          {"normalisation", normalisation_text()},
                          {"mass_definition", std::string(mass_definition_text)},
                          {"h", "0.7"},
                          {"om0", "0.3"},
                          {"z_range", range_text(run.data.z_min, run.data.z_max)},
                          {"logm_range", range_text(run.data.logm_min, run.data.logm_max)},
                          {"prior", run.data.prior},
                          {"calibration", calibration.text},
                          {"training_set", run.data.training_set},
                          {"license", "BSD-3-Clause"}};
  if (run.settings.filter) metadata.emplace_back("filter", std::string(FilterMass::recipe));
  return metadata;
}

/// What each further head brings, on the test clusters.
std::string heads_table(std::span<const double> outputs, std::size_t heads, const std::vector<Case>& cases) {
  std::string text = "| heads | MAE | rms error / mean sigma |\n| --- | --- | --- |\n";
  for (std::size_t count = 1; count <= heads; ++count) {
    const auto masses = posteriors(outputs, heads, count);
    double mae = 0, square = 0, sigma = 0;
    for (std::size_t n = 0; n < masses.size(); ++n) {
      const double d = masses[n].mean - cases[n].target;
      mae += std::fabs(d) / static_cast<double>(masses.size());
      square += d * d / static_cast<double>(masses.size());
      sigma += masses[n].sigma / static_cast<double>(masses.size());
    }
    text += format("| %zu | %.4f | %.3f |\n", count, mae, std::sqrt(square) / sigma);
  }
  return text;
}

std::string labels_in_words(const Settings& s) {
  if (!s.list.empty()) return "labels of the list, offsets taken off by source (" + s.label_offsets + ")";
  const std::string noise = s.label_noise > 0 ? format(" with %g dex of noise told to the loss", s.label_noise) : "";
  if (s.labels == "truth") return noise.empty() ? "labels are the true masses" : "labels are the true masses" + noise;
  return "labels as a catalogue of kind '" + s.labels + "' has them, their known offsets taken off" + noise;
}

/// Half of the clusters' photographs are cut and what they lack, for a mock; nothing is known of a list's.
std::string cutouts_in_words(const Data& data) {
  return data.mock ? "- Half of all clusters end at the edge of a real frame's footprint; 1 % lack a band\n" : "";
}

void write_text(const std::string& path, const std::string& text) {
  write_file<InputError>(path, std::as_bytes(std::span(text)));
}

}  // namespace

void release(Run& run, const std::vector<Setting>& table, const std::string& metrics,
             const std::vector<Predicted>& predicted) {
  const Settings& settings = run.settings;
  const Data& data = run.data;
  Model& model = run.model;
  const std::size_t heads = static_cast<std::size_t>(model.heads());
  const std::string folder = run.folder.file(settings.model_id);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw InputError("the folder '" + folder + "' cannot be made: " + error.message());

  const train::Selection training{&data.set, data.labelled, data.labels};
  const std::vector<double> rows = model.pooled_features(training, run.team);
  const Whitening whitening = fit_whitening(rows, rows.size() / training.which.size(), 0.995);
  std::ranges::copy(whitening.mean, values_of(model, "ood.mean").begin());
  std::ranges::copy(whitening.matrix, values_of(model, "ood.whitening").begin());
  const auto full = std::ranges::find_if(data.labelled, [&](std::size_t k) { return !(data.set.info(k).flags > 0); });
  model.record_probe(data.set, full != data.labelled.end() ? *full : data.labelled.front());
  const Calibration calibration = calibrate(run);
  values_of(model, "calibration.scale")[0] = static_cast<float>(calibration.temperature);
  values_of(model, "calibration.q90")[0] = static_cast<float>(calibration.q90);
  const std::string weights = folder + "/model.safetensors";
  write_weight_file(weights, metadata_of(run, calibration), train::tensors_to_write(model.tensors()));

  std::vector<double> labels;
  for (const std::size_t k : data.labelled) labels.push_back(data.labels[k].log10_mass);
  const Yardstick yardstick{median(labels), calibration.q90};
  std::vector<Row> all_rows;
  std::string tables, csv;
  std::vector<Case> own;
  for (const TestPart& test : data.test) {
    if (test.which.empty()) continue;
    const std::vector<double> outputs = model.outputs({&data.set, test.which, data.labels}, false);
    const auto masses = posteriors(outputs, heads, heads);
    std::vector<Case> cases;
    for (std::size_t n = 0; n < masses.size(); ++n)
      cases.push_back(case_of(data, test.name, test.which[n], masses[n], calibration.temperature, -1));
    const std::vector<Row> found = tabulate(test.name, cases, yardstick);
    all_rows.push_back(found[0]);
    if (own.empty()) {
      tables = markdown_table(found) +
               "\n## What each head brings\n\nOn the same clusters; calibrated errors have 1 in the last column.\n\n" +
               heads_table(outputs, heads, cases);
      own = cases;
    }
    csv += csv.empty() ? cases_csv(cases) : cases_csv(cases).substr(cases_csv({}).size());
  }
  std::vector<Case> folds;
  for (const Predicted& p : predicted) folds.push_back(case_of(data, "fold", p.sample, p.mass, 1, p.fold));
  for (Case& c : folds) {  // the label, as a catalogue has it, is what folds are scored on
    const std::size_t k = predicted[static_cast<std::size_t>(&c - folds.data())].sample;
    c.target = data.labels[k].log10_mass;
    c.target_error = data.labels[k].error;
  }
  const std::string by_fold = folds_in_words(folds, yardstick.constant);
  write_text(run.folder.file("predictions.csv"), csv.empty() ? cases_csv({}) : csv);
  if (!folds.empty()) write_text(run.folder.file("predictions-folds.csv"), cases_csv(folds));
  draw_losses(run.folder, metrics_header + metrics);
  if (!own.empty()) draw_cases(run.folder, own, data.test[0].name);
  if (own.empty() && !folds.empty()) draw_cases(run.folder, folds, "clusters of the folds");

  const std::string hash = sha256_hex(read_file(weights));
  std::size_t parameters = 0;
  for (const TensorSlice& tensor : model.tensors())
    if (tensor.name.starts_with("features.") || tensor.name.starts_with("band.") || tensor.name.starts_with("mass."))
      parameters += tensor.values.size();
  std::string figures;
  if (!all_rows.empty())
    figures = format("MAE %.3f dex against %s on %zu clusters of %s that nothing of it saw; constant predictor %.3f",
                     all_rows[0].mae, data.mock ? "truth" : "the labels", all_rows[0].count, all_rows[0].name.c_str(),
                     all_rows[0].constant) +
              (data.mock ? format(", oracle o1 %.3f, oracle o2 %.3f (ratio %.2f)", all_rows[0].oracle,
                                  all_rows[0].filter, all_rows[0].mae / all_rows[0].filter)
                         : "");
  std::string card = "---\nlicense: bsd-3-clause\ntags: [galaxy-clusters, sdss" +
                     std::string(data.mock ? ", simulated-training-set" : "") + "]\n";
  if (!all_rows.empty())
    card += format("metrics:\n  - mae_dex: %.4f\n  - mae_dex_constant: %.4f\n", all_rows[0].mae, all_rows[0].constant);
  card += "---\n\n# " + settings.model_id + "\n\n";
  card += data.mock
              ? "**Trained on a simulated sky only (" + data.test[0].name +
                    ").** No real cluster was used. On real images treat the answer as\nan extrapolation: the error "
                    "and the interval are calibrated on the simulation, not on the sky.\n\n"
              : "Trained on the clusters of a list (" + data.training_set + ").\n\n";
  card +=
      "log10(M500c/Msun), h = 0.7, Om = 0.3, from five SDSS images (u g r i z) of one field and a redshift in " +
      range_text(data.z_min, data.z_max) +
      ".\nMethod: Lin et al. 2022 (arXiv:2203.06288): an extractor taught to name photometric bands, then taken to the "
      "mass.\n\n- Architecture " +
      model.arch() + ", " + std::to_string(heads) + " mass heads on one extractor, " + std::to_string(parameters) +
      " parameters, " + std::to_string(std::filesystem::file_size(weights)) +
      " bytes\n- Training set: " + data.training_set + "; prior " + data.prior + "; " + labels_in_words(settings) +
      "\n" + cutouts_in_words(data) + "- Pretext: " +
      (settings.pretext == "none" || settings.stage == "mass" || settings.band_epochs == 0
           ? "none"
           : settings.pretext + " band naming, " + std::to_string(data.bands.size()) +
                 (settings.band_scale == "native" ? " patches of native pixels" : " fields")) +
      (settings.richness_epochs > 0
           ? "; a catalogue's richness, " + std::to_string(data.with_richness.size()) + " clusters"
           : "") +
      (settings.filter ? "\n- The heads also weigh the mass of a " + std::string(FilterMass::recipe) +
                             "; without it the network does with the images alone"
                       : "") +
      "\n- Calibration: " + calibration.text +
      format("; temperature %.4f, interval half-width %.4f sigma", calibration.temperature, calibration.q90) +
      "\n- SHA-256 `" + hash + "`\n\n## Scores\n\n";
  if (!figures.empty())
    card +=
        figures +
        ".\nErrors in dex, with the standard error of the mean. The constant predictor says the median of the training "
        "labels." +
        (data.mock
             ? " o1 knows the\nhalo's intrinsic richness and nothing of the image: it is the floor, not a rival. o2 is "
               "a matched filter on the true positions,\nmagnitudes and colours of the galaxies inside the cutout's "
               "own footprint."
             : "") +
        "\n\n" + tables;
  if (all_rows.size() > 1) card += "\n## On other skies\n\n" + markdown_table(all_rows);
  if (!by_fold.empty()) card += "\n## Folds\n\n" + by_fold + ".\n";
  card += "\nBands named rightly and all losses: `metrics.csv`.\n\n## Limits\n\n";
  card +=
      data.mock
          ? "One family of skies, one recipe of galaxies: see docs/limitations.md. Miscentring and projections are in "
            "the training set but\nare not flagged. Masses near the ends of the prior are drawn inwards, as for any "
            "posterior mean.\n"
          : "The labels carry the scale and the selection of their catalogues. Masses are drawn towards the middle of "
            "the list's\nlabels, as for any posterior mean.\n";
  card +=
      "\n## Repeat\n\n```\nclustermass_train --config run_config.toml --out run\n```\n\nThe same bits for any number "
      "of "
      "threads.\n";

  write_text(folder + "/run_config.toml", documented_toml(table, false));
  write_text(folder + "/metrics.csv", metrics_header + metrics);
  write_text(folder + "/SHA256SUMS", hash + "  model.safetensors\n");
  write_text(folder + "/MODEL_CARD.md", card);
  if (!figures.empty()) run.folder.say(figures);
  if (!by_fold.empty()) run.folder.say(by_fold);
  run.folder.say("written: " + folder);
}
