// SPDX-License-Identifier: BSD-3-Clause
#include "report.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "../common/words.hpp"
#include "clustermass/io/fits_writer.hpp"
#include "clustermass/version.hpp"

using namespace clustermass;

namespace {

constexpr std::array<double, 3> radii_mpc{0.3, 0.5, 1.0};

template <class... Numbers>
std::string format(const char* pattern, Numbers... numbers) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, numbers...);
  return text;
}

/// Share of the difference in percent; nothing where there is no difference.
std::string percent(double part, double whole) {
  return std::fabs(whole) > 1e-9 ? format(" (%.0f %%)", 100 * part / whole) : std::string();
}

const char* target_words(Target target) {
  switch (target) {
    case Target::mass:
      return "log10(M500c/Msun)";
    case Target::log_variance:
      return "ln of the variance [dex^2]";
    case Target::band:
      break;
  }
  return "margin of the bands' right names";
}

struct MethodMap {
  const char* name;
  const char* words;
  const std::vector<float>& map;
  bool complete;
  double residual;
};

}  // namespace

const char* unit_of(Target target) {
  return target == Target::mass ? "dex" : target == Target::log_variance ? "ln dex2" : "logit";
}

std::string as_text(const Report& report) {
  const Explanation& why = report.why;
  const double whole = why.difference();
  const auto bands = band_sums(report.map());
  std::string text =
      format("%s = %.3f: %.3f without light, %+.3f %s from it (%s, %s baseline)\n", target_words(why.target), why.value,
             why.baseline_value, whole, unit_of(why.target), report.map_name.c_str(), report.baseline.c_str());
  text += "  by band         ";
  for (std::size_t b = 0; b < bands.size(); ++b)
    text += format("%s%c %+.3f", b > 0 ? ", " : "", band_names[b], bands[b]) + percent(bands[b], whole);
  text += "\n  inside          ";
  for (const double radius : radii_mpc) {
    const double sum = sum_within(report.map(), why.grid, arcsec_of_mpc(radius, why.redshift));
    text += format("%s%.1f Mpc %+.3f", radius > radii_mpc[0] ? ", " : "", radius, sum) + percent(sum, whole);
  }
  text += format("\n  complete        the map sums to the difference within %.4f %s%s\n", std::fabs(report.residual()),
                 unit_of(why.target), why.complete() ? "" : "; NOT within 1 % and 0.001: take more --steps");
  for (std::size_t k = 0; k < std::min<std::size_t>(report.sources.size(), 5); ++k)
    text += format("  %-16s%s %+.4f", k == 0 ? "sources" : "", report.sources[k].id.c_str(), report.sources[k].sum) +
            percent(report.sources[k].sum, whole) + "\n";
  text += format("  passes          %d up, %d down, %d up and down the heads\n", why.forward_passes,
                 why.backward_passes, why.head_passes);
  return text + "  network         " + report.model_id + ", " + tool::training_words(report.training_set) + "\n";
}

nlohmann::ordered_json as_json(const Report& report) {
  const Explanation& why = report.why;
  const auto finite = [](double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
  };
  const double whole = why.difference();
  const auto share = [&](double part) { return finite(std::fabs(whole) > 1e-9 ? part / whole : MassEstimate::none); };
  nlohmann::ordered_json bands, inside = nlohmann::ordered_json::array(), rings = inside, sources = inside;
  const auto sums = band_sums(report.map());
  for (std::size_t b = 0; b < sums.size(); ++b)
    bands[std::string(1, band_names[b])] = {{"sum", sums[b]}, {"share", share(sums[b])}};
  for (const double radius : radii_mpc) {
    const double sum = sum_within(report.map(), why.grid, arcsec_of_mpc(radius, why.redshift));
    inside.push_back({{"radius_mpc", radius}, {"sum", sum}, {"share", share(sum)}});
  }
  for (const RingShare& ring : ring_profile(why, report.map()))
    rings.push_back({{"inner_mpc", ring.inner_mpc},
                     {"outer_mpc", ring.outer_mpc},
                     {"sum", ring.sum},
                     {"per_mpc2", finite(ring.sum / ring.area_mpc2)}});
  for (const NamedSource& source : report.sources)
    sources.push_back({{"id", source.id},
                       {"east_arcsec", source.place.east},
                       {"north_arcsec", source.place.north},
                       {"sum", source.sum},
                       {"share", share(source.sum)}});
  nlohmann::ordered_json json{
      {"target", why.target == Target::mass           ? "mass"
                 : why.target == Target::log_variance ? "log_variance"
                                                      : "band"},
      {"unit", unit_of(why.target)},
      {"value", finite(why.value)},
      {"baseline", report.baseline},
      {"baseline_value", finite(why.baseline_value)},
      {"difference", finite(whole)},
      {"log10_m500c", finite(why.mass.log10_m500c)},
      {"log10_m500c_error", finite(why.mass.log10_m500c_error)},
      {"flags", why.mass.flags},
      {"z", finite(why.redshift)},
      {"map", report.map_name},
      {"complete", why.complete()},
      {"residual", {{"gradients", finite(why.gradients_residual)}, {"joint", finite(why.joint_residual)}}},
      {"bands", bands},
      {"inside", inside},
      {"rings", rings}};
  if (!report.sources.empty()) json["sources"] = sources;
  json["steps"] = report.steps;
  json["passes"] = {{"up", why.forward_passes}, {"down", why.backward_passes}, {"heads", why.head_passes}};
  json["model_id"] = report.model_id;
  json["training_set"] = report.training_set;
  json["version"] = CLUSTERMASS_VERSION_STRING;
  return json;
}

