// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "report.hpp"

using namespace clustermass;

namespace {
/// A comparison with the network, and room for the rest.
Comparison with_network(const std::vector<Case>& cases, std::size_t network, bool simulated) {
  Comparison c;
  c.network = network;
  c.simulated = simulated;
  Method answers{"network", {}, true};
  for (const Case& one : cases) {
    const MassEstimate& mass = one.masses[network];
    if (!mass.has_result()) {
      ++c.without_result;
      continue;
    }
    c.cases.push_back(&one);
    answers.predictions.push_back({mass.log10_m500c, mass.log10_m500c_error, one.label, one.label_error});
  }
  if (c.cases.empty())
    throw InputError("the network has no answer for any of the " + std::to_string(cases.size()) + " clusters");
  c.methods.push_back(std::move(answers));
  return c;
}

bool is_known(const std::vector<const Case*>& cases, std::size_t recipe, MassBaseline baseline) {
  return baseline != MassBaseline::filter_catalogue || std::any_of(cases.begin(), cases.end(), [&](const Case* one) {
           return std::isfinite(one->features[recipe].catalogue.log10_m500c);
         });
}

constexpr const char* combined_name = "network and filter";

/// What the combination of network and filter looks at.
std::vector<double> answers_of(const Case& one, std::size_t network, std::size_t recipe) {
  const MassEstimate& mass = one.masses[network];
  const ClusterFeatures& f = one.features[recipe];
  return {mass.log10_m500c,           mass.log10_m500c_error, f.filter.log10_m500c,
          f.filter.log10_m500c_error, one.redshift,           f.coverage};
}

Prediction combined_answer(const stats::PolynomialFit& fit, const Case& one, std::size_t network, std::size_t recipe) {
  return {fit(answers_of(one, network, recipe)), fit.error(), one.label, one.label_error};
}
}  // namespace

stats::PolynomialFit fit_network_and_filter(const std::vector<const Case*>& training, std::size_t network,
                                            std::size_t recipe) {
  std::vector<double> rows, labels;
  std::size_t dims = 0;
  for (const Case* one : training) {
    if (!one->masses[network].has_result()) continue;
    const std::vector<double> row = answers_of(*one, network, recipe);
    dims = row.size();
    rows.insert(rows.end(), row.begin(), row.end());
    labels.push_back(one->label);
  }
  // Few clusters cannot carry the 28 coefficients of squares and products.
  return {rows, dims, labels, {.products = labels.size() >= 300}};
}

const Method* Comparison::find(std::string_view name) const {
  for (const Method& method : methods)
    if (method.name == name) return &method;
  return nullptr;
}

Comparison compare(const std::vector<Case>& cases, std::size_t network, std::size_t recipe,
                   const std::vector<FittedBaseline>& baselines, const stats::PolynomialFit* combined, bool simulated) {
  Comparison c = with_network(cases, network, simulated);
  for (std::size_t b = 0; b < baselines.size(); ++b) {
    if (!is_known(c.cases, recipe, static_cast<MassBaseline>(b))) continue;
    Method method{std::string(baseline_names[b]), {}, true};
    for (const Case* one : c.cases) {
      const Prediction p = baselines[b](one->features[recipe]);
      method.predictions.push_back({p.mean, p.sigma, one->label, one->label_error});
    }
    c.methods.push_back(std::move(method));
  }
  if (combined != nullptr) {
    Method method{combined_name, {}, true};
    for (const Case* one : c.cases) method.predictions.push_back(combined_answer(*combined, *one, network, recipe));
    c.methods.push_back(std::move(method));
  }
  if (!simulated) return c;
  Method o2{"o2", {}, true}, o1{"o1", {}, true};
  for (const Case* one : c.cases) {
    o2.predictions.push_back({one->o2.log10_m500c, one->o2.log10_m500c_error, one->label, one->label_error});
    o1.predictions.push_back({one->o1.log10_m500c, one->o1.log10_m500c_error, one->label, one->label_error});
  }
  c.methods.push_back(std::move(o2));
  c.methods.push_back(std::move(o1));
  return c;
}

Comparison compare_by_folds(const std::vector<Case>& cases, std::size_t network) {
  Comparison c = with_network(cases, network, false);
  for (std::size_t b = 0; b < baseline_count; ++b) {
    const auto baseline = static_cast<MassBaseline>(b);
    if (!is_known(c.cases, 0, baseline)) continue;
    Method method{std::string(baseline_names[b]), std::vector<Prediction>(c.cases.size()), true};
    for (int fold = 0; fold < fold_count; ++fold) {
      std::vector<ClusterFeatures> features;
      std::vector<double> labels;
      for (const Case* one : c.cases)
        if (one->fold != fold) {
          features.push_back(one->features[0]);
          labels.push_back(one->label);
        }
      const FittedBaseline fitted(baseline, features, labels);
      for (std::size_t k = 0; k < c.cases.size(); ++k)
        if (c.cases[k]->fold == fold) {
          const Prediction p = fitted(c.cases[k]->features[0]);
          method.predictions[k] = {p.mean, p.sigma, c.cases[k]->label, c.cases[k]->label_error};
        }
    }
    c.methods.push_back(std::move(method));
  }
  Method combined{combined_name, std::vector<Prediction>(c.cases.size()), true};
  for (int fold = 0; fold < fold_count; ++fold) {
    std::vector<const Case*> others;
    std::copy_if(c.cases.begin(), c.cases.end(), std::back_inserter(others),
                 [&](const Case* one) { return one->fold != fold; });
    const stats::PolynomialFit fit = fit_network_and_filter(others, network, 0);
    for (std::size_t k = 0; k < c.cases.size(); ++k)
      if (c.cases[k]->fold == fold) combined.predictions[k] = combined_answer(fit, *c.cases[k], network, 0);
  }
  c.methods.push_back(std::move(combined));
  return c;
}
