// SPDX-License-Identifier: BSD-3-Clause
// With CLUSTERMASS_PEERS_MAPS set, a program lists at its end which files it has loaded.
#pragma once

#include <cstdio>
#include <cstdlib>

inline int finish(float answer) {
  if (std::getenv("CLUSTERMASS_PEERS_MAPS")) {
    std::FILE* maps = std::fopen("/proc/self/maps", "r");
    for (int c; maps && (c = std::fgetc(maps)) != EOF;) std::putchar(c);
    if (maps) std::fclose(maps);
  }
  return answer == answer ? 0 : 1;  // a number
}
