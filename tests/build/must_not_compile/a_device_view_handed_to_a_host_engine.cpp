// SPDX-License-Identifier: BSD-3-Clause
// expected: (cannot|could not) convert|no viable conversion|no matching (member )?function
#include <clustermass/cpu/reference.hpp>

using namespace clustermass;
struct Device {};
#ifdef WRONG
using Space = Device;
#else
using Space = Host;
#endif
void copy(Reference<float>& engine, View<const float, Space> image, Reference<float>::Map map);
void copy(Reference<float>& engine, View<const float, Space> image, Reference<float>::Map map) { engine.copy_in(image, map); }
