// SPDX-License-Identifier: BSD-3-Clause
// The first stage alone, as clustermass_train leaves it in a weight file or a checkpoint: an extractor that names the
// band of an image. The architecture is hidden.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "clustermass/cutout.hpp"
#include "clustermass/train/sample.hpp"

class Extractor {
 public:
  virtual ~Extractor() = default;
  /// The band as which each band of a prepared cutout is taken. member: which of the threads calls, from 0.
  virtual std::array<int, clustermass::band_count> name_bands(const clustermass::train::PreparedBuffer& prepared,
                                                              int member) const = 0;

  std::string name;          ///< the file
  bool hardened = true;      ///< which pretext it learned
  bool of_mock = true;       ///< learned from mock fields
  bool of_real = false;      ///< learned from real fields
  std::string left_out;      ///< real fields it never saw, where of_real
  std::string training_set;  ///< in words
};

/// path: a weight file, a checkpoint of stage "bands", or the folder that holds either.
/// Throws WeightError if there is none, or it is broken or of an unknown architecture.
std::unique_ptr<Extractor> open_extractor(const std::string& path, int members);
