// SPDX-License-Identifier: BSD-3-Clause
// One estimate by the embedded network.
#include <clustermass/pretrained.hpp>

#include "estimate_cutout.hpp"
#include "maps.hpp"

static float pixels[128 * 128];

int main() { return finish(static_cast<float>(clustermass::estimate_mass(blank_cutout(pixels)).log10_m500c)); }
