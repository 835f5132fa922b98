// SPDX-License-Identifier: BSD-3-Clause
// The two jobs on images: one sample in full, and the matrix of networks and skies.
#pragma once

#include "options.hpp"

/// One network on a mock sky or a labelled list. Returns the exit code.
int evaluate(const EvaluateOptions& options);

/// Every network on every sky.
int evaluate_matrix(const EvaluateOptions& options);
