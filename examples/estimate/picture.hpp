// SPDX-License-Identifier: BSD-3-Clause
// The picture of one estimate.
#pragma once

#include <string>

#include "answer.hpp"
#include "clustermass/cutout.hpp"

/// Writes the colour image of the field beside the estimate's posterior as SVG, or the image alone if the path ends in
/// .png. Throws InputError if it cannot be written.
void save_picture(const std::string& path, const clustermass::Cutout& cutout, const Answer& answer);
