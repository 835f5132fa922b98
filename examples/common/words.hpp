// SPDX-License-Identifier: BSD-3-Clause
// Words that several programs say.
#pragma once

#include <string>

namespace tool {

/// "trained on a simulated sky (mock sky A)" for a training set "simulated: mock sky A, 9000 clusters, seed 1".
inline std::string training_words(const std::string& training_set) {
  const std::string mark = "simulated: ";
  if (training_set.rfind(mark, 0) != 0) return "trained on " + training_set;
  return "trained on a simulated sky (" + training_set.substr(mark.size(), training_set.find(',') - mark.size()) + ")";
}

}  // namespace tool
