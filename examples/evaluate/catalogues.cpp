// SPDX-License-Identifier: BSD-3-Clause
#include "catalogues.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "../common/program.hpp"
#include "../common/table.hpp"
#include "clustermass/stats/bootstrap.hpp"
#include "clustermass/stats/least_squares.hpp"
#include "clustermass/stats/scores.hpp"
#include "match.hpp"
#include "report.hpp"
#include "text_table.hpp"

using namespace clustermass;

namespace {

/// A catalogue of masses: its columns, and what brings its masses to the reference scale, ACT DR5 `m500c_cal`.
struct MassSource {
  const char *name, *title, *file;
  const char *ra, *dec, *redshift, *mass;  ///< mass in 1e14 Msun
  const char* good;                        ///< column that has to be 1, or null
  double offset, chances_offset;           ///< to add to log10 M [dex]
};

/// In the order in which a cluster's label is chosen where several have one. Offsets: X-ray and SZ as docs/results.md
/// says, the variant that of the CHANCES homogenisation (Sifon 2025); XCS is left where its authors put it.
constexpr MassSource sources[] = {
    {"act", "ACT DR5, m500c_cal", "act_dr5_hilton21.csv.gz", "ra", "dec", "z", "m500c_cal", nullptr, 0, 0},
    {"psz2", "PSZ2, MSZ", "psz2_union_r2.08.fits.gz", "RA", "DEC", "REDSHIFT", "MSZ", nullptr, 0.04, 0.13},
    {"mcxc2", "MCXC-II, M500(L_X)", "mcxc2_sadibekova24.csv.gz", "ra", "dec", "z", "m500", nullptr, 0.13, 0.18},
    {"xcs", "XCS, hydrostatic", "xcs_sdssrm_turner25.csv.gz", "rm_ra", "rm_dec", "z", "m500_hydro", "good", 0, 0},
    {"mcxc", "MCXC, M500(L_X)", "mcxc_piffaretti11.csv.gz", "ra", "dec", "z", "m500", nullptr, 0.13, 0.18}};
constexpr std::size_t fitted_sources = 4;  // MCXC is in MCXC-II and serves the offsets only

std::string find_data(const std::string& asked) {
  if (!asked.empty()) return asked;
  if (const char* folder = std::getenv("CLUSTERMASS_REAL_DATA")) return std::string(folder) + "/catalogs";
  return "../shared/data/catalogs";
}

std::vector<CatalogueCluster> read_masses(const MassSource& source, const std::filesystem::path& folder) {
  const tool::Table table((folder / source.file).string());
  const std::vector<double> ra = table.numbers(source.ra), dec = table.numbers(source.dec),
                            z = table.numbers(source.redshift), mass = table.numbers(source.mass);
  std::vector<double> good(ra.size(), 1.0);
  if (source.good != nullptr) good = table.numbers(source.good);
  std::vector<CatalogueCluster> clusters;
  for (std::size_t k = 0; k < ra.size(); ++k)
    if (z[k] > 0 && mass[k] > 0 && good[k] == 1) clusters.push_back({ra[k], dec[k], z[k], 14 + std::log10(mass[k])});
  return clusters;
}

std::vector<CatalogueCluster> read_richness(const std::filesystem::path& folder) {
  const tool::Table table((folder / "redmapper_sdss_dr8_v5.10.fits.gz").string());
  const std::vector<double> ra = table.numbers("RA"), dec = table.numbers("DEC"), z = table.numbers("Z_LAMBDA"),
                            lambda = table.numbers("LAMBDA");
  std::vector<CatalogueCluster> clusters;
  for (std::size_t k = 0; k < ra.size(); ++k) clusters.push_back({ra[k], dec[k], z[k], std::log10(lambda[k])});
  return clusters;
}

/// Clusters with a richness and a label: log lambda and log(1 + z) beside log M, and the redMaPPer row.
struct Labelled {
  std::vector<double> rows, labels;
  std::vector<std::size_t> cluster;
  void add(const CatalogueCluster& richness, double label, std::size_t row) {
    rows.insert(rows.end(), {richness.value, std::log10(1 + richness.redshift)});
    labels.push_back(label);
    cluster.push_back(row);
  }
};

/// log M = a + b log lambda + c log(1 + z) on all folds but one, asked about that one; the folds drawn several times.
Figures cross_validate(const Labelled& sample, const CatalogueOptionsOnDisk& options) {
  const std::size_t n = sample.labels.size();
  const stats::FitOptions plain{.products = false, .damping = 0};
  std::vector<double> cost(n), constant_cost(n), fold_mae, fold_sd;
  double squares = 0, bias = 0;
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    std::vector<Prediction> predictions(n);
    std::vector<int> fold(n);
    for (std::size_t k = 0; k < n; ++k)
      fold[k] = static_cast<int>(Random(static_cast<std::uint64_t>(repeat + 1), sample.cluster[k])
                                     .below(static_cast<std::uint32_t>(options.folds)));
    for (int left = 0; left < options.folds; ++left) {
      Labelled others;
      for (std::size_t k = 0; k < n; ++k)
        if (fold[k] != left) {
          others.rows.insert(others.rows.end(), {sample.rows[2 * k], sample.rows[2 * k + 1]});
          others.labels.push_back(sample.labels[k]);
        }
      const stats::PolynomialFit fit(others.rows, 2, others.labels, plain);
      const double median = stats::median(others.labels);
      for (std::size_t k = 0; k < n; ++k) {
        if (fold[k] != left) continue;
        predictions[k] = {fit(std::span(sample.rows).subspan(2 * k, 2)), 0, sample.labels[k], 0};
        const double error = predictions[k].mean - sample.labels[k];
        cost[k] += std::fabs(error) / options.repeats;
        squares += error * error / options.repeats;
        bias += error / options.repeats;
        constant_cost[k] += std::fabs(median - sample.labels[k]) / options.repeats;
      }
    }
    const stats::FoldScores scores = stats::fold_scores(predictions, fold);
    fold_mae.push_back(scores.mean);
    fold_sd.push_back(scores.sd);
  }
  const double mae = stats::mean(cost), constant = stats::mean(constant_cost);
  const stats::PolynomialFit all(sample.rows, 2, sample.labels, plain);
  const double lambda_slope = all(std::vector<double>{2.0, 0.1}) - all(std::vector<double>{1.0, 0.1}),
               z_slope = all(std::vector<double>{2.0, 1.0}) - all(std::vector<double>{2.0, 0.0});
  return {{"n", n},
          {"mae", mae},
          {"mae_error", stats::bootstrap_mean(cost).error},
          {"mae_fold_mean", stats::mean(fold_mae)},
          {"mae_fold_sd", stats::mean(fold_sd)},
          {"rms", std::sqrt(squares / static_cast<double>(n))},
          {"bias", bias / static_cast<double>(n)},
          {"mae_const", constant},
          {"skill", stats::skill(mae, constant)},
          {"slope_lambda", lambda_slope},
          {"slope_1pz", z_slope}};
}

