// SPDX-License-Identifier: BSD-3-Clause
// What clustermass_estimate is told.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "../common/image_options.hpp"

struct EstimateOptions : tool::ImageOptions {
  std::string list, output;                         ///< many clusters: the list and the catalogue
  std::vector<std::string> columns;                 ///< role=NAME
  std::pair<std::size_t, std::size_t> shard{1, 1};  ///< this part, from 1, and the number of parts
  std::string weights;
  std::string picture, truth;
  int null_positions = 0;  ///< other positions of the frame to compare the answer with
  std::string avoid;       ///< list of clusters that these positions keep away from
  int threads = 0;
  std::string device = "cpu";      ///< or cuda, cuda:N
  std::string precision = "fp32";  ///< of the GPU: or tf32, fp16
  bool json = false, strict = false, quiet = false;
};
