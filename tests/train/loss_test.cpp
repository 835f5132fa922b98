// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/train/loss.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/train/optimizer.hpp"

using namespace clustermass;
using namespace clustermass::train;

namespace {
const MassLossOptions plain{.kind = MassLoss::gaussian};
}

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
  CHECK(mass_loss(output, mass, error, plain, gradient) ==
        doctest::Approx(0.5 * (std::log(v) + (t - 0.4) * (t - 0.4) / v)).epsilon(1e-12));
  const double h = 1e-6;
  CHECK(gradient.mean == doctest::Approx((mass_loss({0.4 + h, -0.7}, mass, error, plain, unused) -
                                          mass_loss({0.4 - h, -0.7}, mass, error, plain, unused)) /
                                         (2 * h))
                             .epsilon(1e-6));
  CHECK(gradient.log_variance == doctest::Approx((mass_loss({0.4, -0.7 + h}, mass, error, plain, unused) -
                                                  mass_loss({0.4, -0.7 - h}, mass, error, plain, unused)) /
                                                 (2 * h))
                                     .epsilon(1e-6));
}

TEST_CASE("beta weighs the gradient by the variance to that power and leaves its zero where it is") {
  HeadOutput even, weighted;
  const double loss = mass_loss({0.2, -1.0}, 14.6, 0, plain, even);
  CHECK(mass_loss({0.2, -1.0}, 14.6, 0, {.kind = MassLoss::beta, .beta = 0.5}, weighted) == loss);
  CHECK(weighted.mean == doctest::Approx(even.mean * std::exp(-0.5)).epsilon(1e-12));
  CHECK(weighted.log_variance == doctest::Approx(even.log_variance * std::exp(-0.5)).epsilon(1e-12));
}

TEST_CASE("with outliers the mass loss is that of two Gaussians, by hand and by finite differences") {
  const MassLossOptions options{.kind = MassLoss::gaussian, .outlier_share = 0.1, .outlier_rms = 0.4};
  HeadOutput gradient, unused;
  for (const double mean : {-1.5, 0.4, 0.9}) {
    const double t = (14.9 - 14.45) / 0.45, v = std::exp(-0.7) + (0.13 / 0.45) * (0.13 / 0.45);
    const double wide = v + (0.4 / 0.45) * (0.4 / 0.45), d = t - mean;
    const double expected = -std::log(0.9 / std::sqrt(v) * std::exp(-0.5 * d * d / v) +
                                      0.1 / std::sqrt(wide) * std::exp(-0.5 * d * d / wide));
    CHECK(mass_loss({mean, -0.7}, 14.9, 0.13, options, gradient) == doctest::Approx(expected).epsilon(1e-12));
    const double h = 1e-6;
    const auto loss = [&](double m, double l) { return mass_loss({m, l}, 14.9, 0.13, options, unused); };
    CHECK(gradient.mean == doctest::Approx((loss(mean + h, -0.7) - loss(mean - h, -0.7)) / (2 * h)).epsilon(1e-6));
    CHECK(gradient.log_variance ==
          doctest::Approx((loss(mean, -0.7 + h) - loss(mean, -0.7 - h)) / (2 * h)).epsilon(1e-6));
  }
}

TEST_CASE(
    "with outliers a label a thousand sigma off has a finite loss, that of the wide Gaussian, and a small gradient") {
  const MassLossOptions options{.kind = MassLoss::gaussian, .outlier_share = 0.1, .outlier_rms = 0.4};
  HeadOutput gradient;
  const double mean = (14.9 - 14.45) / 0.45 - 10, v = std::exp(-8.0), wide = v + (0.4 / 0.45) * (0.4 / 0.45);
  CHECK(mass_loss({mean, -8}, 14.9, 0, options, gradient) ==
        doctest::Approx(0.5 * (std::log(wide) + 100 / wide) - std::log(0.1)).epsilon(1e-9));
  CHECK(gradient.mean == doctest::Approx(-10 / wide));
}

TEST_CASE("the moments learn the mean and the variance of what they see, the label's own noise taken out") {
  // Labels N(0.3, 0.5^2 + s^2) in scaled units: gradient descent must end at mean 0.3 and sigma 0.5.
  const double s = 0.4 * 0.45;
  Random random(8);
  std::vector<double> labels;
  for (int k = 0; k < 20000; ++k) labels.push_back(14.45 + 0.45 * (0.3 + std::hypot(0.5, 0.4) * random.normal()));
  HeadOutput output{0, 0};
  for (int step = 0; step < 300; ++step) {
    HeadOutput sum, gradient;
    for (const double label : labels) {
      mass_loss(output, label, s, {.kind = MassLoss::moment}, gradient);
      sum.mean += gradient.mean / 20000;
      sum.log_variance += gradient.log_variance / 20000;
    }
    output.mean -= 0.2 * sum.mean;
    output.log_variance -= 2 * sum.log_variance;
  }
  CHECK(output.mean == doctest::Approx(0.3).epsilon(0.03));
  CHECK(std::exp(0.5 * output.log_variance) == doctest::Approx(0.5).epsilon(0.03));
}

TEST_CASE("an output far outside is pulled back and never pushed further") {
  HeadOutput gradient;
  for (const MassLoss kind : {MassLoss::gaussian, MassLoss::beta, MassLoss::moment}) {
    mass_loss({0, 50}, 14.45, 0, {.kind = kind}, gradient);
    CHECK(gradient.log_variance > 0);
    CHECK(std::isfinite(gradient.log_variance));
    mass_loss({1, -50}, 14.45, 0, {.kind = kind}, gradient);
    CHECK(gradient.log_variance <= 0);
    CHECK(std::isfinite(gradient.log_variance));
  }
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
  CHECK(clip_factor(5, 1) == doctest::Approx(0.2));
  CHECK(clip_factor(0.5, 1) == 1.0);
}
