// SPDX-License-Identifier: BSD-3-Clause
// What explains one cutout, with the device it runs on hidden.
#pragma once

#include <memory>
#include <string>

#include "../common/filter_told.hpp"
#include "clustermass/explain/explainer.hpp"

class CutoutExplainer {
 public:
  virtual ~CutoutExplainer() = default;
  virtual clustermass::Explanation explain(const clustermass::Cutout& cutout) const = 0;

  std::string model_id, training_set, sha256;
};

/// weights: a file, or empty for the environment's, the embedded or the installed one. device: cpu, cuda or cuda:N.
/// Throws WeightError, DeviceError.
std::unique_ptr<CutoutExplainer> open_explainer(const std::string& weights, const std::string& device,
                                                const clustermass::ExplainOptions& options);

/// On a device, where the program was built with CUDA.
std::unique_ptr<CutoutExplainer> open_cuda(clustermass::TrainedNetwork<> network, const std::string& origin,
                                           bool replay_probe, const std::string& device,
                                           const clustermass::ExplainOptions& options);

/// With the estimator of any engine.
template <class Choice>
class CutoutExplainerOn final : public CutoutExplainer {
 public:
  CutoutExplainerOn(clustermass::BasicEstimator<Choice> estimator, const clustermass::ExplainOptions& options)
      : estimator_(std::move(estimator)), told_(estimator_.filter_recipe()), explainer_(estimator_, options) {
    model_id = estimator_.model_id();
    training_set = estimator_.training_set();
  }
  clustermass::Explanation explain(const clustermass::Cutout& cutout) const override {
    return explainer_.explain(told_(cutout));
  }

 private:
  clustermass::BasicEstimator<Choice> estimator_;
  tool::FilterTold told_;
  clustermass::BasicExplainer<Choice> explainer_;
};