/// Mean and scatter of the difference of two catalogues on common clusters, beyond 3 sigma clipped.
Figures offset_of(const MassSource& a, const std::vector<CatalogueCluster>& first, const MassSource& b,
                  const std::vector<CatalogueCluster>& second) {
  std::vector<double> difference;
  for (const auto& [j, k] : match(first, second)) difference.push_back(first[j].value - second[k].value);
  const std::size_t matched = difference.size();
  for (std::size_t before = 0; before != difference.size() && difference.size() > 2;) {
    before = difference.size();
    const double mean = stats::mean(difference), limit = 3 * stats::standard_deviation(difference);
    std::erase_if(difference, [&](double d) { return std::fabs(d - mean) > limit; });
  }
  return {{"first", a.name},
          {"second", b.name},
          {"matched", matched},
          {"n", difference.size()},
          {"mean", stats::mean(difference)},
          {"scatter", stats::standard_deviation(difference)}};
}

std::map<std::string, double> offsets_of(const CatalogueOptionsOnDisk& options) {
  std::map<std::string, double> offsets;
  for (const MassSource& s : sources) offsets[s.name] = options.chances ? s.chances_offset : s.offset;
  for (const std::string& pair : options.offsets) {
    const std::size_t equals = pair.find('=');
    double value = 0;
    const char *begin = pair.c_str() + (equals == std::string::npos ? 0 : equals + 1),
               *end = pair.c_str() + pair.size();
    const auto [stop, error] = std::from_chars(*begin == '+' ? begin + 1 : begin, end, value);
    if (equals == std::string::npos || !offsets.contains(pair.substr(0, equals)) || error != std::errc() || stop != end)
      throw InputError("--offset " + pair +
                       ": expected SOURCE=DEX with a source of act, psz2, mcxc2, xcs, mcxc, such as psz2=0.13");
    offsets[pair.substr(0, equals)] = value;
  }
  return offsets;
}

std::vector<std::string> row_of(const std::string& name, const Figures& r) {
  return {name,
          shown(r["n"], "%.0f"),
          shown(r["mae"], "%.3f") + " +- " + shown(r["mae_error"], "%.3f"),
          shown(r["mae_fold_sd"], "%.3f"),
          shown(r["rms"], "%.3f"),
          shown(r["mae_const"], "%.3f"),
          shown(r["skill"], "%.2f"),
          shown(r["slope_lambda"], "%.2f"),
          shown(r["slope_1pz"], "%+.2f")};
}

}  // namespace

