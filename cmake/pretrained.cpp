// SPDX-License-Identifier: BSD-3-Clause
// The object behind clustermass/pretrained.hpp: the compiled engine over the bytes of the released weight file, which
// cmake/embed.cmake brings in.
#include "clustermass/pretrained.hpp"

#include "clustermass/estimator.hpp"

namespace clustermass::inline CLUSTERMASS_DATA_TAG {

namespace detail {
std::span<const std::byte> embedded_weights();
}

namespace {
/// Built on the first call. The embedded bytes' probe is a test of the library, not a start-up cost.
const Estimator& embedded() {
  static const Estimator estimator = Estimator::from_memory(pretrained_weights(), {.replay_probe = false});
  return estimator;
}
}  // namespace

MassEstimate estimate_mass(const Cutout& cutout) {
  thread_local Workspace workspace = embedded().workspace();
  return embedded().estimate_mass(cutout, workspace);
}

const char* pretrained_model_id() { return embedded().model_id().c_str(); }
const char* pretrained_training_set() { return embedded().training_set().c_str(); }

std::span<const std::byte> pretrained_weights() { return detail::embedded_weights(); }

}  // namespace clustermass::inline CLUSTERMASS_DATA_TAG
