// SPDX-License-Identifier: BSD-3-Clause
// Every primitive of the CUDA engine and its gradient against Reference<double>, through the test double: cuDNN's calls
// of both generations, and the kernels' own text.
#include "clustermass/gpu/engine.hpp"

#include <doctest/doctest.h>

#include "clean_double.hpp"
#include "device_maps.hpp"

using namespace clustermass;
using namespace clustermass::gpu;
using namespace clustermass::support;

namespace {

constexpr Generation generations[] = {Generation::fixed_function, Generation::graph};

cases::ConvolutionCase with_activation(Activation activation) { return {{16, 16, 3, 1}, 1, 7, 9, true, activation}; }

}  // namespace

TEST_CASE(
    "Convolution and its gradients on the device agree with the reference, with both generations of cuDNN's calls") {
  for (const Generation generation : generations) {
    const CleanDouble clean;
    CudaContext context(device_with(generation));
    for (const cases::ConvolutionCase& c : cases::convolutions) {
      INFO(c.name());
      const WeightedInput in{c.geometry, c.input(), c.output()};
      compare(run_weighted(context, c, c.geometry, Form::map, in, c.skip), run_convolution(Reference<double>{}, c, in));
    }
    const bool graph = generation == Generation::graph;
    CHECK((test_double::runs("cudnnBackendExecute") > 0) == graph);
    CHECK((test_double::runs("cudnnConvolutionBiasActivationForward") > 0) == !graph);
    CHECK(test_double::runs("stem") > 0);
    CHECK(test_double::runs("convolve_direct") > 0);
  }
}

TEST_CASE("Algorithms that were measured are taken only if they are deterministic") {
  const CleanDouble clean;  // the double offers a faster one that is not, and complains when it is used
  CudaContext context(device_with(Generation::fixed_function, Precision::fp32, true));
  for (const cases::ConvolutionCase& c : {with_activation(Activation::relu), with_activation(Activation::none)}) {
    const WeightedInput in{c.geometry, c.input(), c.output()};
    compare(run_weighted(context, c, c.geometry, Form::map, in, c.skip), run_convolution(Reference<double>{}, c, in));
  }
  CHECK(test_double::runs("cudnnFindConvolutionForwardAlgorithm") == 1);       // not asked for the identity activation
  CHECK(test_double::runs("cudnnFindConvolutionBackwardDataAlgorithm") == 1);  // one shape is made ready once
}

TEST_CASE("Engines of the graph interface that were measured: the fastest deterministic one is taken, not the first") {
  const cases::ConvolutionCase c = with_activation(Activation::relu);
  const WeightedInput in{c.geometry, c.input(), c.output()};
  for (const bool autotune : {false, true}) {
    const CleanDouble clean;  // the double offers several, and complains when one that is not deterministic is planned
    CudaContext context(device_with(Generation::graph, Precision::fp32, autotune));
    compare(run_weighted(context, c, c.geometry, Form::map, in, c.skip), run_convolution(Reference<double>{}, c, in));
    CHECK(test_double::runs("cudnnBackendExecute") == (autotune ? 3 * (1 + 2 * 4) : 3));
    CHECK(test_double::runs("the fast engine") == (autotune ? 3 * (1 + 4) : 0));
  }
}

TEST_CASE("Where the fixed-function calls do not know a shape, the graph interface does it") {
  const CleanDouble clean;
  test_double::refuse_fixed_function();
  CudaContext context(device_with(Generation::fixed_function));
  const cases::ConvolutionCase c = with_activation(Activation::relu);
  const WeightedInput in{c.geometry, c.input(), c.output()};
  compare(run_weighted(context, c, c.geometry, Form::map, in, c.skip), run_convolution(Reference<double>{}, c, in));
  CHECK(test_double::runs("cudnnBackendExecute") == 3);
}

TEST_CASE("A dense layer and its gradients on the device agree with the reference") {
  const CleanDouble clean;
  CudaContext context(device_with(Generation::fixed_function));
  for (const cases::DenseCase& c : cases::denses) {
    INFO(c.name());
    const WeightedInput in{c.geometry(), {c.batch, c.in, 1, 1}, {c.batch, c.out, 1, 1}};
    compare(run_weighted(context, c, c.geometry(), Form::vector, in, false), run_dense(Reference<double>{}, c, in));
  }
}

TEST_CASE("Weighted pooling and its gradient on the device agree with the reference, with nothing covered too") {
  const CleanDouble clean;
  CudaContext context(device_with(Generation::fixed_function));
  CudaEngine<float> engine(context);
  for (const cases::PoolCase& c : cases::pools) {
    INFO(c.name());
    const Numbers a = random_numbers(c.input(), 1), d_y_numbers = random_numbers(c.output(), 2),
                  covered = coverage_of(c, 3);
    const Numbers context_numbers = random_numbers({c.batch, c.context, 1, 1}, 4);
    const Results expected = run_pool(Reference<double>{}, c, a, d_y_numbers, covered, context_numbers);
    const DeviceNumbers coverage(covered.values), numbers(context_numbers.values);
    const Conditions<float, Device> conditions{{coverage.data(), covered.shape},
                                               {numbers.data(), context_numbers.shape}};
    const DeviceDoor<float> x(context, a), d_y(context, d_y_numbers), y(context, c.output()), d_x(context, c.input());
    engine.pool(x.map, conditions, c.rings, y.map);
    engine.pool_gradient(conditions, c.rings, d_y.map, d_x.map);
    check_near("y", y.read(), expected.y, 1e-6);
    check_near("d_x", d_x.read(), expected.d_x, 1e-6);
  }
}

