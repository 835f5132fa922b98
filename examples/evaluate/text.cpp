// SPDX-License-Identifier: BSD-3-Clause
#include "report.hpp"
#include "text_table.hpp"

namespace {

std::string bias_table(const Figures& rows, const std::string& given, const std::string& difference) {
  TextTable table({given, "clusters", difference, "error"});
  for (const Figures& row : rows)
    table.add({shown(row["low"], "%.1f") + " to " + shown(row["high"], "%.1f"), shown(row["n"], "%.0f"),
               shown(row["bias"], "%+.3f"), shown(row["error"], "%.3f")});
  return table.str();
}

}  // namespace

std::string text_of(const Figures& j, bool brief) {
  std::string text;
  TextTable methods({"method", "MAE", "+-", "skill", "attained", "/ o2", "bias", "NMAD", "rms", "> 0.4 dex",
                     "rank corr.", "CRPS", "68 %", "90 %", "PIT p"});
  for (const Figures& m : j["methods"])
    methods.add({m["name"], shown(m["mae"], "%.3f"), shown(m["mae_error"], "%.3f"), shown(m["skill"], "%.2f"),
                 shown(m["attained_fraction"], "%.2f"), shown(m["ratio_o2"], "%.2f"), shown(m["bias"], "%+.3f"),
                 shown(m["nmad"], "%.3f"), shown(m["rms"], "%.3f"), shown(m["outliers"], "%.3f"),
                 shown(m["spearman"], "%.3f"), shown(m["crps"], "%.3f"), shown(m["coverage_68"], "%.3f"),
                 shown(m["coverage_90"], "%.3f"), shown(m["pit_ks_p"], "%.2g")});
  text += methods.str();
  text +=
      "\nErrors in dex; +- by bootstrap over clusters. attained: share of the way from the constant predictor to o2.\n"
      "68 %, 90 %: share of the clusters inside these intervals of a normal distribution with the predicted error.\n\n";
  text += "Network: MAE over folds " + shown(j["mae_fold_mean"], "%.3f") + " +- " + shown(j["mae_fold_sd"], "%.3f") +
          ", best fold " + shown(j["mae_fold_best"], "%.3f") + ". Its own 90 % interval holds " +
          shown(j["coverage_90"], "%.3f") + ". Slope of the prediction on the label " + shown(j["slope"], "%.3f") +
          ", of the label on\nthe prediction " + shown(j["calibration_slope"], "%.3f") + ". Without its prior: MAE " +
          shown(j["without_prior"]["mae"], "%.3f") + ", slope " + shown(j["without_prior"]["slope"], "%.3f") +
          ". Flagged as outside the training set: " + shown(j["flagged_ood"], "%.3f") +
          ".\nWithout an answer: " + shown(j["n_without_result"], "%.0f") + " clusters.\n\n";
  TextTable paired({"the network's MAE minus that of", "difference", "+-", "95 % interval", "network better in"});
  for (const Figures& p : j["paired"])
    paired.add({p["against"], shown(p["difference"], "%+.4f"), shown(p["error"], "%.4f"),
                shown(p["low95"], "%+.4f") + " to " + shown(p["high95"], "%+.4f"),
                shown(p["better_in"], "%.3f") + " of the draws"});
  text += paired.str();
  if (brief) return text;
  for (const Figures& t : j["tables"]) {
    TextTable table(
        {t["of"], "clusters", "network", "constant", "filter on pixels", "o2", "o1", "bias", "68 %", "lo90-hi90"});
    const bool fine = t["of"] == "masked fraction" || t["of"] == "coverage";
    for (const Figures& row : t["rows"]) {
      const char* format = fine ? "%.3g" : t["of"] == "redshift" ? "%.2f" : t["of"] == "richness" ? "%.0f" : "%.1f";
      const auto mae = [&](const char* name) {
        return row["mae"].contains(name) ? shown(row["mae"][name], "%.3f") : std::string("-");
      };
      const std::string bin = row.contains("name") ? row["name"].get<std::string>()
                                                   : shown(row["low"], format) + " to " + shown(row["high"], format);
      table.add({bin, shown(row["n"], "%.0f"), mae("network"), mae("constant"), mae("filter on pixels"), mae("o2"),
                 mae("o1"), shown(row["bias"], "%+.3f"), shown(row["coverage_68"], "%.3f"),
                 shown(row["coverage_90"], "%.3f")});
    }
    text += "\n" + table.str();
  }
  text += "\n" + bias_table(j["conditional_bias"]["given_prediction"], "given the prediction", "label - prediction");
  text += "\n" + bias_table(j["conditional_bias"]["given_truth"], "given the label", "prediction - label");
  return text;
}

std::string matrix_text(const Figures& rows) {
  TextTable table({"network", "trained on", "tested on", "MAE", "constant", "filter on pixels", "o2", "/ o2", "bias",
                   "excess bias", "filter's bias", "slope", "68 %", "lo90-hi90", "OOD"});
  for (const Figures& r : rows)
    table.add({r["model_id"], r["trained_on"], r["tested_on"], shown(r["mae"], "%.3f"), shown(r["mae_const"], "%.3f"),
               shown(r["mae_filter"], "%.3f"), shown(r["mae_o2"], "%.3f"), shown(r["ratio_o2"], "%.2f"),
               shown(r["bias"], "%+.3f"), shown(r["excess_bias"], "%+.3f"), shown(r["bias_filter"], "%+.3f"),
               shown(r["slope"], "%.3f"), shown(r["coverage_68"], "%.3f"), shown(r["coverage_90"], "%.3f"),
               shown(r["flagged_ood"], "%.3f")});
  return table.str() +
         "\nexcess bias: what is left of the bias when the shift between the skies' richness relations, times the "
         "slope, is\n"
         "taken away; the rest is the images'. Without that shift no estimator that counts galaxies can be.\n";
}
