// SPDX-License-Identifier: BSD-3-Clause
// The estimator: a trained network made ready for this machine. One immutable estimator serves all threads; all that
// changes during a call lies in a Workspace, one per thread. No file but the weight file is known here. Above 300 lines
// because the two ways to walk, cutout by cutout and many together, share all that comes before and after.
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
  template <class Arch>
  std::unique_ptr<const NetworkWalk> make_walk(const TrainedNetwork<Arch>& network, int side) const {
    return std::make_unique<const NetworkWalkOn<Arch, cpu::ChosenEngine>>(network, side, cpu::ChosenEngine(set));
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

  /// Where the k-th of several cutouts that are walked together is prepared.
  PreparedView prepared(std::size_t k = 0) {
    const std::size_t one = band_count * (field_cells + coarse_cells) + coarse_cells + context_count;
    if (numbers.size() < (k + 1) * one) numbers.resize((k + 1) * one);
    const std::span<float> all = std::span(numbers).subspan(k * one, one);
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
        walk_(make_walk()),
        redshift_range_(metadata_range(required("z_range"), {origin, ": z_range"})),
        mass_range_(metadata_range(required("logm_range"), {origin, ": logm_range"})),
        uses_filter_(!filter_recipe().empty()) {
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
    check_workspace(workspace, crew ? crew->size() : 1);
    MassEstimate mass;
    if (walk_->batch() > 1) {
      estimate_together({&cutout, 1}, {&mass, 1}, workspace);
      return mass;
    }
    if (!begin(cutout, workspace, mass)) return mass;
    const Moments moments = walk(workspace, true, crew);
    mass.ood = distance(std::span(workspace.outputs).subspan(2 * network_->mass.size()));
    if (options_.redshift_response) mass.dlogm_dz = redshift_response(cutout, workspace, crew);
    finish(cutout, moments, mass);
    return mass;
  }

  /// One estimate per cutout, in order. Throws InputError if the spans differ in length.
  void estimate_mass(std::span<const Cutout> cutouts, std::span<MassEstimate> estimates, Workspace& workspace) const {
    if (cutouts.size() != estimates.size())
      detail::raise<InputError>(detail::sentence({"estimate_mass got ", cutouts.size(), " cutouts and room for ",
                                                  estimates.size(), " estimates, expected equal numbers"}));
    check_workspace(workspace, 1);
    if (walk_->batch() > 1) return estimate_together(cutouts, estimates, workspace);
    for (std::size_t k = 0; k < cutouts.size(); ++k) estimates[k] = estimate_mass(cutouts[k], workspace);
  }
  void estimate_mass(std::span<const Cutout> cutouts, std::span<MassEstimate> estimates) const {
    Workspace memory = workspace();
    estimate_mass(cutouts, estimates, memory);
  }

  /// Cutouts that are walked together; an engine with too little memory takes fewer than it was asked for.
  int batch() const { return walk_->batch(); }
  int heads() const { return static_cast<int>(network_->mass.size()); }
  const TrainedNetwork<Arch>& network() const { return *network_; }
  const EngineChoice& engine() const { return engine_; }
  const std::string& model_id() const { return required("model_id"); }
  /// What the network was trained on. A network trained on a simulated sky says so here.
  const std::string& training_set() const { return required("training_set"); }
  /// The recipe of the matched filter whose answer the network was taught to weigh, Cutout::filter_mass; empty: none.
  std::string_view filter_recipe() const {
    const std::string* recipe = network_->find_metadata("filter");
    return recipe ? std::string_view(*recipe) : std::string_view();
  }

  /// Prepares a cutout as the workspace's k-th, with what this network was taught to look at.
  PreparedState prepare_for(const Cutout& cutout, double redshift, Workspace& workspace, std::size_t k = 0) const {
    const PreparedView prepared = workspace.prepared(k);
    const PreparedState state = prepare(cutout, redshift, workspace.cells, prepared);
    if (!uses_filter_) hide_filter(prepared.context);
    return state;
  }

 private:
  struct Moments {
    double mean, variance;
  };

  void check_workspace(const Workspace& workspace, int members) const {
    const std::size_t expected = walk_->arena_bytes(members);
    if (workspace.arena.size() != expected || workspace.outputs.size() < output_count())
      detail::raise<InputError>(
          detail::sentence({"estimate_mass got a workspace of ", workspace.arena.size(), " bytes, expected one of ",
                            expected, "; take it from workspace() of the same estimator, for as many members"}));
  }

  /// Prepares a cutout as the workspace's k-th; false if flags are all the answer there is.
  bool begin(const Cutout& cutout, Workspace& workspace, MassEstimate& mass, std::size_t k = 0) const {
    const double z = cutout.redshift;
    if (!std::isfinite(z) || z <= 0) {
      mass.flags = flag::z_missing | flag::no_result;
      return false;
    }
    if (z < redshift_range_.first || z > redshift_range_.second) mass.flags |= flag::z_out_of_range;
    if (!(cutout.ebv >= 0 && cutout.ebv <= high_ebv_limit)) mass.flags |= flag::high_ebv;
    if (cutout.input_kind != InputKind::native) mass.flags |= flag::input_kind;
    if (uses_filter_ && !cutout.filter_mass.is_known()) mass.flags |= flag::filter_missing;
    if (z < lowest_redshift || z > highest_redshift) {
      mass.flags |= flag::no_result;
      return false;
    }
    const PreparedState state = prepare_for(cutout, z, workspace, k);
    mass.flags |= state.flags;
    mass.coverage = state.coverage;
    mass.masked_fraction = state.masked_fraction;
    return !(state.flags & flag::no_result);
  }

  /// Mass, error and interval from the moments; ood and dlogm_dz stand already. A mean that the training prior excludes
  /// by more than a dex, or no number, is no posterior mean: the network broke on these pixels.
  void finish(const Cutout& cutout, const Moments& moments, MassEstimate& mass) const {
    const double beyond = std::max(mass_range_.first - moments.mean, moments.mean - mass_range_.second);
    if (mass.ood > 1) mass.flags |= flag::ood;
    if (!(beyond <= 0)) mass.flags |= flag::m_extrapolated;
    if (!(beyond <= 1)) {
      mass.flags |= flag::no_result;
      mass.ood = mass.dlogm_dz = MassEstimate::none;
      return;
    }
    mass.log10_m500c = moments.mean;
    const double share = mass.dlogm_dz * std::max(cutout.redshift_error, 0.0);
    const double variance = moments.variance + (std::isfinite(share) ? share * share : 0);
    mass.log10_m500c_error = std::sqrt(variance);
    const double reach = static_cast<double>(network_->calibration_q90.values[0]) * mass.log10_m500c_error;
    mass.lo90 = mass.log10_m500c - reach;
    mass.hi90 = mass.log10_m500c + reach;
  }

  /// The walks of a cutout: as it is, and at the two shifted redshifts.
  struct Walks {
    static constexpr std::size_t none = ~std::size_t{0};
    std::size_t centre = none, low = none, high = none;
  };

  /// For engines that walk many cutouts at once: all walks of as many cutouts as fill a batch in one call.
  void estimate_together(std::span<const Cutout> cutouts, std::span<MassEstimate> estimates,
                         Workspace& workspace) const {
    const std::size_t together =
        static_cast<std::size_t>(std::max(1, walk_->batch() / (options_.redshift_response ? 3 : 1)));
    for (std::size_t first = 0; first < cutouts.size(); first += together) {
      const std::size_t count = std::min(together, cutouts.size() - first);
      std::vector<Walks> walks(count);
      std::size_t items = 0;
      for (std::size_t k = 0; k < count; ++k) {
        const Cutout& cutout = cutouts[first + k];
        estimates[first + k] = {};
        if (!begin(cutout, workspace, estimates[first + k], items)) continue;
        walks[k].centre = items++;
        if (!options_.redshift_response) continue;
        if (prepare_shifted(cutout, -1, workspace, items)) walks[k].low = items++;
        if (walks[k].low != Walks::none && prepare_shifted(cutout, 1, workspace, items)) walks[k].high = items++;
      }
      if (workspace.outputs.size() < items * output_count()) workspace.outputs.resize(items * output_count());
      const auto outputs_of = [&](std::size_t item) {
        return std::span(workspace.outputs).subspan(item * output_count(), output_count());
      };
      const std::size_t heads = 2 * network_->mass.size();
      std::vector<WalkIo> ios;
      for (std::size_t item = 0; item < items; ++item) {
        const PreparedView in = workspace.prepared(item);
        ios.push_back({in.input, in.band_coverage, in.coverage, in.context, outputs_of(item).first(heads),
                       outputs_of(item).subspan(heads)});
      }
      walk_->run_many(workspace.arena.data(), ios);
      for (std::size_t k = 0; k < count; ++k) {
        if (walks[k].centre == Walks::none) continue;
        const Cutout& cutout = cutouts[first + k];
        MassEstimate& mass = estimates[first + k];
        mass.ood = distance(outputs_of(walks[k].centre).subspan(heads));
        if (walks[k].high != Walks::none)
          mass.dlogm_dz = (moments(outputs_of(walks[k].high)).mean - moments(outputs_of(walks[k].low)).mean) /
                          (2 * redshift_step(cutout));
        finish(cutout, moments(outputs_of(walks[k].centre)), mass);
      }
    }
  }

  /// Raw outputs of the heads, then the pooled features.
  std::size_t output_count() const { return 2 * network_->mass.size() + network_->ood_mean.values.size(); }

  std::unique_ptr<const NetworkWalk> make_walk() const {
    if constexpr (requires { engine_.make_walk(*network_, field_side); })
      return engine_.make_walk(*network_, field_side);
    else
      return engine_.with([&]<class E>(E) -> std::unique_ptr<const NetworkWalk> {
        return std::make_unique<const NetworkWalkOn<Arch, E>>(*network_, field_side);
      });
  }

  const std::string& required(std::string_view key) const {
    const std::string* value = network_->find_metadata(key);
    if (!value) detail::raise<WeightError>(detail::sentence({"the network's metadata has no '", key, "'"}));
    return *value;
  }

  void check_probe(const std::string& origin) const {
    const NamedTensor &input = network_->probe_input, &output = network_->probe_output;
    const int side = static_cast<int>(input.shape[3]);
    if (side == 0 || side % coarse_factor != 0)
      detail::raise<WeightError>(
          detail::sentence({origin, ": probe.input is ", side, " cells wide, expected a multiple of ", coarse_factor,
                            "; write the file again with clustermass_train"}));
    double tolerance = 1e-4;
    if constexpr (requires { engine_.probe_tolerance(); }) tolerance = engine_.probe_tolerance();
    const std::vector<double> found = walk_probe(*walk_->at_side(side), input.values, heads());
    for (std::size_t k = 0; k < found.size(); ++k)
      if (!(std::fabs(found[k] - static_cast<double>(output.values[k])) <= tolerance))
        detail::raise<WeightError>(
            detail::sentence({origin, ": the network's answer to its probe is ", std::to_string(found[k]),
                              " at output ", k, ", expected ", std::to_string(output.values[k]),
                              " as stored; the weights are damaged or this build computes wrongly"}));
  }

  /// Mean and variance of the ensemble for what is prepared.
  Moments walk(Workspace& workspace, bool with_features, Crew* crew) const {
    const PreparedView prepared = workspace.prepared();
    const std::size_t count = network_->mass.size();
    const std::span<double> all = std::span(workspace.outputs).first(output_count());
    const WalkIo io{prepared.input,       prepared.band_coverage,
                    prepared.coverage,    prepared.context,
                    all.first(2 * count), with_features ? all.subspan(2 * count) : std::span<double>{}};
    if (crew)
      crew->together([&](int member) { walk_->run(workspace.arena.data(), io, crew, member); });
    else
      walk_->run(workspace.arena.data(), io);
    return moments(all);
  }

  /// Mean of the heads, mean of their variances plus their scatter, with the calibration's factor.
  Moments moments(std::span<const double> outputs) const {
    const std::size_t count = network_->mass.size();
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
  double distance(std::span<const double> pooled) const {
    const std::size_t dims = network_->ood_mean.values.size();
    const std::vector<float>&mean = network_->ood_mean.values, &whitening = network_->ood_whitening.values;
    double square = 0;
    for (std::size_t row = 0; row < whitening.size() / dims; ++row) {
      double sum = 0;
      for (std::size_t k = 0; k < dims; ++k)
        sum += static_cast<double>(whitening[row * dims + k]) * (pooled[k] - static_cast<double>(mean[k]));
      square += sum * sum;
    }
    return std::sqrt(square);
  }

  static double redshift_step(const Cutout& cutout) { return std::min(0.02, cutout.redshift / 4); }
  bool prepare_shifted(const Cutout& cutout, int side, Workspace& workspace, std::size_t k = 0) const {
    const double shifted = cutout.redshift + side * redshift_step(cutout);
    return !(prepare_for(cutout, shifted, workspace, k).flags & flag::no_result);
  }

  /// Central difference over +-0.02 in redshift: the field is cut anew, so this is the whole response.
  double redshift_response(const Cutout& cutout, Workspace& workspace, Crew* crew) const {
    double mass[2];
    for (int side = 0; side < 2; ++side) {
      if (!prepare_shifted(cutout, 2 * side - 1, workspace)) return MassEstimate::none;
      mass[side] = walk(workspace, false, crew).mean;
    }
    return (mass[1] - mass[0]) / (2 * redshift_step(cutout));
  }

  std::unique_ptr<const TrainedNetwork<Arch>> network_;
  EstimatorOptions options_;
  EngineChoice engine_;
  std::unique_ptr<const NetworkWalk> walk_;
  std::pair<double, double> redshift_range_, mass_range_;
  bool uses_filter_;
};

using Estimator = BasicEstimator<>;

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
