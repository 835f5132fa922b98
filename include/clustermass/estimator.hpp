// SPDX-License-Identifier: BSD-3-Clause
// The estimator: a trained network made ready for this machine. One immutable estimator serves all threads; all that
// changes during a call lies in a Workspace, one per thread. No file but the weight file is known here.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/core/crew.hpp"
#include "clustermass/cpu/engine.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/mass_estimate.hpp"
#include "clustermass/model/network_walk.hpp"
#include "clustermass/model/prepare.hpp"
#include "clustermass/network_file.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// The CPU engine with the instruction set chosen when an estimator is built: the widest of this machine, or the one of
/// the environment variable CLUSTERMASS_ISA.
struct CpuEngine {
  cpu::InstructionSet set = cpu::choose_instruction_set();

  template <class Use>
  decltype(auto) with(Use&& use) const {
    return cpu::with_engine(set, use);
  }
};

/// Always the engine E, for example Reference<double>.
template <Engine E>
struct FixedEngine {
  template <class Use>
  decltype(auto) with(Use&& use) const {
    return use(E{});
  }
};

/// All that changes during a call. Made by an estimator, for that estimator; one per thread.
class Workspace {
 public:
  Workspace(std::size_t arena_bytes, std::size_t output_count)
      : arena(arena_bytes),
        cells(field_cells),
        numbers(band_count * field_cells + (band_count + 1) * coarse_cells + context_count),
        outputs(output_count) {}

  Arena<std::byte> arena;
  std::vector<Cell> cells;
  std::vector<float> numbers;
  std::vector<double> outputs;

  PreparedView prepared() {
    const std::span<float> all(numbers);
    return {all.first(band_count * field_cells), all.subspan(band_count * field_cells, band_count * coarse_cells),
            all.subspan(band_count * (field_cells + coarse_cells), coarse_cells), all.last(context_count)};
  }
};

struct EstimatorOptions {
  bool replay_probe = true;  ///< run the probe stored in the file and compare (1e-4)
  bool redshift_response =
      true;  ///< compute dlogm_dz: two more walks per cutout; else NaN, and the error lacks its share
};

template <class EngineChoice = CpuEngine, class Arch = Released>
class BasicEstimator {
 public:
  /// Reads a weight file. Throws WeightError if it is broken, of another network, or fails its probe.
  static BasicEstimator from_file(const std::string& path, EstimatorOptions options = {}, EngineChoice engine = {}) {
    const std::vector<std::byte> bytes = read_file(path);
    return BasicEstimator(read_network<Arch>(bytes, path), path, options, engine);
  }

  /// The same from the bytes of a weight file, which are copied.
  static BasicEstimator from_memory(std::span<const std::byte> bytes, EstimatorOptions options = {},
                                    EngineChoice engine = {}) {
    return BasicEstimator(read_network<Arch>(bytes, "memory"), "memory", options, engine);
  }

  /// From a network in memory. `origin` opens every message.
  BasicEstimator(TrainedNetwork<Arch> network, const std::string& origin, EstimatorOptions options = {},
                 EngineChoice engine = {})
      : network_(std::make_unique<const TrainedNetwork<Arch>>(std::move(network))),
        options_(options),
        engine_(engine),
        walk_(make_walk(field_side)),
        redshift_range_(metadata_range(required("z_range"), origin + ": z_range")),
        mass_range_(metadata_range(required("logm_range"), origin + ": logm_range")) {
    if (options.replay_probe) check_probe(origin);
  }

  /// members: of the crew that will walk with it.
  Workspace workspace(int members = 1) const { return Workspace(walk_->arena_bytes(members), output_count()); }

  /// The mass of one cluster. Poor data give flags and, with NO_RESULT, no numbers; nothing is thrown for data.
  MassEstimate estimate_mass(const Cutout& cutout) const {
    Workspace memory = workspace();
    return estimate_mass(cutout, memory);
  }

