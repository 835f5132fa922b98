// SPDX-License-Identifier: BSD-3-Clause
// An estimator of any engine with one workspace per thread.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "../common/filter_told.hpp"
#include "clustermass/estimator.hpp"
#include "network.hpp"

template <class Estimator>
class BackendOn final : public Backend {
 public:
  BackendOn(Estimator estimator, int members) : estimator_(std::move(estimator)), told_(estimator_.filter_recipe()) {
    for (int member = 0; member < members; ++member) workspaces_.push_back(estimator_.workspace());
  }
  clustermass::MassEstimate estimate(const clustermass::Cutout& cutout, int member) override {
    return estimator_.estimate_mass(told_(cutout), workspaces_[static_cast<std::size_t>(member)]);
  }

 private:
  Estimator estimator_;
  tool::FilterTold told_;
  std::vector<clustermass::Workspace> workspaces_;
};

/// The backend of --device cuda, in network_cuda.cpp. Throws DeviceError.
std::unique_ptr<Backend> open_cuda(clustermass::TrainedNetwork<> network, const std::string& origin, bool replay_probe,
                                   const EstimateOptions& options, int members);
