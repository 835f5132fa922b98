// SPDX-License-Identifier: BSD-3-Clause
// What a stage of training is told and what it reports, and what an ensemble's raw outputs say.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "clustermass/train/augment.hpp"
#include "clustermass/train/loss.hpp"
#include "clustermass/train/optimizer.hpp"
#include "clustermass/train/sample.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// What is trained: the extractor to name bands; the mass heads on the frozen extractor; all together.
enum class Stage : int { bands, heads, all };

/// Images of the band stage: as they are, or hardened.
enum class Pretext : int { plain, hardened };

struct StageOptions {
  int epochs = 1;
  int batch = 64;
  double rate = 1e-3;  ///< peak learning rate
  int warmup_steps = 100;
  double extractor_factor = 1;  ///< of the rate, for the extractor
  Pretext pretext = Pretext::hardened;
  double cell_arcsec = 0;         ///< bands: of the images; 0: that of the 2 Mpc field at their redshift
  double label_smoothing = 0.05;  ///< bands
  MassLossOptions loss{};         ///< mass stages
  AugmentOptions augment{};
  double filter_drop = 0;  ///< mass stages: probability of not being told the filter's answer
  AdamOptions adam{};
  std::uint32_t stream = 0;  ///< of random numbers; each task of a run has its own
};

/// The random numbers of one sample in one epoch of a task, from 0; held_out_epoch: in what measures the accuracy.
inline constexpr int held_out_epoch = 999;
inline std::uint64_t stream_of(const StageOptions& options, int epoch) {
  return std::uint64_t{options.stream} * 1000 + static_cast<std::uint64_t>(epoch);
}
inline Random sample_draws(std::uint64_t seed, const StageOptions& options, int epoch, std::size_t sample) {
  return Random(seed, stream_of(options, epoch), static_cast<std::uint32_t>(sample) + 16);
}

/// Whether a sample is shown without the filter's answer in this epoch: a network has to manage without it as well.
inline bool hides_filter(std::uint64_t seed, std::uint64_t stream, std::size_t sample, double probability) {
  return probability > 0 &&
         Random(seed, stream, static_cast<std::uint32_t>(sample) + 0x80000000u).uniform() < probability;
}

/// Makes of a prepared cutout the images whose bands are to be named.
inline void make_pretext(PreparedBuffer& buffer, const SampleInfo& info, const StageOptions& options, Random& random) {
  if (options.pretext == Pretext::hardened)
    harden(buffer, info, random, options.cell_arcsec);
  else
    plain(buffer, info, random);
}

/// A label of the mass stages. [log10 Msun, dex]
struct Label {
  double log10_mass = SampleInfo::none, error = 0;
};

/// Samples of a set, in a fixed order, and the labels of all samples of the set.
struct Selection {
  const SampleSet* set = nullptr;
  std::span<const std::size_t> which{};
  std::span<const Label> labels{};  ///< [set->size()]; not read by the band stage
};

/// Figures of one epoch.
struct EpochReport {
  double loss = 0;      ///< mean over the samples
  double accuracy = 0;  ///< bands: share named rightly
  double mae = 0;       ///< mass stages: mean |mu - label| of the ensemble [dex]
  bool interrupted = false;
};

/// Posterior of one cluster. [log10 Msun, dex]
struct Posterior {
  double mean = 0, sigma = 0;
};

/// The first `count` heads as an ensemble: mean of means, mean of variances plus the scatter of the means.
/// outputs: [heads,2] raw outputs of one cluster.
inline Posterior posterior_of(std::span<const double> outputs, std::size_t count) {
  const double n = static_cast<double>(count);
  double mean = 0, square = 0, noise = 0;
  for (std::size_t k = 0; k < count; ++k) {
    mean += outputs[2 * k] / n;
    noise += std::exp(std::clamp(outputs[2 * k + 1], -12.0, 6.0)) / n;
  }
  for (std::size_t k = 0; k < count; ++k) square += (outputs[2 * k] - mean) * (outputs[2 * k] - mean) / n;
  return {MassScale::centre + MassScale::width * mean, MassScale::width * std::sqrt(noise + square)};
}

/// Figures of an ensemble on labelled samples: mean Gaussian negative log-likelihood of the labels (their own error
/// counted), up to a constant, and mean absolute error.
struct Fit {
  double nll = 0, mae = 0;
};
inline Fit fit_of(std::span<const double> outputs, std::size_t heads, std::span<const std::size_t> which,
                  std::span<const Label> labels) {
  Fit fit;
  const double n = static_cast<double>(which.size());
  for (std::size_t k = 0; k < which.size(); ++k) {
    const Posterior p = posterior_of(outputs.subspan(2 * heads * k, 2 * heads), heads);
    const Label& label = labels[which[k]];
    const double v = p.sigma * p.sigma + label.error * label.error, d = label.log10_mass - p.mean;
    fit.nll += 0.5 * (std::log(v) + d * d / v) / n;
    fit.mae += std::fabs(d) / n;
  }
  return fit;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
