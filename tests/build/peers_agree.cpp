// SPDX-License-Identifier: BSD-3-Clause
// peers_agree OURS.so THEIRS.so FILE: both libraries of bench/peers compute the same on random networks, here a batch
// of three on two threads, one cutout on two threads and one on one.
#include <dlfcn.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "peer.h"

namespace {

unsigned long state = 1;
float uniform() {
  state = state * 6364136223846793005ul + 1442695040888963407ul;
  return static_cast<float>(state >> 40) / static_cast<float>(1 << 24);
}

struct Library {
  void* handle;
  explicit Library(const char* path) : handle(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (!handle) std::printf("%s\n", dlerror());
  }
  template <class F>
  F* call(const char* name) const {
    return reinterpret_cast<F*>(dlsym(handle, name));
  }
  /// Outputs [n,2] of the file's network, empty if it cannot be opened.
  std::vector<float> outputs(const char* file, int n, int threads, const PeerInput& input) const {
    void* peer = call<decltype(peer_open)>("peer_open")(file, n, threads, "");
    if (!peer) {
      std::printf("%s\n", call<decltype(peer_error)>("peer_error")());
      return {};
    }
    std::vector<float> output(static_cast<std::size_t>(2 * n));
    call<decltype(peer_run)>("peer_run")(peer, &input, output.data());
    call<decltype(peer_close)>("peer_close")(peer);
    return output;
  }
};

}  // namespace

int main(int, char** argv) {
  const Library ours(argv[1]), theirs(argv[2]);
  if (!ours.handle || !theirs.handle) return 1;
  constexpr std::size_t most = 3;
  std::vector<float> images(most * 5 * 128 * 128), coverage(most * 64, 1.0f), regions(most * 5 * 64),
      context(most * 17);
  for (float& value : images) value = 2 * uniform() - 0.5f;
  for (float& value : context) value = uniform();
  for (std::size_t k = 0; k < most; ++k)  // full coverage: each region is the mean of its cells
    for (int region = 0; region < 5; ++region) {
      float* weight = &regions[(k * 5 + static_cast<std::size_t>(region)) * 64];
      int count = 0;
      for (int cell = 0; cell < 64; ++cell) {
        const double y = (2 * (cell / 8) + 1) / 8.0 - 1, x = (2 * (cell % 8) + 1) / 8.0 - 1, r = std::hypot(x, y);
        const int ring = r < 0.3 ? 1 : r < 0.55 ? 2 : r < 0.8 ? 3 : 4;
        count += weight[cell] = region == 0 || region == ring ? 1 : 0;
      }
      for (int cell = 0; cell < 64; ++cell) weight[cell] /= static_cast<float>(count);
    }
  const PeerInput input{images.data(), coverage.data(), regions.data(), context.data()};
  for (const char* architecture : {"16-16-32-48-64", "16-32-64-128-128"}) {
    if (ours.call<int(const char*, const char*)>("clustermass_write_random")(architecture, argv[3]) != 0) return 1;
    for (const auto& [n, threads] : {std::pair{3, 2}, {1, 2}, {1, 1}}) {
      const auto a = ours.outputs(argv[3], n, threads, input), b = theirs.outputs(argv[3], n, threads, input);
      if (a.empty() || b.empty()) return 1;
      float largest = 0, difference = 0;
      for (std::size_t k = 0; k < a.size(); ++k) {
        largest = std::fmax(largest, std::fabs(b[k]));
        difference = std::fmax(difference, std::fabs(a[k] - b[k]));
      }
      std::printf("%s, batch %d, %d threads: %.1e of %.2f\n", architecture, n, threads, static_cast<double>(difference),
                  static_cast<double>(largest));
      if (!(difference <= 1e-5f * largest) || !(largest > 1e-3f)) return 1;
    }
  }
  return 0;
}