  /// The same without any allocation. With a crew its members share the work of this one cutout: the same bits, sooner;
  /// the workspace must be of as many members. Throws InputError if another estimator made the workspace.
  MassEstimate estimate_mass(const Cutout& cutout, Workspace& workspace, Crew* crew = nullptr) const {
    const std::size_t expected = walk_->arena_bytes(crew ? crew->size() : 1);
    if (workspace.arena.size() != expected || workspace.outputs.size() != output_count())
      detail::raise<InputError>("estimate_mass got a workspace of " + std::to_string(workspace.arena.size()) +
                                " bytes, expected one of " + std::to_string(expected) +
                                "; take it from workspace() of the same estimator, for as many members");
    MassEstimate mass;
    const double z = cutout.redshift;
    if (!std::isfinite(z) || z <= 0) {
      mass.flags = flag::z_missing | flag::no_result;
      return mass;
    }
    if (z < redshift_range_.first || z > redshift_range_.second) mass.flags |= flag::z_out_of_range;
    if (!(cutout.ebv >= 0 && cutout.ebv <= high_ebv_limit)) mass.flags |= flag::high_ebv;
    if (cutout.input_kind != InputKind::native) mass.flags |= flag::input_kind;
    if (z < lowest_redshift || z > highest_redshift) {
      mass.flags |= flag::no_result;
      return mass;
    }

    const PreparedState state = prepare(cutout, z, workspace.cells, workspace.prepared());
    mass.flags |= state.flags;
    mass.coverage = state.coverage;
    mass.masked_fraction = state.masked_fraction;
    if (state.flags & flag::no_result) return mass;

    const Moments moments = walk(workspace, true, crew);
    mass.log10_m500c = moments.mean;
    mass.ood = distance(workspace);
    if (mass.ood > 1) mass.flags |= flag::ood;
    if (moments.mean < mass_range_.first || moments.mean > mass_range_.second) mass.flags |= flag::m_extrapolated;

    double variance = moments.variance;
    if (options_.redshift_response) {
      mass.dlogm_dz = redshift_response(cutout, workspace, crew);
      const double share = mass.dlogm_dz * std::max(cutout.redshift_error, 0.0);
      if (std::isfinite(share)) variance += share * share;
    }
    mass.log10_m500c_error = std::sqrt(variance);
    const double reach = static_cast<double>(network_->calibration_q90.values[0]) * mass.log10_m500c_error;
    mass.lo90 = mass.log10_m500c - reach;
    mass.hi90 = mass.log10_m500c + reach;
    return mass;
  }

  /// One estimate per cutout, in order. Throws InputError if the spans differ in length.
  void estimate_mass(std::span<const Cutout> cutouts, std::span<MassEstimate> estimates, Workspace& workspace) const {
    if (cutouts.size() != estimates.size())
      detail::raise<InputError>("estimate_mass got " + std::to_string(cutouts.size()) + " cutouts and room for " +
                                std::to_string(estimates.size()) + " estimates, expected equal numbers");
    for (std::size_t k = 0; k < cutouts.size(); ++k) estimates[k] = estimate_mass(cutouts[k], workspace);
  }
  void estimate_mass(std::span<const Cutout> cutouts, std::span<MassEstimate> estimates) const {
    Workspace memory = workspace();
    estimate_mass(cutouts, estimates, memory);
  }

  int heads() const { return static_cast<int>(network_->mass.size()); }
  const TrainedNetwork<Arch>& network() const { return *network_; }
  const EngineChoice& engine() const { return engine_; }
  const std::string& model_id() const { return required("model_id"); }
  /// What the network was trained on. A network trained on a simulated sky says so here.
  const std::string& training_set() const { return required("training_set"); }

 private:
  struct Moments {
    double mean, variance;
  };

  /// Raw outputs of the heads, then the pooled features.
  std::size_t output_count() const { return 2 * network_->mass.size() + network_->ood_mean.values.size(); }

  std::unique_ptr<const NetworkWalk> make_walk(int side) const {
    return engine_.with([&]<class E>(E) -> std::unique_ptr<const NetworkWalk> {
      return std::make_unique<const NetworkWalkOn<Arch, E>>(*network_, side);
    });
  }

  const std::string& required(std::string_view key) const {
    const std::string* value = network_->find_metadata(key);
    if (!value) detail::raise<WeightError>("the network's metadata has no '" + std::string(key) + "'");
    return *value;
  }

