// SPDX-License-Identifier: BSD-3-Clause
// The eight statistics against the moments of distributions whose moments are known, and worked by hand.
#include "clustermass/train/image_statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/core/random.hpp"

using namespace clustermass;

namespace {

constexpr int side = 200;

std::vector<float> noise(double (*shape)(Random&)) {
  std::vector<float> image;
  Random random(5);
  for (int k = 0; k < side * side; ++k) image.push_back(static_cast<float>(shape(random)));
  return image;
}

}  // namespace

TEST_CASE("the statistics of white normal noise are those of the normal distribution") {
  const auto s = train::image_statistics(noise([](Random& r) { return r.normal(0.3, 2); }), side);
  CHECK(s[0] == close_to(2, 0.03));
  CHECK(s[1] == close_to(2, 0.04));
  CHECK(std::fabs(s[2]) < 0.05);
  CHECK(std::fabs(s[3]) < 0.1);
  CHECK(s[4] == close_to(0.3 + 2.5758 * 2, 0.15));
  CHECK(s[5] < 1e-4);
  CHECK(std::fabs(s[6]) < 0.015);
  CHECK(s[7] == close_to(0.3, 0.04));
}

TEST_CASE("an exponential distribution has skewness 2 and excess kurtosis 6") {
  const auto s = train::image_statistics(noise([](Random& r) { return -std::log(r.uniform()); }), side);
  CHECK(s[0] == close_to(1, 0.03));
  CHECK(s[1] == close_to(1.4826 * 0.4812, 0.02));  // its median absolute deviation, ln((1 + sqrt 5) / 2)
  CHECK(s[2] == close_to(2, 0.15));
  CHECK(s[3] == close_to(6, 1.5));
  CHECK(s[4] == close_to(std::log(200.0), 0.15));
  CHECK(std::fabs(s[5] - std::exp(-std::log(2.0) - 5 * 1.4826 * 0.4812)) < 0.002);
}

TEST_CASE("neighbours that are averages of two share half of their variance") {
  std::vector<float> image(static_cast<std::size_t>(side * side));
  Random random(6);
  for (int i = 0; i < side; ++i) {
    double before = random.normal();
    for (int j = 0; j < side; ++j) {
      const double next = random.normal();
      image[static_cast<std::size_t>(i * side + j)] = static_cast<float>(before + next);
      before = next;
    }
  }
  CHECK(train::image_statistics(image, side)[6] == close_to(0.25, 0.02));  // 1/2 along the rows, 0 across them
}

TEST_CASE("invalid cells do not count, and an image of nothing else has no statistics") {
  std::vector<float> image = noise([](Random& r) { return r.normal(0.3, 2); });
  const auto whole = train::image_statistics(image, side);
  for (int i = 0; i < side; ++i)
    for (int j = side / 2; j < side; ++j) image[static_cast<std::size_t>(i * side + j)] = 0;
  const auto half = train::image_statistics(image, side);
  CHECK(half[0] == close_to(whole[0], 0.05));
  CHECK(half[7] == close_to(whole[7], 0.05));
  for (const double value : train::image_statistics(std::vector<float>(side * side), side)) CHECK(value == 0);
  for (const double value : train::image_statistics(std::vector<float>(side * side, 3.0f), side)) CHECK(value == 0);
}
