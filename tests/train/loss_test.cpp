// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/train/loss.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "clustermass/train/optimizer.hpp"

using namespace clustermass;
using namespace clustermass::train;

TEST_CASE("the band loss is the smoothed cross-entropy and its gradient that of finite differences") {
  std::array<double, 5> logits{0.3, -1.2, 2.0, 0.1, -0.4}, gradient{}, unused{};
  // By hand: ln of the softmax, and 0.96 of the weight on the true band for smoothing 0.05.
  double sum = 0;
  for (double l : logits) sum += std::exp(l);
  double expected = 0;
  for (std::size_t k = 0; k < 5; ++k) expected -= (k == 1 ? 0.96 : 0.01) * (logits[k] - std::log(sum));
  CHECK(band_loss(logits, 1, 0.05, gradient) == doctest::Approx(expected).epsilon(1e-12));
  for (std::size_t k = 0; k < 5; ++k) {
    auto up = logits, down = logits;
    up[k] += 1e-5;
    down[k] -= 1e-5;
    CHECK(gradient[k] ==
          doctest::Approx((band_loss(up, 1, 0.05, unused) - band_loss(down, 1, 0.05, unused)) / 2e-5).epsilon(1e-6));
  }
}

TEST_CASE("without beta the mass loss is the Gaussian likelihood with the label's error, and so is its gradient") {
  HeadOutput output{0.4, -0.7}, gradient, unused;
  const double mass = 14.9, error = 0.13;
  const double t = (mass - 14.45) / 0.45, v = std::exp(-0.7) + (0.13 / 0.45) * (0.13 / 0.45);
  CHECK(mass_loss(output, mass, error, 0, gradient) ==
        doctest::Approx(0.5 * (std::log(v) + (t - 0.4) * (t - 0.4) / v)).epsilon(1e-12));
  const double h = 1e-6;
  CHECK(gradient.mean == doctest::Approx((mass_loss({0.4 + h, -0.7}, mass, error, 0, unused) -
                                          mass_loss({0.4 - h, -0.7}, mass, error, 0, unused)) /
                                         (2 * h))
                             .epsilon(1e-6));
  CHECK(gradient.log_variance == doctest::Approx((mass_loss({0.4, -0.7 + h}, mass, error, 0, unused) -
                                                  mass_loss({0.4, -0.7 - h}, mass, error, 0, unused)) /
                                                 (2 * h))
                                     .epsilon(1e-6));
}

TEST_CASE("beta weighs the gradient by the variance to that power and leaves its zero where it is") {
  HeadOutput plain, weighted;
  mass_loss({0.2, -1.0}, 14.6, 0, 0, plain);
  mass_loss({0.2, -1.0}, 14.6, 0, 0.5, weighted);
  CHECK(weighted.mean == doctest::Approx(plain.mean * std::exp(-0.5)).epsilon(1e-12));
  CHECK(weighted.log_variance == doctest::Approx(plain.log_variance * std::exp(-0.5)).epsilon(1e-12));
}

TEST_CASE("an output far outside is pulled back and never pushed further") {
  HeadOutput gradient;
  mass_loss({0, 50}, 14.45, 0, 0, gradient);
  CHECK(gradient.log_variance > 0);
  CHECK(std::isfinite(gradient.log_variance));
  mass_loss({0, -50}, 14.45, 0, 0, gradient);
  CHECK(gradient.log_variance >= 0);
}

TEST_CASE("AdamW takes the steps of its paper") {
  // Two steps by hand in double: m and v with bias correction, decay apart from the gradient.
  std::vector<float> p{1.0f}, g{0.5f};
  Adam state(1);
  const AdamOptions options{.weight_decay = 0.01};
  double m = 0, v = 0, expected = 1;
  for (int t = 1; t <= 2; ++t) {
    m = 0.9 * m + 0.1 * 0.5;
    v = 0.999 * v + 0.001 * 0.25;
    expected -=
        0.1 * ((m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8) + 0.01 * expected);
    adam_step(p, g, state, 0, 0.1, 1.0, options);
    ++state.step;
  }
  CHECK(p[0] == doctest::Approx(expected).epsilon(1e-6));
}

TEST_CASE("the schedule warms up, peaks and ends low; a long gradient is clipped to its limit") {
  const Schedule schedule{1e-3, 1e-5, 10, 110};
  CHECK(schedule.rate(0) == doctest::Approx(1e-4));
  CHECK(schedule.rate(9) == doctest::Approx(1e-3));
  CHECK(schedule.rate(60) == doctest::Approx((1e-3 + 1e-5) / 2));
  CHECK(schedule.rate(110) == doctest::Approx(1e-5));
  CHECK(clip_factor(std::vector<float>{3, 4}, 1) == doctest::Approx(0.2));
  CHECK(clip_factor(std::vector<float>{0.3f, 0.4f}, 1) == 1.0);
}
