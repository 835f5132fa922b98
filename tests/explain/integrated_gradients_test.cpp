// SPDX-License-Identifier: BSD-3-Clause
// The axioms of integrated gradients (Sundararajan et al. 2017, sec. 2 and 4) on small networks in double precision and
// on functions whose attributions are known.
#include "clustermass/explain/integrated_gradients.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "clustermass/core/arena.hpp"
#include "clustermass/core/random.hpp"
#include "clustermass/cpu/reference.hpp"
#include "clustermass/nn/conv.hpp"
#include "clustermass/nn/dense.hpp"
#include "clustermass/nn/plan.hpp"
#include "clustermass/nn/pool.hpp"

using namespace clustermass;

namespace {

std::vector<double> random_vector(std::size_t size, std::uint64_t seed, double sigma = 1) {
  std::vector<double> values(size);
  Random random(seed);
  for (double& value : values) value = sigma * random.normal();
  return values;
}

/// A network on an 8 x 8 map with one output, by Reference<double>.
template <class Net>
class Function {
 public:
  explicit Function(std::vector<double> parameters)
      : plan_(std::span<const double>(parameters), shape, Walk::recorded),
        arena_(plan_.arena_size()),
        gradients_(plan_.gradient_arena_size()),
        coverage_(64, 1.0) {}

  double operator()(std::span<const double> x, std::span<double> d_x) const {
    Reference<double> engine;
    std::vector<double> door(x.begin(), x.end()), y(1), d_y(1, 1.0);
    const Shape end{1, 1, 1, 1};
    plan_.run(engine, arena_.data(), conditions(), {door.data(), shape}, {y.data(), end});
    plan_.backward(engine, arena_.data(), gradients_.data(), conditions(), {door.data(), shape}, {y.data(), end},
                   {d_y.data(), end}, {d_x.data(), shape}, nullptr);
    return y[0];
  }

  static constexpr Shape shape{1, 1, 8, 8};

 private:
  Conditions<double, Host> conditions() const { return {{coverage_.data(), {1, 1, 8, 8}}, {}}; }
  Plan<Net, Reference<double>> plan_;
  Arena<double> arena_, gradients_;
  std::vector<double> coverage_;
};

/// Attributions of F from a baseline, and the residual of their sum.
struct Attributed {
  std::vector<double> map;
  double residual;
};
template <class F>
Attributed attribute(const F& function, const std::vector<double>& x, const std::vector<double>& baseline, int steps) {
  std::vector<double> point(x.size()), gradient(x.size());
  Attributed result{std::vector<double>(x.size()), 0};
  integrate_gradients<double>(x, baseline, steps, point, result.map,
                              [&](std::span<const double> at, std::span<double> sum) {
                                function(at, gradient);
                                for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += gradient[k];
                              });
  const double difference = function(x, gradient) - function(baseline, gradient);
  result.residual = std::accumulate(result.map.begin(), result.map.end(), -difference);
  return result;
}

constexpr ConvOptions linear{.stride = 1, .activation = Activation::none};
using Linear = Sequential<Conv<1, 3, 3, linear>, Conv<3, 2, 3, linear>, Pool<2, 0, 0>, Dense<2, 1>>;
using Relu = Sequential<Conv<1, 4, 3>, Conv<4, 3, 3>, Pool<3, 0, 0>, Dense<3, 4, Activation::relu>, Dense<4, 1>>;

}  // namespace

TEST_CASE("Integrated gradients of a linear network are complete to rounding, whatever the number of steps") {
  const Function<Linear> function(random_vector(Linear::parameter_count, 1));
  const std::vector<double> x = random_vector(64, 2, 3), baseline = random_vector(64, 3);
  for (const int steps : {1, 2, 7, 64}) CHECK(std::fabs(attribute(function, x, baseline, steps).residual) < 1e-12);
}

TEST_CASE("The residual of a network of ReLUs falls with the number of steps") {
  double coarse = 0, fine = 0, finest = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Function<Relu> function(random_vector(Relu::parameter_count, seed));
    const std::vector<double> x = random_vector(64, 100 + seed, 2), zero(64);
    coarse += std::fabs(attribute(function, x, zero, 4).residual);
    fine += std::fabs(attribute(function, x, zero, 32).residual);
    finest += std::fabs(attribute(function, x, zero, 1024).residual);
  }
  CHECK(coarse > 1e-3);
  CHECK(fine < 0.5 * coarse);
  CHECK(finest < 0.1 * fine);
}

