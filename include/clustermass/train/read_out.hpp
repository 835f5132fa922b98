// SPDX-License-Identifier: BSD-3-Clause
// A first answer for mass heads on a frozen extractor, without a gradient: their last layer by ridge regression of the
// labels on the hidden units. A few hundred noisy labels teach a head that starts there no worse than a linear fit
// does.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "clustermass/model/trained_network.hpp"
#include "clustermass/stats/least_squares.hpp"
#include "clustermass/train/stage.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// The last layer of a head: weight [2,hidden], bias [2].
template <class Arch>
struct LastLayer {
  explicit LastLayer(Weights<typename Arch::MassHead, float>& head) {
    head.for_each_tensor("", [&](const std::string&, const Parameter& p, std::span<float> values) {
      if (p.shape.n == 2) (p.rank == 2 ? weight : bias) = values;
    });
  }

  std::span<float> weight, bias;
};

/// Straight line through the targets whose damping leaves the smallest residuals of samples left out of the fit.
inline stats::PolynomialFit best_ridge(std::span<const double> rows, std::size_t dims,
                                       std::span<const double> targets) {
  std::optional<stats::PolynomialFit> best;
  for (double damping = 1e-3; damping < 30; damping *= 3) {
    const stats::PolynomialFit fit(rows, dims, targets, {.products = false, .alike = true, .damping = damping});
    if (!best || fit.error() < best->error()) best = fit;
  }
  return *best;
}

/// Sets the last layer of each head: the mean by ridge regression on the hidden units of the head's own samples, the
/// damping by the residuals of samples left out one by one; the variance the same for all, what those residuals have
/// beyond the labels' errors. Returns their rms, of all heads [dex], or nothing, with the network as it was, where
/// there are fewer samples than a fit needs.
///
/// outputs  raw outputs [which,heads,2] of the network as it stands, called some thirty times
///
/// Source  a linear fit before any fine-tuning: Kumar et al. 2022, arXiv:2202.10054
template <class Arch>
std::optional<double> fit_read_out(TrainedNetwork<Arch>& network, const Selection& part, auto&& outputs) {
  constexpr std::size_t hidden = Arch::hidden;
  const std::size_t heads = network.mass.size(), count = part.which.size();
  const auto own = [&](std::size_t n, std::size_t h) { return heads == 1 || part.which[n] % heads != h; };
  for (std::size_t h = 0; h < heads; ++h) {
    std::size_t samples = 0;
    for (std::size_t n = 0; n < count; ++n) samples += own(n, h);
    if (samples <= hidden) return std::nullopt;
  }
  std::vector<LastLayer<Arch>> layers;
  for (auto& head : network.mass) layers.emplace_back(head);

  // What the hidden units say is read by letting the last layer pass them on, two at a time.
  std::vector<double> units(heads * count * hidden);
  for (std::size_t u = 0; u < hidden; u += 2) {
    for (LastLayer<Arch>& layer : layers) {
      std::ranges::fill(layer.weight, 0.0f);
      std::ranges::fill(layer.bias, 0.0f);
      layer.weight[u] = layer.weight[hidden + u + 1] = 1;
    }
    const std::vector<double> said = outputs();
    for (std::size_t n = 0; n < count; ++n)
      for (std::size_t h = 0; h < heads; ++h)
        std::copy_n(said.data() + 2 * (n * heads + h), 2, units.data() + (h * count + n) * hidden + u);
  }

  double squares = 0;
  for (std::size_t h = 0; h < heads; ++h) {
    std::vector<double> rows, targets;
    double label_square = 0;
    for (std::size_t n = 0; n < count; ++n) {
      if (!own(n, h)) continue;
      const auto row = std::span(units).subspan((h * count + n) * hidden, hidden);
      rows.insert(rows.end(), row.begin(), row.end());
      const Label& label = part.labels[part.which[n]];
      targets.push_back((label.log10_mass - MassScale::centre) / MassScale::width);
      label_square += std::pow(label.error / MassScale::width, 2);
    }
    label_square /= static_cast<double>(targets.size());
    const stats::PolynomialFit fit = best_ridge(rows, hidden, targets);
    const std::vector<double> plane = fit.plane();
    std::transform(plane.begin() + 1, plane.end(), layers[h].weight.begin(),
                   [](double slope) { return static_cast<float>(slope); });
    std::ranges::fill(layers[h].weight.subspan(hidden), 0.0f);
    const double square = fit.error() * fit.error(), least = std::pow(0.1 / MassScale::width, 2);
    layers[h].bias[0] = static_cast<float>(plane[0]);
    layers[h].bias[1] = static_cast<float>(std::log(std::max(square - label_square, least)));
    squares += square / static_cast<double>(heads);
  }
  return MassScale::width * std::sqrt(squares);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
