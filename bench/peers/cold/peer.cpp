// SPDX-License-Identifier: BSD-3-Clause
// A compiled rival by itself: read the weight file, build the network, run it once on one cutout.
#include "../rivals/peer.h"

#include "maps.hpp"

static float images[5 * 128 * 128], coverage[64], regions[5 * 64], context[17], output[2 * 64];

int main(int, char** argv) {
  void* peer = peer_open(argv[1], 1, 1, argv[2] ? argv[2] : "");
  if (!peer) return 3;
  const PeerInput input{images, coverage, regions, context};
  peer_run(peer, &input, output);
  return finish(output[0]);
}
