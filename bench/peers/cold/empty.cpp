// SPDX-License-Identifier: BSD-3-Clause
// What a C++ program costs that does nothing: the zero of the cold starts.
#include "maps.hpp"

int main() { return finish(0); }
