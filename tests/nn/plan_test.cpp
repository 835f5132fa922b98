// SPDX-License-Identifier: BSD-3-Clause
// Promises of a plan on the CPU engine, bit by bit: sharing memory between doors changes nothing, an image gives the
// same answer alone and in a batch, an arena can be used again, and refresh is as good as a new plan.
#include "clustermass/nn/plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "clustermass/cpu/reference.hpp"
#include "clustermass/nn/conv.hpp"
#include "clustermass/nn/dense.hpp"
#include "clustermass/nn/initialise.hpp"
#include "clustermass/nn/pool.hpp"
#include "clustermass/nn/residual.hpp"
#include "clustermass/nn/weights.hpp"
#include "support/instruction_sets.hpp"
#include "support/maps.hpp"

using namespace clustermass;
using namespace clustermass::support;

namespace {

using First = Sequential<Conv<1, 16, 3, ConvOptions{.stride = 2}>, Residual<16>, Conv<16, 20, 3>>;
using Second =
    Sequential<Residual<20>, Residual<20>, Pool<20, ring_count, 2>, Dense<102, 24, Activation::relu>, Dense<24, 3>>;
using Net = Join<First, Second>;
inline constexpr Shape input_shape{3, 1, 21, 18}, coarse_shape{3, 1, 11, 9};

template <class N>
Weights<N> random_weights(std::uint64_t seed) {
  Weights<N> weights;
  initialise(weights, seed, 0);
  Random random(seed, 1);
  for (float& value : weights.values())  // also what initialise leaves at zero
    if (value == 0) value = static_cast<float>(0.1 * random.normal());
  return weights;
}

struct Input {
  Numbers x, coverage, context;
  explicit Input(std::uint64_t seed = 1)
      : x(random_numbers(input_shape, seed)),
        coverage(random_numbers(coarse_shape, seed + 1).magnitudes()),
        context(random_numbers({3, 2, 1, 1}, seed + 2)) {}

  Input only(int n) const {
    Input one = *this;
    for (Numbers* numbers : {&one.x, &one.coverage, &one.context}) {
      const std::size_t size = numbers->values.size() / 3, first = static_cast<std::size_t>(n) * size;
      numbers->values = std::vector<float>(numbers->values.begin() + static_cast<std::ptrdiff_t>(first),
                                           numbers->values.begin() + static_cast<std::ptrdiff_t>(first + size));
      numbers->shape.n = 1;
    }
    return one;
  }
};

template <class N, class E>
std::vector<double> run(const Plan<N, E>& plan, Arena<float>& arena, const Input& in) {
  E engine;
  const Scratch<E> scratch(plan.scratch_size());
  engine.use_scratch(scratch.data());
  const ConditionsOf<E> conditions{in.coverage.view(), in.context.view()};
  const Door<E> x(in.x, Form::map);
  const auto y = plan.run(engine, arena.data(), conditions, x.map);
  std::vector<double> values(plan.output_shape().size());
  engine.copy_out(y, View<double>{values.data(), plan.output_shape()});
  return values;
}

template <class N, class E>
std::vector<double> run(const Plan<N, E>& plan, const Input& in) {
  Arena<float> arena(plan.arena_size());
  return run(plan, arena, in);
}

template <class E, class N = Net>
Plan<N, E> plan_of(const Weights<N>& weights, int images, Walk walk) {
  return {weights.values(), {images, 1, input_shape.h, input_shape.w}, walk};
}

void on_each_instruction_set(auto&& use) {
  for (const cpu::InstructionSet set : instruction_sets()) {
    INFO(std::string(cpu::name_of(set)));
    cpu::with_engine(set, use);
  }
}

}  // namespace

TEST_CASE("A run whose doors share memory gives the same bits as a recorded one, and takes less memory") {
  const auto weights = random_weights<Net>(1);
  on_each_instruction_set([&]<class E>(E) {
    const auto inference = plan_of<E>(weights, 3, Walk::inference), recorded = plan_of<E>(weights, 3, Walk::recorded);
    CHECK(run(inference, Input()) == run(recorded, Input()));
    CHECK(inference.arena_size() < recorded.arena_size());
  });
}