CLI::App* declare_catalogues(CLI::App& app, CatalogueOptionsOnDisk& o) {
  CLI::App* command = app.add_subcommand(
      "catalogues",
      "Real clusters, no images: redMaPPer's richness against the masses of ACT DR5, PSZ2, MCXC-II and XCS. Clusters "
      "are\n"
      "matched within 1 Mpc or 3 arcmin and |dz|/(1+z) < 0.05; log M = a + b log lambda + c log(1+z) is fitted on all\n"
      "folds but one and asked about that one. The labels of different sources are brought to one scale by offsets.");
  command->add_option("--data", o.data,
                      "folder with the catalogues, CSV or FITS, also .gz [$CLUSTERMASS_REAL_DATA/catalogs, else\n"
                      "../shared/data/catalogs]");
  command->add_option("--offset", o.offsets,
                      "SOURCE=DEX: add this to log10 M of act, psz2, mcxc2, xcs or mcxc; may be repeated\n"
                      "[act=0 psz2=0.04 mcxc2=0.13 xcs=0 mcxc=0.13]");
  command->add_flag("--chances", o.chances, "the offsets of the CHANCES homogenisation: psz2=0.13, mcxc2=0.18");
  command->add_option("--folds", o.folds, "folds")->capture_default_str()->check(CLI::Range(2, 100));
  command->add_option("--repeats", o.repeats, "how often the folds are drawn")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command->add_flag("--json", o.json, "print JSON instead of tables");
  return command;
}

int evaluate_catalogues(const CatalogueOptionsOnDisk& options) {
  const std::map<std::string, double> offsets = offsets_of(options);
  const std::filesystem::path folder = find_data(options.data);
  if (!std::filesystem::is_directory(folder))
    throw InputError("there is no folder '" + folder.string() +
                     "' of catalogues; name it with --data or CLUSTERMASS_REAL_DATA");
  const std::vector<CatalogueCluster> richness = read_richness(folder);
  std::vector<std::vector<CatalogueCluster>> masses;
  for (const MassSource& source : sources) masses.push_back(read_masses(source, folder));

  Figures figures{{"data", folder.string()},
                  {"richness", "redMaPPer SDSS DR8 v5.10"},
                  {"folds", options.folds},
                  {"repeats", options.repeats}};
  for (const auto& [name, offset] : offsets) figures["label_offsets"][name] = offset;
  Labelled combined;
  std::vector<char> used(richness.size());
  figures["sources"] = Figures::array();
  for (std::size_t s = 0; s < fitted_sources; ++s) {
    Labelled sample;
    std::size_t first = 0;
    for (const auto& [j, k] : match(masses[s], richness)) {
      const double label = masses[s][j].value + offsets.at(sources[s].name);
      sample.add(richness[k], label, k);
      if (used[k]) continue;
      used[k] = 1;
      ++first;
      combined.add(richness[k], label, k);
    }
    if (sample.labels.size() < 30)
      throw InputError("'" + (folder / sources[s].file).string() + "' and redMaPPer have " +
                       std::to_string(sample.labels.size()) + " clusters in common; 30 at least are needed for a fit");
    Figures row{{"name", sources[s].name}, {"title", sources[s].title}};
    row.update(cross_validate(sample, options));
    row["in_combined"] = first;
    figures["sources"].push_back(row);
  }
  figures["combined"] = cross_validate(combined, options);
  figures["offsets"] = Figures::array();
  for (const auto& [a, b] : {std::pair{1, 4}, {1, 2}, {1, 0}, {2, 0}, {4, 2}, {1, 3}, {2, 3}})
    figures["offsets"].push_back(
        offset_of(sources[a], masses[static_cast<std::size_t>(a)], sources[b], masses[static_cast<std::size_t>(b)]));

  if (options.json) {
    std::printf("%s\n", figures.dump(2, ' ', false, Figures::error_handler_t::replace).c_str());
    return tool::Exit::ok;
  }
  TextTable fits({"labels", "clusters", "MAE", "sd of folds", "rms", "constant", "skill", "b", "c"});
  for (const Figures& row : figures["sources"]) fits.add(row_of(row["title"], row));
  fits.add(row_of("all, one a cluster", figures["combined"]));
  std::string text =
      "Real clusters: richness of redMaPPer SDSS DR8 v5.10 against the masses of catalogues. Errors in dex.\n\n" +
      fits.str() + "\nLabels brought to the scale of ACT DR5 m500c_cal by adding";
  for (const auto& [name, offset] : offsets) text += " " + name + " " + shown(offset, "%+.2f");
  text += " dex.\nMAE with its error by bootstrap over clusters. log M = a + b log lambda + c log(1+z).\n\n";
  TextTable pairs({"first", "second", "clusters", "log M first - second", "scatter"});
  for (const Figures& r : figures["offsets"])
    pairs.add({r["first"], r["second"], shown(r["n"], "%.0f"), shown(r["mean"], "%+.3f"), shown(r["scatter"], "%.3f")});
  std::printf("%s%s\nMasses as the catalogues give them, no offset added; differences beyond 3 sigma clipped.\n",
              text.c_str(), pairs.str().c_str());
  return tool::Exit::ok;
}
