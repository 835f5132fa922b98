// SPDX-License-Identifier: BSD-3-Clause
// The data of a training run, from a mock sky or from a list: prepared cutouts, labels, and which cutout serves what.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clustermass/core/error.hpp"
#include "clustermass/parallel.hpp"
#include "clustermass/train/stage.hpp"
#include "settings.hpp"

/// Set by Ctrl-C; what takes long looks at it now and then.
extern std::atomic<int> interrupted;

/// The run was told to stop and has left everything as it can be resumed.
struct Interrupted {};
inline void stop_if_interrupted() {
  if (interrupted) throw Interrupted();
}

/// A part of the test clusters: those of one sky.
struct TestPart {
  std::string name;  ///< "mock sky A"
  std::vector<std::size_t> which;
};

struct Data {
  std::vector<std::shared_ptr<const clustermass::train::Records>> files;  ///< of the set, one after the other
  clustermass::train::SampleSet set;
  std::vector<clustermass::train::Label> labels;     ///< [set] masses, homogenised; NaN: none
  std::vector<clustermass::train::Label> richness;   ///< [set] the mass a catalogue's richness stands for; NaN: none
  std::vector<std::string> ids, sources;             ///< [set]
  std::vector<std::uint64_t> block;                  ///< [set] of the sky; no fold, no share cuts through one
  std::vector<std::size_t> bands, bands_unseen;      ///< fields for band naming, and to try it on
  std::vector<std::size_t> labelled, with_richness;  ///< for the mass stages; no calibration or test cluster
  std::vector<int> fold;                             ///< [labelled]
  std::vector<std::size_t> calibration;
  std::vector<TestPart> test;       ///< the first is like the training set
  bool mock = true;                 ///< the true masses are known: info.log10_mass
  std::string training_set, prior;  ///< for the metadata
  double z_min = 0, z_max = 0, logm_min = 0, logm_max = 0;
};

/// What is taken off the labels of a source; 0 for a source that is not named. [dex]
/// Throws  InputError for a text that is no list of SOURCE=DEX
double label_offset(const std::string& offsets, const std::string& source);

/// ln richness as the mass it stands for, on the scale of the heads: what the distillation learns.
///
///   log10 M = 14.344 + log10(lambda / 40) / 0.80,   the error of ln lambda with it and 0.22 of scatter
///
/// NaN for fewer than five members or an error that is not known.
///
/// Source  design of this library: the relation of mock sky A, near that of Simet et al. 2017, arXiv:1603.06953
clustermass::train::Label mass_of_richness(double ln_richness, double ln_richness_error);

/// `fold` of each labelled sample: blocks of the sky to folds of equal size, as even as can be.
std::vector<int> folds_of(const Data& data, const std::vector<std::size_t>& which, int folds, std::uint64_t seed);

/// Draws or reads all that the run needs, with the cutouts in files below `cache`. Throws InputError, Interrupted.
Data make_data(const Settings& settings, const std::string& cache, clustermass::Team& team, bool quiet);
Data data_of_mock_sky(const Settings& settings, const std::string& cache, clustermass::Team& team, bool quiet);
Data data_of_list(const Settings& settings, const std::string& cache, clustermass::Team& team, bool quiet);

/// Whether the network sees less than an estimator would show it.
bool is_experiment(const Settings& settings);

/// Images at most that band naming is tried on.
inline constexpr std::size_t unseen_band_fields = 300;

/// Adds samples that have no mass, with the id and the block of the sky of each. Returns where they begin.
std::size_t add_samples(Data& data, std::shared_ptr<const clustermass::train::Records> records,
                        const std::function<std::string(std::size_t)>& id,
                        const std::function<std::uint64_t(std::size_t)>& block);

/// Puts patches of mock fields at the scale of the detector in place of the fields that name bands.
void add_native_patches(Data& data, const Settings& settings, const std::string& cache, clustermass::Team& team,
                        bool quiet);

/// Adds patches of real fields to what names bands. Throws InputError for a field to leave out that is not there.
void add_real_fields(Data& data, const Settings& settings, const std::string& cache, clustermass::Team& team,
                     bool quiet);

/// Prepared cutouts in a file of the cache: opened if it is there and still what `make` makes, else made.
/// make(k, sample, member) fills sample k; called from any thread.
std::shared_ptr<const clustermass::train::Records> cached_samples(
    const std::string& cache, const std::string& name, const std::string& description, std::size_t count,
    const std::function<clustermass::train::Sample(std::size_t, int)>& make, clustermass::Team& team, bool quiet);