  void check_probe(const std::string& origin) const {
    const NamedTensor &input = network_->probe_input, &output = network_->probe_output;
    const int side = static_cast<int>(input.shape[3]);
    if (side == 0 || side % coarse_factor != 0)
      detail::raise<WeightError>(origin + ": probe.input is " + std::to_string(side) +
                                 " cells wide, expected a multiple of " + std::to_string(coarse_factor) +
                                 "; write the file again with clustermass_train");
    const std::vector<double> found = walk_probe(*make_walk(side), input.values, heads());
    for (std::size_t k = 0; k < found.size(); ++k)
      if (!(std::fabs(found[k] - static_cast<double>(output.values[k])) <= 1e-4))
        detail::raise<WeightError>(origin + ": the network's answer to its probe is " + std::to_string(found[k]) +
                                   " at output " + std::to_string(k) + ", expected " +
                                   std::to_string(output.values[k]) +
                                   " as stored; the weights are damaged or this build computes wrongly");
  }

  /// Mean and variance of the ensemble for what is prepared: mean of the heads, mean of their variances plus their
  /// scatter, with the calibration's factor.
  Moments walk(Workspace& workspace, bool with_features, Crew* crew) const {
    const PreparedView prepared = workspace.prepared();
    const std::size_t count = network_->mass.size();
    const std::span<double> all(workspace.outputs), outputs = all.first(2 * count);
    const WalkIo io{prepared.input,    prepared.band_coverage,
                    prepared.coverage, prepared.context,
                    outputs,           with_features ? all.subspan(2 * count) : std::span<double>{}};
    if (crew)
      crew->together([&](int member) { walk_->run(workspace.arena.data(), io, crew, member); });
    else
      walk_->run(workspace.arena.data(), io);
    const double n = static_cast<double>(count);
    double mean = 0, square = 0, noise = 0;
    for (std::size_t k = 0; k < count; ++k) {
      mean += outputs[2 * k] / n;
      noise += std::exp(std::clamp(outputs[2 * k + 1], -12.0, 6.0)) / n;
    }
    for (std::size_t k = 0; k < count; ++k) square += (outputs[2 * k] - mean) * (outputs[2 * k] - mean) / n;
    const double factor = MassScale::width * static_cast<double>(network_->calibration_scale.values[0]);
    return {MassScale::centre + MassScale::width * mean, factor * factor * (noise + square)};
  }

  /// |whitening (pooled features - mean)|, in units of the training set's limit.
  double distance(const Workspace& workspace) const {
    const std::size_t dims = network_->ood_mean.values.size(), offset = 2 * network_->mass.size();
    const std::vector<float>&mean = network_->ood_mean.values, &whitening = network_->ood_whitening.values;
    double square = 0;
    for (std::size_t row = 0; row < whitening.size() / dims; ++row) {
      double sum = 0;
      for (std::size_t k = 0; k < dims; ++k)
        sum += static_cast<double>(whitening[row * dims + k]) *
               (workspace.outputs[offset + k] - static_cast<double>(mean[k]));
      square += sum * sum;
    }
    return std::sqrt(square);
  }

  /// Central difference over +-0.02 in redshift: the field is cut anew, so this is the whole response.
  double redshift_response(const Cutout& cutout, Workspace& workspace, Crew* crew) const {
    const double z = cutout.redshift, step = std::min(0.02, z / 4);
    double mass[2];
    for (int side = 0; side < 2; ++side) {
      const double shifted = z + (side == 0 ? -step : step);
      const PreparedState state = prepare(cutout, shifted, workspace.cells, workspace.prepared());
      if (state.flags & flag::no_result) return MassEstimate::none;
      mass[side] = walk(workspace, false, crew).mean;
    }
    return (mass[1] - mass[0]) / (2 * step);
  }

  std::unique_ptr<const TrainedNetwork<Arch>> network_;
  EstimatorOptions options_;
  EngineChoice engine_;
  std::unique_ptr<const NetworkWalk> walk_;
  std::pair<double, double> redshift_range_, mass_range_;
};

using Estimator = BasicEstimator<>;

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