TEST_CASE("The ReLU's gradient on the device is zero exactly where the output is not positive") {
  const CleanDouble clean;
  CudaContext context(device_with(Generation::fixed_function));
  Numbers y = random_numbers({3, 5, 6, 7}, 11), d_y = random_numbers(y.shape, 12);
  for (std::size_t k = 0; k < y.values.size(); k += 3) y.values[k] = k % 2 == 0 ? 0.0f : -0.0f;
  const DeviceDoor<float> outputs(context, y), gradients(context, d_y);
  CudaEngine<float>(context).activation_gradient(Activation::relu, outputs.map, gradients.map);
  for (std::size_t k = 0; k < y.values.size(); ++k)
    if (!(y.values[k] > 0)) d_y.values[k] = 0;
  CHECK(gradients.read() == in_double(d_y.values));
}

TEST_CASE("Five images joined on the device are read as one image by every primitive that reads a map") {
  const CleanDouble clean;
  CudaContext context(device_with(Generation::fixed_function));
  using E = CudaEngine<float>;
  E engine(context);
  const Numbers numbers = random_numbers({10, 16, 3, 4}, 10);
  Numbers one = numbers;
  one.shape = {2, 80, 3, 4};  // the same numbers: plain NCHW needs no copy to be joined
  const DeviceDoor<float> door(context, numbers);
  CHECK(door.read(E::joined(door.map, 5)) == in_double(numbers.values));
  CHECK(door.read(E::image(door.map, 3, 2)) ==
        std::vector<double>(numbers.values.begin() + 3 * 192, numbers.values.begin() + 5 * 192));

  for (const int out : {32, 5}) {  // through cuDNN and through the direct kernel
    const cases::ConvolutionCase c{{80, out, 1, 1}, 2, 3, 4, true, Activation::relu};
    WeightedInput in{c.geometry, c.input(), c.output()};
    in.x = one;
    const Results expected = run_convolution(Reference<double>{}, c, in);
    DeviceArena<float> storage(E::kernel_size(c.geometry, Form::map, true));
    const auto kernel =
        engine.prepare(c.geometry, Form::map, true, in.weight.values.data(), in.bias.values.data(), storage.data());
    const DeviceDoor<float> d_y(context, in.d_y), skip(context, in.skip), y(context, c.output()),
        d_x(context, numbers.shape);
    const DeviceNumbers d_weight(in.d_weight.values), d_bias(in.d_bias.values);
    engine.convolve(E::joined(door.map, 5), kernel, skip.map, c.activation, y.map);
    engine.convolve_input_gradient(d_y.map, kernel, {}, E::joined(d_x.map, 5));
    engine.convolve_weight_gradient(E::joined(door.map, 5), d_y.map, c.geometry, d_weight.data(), d_bias.data());
    context.synchronize();
    cases::ConvolutionCase plain = c;
    plain.skip = false;
    check_near("y", y.read(), expected.y, 1e-5);
    check_near("d_x", d_x.read(E::joined(d_x.map, 5)), run_convolution(Reference<double>{}, plain, in).d_x, 1e-5);
    check_near("d_weight", d_weight.read(), expected.d_weight, 1e-5);
  }
}

TEST_CASE("Half maps on the device agree with the reference to the precision of a half") {
  const CleanDouble clean;
  CudaContext context(device_with(Generation::fixed_function, Precision::fp16));
  using E = CudaEngine<Half>;
  E engine(context);
  for (const cases::ConvolutionCase& c : cases::convolutions) {
    INFO(c.name());
    const WeightedInput in{c.geometry, c.input(), c.output()};
    DeviceArena<Half> storage(E::kernel_size(c.geometry, Form::map, false));
    const auto kernel =
        engine.prepare(c.geometry, Form::map, false, in.weight.values.data(), in.bias.values.data(), storage.data());
    const DeviceDoor<Half> x(context, in.x), skip(context, in.skip), y(context, c.output());
    engine.convolve(x.map, kernel, c.skip ? skip.map : E::Map{}, c.activation, y.map);
    check_near("y", y.read(), run_convolution(Reference<double>{}, c, in).y, 3e-3);
  }
}

TEST_CASE("TF32 is what was asked for and no more: its error shows, and fp32 has none of it") {
  const cases::ConvolutionCase c{{16, 16, 3, 1}, 1, 9, 9, false, Activation::none};
  const WeightedInput in{c.geometry, c.input(), c.output()};
  const Results expected = run_convolution(Reference<double>{}, c, in);
  const auto error = [&](Precision precision) {
    const CleanDouble clean;
    CudaContext context(device_with(Generation::fixed_function, precision));
    const OnDevice found = run_weighted(context, c, c.geometry, Form::map, in, false);
    double most = 0;
    for (std::size_t k = 0; k < found.y.size(); ++k) most = std::max(most, std::fabs(found.y[k] - expected.y[k]));
    return most / largest(expected.y);
  };
  CHECK(error(Precision::fp32) < 1e-6);
  CHECK(error(Precision::tf32) > 1e-5);
  CHECK(error(Precision::tf32) < 2e-3);
}