void save_maps(const std::string& path, const Report& report) {
  const Explanation& why = report.why;
  FitsWriter writer;
  writer.image({}, {});
  const std::string weights = report.sha256;
  for (const FitsCard& card : std::vector<FitsCard>{
           {"CREATOR", std::string("clustermass " CLUSTERMASS_VERSION_STRING), "program that wrote this file"},
           {"CM_MODEL", report.model_id, "network"},
           {"CM_TRAIN", report.training_set, "its training set"},
           {"CM_WSHA", report.sha256, "SHA-256 of the weight file"},
           {"CM_TARG", std::string(target_words(why.target)), "what is explained"},
           {"CM_UNIT", std::string(unit_of(why.target)), "unit of all maps, signed"},
           {"CM_VALUE", why.value, "the answer F(x)"},
           {"CM_BASE", report.baseline, "baseline: zero flux or noise alone"},
           {"CM_BASEV", why.baseline_value, "F of the baseline"},
           {"CM_DIFF", why.difference(), "what the maps explain"},
           {"CM_STEPS", std::int64_t{report.steps}, "steps of the midpoint rule"},
           {"CM_Z", why.redshift, "redshift"},
           {"CM_FLAGS", std::int64_t{why.mass.flags}, "flags of the estimate"},
       })
    writer.card(card);
  if (!report.command.empty()) writer.history(report.command);

  const std::vector<MethodMap> methods = [&] {
    std::vector<MethodMap> all{
        {"IG", "integrated gradients", why.gradients, true, why.gradients_residual},
        {"JOINT", "joint map", why.joint, true, why.joint_residual},
        {"CELLS", "integrated gradients of the features", why.cells, true, why.joint_residual},
        {"GRADCAM", "Grad-CAM on the features", why.grad_cam, false, 0},
        {"INTGCAM", "integrated Grad-CAM", why.integrated_grad_cam, false, 0},
        {"PRODUCT", "|IG| x cells, FOR DISPLAY ONLY", why.product, false, 0},
    };
    if (!why.class_activation.empty()) all.push_back({"CAM", "plain class activation", why.class_activation, true, 0});
    return all;
  }();
  const auto add = [&](const MethodMap& method, std::span<const float> pixels, const std::string& name,
                       const std::string& filter) {
    const long side = std::lround(std::sqrt(static_cast<double>(pixels.size())));
    writer.image(pixels, {side, side}, name);
    if (report.centre) {
      const double cell = why.grid.cell_arcsec * why.grid.side / static_cast<double>(side) / 3600;
      const double middle = (static_cast<double>(side) - 1) / 2;
      for (const FitsCard& card : wcs_cards({*report.centre, {middle, middle}, {{{-cell, 0}, {0, cell}}}}))
        writer.card(card);
    }
    writer.card({"FILTER", filter, "band"});
    writer.card({"CM_METH", std::string(method.words), "method"});
    writer.card({"CM_UNIT", std::string(unit_of(why.target)), "signed"});
    writer.card({"CM_COMPL", method.complete, "the bands' maps sum to CM_DIFF"});
    if (method.complete) {
      writer.card({"CM_DIFF", why.difference(), "F(x) - F(baseline)"});
      writer.card({"CM_RESID", method.residual, "sum over all bands less CM_DIFF"});
    }
  };
  for (const MethodMap& method : methods) {
    const std::size_t plane = method.map.size() / band_count;
    std::vector<float> total(plane);
    for (std::size_t k = 0; k < method.map.size(); ++k) total[k % plane] += method.map[k];
    add(method, total, method.name, "ugriz");
    for (std::size_t b = 0; b < band_count; ++b)
      add(method, std::span(method.map).subspan(b * plane, plane),
          std::string(method.name) + "_" + static_cast<char>(band_names[b] - 'a' + 'A'), std::string(1, band_names[b]));
  }
  writer.save(path);
}
