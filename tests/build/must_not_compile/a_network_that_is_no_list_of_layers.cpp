// SPDX-License-Identifier: BSD-3-Clause
// expected: (constraint|Layer)
#include <clustermass/nn/conv.hpp>
#include <clustermass/nn/sequential.hpp>

using namespace clustermass;
struct HoldsState : Conv<16, 16, 3> {
  int counter;
};
#ifdef WRONG
using Second = HoldsState;
#else
using Second = Conv<16, 16, 3>;
#endif
static_assert(Sequential<Conv<1, 16, 3>, Second>::out_channels == 16);
