// SPDX-License-Identifier: BSD-3-Clause
// Maps of the mock sky's clusters against the truth: whose light they point at, what happens when it is taken away.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "clustermass/mock/scene.hpp"
#include "filter_weight.hpp"
#include "instance.hpp"

/// The maps that are compared. `light` is no explanation: the cutout's own prepared light, which ignores the network.
enum class Method : std::size_t { joint, gradients, cells, grad_cam, integrated_grad_cam, product, light };
inline constexpr std::size_t method_count = 7;
inline constexpr std::array<const char*, method_count> method_names{
    "joint map", "integrated gradients", "CAM (cells)", "Grad-CAM", "integrated Grad-CAM", "|IG| x map", "light alone"};

/// The map [5,128,128] of a method. input: what the network read.
std::vector<float> map_of(Method method, const clustermass::Explanation& why, std::span<const float> input);

/// What one map says of one cluster.
struct MapScore {
  double positive = 0;                                                ///< sum of what is positive, the bands added up
  double members = 0, stars = 0, field = 0;                           ///< shares of it on their cells
  double net_all = 0, net_members = 0, net_stars = 0, net_field = 0;  ///< signed sums
  double half = 0, all = 0;                                           ///< predicted loss: half the members, all of them
  double spearman = clustermass::MassEstimate::none;                  ///< with the filter's weight, over galaxies
  double occlusion = clustermass::MassEstimate::none;  ///< Pearson with the loss by patches of 16 x 16 cells
};

/// One cluster of the mock sky, explained and looked at.
struct ClusterScore {
  bool explained = false;
  double truth = 0, redshift = 0, estimate = 0, difference = 0;
  double joint_residual = 0, gradients_residual = 0;
  double area_members = 0, area_stars = 0, area_field = 0;  ///< shares of the valid field
  double half = 0, all = 0;  ///< the estimate's loss when members are rendered away [dex]
  bool all_zero_where_masked = true;
  std::array<MapScore, method_count> maps{};
};

/// with_occlusion: 49 more passes up.
ClusterScore score_cluster(const clustermass::mock::Scene& scene, const clustermass::mock::SkyParameters& sky,
                           const FilterWeight& filter, const clustermass::Explainer& explainer,
                           clustermass::ExplainerWorkspace& memory, bool with_occlusion);
