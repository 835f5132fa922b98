// SPDX-License-Identifier: BSD-3-Clause
// Names, order and shapes of the parameters as they stand in a weight file, and their starting values.
#include "clustermass/nn/weights.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "clustermass/nn/conv.hpp"
#include "clustermass/nn/dense.hpp"
#include "clustermass/nn/initialise.hpp"
#include "clustermass/nn/pool.hpp"
#include "clustermass/nn/residual.hpp"
#include "clustermass/nn/sequential.hpp"

using namespace clustermass;

namespace {

using Shallow = Sequential<Conv<1, 16, 3, ConvOptions{.stride = 2}>, Residual<16>>;
using Deep = Sequential<Conv<16, 8, 1>, Pool<8, ring_count, 3>, Dense<43, 2>>;
using Net = Join<Shallow, Deep>;

struct Listed {
  std::string name;
  Shape shape;
  int rank;
  std::ptrdiff_t offset;
  friend bool operator==(const Listed&, const Listed&) = default;
};

template <class W>
std::vector<Listed> list_of(W& weights, std::string_view prefix) {
  std::vector<Listed> list;
  weights.for_each_tensor(prefix, [&](const std::string& name, const Parameter& p, auto values) {
    CHECK(values.size() == p.shape.size());
    list.push_back({name, p.shape, p.rank, values.data() - weights.values().data()});
  });
  return list;
}

double mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("Parameters have PyTorch's names, order and shapes and fill one array without a gap") {
  Weights<Net> weights;
  const std::vector<Listed> expected{
      {"features.0.weight", {16, 1, 3, 3}, 4, 0},           {"features.0.bias", {16, 1, 1, 1}, 1, 144},
      {"features.1.conv1.weight", {16, 16, 3, 3}, 4, 160},  {"features.1.conv1.bias", {16, 1, 1, 1}, 1, 2464},
      {"features.1.conv2.weight", {16, 16, 3, 3}, 4, 2480}, {"features.1.conv2.bias", {16, 1, 1, 1}, 1, 4784},
      {"features.2.weight", {8, 16, 1, 1}, 4, 4800},        {"features.2.bias", {8, 1, 1, 1}, 1, 4928},
      {"features.4.weight", {2, 43, 1, 1}, 2, 4936},  // the pool between has no parameters
      {"features.4.bias", {2, 1, 1, 1}, 1, 5022},
  };
  CHECK(list_of(weights, "features.") == expected);
  const Weights<Net>& constant = weights;
  CHECK(list_of(constant, "features.") == expected);
  CHECK(Weights<Net>::size == 5024);
  CHECK(weights.values().size() == 5024);
  CHECK(std::all_of(weights.values().begin(), weights.values().end(), [](float v) { return v == 0; }));
}

TEST_CASE("Weights start with He's variance, biases and the last convolution of a residual block at zero") {
  Weights<Sequential<Conv<64, 64, 3>, Residual<64>, Conv<64, 512, 1>, Pool<512, 0, 0>, Dense<512, 256>>> weights;
  initialise(weights, 7, 0);
  weights.for_each_tensor("", [](const std::string& name, const Parameter& p, std::span<const float> values) {
    INFO(name);
    const bool zero = name.find("bias") != std::string::npos || name == "1.conv2.weight";
    if (zero) {
      CHECK(std::all_of(values.begin(), values.end(), [](float v) { return v == 0; }));
      return;
    }
    // Variance 2 / (in K K); that of a sample of n normal numbers scatters by sqrt(2 / n), at most 0.8 % here.
    const double fan_in = static_cast<double>(p.shape.c) * p.shape.h * p.shape.w;
    const double n = static_cast<double>(values.size());
    CHECK(mean_square(values) * fan_in / 2 == doctest::Approx(1).epsilon(4 * std::sqrt(2 / n)));
    double mean = 0;
    for (const float v : values) mean += static_cast<double>(v) / n;
    CHECK(std::fabs(mean) < 4 * std::sqrt(2 / fan_in / n));
  });
}

TEST_CASE("The same seed and stream give the same starting values, another seed or stream others") {
  const auto values = [](std::uint64_t seed, std::uint64_t stream) {
    Weights<Net> weights;
    initialise(weights, seed, stream);
    return std::vector<float>(weights.values().begin(), weights.values().end());
  };
  CHECK(values(3, 1) == values(3, 1));
  CHECK(values(3, 1) != values(4, 1));
  CHECK(values(3, 1) != values(3, 2));
}

TEST_CASE("Two tensors of one network do not start with the same numbers") {
  Weights<Sequential<Conv<16, 16, 3>, Conv<16, 16, 3>>> weights;
  initialise(weights, 3, 1);
  const auto values = weights.values();
  const std::size_t half = values.size() / 2;
  CHECK(!std::equal(values.begin(), values.begin() + 100, values.begin() + static_cast<std::ptrdiff_t>(half)));
}
