// SPDX-License-Identifier: BSD-3-Clause
// Takes or hands over an Estimator: links only if both sides were compiled with the same -m flags.
#include <clustermass/clustermass.hpp>

bool take(const clustermass::Estimator* estimator);
#ifdef TAKES
bool take(const clustermass::Estimator* estimator) { return estimator == nullptr; }
#else
int main() { return take(nullptr) ? 0 : 1; }
#endif
