// SPDX-License-Identifier: BSD-3-Clause
// Runs every primitive of one case on any engine, with the same numbers, and returns plain results to compare. The same
// run on magnitudes gives the size that rounding errors scale with.
#pragma once

#include <string>
#include <vector>

#include "clustermass/cpu/reference.hpp"
#include "support/maps.hpp"

namespace clustermass::support {

/// What a run of one case gave; `unclean` names the first map with a written halo, padding or guard.
struct Results {
  std::vector<double> y, d_x, d_weight, d_bias;
  std::string unclean;

  template <class E>
  void inspect(const Door<E>& door, const char* name) {
    if (unclean.empty() && !door.is_clean()) unclean = name;
  }
};

struct WeightedInput {
  Numbers x, weight, bias, skip, d_y, add, d_weight, d_bias;

  WeightedInput(KernelGeometry g, Shape input, Shape output)
      : x(random_numbers(input, 1)),
        weight(random_numbers({g.out, g.in, g.size, g.size}, 2)),
        bias(random_numbers({g.out, 1, 1, 1}, 3)),
        skip(random_numbers(output, 4)),
        d_y(random_numbers(output, 5)),
        add(random_numbers(input, 6)),
        d_weight(random_numbers({g.out, g.in, g.size, g.size}, 7)),
        d_bias(random_numbers({g.out, 1, 1, 1}, 8)) {}

  WeightedInput magnitudes() const {
    WeightedInput result = *this;
    for (Numbers* numbers : {&result.x, &result.weight, &result.bias, &result.skip, &result.d_y, &result.add,
                             &result.d_weight, &result.d_bias})
      *numbers = numbers->magnitudes();
    return result;
  }
};

template <class E>
std::vector<typename E::Scalar> widened(const Numbers& numbers) {
  return {numbers.values.begin(), numbers.values.end()};
}
inline std::vector<double> in_double(const auto& values) { return {values.begin(), values.end()}; }

template <class E>
Results run_convolution(E engine, const cases::ConvolutionCase& c, const WeightedInput& in) {
  Results results;
  const OwnedKernel<E> kernel(c.geometry, Form::map, in.weight, in.bias);
  const Scratch<E> scratch(E::scratch_size(c.geometry, Form::map, true));
  engine.use_scratch(scratch.data());
  const Door<E> x(in.x, Form::map), skip(in.skip, Form::map), d_y(in.d_y, Form::map), add(in.add, Form::map);
  Door<E> y(c.output(), Form::map), d_x(c.input(), Form::map);

  y.fill_with_nan();
  engine.convolve(x.map, kernel.kernel, c.skip ? skip.map : typename E::Map{}, c.activation, y.map, Rows{});
  d_x.fill_with_nan();
  engine.convolve_input_gradient(d_y.map, kernel.kernel, c.skip ? add.map : typename E::Map{}, d_x.map);
  auto d_weight = widened<E>(in.d_weight), d_bias = widened<E>(in.d_bias);  // added to, not written
  engine.convolve_weight_gradient(x.map, d_y.map, c.geometry, d_weight.data(), d_bias.data());

  results.inspect(y, "y");
  results.inspect(d_x, "d_x");
  results.inspect(x, "x");
  results.inspect(d_y, "d_y");
  if (results.unclean.empty() && !scratch.is_clean()) results.unclean = "scratch";
  results.y = y.read();
  results.d_x = d_x.read();
  results.d_weight = in_double(d_weight);
  results.d_bias = in_double(d_bias);
  return results;
}

template <class E>
Results run_dense(E engine, const cases::DenseCase& c, const WeightedInput& in) {
  Results results;
  const OwnedKernel<E> kernel(c.geometry(), Form::vector, in.weight, in.bias);
  const Door<E> x(in.x, Form::vector), d_y(in.d_y, Form::vector);
  Door<E> y(in.d_y.shape, Form::vector), d_x(in.x.shape, Form::vector);

  y.fill_with_nan();
  engine.dense(x.map, kernel.kernel, c.activation, y.map);
  d_x.fill_with_nan();
  engine.dense_input_gradient(d_y.map, kernel.kernel, d_x.map);
  auto d_weight = widened<E>(in.d_weight), d_bias = widened<E>(in.d_bias);
  engine.dense_weight_gradient(x.map, d_y.map, c.geometry(), d_weight.data(), d_bias.data());

  results.inspect(y, "y");
  results.inspect(d_x, "d_x");
  results.y = y.read();
  results.d_x = d_x.read();
  results.d_weight = in_double(d_weight);
  results.d_bias = in_double(d_bias);
  return results;
}

template <class E>
Results run_pool(E engine, const cases::PoolCase& c, const Numbers& a, const Numbers& d_y_numbers,
                 const Numbers& covered, const Numbers& context_numbers) {
  Results results;
  const auto coverage = widened<E>(covered), context = widened<E>(context_numbers);
  const ConditionsOf<E> conditions{{coverage.data(), covered.shape}, {context.data(), context_numbers.shape}};
  const Door<E> x(a, Form::map), d_y(d_y_numbers, Form::vector);
  Door<E> y(c.output(), Form::vector), d_x(c.input(), Form::map);

  y.fill_with_nan();
  engine.pool(x.map, conditions, c.rings, y.map);
  d_x.fill_with_nan();
  engine.pool_gradient(conditions, c.rings, d_y.map, d_x.map);

  results.inspect(y, "y");
  results.inspect(d_x, "d_x");
  results.y = y.read();
  results.d_x = d_x.read();
  return results;
}

}  // namespace clustermass::support
