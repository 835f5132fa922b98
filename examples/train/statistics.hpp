// SPDX-License-Identifier: BSD-3-Clause
// The images of band naming as eight numbers each, for classifiers that see nothing else.
#pragma once

#include "run.hpp"

/// Writes statistics.csv: part (train, held-out), band, the statistics, for each image of the task's epochs and of what
/// its accuracy is measured on. Throws InputError if it cannot be written.
void write_statistics(Run& run, const Task& task);
