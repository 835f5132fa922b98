// SPDX-License-Identifier: BSD-3-Clause
// What clustermass_explain is told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "../common/image_options.hpp"

struct ExplainProgramOptions : tool::ImageOptions {
  std::string output;   ///< folder
  std::string sources;  ///< list of sources to share the estimate among
  std::string target = "mass", baseline = "zero";
  int steps = 64;
  bool joint = false;  ///< the joint map in the picture and the report
  std::string weights, device = "cpu";
  int threads = 0;
  bool json = false;
};

struct ValidateOptions {
  std::size_t clusters = 500;
  std::uint64_t seed = 1;
  std::string baseline = "zero";
  int steps = 64;
  std::string weights;
  int threads = 0;
  bool json = false, quiet = false, table = false;
};
