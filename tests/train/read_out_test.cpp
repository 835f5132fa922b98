// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/train/read_out.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/nn/initialise.hpp"

using namespace clustermass;

namespace {

using Arch = Architecture<16, 16, 16, 16, 16>;
constexpr std::size_t hidden = Arch::hidden;

/// Heads whose hidden units say random numbers; the rest of the network is not asked.
struct Case {
  std::size_t count;
  TrainedNetwork<Arch> network{2, 0, 16};
  std::vector<double> units;  ///< [count,2,hidden]
  std::vector<std::size_t> which;
  std::vector<train::Label> labels;

  explicit Case(std::size_t n) : count(n), units(n * 2 * hidden), which(n), labels(n) {
    Random random(4);
    for (double& unit : units) unit = std::max(random.normal(), 0.0);
    std::iota(which.begin(), which.end(), std::size_t{0});
    for (std::size_t h = 0; h < 2; ++h) initialise(network.mass[h], 3, h);
  }
  train::Selection part() const { return {nullptr, which, labels}; }

  /// Raw outputs of the heads on these units.
  std::vector<double> outputs() {
    std::vector<double> said(count * 4);
    for (std::size_t n = 0; n < count; ++n)
      for (std::size_t h = 0; h < 2; ++h) {
        const train::LastLayer<Arch> layer(network.mass[h]);
        for (std::size_t o = 0; o < 2; ++o) {
          double& y = said[4 * n + 2 * h + o] = static_cast<double>(layer.bias[o]);
          for (std::size_t u = 0; u < hidden; ++u)
            y += static_cast<double>(layer.weight[o * hidden + u]) * units[(2 * n + h) * hidden + u];
        }
      }
    return said;
  }
};

}  // namespace

TEST_CASE("the read-out finds the plane that made the labels, and the noise beyond their errors") {
  Case c(600);
  Random random(9);
  // Labels that are a plane in the units of both heads: their units are the same here.
  for (std::size_t n = 0; n < c.count; ++n)
    for (std::size_t u = 0; u < hidden; ++u) c.units[(2 * n + 1) * hidden + u] = c.units[2 * n * hidden + u];
  std::vector<double> slope(hidden);
  for (double& s : slope) s = 0.1 * random.normal();
  for (const double noise : {0.0, 0.3}) {
    CAPTURE(noise);
    for (std::size_t n = 0; n < c.count; ++n) {
      double y = 0.4;
      for (std::size_t u = 0; u < hidden; ++u) y += slope[u] * c.units[2 * n * hidden + u];
      c.labels[n] = {MassScale::centre + MassScale::width * (y + noise * random.normal()), 0};
    }
    const auto rms = train::fit_read_out(c.network, c.part(), [&] { return c.outputs(); });
    REQUIRE(rms.has_value());
    const std::vector<double> said = c.outputs();
    double squares = 0, log_variance = 0;
    for (std::size_t n = 0; n < c.count; ++n)
      for (std::size_t h = 0; h < 2; ++h) {
        double y = 0.4;
        for (std::size_t u = 0; u < hidden; ++u) y += slope[u] * c.units[2 * n * hidden + u];
        squares += std::pow(said[4 * n + 2 * h] - y, 2) / (2.0 * static_cast<double>(c.count));
        log_variance = said[4 * n + 2 * h + 1];
        CHECK(log_variance == said[2 * h + 1]);  // the same for all clusters of a head
      }
    if (noise > 0) {
      // 64 slopes from half of 600 labels: sqrt(64/300) of the noise, and what is left out sees a little more of it.
      CHECK(std::sqrt(squares) < 0.55 * noise);
      CHECK(*rms / MassScale::width > 0.95 * noise);
      CHECK(*rms / MassScale::width < 1.35 * noise);
      CHECK(std::exp(0.5 * log_variance) > 0.9 * noise);
    } else {
      CHECK(std::sqrt(squares) < 0.005);
      CHECK(std::exp(0.5 * log_variance) == doctest::Approx(0.1 / MassScale::width));  // the least that is said
    }
  }
}

TEST_CASE("the read-out damps units that say nothing of the mass, and takes off what the labels' errors explain") {
  Case c(300);
  Random random(10);
  for (std::size_t n = 0; n < c.count; ++n) c.labels[n] = {14.2 + 0.3 * random.normal(), 0.2};
  const auto rms = train::fit_read_out(c.network, c.part(), [&] { return c.outputs(); });
  REQUIRE(rms.has_value());
  CHECK(*rms < 0.33);  // a fit without damping: 0.3 / (1 - 64/150) and beyond
  const std::vector<double> said = c.outputs();
  double spread = 0, mean = 0;
  for (std::size_t n = 0; n < c.count; ++n) mean += said[4 * n] / static_cast<double>(c.count);
  for (std::size_t n = 0; n < c.count; ++n) spread += std::pow(said[4 * n] - mean, 2) / static_cast<double>(c.count);
  CHECK(MassScale::width * std::sqrt(spread) < 0.12);
  CHECK(MassScale::centre + MassScale::width * mean == doctest::Approx(14.2).epsilon(0.003));
  const double own = MassScale::width * std::exp(0.5 * said[1]);
  CHECK(own > 0.17);
  CHECK(own < 0.27);  // sqrt(0.3^2 - 0.2^2) = 0.22
}

TEST_CASE("a hidden unit that hardly ever spoke among the training clusters does not run away with the others") {
  Case c(300);
  Random random(11);
  for (std::size_t n = 0; n < c.count; ++n) {
    for (std::size_t h = 0; h < 2; ++h) c.units[(2 * n + h) * hidden] = n == 40 || n == 41 ? 0.01 : 0.0;
    c.labels[n] = {14.2 + 0.3 * c.units[2 * n * hidden + 1] + 0.1 * random.normal(), 0.1};
  }
  REQUIRE(train::fit_read_out(c.network, c.part(), [&] { return c.outputs(); }).has_value());
  for (std::size_t h = 0; h < 2; ++h)  // a value of 2 elsewhere is worth 0.2 dex at most
    CHECK(std::fabs(train::LastLayer<Arch>(c.network.mass[h]).weight[0]) * MassScale::width < 0.1);
}

TEST_CASE("the read-out leaves a network alone that too few clusters would teach") {
  Case c(100);  // each head sees half of them
  const std::vector<double> before = c.outputs();
  CHECK(!train::fit_read_out(c.network, c.part(), [&] { return c.outputs(); }).has_value());
  CHECK(c.outputs() == before);
}
