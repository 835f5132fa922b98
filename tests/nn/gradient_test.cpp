// SPDX-License-Identifier: BSD-3-Clause
// Gradients in double precision: the linear primitives by the adjoint identity <A x, y> = <x, A^T y>, which needs no
// step size; the layers and small networks, walked by a recorded plan, by finite differences. Along any one number
// these networks are piecewise linear, so a difference is exact up to rounding unless a kink of a ReLU lies inside the
// step; the two one-sided differences show that none does.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "clustermass/cpu/reference.hpp"
#include "clustermass/nn/conv.hpp"
#include "clustermass/nn/dense.hpp"
#include "clustermass/nn/plan.hpp"
#include "clustermass/nn/pool.hpp"
#include "clustermass/nn/residual.hpp"
#include "support/primitives.hpp"

using namespace clustermass;
using namespace clustermass::support;

namespace {

using Exact = Reference<double>;

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}
double dot(const std::vector<double>& a, const Numbers& b) { return dot(a, in_double(b.values)); }
double dot(const std::vector<double>& a, const Numbers& b, const Numbers& start) {  // <a - start, b>
  return dot(a, b) - dot(in_double(start.values), b);
}

void check_equal(const char* what, double a, double b) {
  INFO(std::string(what));
  CHECK(a == doctest::Approx(b).epsilon(1e-11));
}

std::vector<double> random_vector(std::size_t size, std::uint64_t seed) {
  std::vector<double> values(size);
  Random random(seed);
  for (double& value : values) value = random.normal();
  return values;
}

/// A network on random parameters, input and conditions; its loss is <run(x), r> with r random.
template <class Net>
class Trial {
 public:
  struct Gradient {
    std::vector<double> d_x, d_parameters;
  };

  Trial(Shape input, Shape coverage_shape, std::vector<double> coverage, int context, std::uint64_t seed = 1)
      : x(random_vector(input.size(), seed)),
        parameters(random_vector(Net::parameter_count, seed + 1)),
        input_(input),
        coverage_shape_(coverage_shape),
        coverage_(std::move(coverage)),
        context_(random_vector(static_cast<std::size_t>(coverage_shape.n * context), seed + 2)),
        context_count_(context),
        r_(random_vector(Net::output_shape(input).size(), seed + 3)) {
    for (double& value : parameters) value *= 0.5;
  }
  explicit Trial(Shape input, std::uint64_t seed = 1) : Trial(input, {1, 1, 1, 1}, {1.0}, 0, seed) {}

  double loss() const {
    const Plan<Net, Exact> plan(std::span<const double>(parameters), input_, Walk::inference);
    Arena<double> arena(plan.arena_size());
    std::vector<double> door = x;
    Exact engine;
    const View<double> y = plan.run(engine, arena.data(), conditions(), {door.data(), input_});
    return dot(std::vector<double>(y.data, y.data + y.size()), r_);
  }

  /// Both gradients, or one; outputs start as NaN (written) and as 3 (added to).
  Gradient gradient(bool with_x = true, bool with_parameters = true) const {
    const Plan<Net, Exact> plan(std::span<const double>(parameters), input_, Walk::recorded);
    Arena<double> arena(plan.arena_size()), gradients(plan.gradient_arena_size());
    for (std::size_t k = 0; k < gradients.size(); ++k) gradients.data()[k] = not_a_number;
    std::vector<double> door = x, d_y = r_, output(r_.size());
    Gradient result{std::vector<double>(x.size(), not_a_number), std::vector<double>(parameters.size(), 3)};
    Exact engine;
    const View<double> in{door.data(), input_}, y{output.data(), plan.output_shape()};
    plan.run(engine, arena.data(), conditions(), in, y);
    plan.backward(engine, arena.data(), gradients.data(), conditions(), in, y, {d_y.data(), plan.output_shape()},
                  with_x ? View<double>{result.d_x.data(), input_} : View<double>{},
                  with_parameters ? result.d_parameters.data() : nullptr);
    for (double& value : result.d_parameters) value -= 3;
    return result;
  }

  std::vector<double> x, parameters;

 private:
  Conditions<double, Host> conditions() const {
    return {{coverage_.data(), coverage_shape_}, {context_.data(), {coverage_shape_.n, context_count_, 1, 1}}};
  }

  Shape input_, coverage_shape_;
  std::vector<double> coverage_, context_;
  int context_count_;
  std::vector<double> r_;
};

