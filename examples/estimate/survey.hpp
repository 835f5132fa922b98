// SPDX-License-Identifier: BSD-3-Clause
// A list of clusters in, a catalogue out.
#pragma once

#include <string>

#include "options.hpp"

/// Estimates every row of options.list and writes options.output. A row that cannot be estimated stays in the catalogue
/// with the flag NO_RESULT; its reason is said on stderr. Returns the program's exit code. Interrupted (Ctrl-C), it
/// leaves no new file. command: the command line, for the catalogue's history.
///
/// Throws  InputError for an unreadable list or an output that cannot be written, WeightError
int estimate_list(const EstimateOptions& options, const std::string& command);
