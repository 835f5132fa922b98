// SPDX-License-Identifier: BSD-3-Clause
// expected: a layer hands on another number of channels than the next one takes
#include <clustermass/nn/conv.hpp>
#include <clustermass/nn/sequential.hpp>

using namespace clustermass;
#ifdef WRONG
constexpr int taken = 32;
#else
constexpr int taken = 16;
#endif
static_assert(Sequential<Conv<1, 16, 3>, Conv<taken, 48, 3>>::out_channels == 48);