/// Compares `found` with differences of the loss along every number of `numbers` (which belongs to the trial).
template <class Net>
void check_differences(const char* what, const Trial<Net>& trial, std::vector<double>& numbers,
                       const std::vector<double>& found) {
  constexpr double step = 1e-6, tolerance = 3e-8;  // rounding of a loss of some tens over the step
  const double here = trial.loss();
  int kinks = 0, wrong = 0;
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    const double keep = numbers[k];
    numbers[k] = keep + step;
    const double right = (trial.loss() - here) / step;
    numbers[k] = keep - step;
    const double left = (here - trial.loss()) / step;
    numbers[k] = keep;
    kinks += std::fabs(right - left) > tolerance;
    wrong += !(std::fabs(found[k] - (left + right) / 2) <= tolerance);
  }
  INFO(std::string(what));
  REQUIRE(kinks == 0);
  CHECK(wrong == 0);
}

template <class Net>
void check_gradients(Trial<Net> trial) {
  const auto both = trial.gradient();
  check_differences("d_x", trial, trial.x, both.d_x);
  check_differences("d_parameters", trial, trial.parameters, both.d_parameters);
  CHECK(trial.gradient(true, false).d_x == both.d_x);
  CHECK(trial.gradient(false, true).d_parameters == both.d_parameters);
}

/// Coverage of a batch of 8 x 8 maps: one everywhere but some zero cells, one with an empty middle, one empty.
std::vector<double> three_coverages(int side) {
  std::vector<double> coverage;
  Random random(5);
  for (int n = 0; n < 3; ++n)
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j) {
        const double draw = random.uniform();
        const double some = draw < 0.3 ? 0 : draw, outside = ring_of(i, j, side, side) < 2 ? 0 : draw;
        coverage.push_back(n == 0 ? some : n == 1 ? outside : 0);
      }
  return coverage;
}

}  // namespace

TEST_CASE("The gradients of convolution, dense and pool are the adjoints of what they differentiate") {
  for (cases::ConvolutionCase c : cases::convolutions) {
    INFO(c.name());
    c.activation = Activation::none;
    c.skip = false;
    WeightedInput in{c.geometry, c.input(), c.output()};
    const Results full = run_convolution(Exact{}, c, in);
    // y = W x + b is bilinear: <y, d> - <b, sum d> = <x, W^T d> = <W, dW>.
    const double linear = dot(full.y, in.d_y) - dot(full.d_bias, in.bias, in.d_bias);
    check_equal("to the input", dot(full.d_x, in.x), linear);
    check_equal("to the weights", dot(full.d_weight, in.weight, in.d_weight), linear);
    // A skip adds the same numbers to y, an `add` to d_x.
    c.skip = true;
    const Results skipped = run_convolution(Exact{}, c, in);
    check_equal("skip", dot(skipped.y, in.d_y) - dot(full.y, in.d_y), dot(in_double(in.skip.values), in.d_y));
    check_equal("add", dot(skipped.d_x, in.x) - dot(full.d_x, in.x), dot(in_double(in.add.values), in.x));
  }
  for (cases::DenseCase c : cases::denses) {
    INFO(c.name());
    c.activation = Activation::none;
    const WeightedInput in{c.geometry(), {c.batch, c.in, 1, 1}, {c.batch, c.out, 1, 1}};
    const Results full = run_dense(Exact{}, c, in);
    const double linear = dot(full.y, in.d_y) - dot(full.d_bias, in.bias, in.d_bias);
    check_equal("to the input", dot(full.d_x, in.x), linear);
    check_equal("to the weights", dot(full.d_weight, in.weight, in.d_weight), linear);
  }
  for (cases::PoolCase c : cases::pools) {
    INFO(c.name());
    c.context = 0;
    const Numbers a = random_numbers(c.input(), 1), d_y = random_numbers(c.output(), 2);
    const Results full = run_pool(Exact{}, c, a, d_y, coverage_of(c, 3), constant({c.batch, 0, 1, 1}, 0));
    check_equal("to the input", dot(full.d_x, a), dot(full.y, d_y));
  }
}

TEST_CASE("The reference convolution is the sum its formula says, with zero outside") {
  // 3 x 3 map of 1..9, kernel of powers of ten: each digit of the answer names the pixel under a tap.
  const Numbers x{{1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}}, bias{{1, 1, 1, 1}, {0}};
  Numbers weight{{1, 1, 3, 3}, {1e8f, 1e7f, 1e6f, 1e5f, 1e4f, 1e3f, 1e2f, 1e1f, 1e0f}};
  const auto convolve = [&](int stride) {
    const KernelGeometry g{1, 1, 3, stride};
    const OwnedKernel<Exact> kernel(g, Form::map, weight, bias);
    const Door<Exact> in(x, Form::map);
    Door<Exact> out(strided(x.shape, 1, stride), Form::map);
    Exact{}.convolve(in.map, kernel.kernel, {}, Activation::none, out.map);
    return out.read();
  };
  CHECK(convolve(1) ==
        std::vector<double>{12045, 123456, 230560, 12045078, 123456789, 230560890, 45078000, 456789000, 560890000});
  CHECK(convolve(2) == std::vector<double>{12045, 230560, 45078000, 560890000});
}

