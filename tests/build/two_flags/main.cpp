// SPDX-License-Identifier: BSD-3-Clause
// Compiled without -m flags: hands one cutout to parts compiled with others and compares the answers, bit for bit.
#include <clustermass/clustermass.hpp>
#include <clustermass/core/random.hpp>
#include <clustermass/pretrained.hpp>

#include <cstdio>
#include <cstring>
#include <vector>

clustermass::MassEstimate plain(const clustermass::Cutout&, double&);
clustermass::MassEstimate avx2(const clustermass::Cutout&, double&);
clustermass::MassEstimate avx512(const clustermass::Cutout&, double&);

int main() {
  std::vector<float> pixels(100 * 100);
  clustermass::Random random(3);
  for (float& pixel : pixels) pixel = static_cast<float>(random.normal(0.02, 0.05));
  clustermass::Cutout cutout;
  for (auto& band : cutout.bands) band = {pixels.data(), nullptr, nullptr, 100, 100, 0, ~0, 0, {{{{-4, 0}, {0, 4}}}, 49.5, 49.5}};
  cutout.redshift = 0.3;

  double draw = 0, other = 0;
  const auto expected = plain(cutout, draw);
  int wrong = !expected.has_result();
  const auto compare = [&](const char* name, const clustermass::MassEstimate& found) {
    const bool same = found.log10_m500c == expected.log10_m500c && found.flags == expected.flags && other - draw < 1e-12;
    std::printf("%s %.9g %s\n", name, found.log10_m500c, same ? "same" : "DIFFERENT");
    wrong += !same;
  };
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) compare("avx2", avx2(cutout, other));
  if (__builtin_cpu_supports("avx512f")) compare("avx512", avx512(cutout, other));
  return wrong;
}
