// SPDX-License-Identifier: BSD-3-Clause
// A Network of one architecture on one kind of engine.
#pragma once

#include "../common/filter_told.hpp"
#include "clustermass/estimator.hpp"
#include "network.hpp"

template <class Arch, class Choice = clustermass::CpuEngine>
class NetworkOf final : public Network {
 public:
  NetworkOf(std::span<const std::byte> bytes, const std::string& origin, int members, Choice engine = Choice())
      // Nothing that is scored needs the response to the redshift, which costs two walks more.
      : estimator_(clustermass::read_network<Arch>(bytes, origin), origin, {.redshift_response = false},
                   std::move(engine)),
        told_(estimator_.filter_recipe()) {
    for (int member = 0; member < members; ++member) workspaces_.push_back(estimator_.workspace());
    model_id = estimator_.model_id();
    training_set = estimator_.training_set();
    arch = Arch::name();
  }

  clustermass::MassEstimate estimate(const clustermass::Cutout& cutout, int member) const override {
    return estimator_.estimate_mass(images_alone ? cutout : told_(cutout),
                                    workspaces_[static_cast<std::size_t>(member)]);
  }

 private:
  clustermass::BasicEstimator<Choice, Arch> estimator_;
  tool::FilterTold told_;
  mutable std::vector<clustermass::Workspace> workspaces_;  // one per thread
};