TEST_CASE("The reference pool is the weighted mean of the field and of each ring, then the context") {
  const cases::PoolCase c{1, 1, 8, 8, ring_count, 2, cases::Covered::random};
  Numbers a = random_numbers(c.input(), 1), coverage = coverage_of(c, 2);
  const Numbers context{{1, 2, 1, 1}, {0.25f, -4}};
  const std::vector<double> y = run_pool(Exact{}, c, a, constant(c.output(), 0), coverage, context).y;
  double sum[5] = {}, weight[5] = {};
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) {
      const double radius = std::hypot((i - 3.5) / 4, (j - 3.5) / 4);
      const int ring = radius < 0.3 ? 1 : radius < 0.55 ? 2 : radius < 0.8 ? 3 : 4;
      for (const int region : {0, ring}) {
        sum[region] += static_cast<double>(coverage.view()(0, 0, i, j)) * static_cast<double>(a.view()(0, 0, i, j));
        weight[region] += static_cast<double>(coverage.view()(0, 0, i, j));
      }
    }
  for (std::size_t region = 0; region < 5; ++region)
    CHECK(y[region] == doctest::Approx(sum[region] / weight[region]).epsilon(1e-12));
  CHECK(y[5] == 0.25);
  CHECK(y[6] == -4);
}

TEST_CASE("A convolution's gradients are those of finite differences") {
  check_gradients(Trial<Sequential<Conv<3, 4, 3, ConvOptions{.stride = 2}>>>({2, 3, 5, 4}));
  check_gradients(Trial<Sequential<Conv<2, 3, 3>>>({2, 2, 4, 5}));
  check_gradients(Trial<Sequential<Conv<2, 3, 1>>>({3, 2, 3, 3}));
  check_gradients(
      Trial<Sequential<Conv<2, 2, 5, ConvOptions{.stride = 1, .activation = Activation::none}>>>({1, 2, 4, 6}));
}

TEST_CASE("A residual block's gradients are those of finite differences") {
  check_gradients(Trial<Sequential<Residual<3>>>({2, 3, 4, 5}, 2));
}

TEST_CASE("A dense layer's gradients are those of finite differences") {
  check_gradients(Trial<Sequential<Dense<7, 6, Activation::relu>>>({3, 7, 1, 1}));
  check_gradients(Trial<Sequential<Dense<5, 2>>>({2, 5, 1, 1}));
}

TEST_CASE("Pooling's gradient is that of finite differences, with cells, rings and maps that are not covered") {
  check_gradients(Trial<Sequential<Pool<3, ring_count, 2>>>({3, 3, 8, 8}, {3, 1, 8, 8}, three_coverages(8), 2));
  check_gradients(Trial<Sequential<Pool<2, 0, 0>>>({3, 2, 4, 4}, {3, 1, 4, 4}, three_coverages(4), 0));
}

TEST_CASE("A pixel without coverage has no gradient and no effect on the pooled numbers") {
  const std::vector<double> coverage = three_coverages(8);
  Trial<Sequential<Pool<1, ring_count, 0>>> trial({3, 1, 8, 8}, {3, 1, 8, 8}, coverage, 0);
  const double before = trial.loss();
  const auto gradient = trial.gradient();
  for (std::size_t k = 0; k < coverage.size(); ++k)
    if (coverage[k] == 0) {
      CHECK(gradient.d_x[k] == 0);
      trial.x[k] = 1e6;
    }
  CHECK(trial.loss() == before);
}

TEST_CASE("The gradients of a whole list of layers are those of finite differences") {
  using Net = Sequential<Conv<1, 4, 3, ConvOptions{.stride = 2}>, Residual<4>, Residual<4>, Conv<4, 3, 1>,
                         Pool<3, ring_count, 2>, Dense<17, 5, Activation::relu>, Dense<5, 2>>;
  check_gradients(Trial<Net>({3, 1, 7, 8}, {3, 1, 4, 4}, three_coverages(4), 2));
}

TEST_CASE("The gradients of two joined lists are those of finite differences") {
  using First = Sequential<Conv<1, 3, 3, ConvOptions{.stride = 2}>, Residual<3>, Conv<3, 4, 3>>;
  using Second = Sequential<Residual<4>, Pool<4, 0, 0>, Dense<4, 3>>;
  check_gradients(Trial<Join<First, Second>>({3, 1, 7, 6}, {3, 1, 4, 3}, std::vector<double>(36, 0.5), 0));
}
