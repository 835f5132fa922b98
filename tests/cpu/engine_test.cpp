// SPDX-License-Identifier: BSD-3-Clause
// The CPU engine against Reference<double>: every primitive and gradient, on every instruction set of this machine,
// with the bound of rounding as tolerance; and the promise of the same bits for any set, tile and range of rows.
#include "clustermass/cpu/engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/primitives.hpp"

using namespace clustermass;
using namespace clustermass::support;

namespace {

WeightedInput input_of(const cases::ConvolutionCase& c) { return {c.geometry, c.input(), c.output()}; }
WeightedInput input_of(const cases::DenseCase& c) {
  return {c.geometry(), {c.batch, c.in, 1, 1}, {c.batch, c.out, 1, 1}};
}

void check_close(const char* what, const std::vector<double>& found, const std::vector<double>& expected,
                 const std::vector<double>& magnitude, std::size_t terms) {
  INFO(std::string(what));
  REQUIRE(found.size() == expected.size());
  const std::ptrdiff_t k =
      first_difference(found, expected, [&](std::size_t i) { return cases::tolerance(terms, magnitude[i]); });
  if (k < 0) return;
  INFO("number ", k, " is ", found[static_cast<std::size_t>(k)], ", expected ", expected[static_cast<std::size_t>(k)]);
  CHECK(k == -1);
}

std::size_t product(int a, int b, int c) {
  return static_cast<std::size_t>(a) * static_cast<std::size_t>(b) * static_cast<std::size_t>(c);
}

/// Runs `run(engine, case, input)` on all sets and compares with the reference.
template <class Case, class Run>
void check_against_reference(const Case& c, KernelGeometry g, std::size_t outputs, Run run) {
  INFO(c.name());
  const WeightedInput in = input_of(c);
  Case linear = c;
  linear.activation = Activation::none;
  const Results expected = run(Reference<double>{}, c, in);
  const Results magnitude = run(Reference<double>{}, linear, in.magnitudes());
  // The numbers of a transformed tile are sums of up to 100 times the inputs' size, which cancel again.
  const std::size_t growth =
      cpu::method_of(g, Form::map) != cpu::Method::direct && std::is_same_v<Case, cases::ConvolutionCase> ? 8 : 1;
  for (const cpu::InstructionSet set : instruction_sets()) {
    INFO(std::string(cpu::name_of(set)));
    const Results found = cpu::with_engine(set, [&](auto engine) { return run(engine, c, in); });
    CHECK(found.unclean == "");
    check_close("y", found.y, expected.y, magnitude.y, growth * product(g.in, g.size, g.size));
    check_close("d_x", found.d_x, expected.d_x, magnitude.d_x, growth * product(g.out, g.size, g.size));
    check_close("d_weight", found.d_weight, expected.d_weight, magnitude.d_weight, growth * outputs);
    check_close("d_bias", found.d_bias, expected.d_bias, magnitude.d_bias, outputs);
  }
}

const auto convolution = [](auto engine, const cases::ConvolutionCase& c, const WeightedInput& in) {
  return run_convolution(engine, c, in);
};
const auto dense = [](auto engine, const cases::DenseCase& c, const WeightedInput& in) {
  return run_dense(engine, c, in);
};

struct PoolInput {
  Numbers a, d_y, coverage, context;
  explicit PoolInput(const cases::PoolCase& c)
      : a(random_numbers(c.input(), 1)),
        d_y(random_numbers(c.output(), 2)),
        coverage(coverage_of(c, 3)),
        context(random_numbers({c.batch, c.context, 1, 1}, 4)) {}
};

template <class E>
Results run(E engine, const cases::PoolCase& c, const PoolInput& in) {
  return run_pool(engine, c, in.a, in.d_y, in.coverage, in.context);
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

void check_same_bits(const Results& a, const Results& b) {
  CHECK(same_bits(a.y, b.y));
  CHECK(same_bits(a.d_x, b.d_x));
  CHECK(same_bits(a.d_weight, b.d_weight));
  CHECK(same_bits(a.d_bias, b.d_bias));
}

}  // namespace

TEST_CASE("The baseline instruction set runs everywhere and each set has a name") {
  const auto sets = instruction_sets();
  CHECK(sets.front() == cpu::InstructionSet::baseline);
  for (const auto set : sets) MESSAGE("tested on this machine: " << std::string(cpu::name_of(set)));
}

TEST_CASE("Numbers copied into a map come out as they were, on any channel count") {
  for (const cpu::InstructionSet set : instruction_sets())
    cpu::with_engine(set, [&]<class E>(E) {
      for (const Form form : {Form::map, Form::vector})
        for (const int channels : {1, 2, 15, 16, 17, 33, 48}) {
          const Shape shape = form == Form::map ? Shape{3, channels, 4, 5} : Shape{3, channels, 1, 1};
          const Numbers numbers = random_numbers(shape, 9);
          const Door<E> door(numbers, form);
          CHECK(door.is_clean());
          CHECK(same_bits(door.read(), in_double(numbers.values)));
        }
    });
}

TEST_CASE("An image of a batch is that image and five bands joined are read as one image") {
  for (const cpu::InstructionSet set : instruction_sets())
    cpu::with_engine(set, [&]<class E>(E) {
      const Numbers numbers = random_numbers({5, 32, 3, 4}, 10);
      const Door<E> door(numbers, Form::map);
      E engine;
      for (int n = 0; n < 5; ++n) {
        std::vector<float> image(32 * 3 * 4);
        engine.copy_out(E::image(door.map, n, 1), View<float>{image.data(), {1, 32, 3, 4}});
        CHECK(std::equal(image.begin(), image.end(), numbers.values.begin() + n * 32 * 3 * 4));
      }
      std::vector<float> joined(numbers.values.size());
      engine.copy_out(E::joined(door.map, 5), View<float>{joined.data(), {1, 160, 3, 4}});
      CHECK(joined == numbers.values);
    });
}

TEST_CASE("Convolution and its gradients agree with the reference on every instruction set") {
  for (const cases::ConvolutionCase& c : cases::convolutions)
    check_against_reference(c, c.geometry, product(c.batch, c.output().h, c.output().w), convolution);
}

TEST_CASE("3x3 convolution agrees with the reference for every height and width from 1 to a tile and a bit") {
  for (const KernelGeometry geometry :
       {KernelGeometry{1, 3, 3, 1}, KernelGeometry{1, 3, 3, 2}, KernelGeometry{3, 2, 3, 1}, KernelGeometry{3, 2, 3, 2},
        KernelGeometry{17, 3, 3, 2}})
    for (int height = 1; height <= 19; ++height)
      for (int width = 1; width <= 19; ++width) {
        const cases::ConvolutionCase c{geometry, 1, height, width, true, Activation::relu};
        check_against_reference(c, geometry, product(1, c.output().h, c.output().w), convolution);
      }
}

TEST_CASE("A dense layer and its gradients agree with the reference on every instruction set") {
  for (const cases::DenseCase& c : cases::denses)
    check_against_reference(c, c.geometry(), static_cast<std::size_t>(c.batch), dense);
}

TEST_CASE("Weighted pooling and its gradient agree with the reference, with empty rings and nothing covered") {
  for (const cases::PoolCase& c : cases::pools) {
    INFO(c.name());
    const PoolInput in(c);
    PoolInput sizes = in;
    sizes.a = in.a.magnitudes();
    sizes.d_y = in.d_y.magnitudes();
    sizes.context = in.context.magnitudes();
    const Results expected = run(Reference<double>{}, c, in), magnitude = run(Reference<double>{}, c, sizes);
    for (const cpu::InstructionSet set : instruction_sets()) {
      INFO(std::string(cpu::name_of(set)));
      const Results found = cpu::with_engine(set, [&](auto engine) { return run(engine, c, in); });
      CHECK(found.unclean == "");
      const std::size_t terms = 2 * product(1, c.height, c.width);  // sum of w A over sum of w
      check_close("y", found.y, expected.y, magnitude.y, terms);
      check_close("d_x", found.d_x, expected.d_x, magnitude.d_x, terms);
    }
  }
}

TEST_CASE("The ReLU's gradient is zero exactly where the output is not positive") {
  for (const cpu::InstructionSet set : instruction_sets())
    cpu::with_engine(set, [&]<class E>(E engine) {
      for (const int channels : {1, 3, 16, 21}) {
        Numbers y = random_numbers({3, channels, 5, 7}, 11), d_y = random_numbers(y.shape, 12);
        for (std::size_t k = 0; k < y.values.size(); k += 3) y.values[k] = k % 2 == 0 ? 0.0f : -0.0f;
        const Door<E> outputs(y, Form::map);
        Door<E> gradients(d_y, Form::map);
        engine.activation_gradient(Activation::none, outputs.map, gradients.map);
        CHECK(same_bits(gradients.read(), in_double(d_y.values)));
        engine.activation_gradient(Activation::relu, outputs.map, gradients.map);
        for (std::size_t k = 0; k < y.values.size(); ++k)
          if (!(y.values[k] > 0)) d_y.values[k] = 0;
        CHECK(first_difference(gradients.read(), in_double(d_y.values), [](std::size_t) { return 0.0; }) == -1);
        CHECK(gradients.is_clean());
      }
    });
}

TEST_CASE("A range of rows gives the same bits as the whole map and touches no other row") {
  for (const cpu::InstructionSet set : instruction_sets())
    cpu::with_engine(set, [&]<class E>(E engine) {
      for (const cases::ConvolutionCase& c : cases::convolutions) {
        INFO(std::string(cpu::name_of(set)), " ", c.name());
        const WeightedInput in = input_of(c);
        const OwnedKernel<E> kernel(c.geometry, Form::map, in.weight, in.bias);
        const Scratch<E> scratch(E::scratch_size(c.geometry, Form::map, false));
        engine.use_scratch(scratch.data());
        const Door<E> x(in.x, Form::map), skip_door(in.skip, Form::map);
        const typename E::Map skip = c.skip ? skip_door.map : typename E::Map{};
        Door<E> whole(c.output(), Form::map), parts(c.output(), Form::map);
        engine.convolve(x.map, kernel.kernel, skip, c.activation, whole.map, Rows{});

        const std::vector<double> expected = whole.read();
        const int height = c.output().h, width = c.output().w;
        int first = 0;
        for (const int last : {height / 3, height / 2, height}) {
          parts.fill_with_nan();
          engine.convolve(x.map, kernel.kernel, skip, c.activation, parts.map, Rows{first, last});
          const std::vector<double> found = parts.read();
          std::size_t k = 0;
          bool right = true;
          for (int plane = 0; plane < c.batch * c.geometry.out; ++plane)
            for (int i = 0; i < height; ++i)
              for (int j = 0; j < width; ++j, ++k)
                right = right && (i >= first && i < last ? found[k] == expected[k] : std::isnan(found[k]));
          CHECK(right);
          first = last;
        }
        CHECK(parts.is_clean());
      }
    });
}

TEST_CASE("Every instruction set with a fused multiply-add gives the same bits") {
  const auto sets = fused_instruction_sets();
  if (sets.size() < 2) {
    MESSAGE("skipped: this machine has fewer than two such sets");
    return;
  }
  const auto compare = [&](const auto& run_on) {
    const Results first = cpu::with_engine(sets[0], run_on);
    for (std::size_t k = 1; k < sets.size(); ++k) check_same_bits(cpu::with_engine(sets[k], run_on), first);
  };
  for (const auto& c : cases::convolutions) {
    INFO(c.name());
    compare([&](auto engine) { return run_convolution(engine, c, input_of(c)); });
  }
  for (const auto& c : cases::denses) {
    INFO(c.name());
    compare([&](auto engine) { return run_dense(engine, c, input_of(c)); });
  }
  for (const auto& c : cases::pools) {
    INFO(c.name());
    compare([&](auto engine) { return run(engine, c, PoolInput(c)); });
  }
}

TEST_CASE("Each number of a convolution is one chain of fused multiply-adds over blocks of 16, taps and channels") {
  // The chain is written down here once more, so the same bits are checked on machines that cannot be compared.
  for (const cases::ConvolutionCase& c : cases::convolutions) {
    if (cpu::method_of(c.geometry, Form::map) != cpu::Method::direct) continue;
    INFO(c.name());
    const auto [in, out, size, stride] = c.geometry;
    const WeightedInput given = input_of(c);
    const View<const float> x = given.x.view(), weight = given.weight.view();
    std::vector<double> expected;
    for (int n = 0; n < c.batch; ++n)
      for (int o = 0; o < out; ++o)
        for (int i = 0; i < c.output().h; ++i)
          for (int j = 0; j < c.output().w; ++j) {
            float sum = given.bias.values[static_cast<std::size_t>(o)];
            for (int block = 0; block < in; block += 16)
              for (int a = 0; a < size; ++a)
                for (int b = 0; b < size; ++b)
                  for (int k = block; k < std::min(block + 16, in); ++k) {
                    const int p = stride * i + a - size / 2, q = stride * j + b - size / 2;
                    if (p >= 0 && p < c.height && q >= 0 && q < c.width)
                      sum = std::fma(weight(o, k, a, b), x(n, k, p, q), sum);
                  }
            if (c.skip) sum += given.skip.view()(n, o, i, j);
            expected.push_back(static_cast<double>(c.activation == Activation::relu && !(sum > 0) ? 0.0f : sum));
          }
    for (const cpu::InstructionSet set : fused_instruction_sets()) {
      INFO(std::string(cpu::name_of(set)));
      const Results found = cpu::with_engine(set, [&](auto engine) { return run_convolution(engine, c, given); });
      CHECK(same_bits(found.y, expected));
    }
  }
}

namespace {

// The transform F(4x4,3x3) of Lavin & Gray 2016 on single numbers, in the order of winograd.inl.
using Six = std::array<float, 6>;
Six input_line(const Six& d) {
  const float a = std::fma(-4.0f, d[2], d[4]), b = std::fma(-4.0f, d[1], d[3]), c = d[4] - d[2], e = d[3] - d[1];
  return {std::fma(4.0f, d[0], std::fma(-5.0f, d[2], d[4])), a + b, a - b, std::fma(2.0f, e, c), std::fma(-2.0f, e, c),
          std::fma(4.0f, d[1], std::fma(-5.0f, d[3], d[5]))};
}
Six kernel_line(const Six& g) {
  const float ends = g[0] + g[2], far_ends = std::fma(4.0f, g[2], g[0]);
  return {1.0f / 4 * g[0],
          -1.0f / 6 * (ends + g[1]),
          -1.0f / 6 * (ends - g[1]),
          1.0f / 24 * std::fma(2.0f, g[1], far_ends),
          1.0f / 24 * std::fma(-2.0f, g[1], far_ends),
          g[2]};
}
Six output_line(const Six& m) {
  const float sum = m[1] + m[2], difference = m[1] - m[2], far_sum = m[3] + m[4], far_difference = m[3] - m[4];
  return {m[0] + sum + far_sum, std::fma(2.0f, far_difference, difference), std::fma(4.0f, far_sum, sum),
          std::fma(8.0f, far_difference, difference) + m[5]};
}

/// The line on the columns of a tile, then on its rows.
template <class Line>
std::array<Six, 6> both_ways(const std::array<Six, 6>& tile, Line line) {
  std::array<Six, 6> half{}, whole{};
  for (std::size_t j = 0; j < 6; ++j) {
    Six column;
    for (std::size_t i = 0; i < 6; ++i) column[i] = tile[i][j];
    column = line(column);
    for (std::size_t i = 0; i < 6; ++i) half[i][j] = column[i];
  }
  for (std::size_t i = 0; i < 6; ++i) whole[i] = line(half[i]);
  return whole;
}

}  // namespace

TEST_CASE("Each number of a transformed convolution depends on its tile alone, by one chain over the channels") {
  for (const cases::ConvolutionCase& c : cases::convolutions) {
    if (cpu::method_of(c.geometry, Form::map) != cpu::Method::winograd) continue;
    INFO(c.name());
    const WeightedInput given = input_of(c);
    const View<const float> x = given.x.view(), weight = given.weight.view();
    std::vector<double> expected(c.output().size());
    std::size_t plane = 0;
    for (int n = 0; n < c.batch; ++n)
      for (int o = 0; o < c.geometry.out; ++o, ++plane)
        for (int top = 0; top < c.height; top += 4)
          for (int left = 0; left < c.width; left += 4) {
            std::array<Six, 6> sum{};
            for (int k = 0; k < c.geometry.in; ++k) {
              std::array<Six, 6> d{}, g{};
              for (int i = 0; i < 6; ++i)
                for (int j = 0; j < 6; ++j) {
                  const int p = top + i - 1, q = left + j - 1;
                  const std::size_t a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
                  if (p >= 0 && p < c.height && q >= 0 && q < c.width) d[a][b] = x(n, k, p, q);
                  if (i < 3 && j < 3) g[a][b] = weight(o, k, i, j);
                }
              d = both_ways(d, input_line);
              g = both_ways(g, kernel_line);
              for (std::size_t i = 0; i < 6; ++i)
                for (std::size_t j = 0; j < 6; ++j) sum[i][j] = std::fma(g[i][j], d[i][j], sum[i][j]);
            }
            sum = both_ways(sum, output_line);
            for (int i = top; i < std::min(top + 4, c.height); ++i)
              for (int j = left; j < std::min(left + 4, c.width); ++j) {
                float y = sum[static_cast<std::size_t>(i - top)][static_cast<std::size_t>(j - left)] +
                          given.bias.values[static_cast<std::size_t>(o)];
                if (c.skip) y += given.skip.view()(n, o, i, j);
                if (c.activation == Activation::relu && !(y > 0)) y = 0;
                expected[plane * static_cast<std::size_t>(c.height * c.width) +
                         static_cast<std::size_t>(i * c.width + j)] = static_cast<double>(y);
              }
          }
    for (const cpu::InstructionSet set : fused_instruction_sets()) {
      INFO(std::string(cpu::name_of(set)));
      const Results found = cpu::with_engine(set, [&](auto engine) { return run_convolution(engine, c, given); });
      CHECK(same_bits(found.y, expected));
    }
  }
}

namespace {

// The phases of polyphase.inl on single numbers: nine samples of an axis to nine places, three taps to nine, nine to
// four.
using Nine = std::array<float, 9>;
Nine phase_input_line(const Nine& d) {
  const float a = d[6] - d[2], b = d[0] - d[4];
  return {std::fma(2.0f, b, a),
          a - (d[2] + d[4]),
          std::fma(3.0f, d[2] - d[4], a),
          a,
          std::fma(-2.0f, a, d[8] - d[4]),
          d[1],
          d[3],
          d[5],
          d[7]};
}
Nine phase_kernel_line(const Nine& g) {
  return {1.0f / 2 * g[0],
          -1.0f / 2 * (g[0] + g[2]),
          1.0f / 6 * (g[2] - g[0]),
          1.0f / 6 * std::fma(2.0f, g[2], g[0]),
          g[2],
          g[1],
          g[1],
          g[1],
          g[1]};
}
Nine phase_output_line(const Nine& m) {
  const float sum = m[1] + m[2], difference = m[1] - m[2], far = m[3];
  return {m[0] + sum + far + m[5], std::fma(2.0f, far, difference) + m[6], std::fma(4.0f, far, sum) + m[7],
          std::fma(8.0f, far, difference) + m[4] + m[8]};
}

template <class Line>
std::array<Nine, 9> both_ways(const std::array<Nine, 9>& tile, Line line) {
  std::array<Nine, 9> half{}, whole{};
  for (std::size_t j = 0; j < 9; ++j) {
    Nine column;
    for (std::size_t i = 0; i < 9; ++i) column[i] = tile[i][j];
    column = line(column);
    for (std::size_t i = 0; i < 9; ++i) half[i][j] = column[i];
  }
  for (std::size_t i = 0; i < 9; ++i) whole[i] = line(half[i]);
  return whole;
}

}  // namespace

TEST_CASE("Each number of a convolution by phases depends on its tile alone, by one chain over the channels") {
  int tested = 0;
  for (const cases::ConvolutionCase& c : cases::convolutions) {
    if (cpu::method_of(c.geometry, Form::map) != cpu::Method::polyphase) continue;
    INFO(c.name());
    ++tested;
    const WeightedInput given = input_of(c);
    const View<const float> x = given.x.view(), weight = given.weight.view();
    const Shape y = c.output();
    std::vector<double> expected(y.size());
    std::size_t plane = 0;
    for (int n = 0; n < c.batch; ++n)
      for (int o = 0; o < y.c; ++o, ++plane)
        for (int top = 0; top < y.h; top += 4)
          for (int left = 0; left < y.w; left += 4) {
            std::array<Nine, 9> sum{};
            for (int k = 0; k < c.geometry.in; ++k) {
              std::array<Nine, 9> d{}, g{};
              for (int i = 0; i < 9; ++i)
                for (int j = 0; j < 9; ++j) {
                  const int p = 2 * top + i - 1, q = 2 * left + j - 1;
                  const std::size_t a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
                  if (p >= 0 && p < c.height && q >= 0 && q < c.width) d[a][b] = x(n, k, p, q);
                  if (i < 3 && j < 3) g[a][b] = weight(o, k, i, j);
                }
              d = both_ways(d, phase_input_line);
              g = both_ways(g, phase_kernel_line);
              for (std::size_t i = 0; i < 9; ++i)
                for (std::size_t j = 0; j < 9; ++j) sum[i][j] = std::fma(g[i][j], d[i][j], sum[i][j]);
            }
            sum = both_ways(sum, phase_output_line);
            for (int i = top; i < std::min(top + 4, y.h); ++i)
              for (int j = left; j < std::min(left + 4, y.w); ++j) {
                float value = sum[static_cast<std::size_t>(i - top)][static_cast<std::size_t>(j - left)] +
                              given.bias.values[static_cast<std::size_t>(o)];
                if (c.skip) value += given.skip.view()(n, o, i, j);
                if (c.activation == Activation::relu && !(value > 0)) value = 0;
                expected[plane * static_cast<std::size_t>(y.h * y.w) + static_cast<std::size_t>(i * y.w + j)] =
                    static_cast<double>(value);
              }
          }
    for (const cpu::InstructionSet set : fused_instruction_sets()) {
      INFO(std::string(cpu::name_of(set)));
      const Results found = cpu::with_engine(set, [&](auto engine) { return run_convolution(engine, c, given); });
      CHECK(same_bits(found.y, expected));
    }
  }
  CHECK(tested >= 3);
}

TEST_CASE("A NaN in one image of a batch reaches no other, and no tile it does not touch") {
  for (const cpu::InstructionSet set : instruction_sets())
    cpu::with_engine(set, [&]<class E>(E engine) {
      INFO(std::string(cpu::name_of(set)));
      const cases::ConvolutionCase c{{16, 32, 3, 1}, 3, 20, 20, false, Activation::none};
      WeightedInput in = input_of(c);
      const Results clean = run_convolution(engine, c, in);
      in.x.values[16 * 400 + 5 * 20 + 5] = not_a_number;  // image 1, channel 0, row 5, column 5
      const Results found = run_convolution(engine, c, in);
      std::size_t k = 0;
      int lost = 0, wrong = 0;
      for (int n = 0; n < 3; ++n)
        for (int o = 0; o < 32; ++o)
          for (int i = 0; i < 20; ++i)
            for (int j = 0; j < 20; ++j, ++k) {
              if (n == 1 && i >= 4 && i < 8 && j >= 4 && j < 8) {
                lost += std::isnan(found.y[k]);
                continue;  // the tiles that read the pixel
              }
              wrong += found.y[k] != clean.y[k];
            }
      CHECK(wrong == 0);
      CHECK(lost >= 32 * 9);
    });
}

TEST_CASE("Numbers too small for a normal float count as zero in a convolution, and the host's setting comes back") {
  constexpr float tiny = 1e-40f;
  volatile float smallest_normal = 1.17549435e-38f;
  for (const cpu::InstructionSet set : instruction_sets())
    cpu::with_engine(set, [&]<class E>(E engine) {
      INFO(std::string(cpu::name_of(set)));
      for (const cases::ConvolutionCase& c : {cases::ConvolutionCase{{16, 16, 3, 1}, 1, 9, 9},
                                              {{16, 32, 3, 2}, 1, 9, 9},
                                              {{1, 16, 3, 2}, 1, 9, 9},
                                              {{16, 16, 1, 1}, 1, 4, 4}}) {
        WeightedInput in = input_of(c);
        in.x = constant(c.input(), tiny);
        in.d_y = constant(c.output(), tiny);
        in.weight = constant(in.weight.shape, 1);
        in.bias = constant(in.bias.shape, 0);
        in.d_weight = constant(in.d_weight.shape, 0);
        const Results results = run_convolution(engine, c, in);
        CHECK(std::all_of(results.y.begin(), results.y.end(), [](double y) { return y == 0; }));
        CHECK(std::all_of(results.d_x.begin(), results.d_x.end(), [](double d) { return d == 0; }));
        CHECK(std::all_of(results.d_weight.begin(), results.d_weight.end(), [](double d) { return d == 0; }));
      }
      CHECK(smallest_normal / 2 > 0);
    });
}