TEST_CASE("Two networks that are the same function have the same attributions") {
  std::vector<double> parameters = random_vector(Relu::parameter_count, 5);
  const std::vector<double> x = random_vector(64, 6, 2), zero(64);
  const std::vector<double> map = attribute(Function<Relu>(parameters), x, zero, 16).map;
  // The first layer is doubled, the second takes half of it; relu(2 a) = 2 relu(a).
  constexpr std::size_t first = 4 * 9 + 4, weights = 3 * 4 * 9;
  for (std::size_t k = 0; k < first; ++k) parameters[k] *= 2;
  for (std::size_t k = first; k < first + weights; ++k) parameters[k] /= 2;
  const std::vector<double> same = attribute(Function<Relu>(parameters), x, zero, 16).map;
  for (std::size_t k = 0; k < map.size(); ++k) CHECK(same[k] == doctest::Approx(map[k]).epsilon(1e-12));
}

TEST_CASE("Attributions are linear in the function") {
  const Function<Relu> f(random_vector(Relu::parameter_count, 7)), g(random_vector(Relu::parameter_count, 8));
  const std::vector<double> x = random_vector(64, 9, 2), zero(64);
  const auto mixed = [&](std::span<const double> at, std::span<double> d_x) {
    std::vector<double> d_g(d_x.size());
    const double value = 2 * f(at, d_x) - 3 * g(at, d_g);
    for (std::size_t k = 0; k < d_x.size(); ++k) d_x[k] = 2 * d_x[k] - 3 * d_g[k];
    return value;
  };
  const auto a = attribute(f, x, zero, 16).map, b = attribute(g, x, zero, 16).map,
             both = attribute(mixed, x, zero, 16).map;
  for (std::size_t k = 0; k < both.size(); ++k) CHECK(both[k] == doctest::Approx(2 * a[k] - 3 * b[k]).epsilon(1e-12));
}

TEST_CASE("A number that the function ignores, or that equals its baseline, gets exactly nothing") {
  const auto ignores_the_second = [](std::span<const double> x, std::span<double> d) {
    d[0] = 2 * x[0] * x[2], d[1] = 0, d[2] = x[0] * x[0];
    return x[0] * x[0] * x[2];
  };
  const std::vector<double> x{1.5, 7, -2}, baseline{0.5, 0, -2};
  const auto map = attribute(ignores_the_second, x, baseline, 8).map;
  CHECK(map[1] == 0);
  CHECK(map[2] == 0);
  CHECK(map[0] != 0);
}

TEST_CASE("Numbers that a function treats alike get alike") {
  const auto symmetric = [](std::span<const double> x, std::span<double> d) {
    const double s = x[0] + x[1];
    d[0] = d[1] = s > 1 ? x[2] : 0;
    d[2] = s > 1 ? s : 0;
    return s > 1 ? s * x[2] : 0;
  };
  const auto map = attribute(symmetric, {2, 2, 3}, {0.25, 0.25, 0}, 64).map;
  CHECK(map[0] == map[1]);
}

TEST_CASE("The attributions of x^2 y are those of the integral") {
  // From (0,0): x gets 2/3 x^2 y, y gets 1/3 of it; the midpoint rule errs by 1/12 m^2 of the whole.
  const auto f = [](std::span<const double> x, std::span<double> d) {
    d[0] = 2 * x[0] * x[1], d[1] = x[0] * x[0];
    return x[0] * x[0] * x[1];
  };
  const auto map = attribute(f, {3, 5}, {0, 0}, 64).map;
  CHECK(map[0] == doctest::Approx(30).epsilon(1e-4));
  CHECK(map[1] == doctest::Approx(15).epsilon(1e-4));
}

TEST_CASE("Lengths that differ and no step at all are refused") {
  std::vector<float> x(4), short_one(3), point(4);
  std::vector<double> sum(4);
  const auto nothing = [](std::span<const float>, std::span<double>) {};
  CHECK_THROWS_AS(integrate_gradients<float>(x, short_one, 4, point, sum, nothing), InputError);
  CHECK_THROWS_AS(integrate_gradients<float>(x, x, 0, point, sum, nothing), InputError);
}
