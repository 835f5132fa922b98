// SPDX-License-Identifier: BSD-3-Clause
// expected: Conv: an even kernel has no centre
#include <clustermass/nn/conv.hpp>

using namespace clustermass;
#ifdef WRONG
constexpr int size = 4;
#else
constexpr int size = 5;
#endif
static_assert(Conv<16, 16, size>::out_channels == 16);
