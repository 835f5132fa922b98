// SPDX-License-Identifier: BSD-3-Clause
// Checks of the maps on the mock sky.
#pragma once

#include "options.hpp"

/// Runs all checks and prints them; returns the program's exit code.
int validate(const ValidateOptions& options);