TEST_CASE("An image gives the same bits alone and in a batch, at any place in it") {
  const auto weights = random_weights<Net>(2);
  on_each_instruction_set([&]<class E>(E) {
    const auto three = plan_of<E>(weights, 3, Walk::inference), one = plan_of<E>(weights, 1, Walk::inference);
    const std::vector<double> together = run(three, Input());
    for (int n = 0; n < 3; ++n) {
      const std::vector<double> alone = run(one, Input().only(n));
      CHECK(std::equal(alone.begin(), alone.end(), together.begin() + 3 * n));
    }
  });
}

TEST_CASE("An arena that was used before gives the same bits as a fresh one") {
  const auto weights = random_weights<Net>(3);
  on_each_instruction_set([&]<class E>(E) {
    const auto plan = plan_of<E>(weights, 3, Walk::inference);
    Arena<float> arena(plan.arena_size());
    Input loud(50);
    for (float& value : loud.x.values) value *= 1e6f;
    run(plan, arena, loud);
    CHECK(run(plan, arena, Input()) == run(plan, Input()));
  });
}

TEST_CASE("A plan refreshed with other weights is as good as a new one") {
  on_each_instruction_set([&]<class E>(E) {
    const auto before = random_weights<Net>(4), after = random_weights<Net>(5);
    for (const Walk walk : {Walk::inference, Walk::recorded}) {
      auto plan = plan_of<E>(before, 3, walk);
      plan.refresh(after.values());
      CHECK(run(plan, Input()) == run(plan_of<E>(after, 3, walk), Input()));
      CHECK(run(plan, Input()) != run(plan_of<E>(before, 3, walk), Input()));
    }
  });
}

TEST_CASE("A copy of a plan at another size shares the kernels and gives the bits of one that was built for that size") {
  const auto weights = random_weights<Net>(7);
  on_each_instruction_set([&]<class E>(E) {
    for (const Walk walk : {Walk::inference, Walk::recorded}) {
      const Plan<Net, E> built(weights.values(), {3, 1, 40, 9}, walk);
      const Plan<Net, E> expected = plan_of<E>(weights, 3, walk);
      Plan<Net, E> moved = built;
      moved.resize(input_shape);
      CHECK(run(moved, Input()) == run(expected, Input()));
      CHECK(moved.arena_size() == expected.arena_size());
      CHECK(moved.gradient_arena_size() == expected.gradient_arena_size());
      CHECK(moved.scratch_size() == expected.scratch_size());
    }
  });
}

TEST_CASE("A plan's backward walk agrees with the reference in double") {
  const auto weights = random_weights<Net>(6);
  const auto gradients = [&]<class E>(E engine) {
    const Input in;
    using Scalar = typename E::Scalar;
    const std::vector<Scalar> coverage(in.coverage.values.begin(), in.coverage.values.end());
    const std::vector<Scalar> context(in.context.values.begin(), in.context.values.end());
    const ConditionsOf<E> conditions{{coverage.data(), in.coverage.shape}, {context.data(), in.context.shape}};
    const Plan<Net, E> plan(weights.values(), input_shape, Walk::recorded);
    Arena<Scalar> arena(plan.arena_size()), gradient_arena(plan.gradient_arena_size());
    const Scratch<E> scratch(plan.scratch_size());
    engine.use_scratch(scratch.data());
    const Door<E> x(in.x, Form::map), d_y(random_numbers({3, 3, 1, 1}, 60), Form::vector);
    Door<E> y(Shape{3, 3, 1, 1}, Form::vector), d_x(input_shape, Form::map);
    std::vector<Scalar> d_parameters(Net::parameter_count);
    d_x.fill_with_nan();
    plan.run(engine, arena.data(), conditions, x.map, y.map);
    plan.backward(engine, arena.data(), gradient_arena.data(), conditions, x.map, y.map, d_y.map, d_x.map,
                  d_parameters.data());
    CHECK(d_x.is_clean());
    std::vector<double> all = d_x.read();
    all.insert(all.end(), d_parameters.begin(), d_parameters.end());
    return all;
  };
  const std::vector<double> expected = gradients(Reference<double>{});
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::fabs(value));
  on_each_instruction_set([&](auto engine) {
    CHECK(first_difference(gradients(engine), expected, [&](std::size_t) { return 1e-5 * largest; }) == -1);
  });
}
