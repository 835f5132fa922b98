// SPDX-License-Identifier: BSD-3-Clause
// expected: (cannot|could not) convert|no viable conversion|conversion from
#include <clustermass/core/view.hpp>

using namespace clustermass;
#ifdef WRONG
using Number = const float;
#else
using Number = float;
#endif
View<float> writable(View<Number> view);
View<float> writable(View<Number> view) { return view; }
