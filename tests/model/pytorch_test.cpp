// SPDX-License-Identifier: BSD-3-Clause
// The whole released network against PyTorch, forward and gradient, on every engine of this machine. Weights come
// through a safetensors file under PyTorch's names. The recorded files and what is in them:
// tests/oracles/record_network.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "clustermass/core/arena.hpp"
#include "clustermass/cpu/engine.hpp"
#include "clustermass/cpu/reference.hpp"
#include "clustermass/io/weight_file.hpp"
#include "clustermass/model/networks.hpp"
#include "clustermass/nn/plan.hpp"
#include "clustermass/nn/weights.hpp"

using namespace clustermass;

namespace {

constexpr int head_count = 2;
using Features = Released::Features;
using MassHead = Released::MassHead;
using BandHead = Released::BandHead;

/// A file of tests/data/network.
class Recorded {
 public:
  explicit Recorded(const std::string& name)
      : bytes_(read_file(CLUSTERMASS_SOURCE_DIR "/tests/data/network/" + name + ".safetensors")),
        file_(WeightFile::parse(bytes_, name)) {}

  const WeightFile& file() const { return file_; }

  Shape shape(const std::string& name) const {
    const TensorInfo* tensor = file_.find(name);
    REQUIRE_MESSAGE(tensor != nullptr, name);
    int extents[4] = {1, 1, 1, 1};
    for (std::size_t i = 0; i < tensor->shape.size(); ++i) extents[i] = static_cast<int>(tensor->shape[i]);
    return {extents[0], extents[1], extents[2], extents[3]};
  }

  std::vector<float> values(const std::string& name) const {
    std::vector<float> result(shape(name).size());
    file_.read(name, result);
    return result;
  }

 private:
  std::vector<std::byte> bytes_;
  WeightFile file_;
};

template <class Net>
Weights<Net> read_weights(const Recorded& recorded, const std::string& prefix) {
  Weights<Net> weights;
  weights.for_each_tensor(prefix, [&](const std::string& name, const Parameter&, std::span<float> values) {
    recorded.file().read(name, values);
  });
  return weights;
}

/// |ours - theirs| <= tolerance * largest |theirs|, element by element.
template <class Scalar>
void check_close(std::span<const Scalar> ours, std::span<const float> theirs, double tolerance,
                 const std::string& name) {
  REQUIRE(ours.size() == theirs.size());
  double largest = 0, difference = 0;
  std::size_t not_finite = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double a = static_cast<double>(ours[i]), b = static_cast<double>(theirs[i]);
    largest = std::max(largest, std::fabs(b));
    difference = std::max(difference, std::fabs(a - b));
    not_finite += !std::isfinite(a);
  }
  INFO(name);
  CHECK(not_finite == 0);
  CHECK(difference <= tolerance * largest);
}

/// A gradient as record_network.py stores it: whole or every 29th element, sum of g_k cos(k), Euclidean norm.
template <class Scalar>
void check_gradient(std::span<const Scalar> ours, const Recorded& recorded, double tolerance, const std::string& name) {
  const std::vector<float> theirs = recorded.values(name);
  const std::size_t count = theirs.size() - 2, stride = count == ours.size() ? 1 : 29;
  std::vector<Scalar> picked;
  double waves = 0, square = 0;
  for (std::size_t k = 0; k < ours.size(); ++k) {
    const double g = static_cast<double>(ours[k]);
    waves += g * std::cos(static_cast<double>(k));
    square += g * g;
    if (k % stride == 0) picked.push_back(ours[k]);
  }
  check_close<Scalar>(picked, std::span(theirs).first(count), tolerance, name);
  const double norm = theirs[count + 1];
  INFO(name);
  CHECK(std::fabs(waves - static_cast<double>(theirs[count])) <= tolerance * norm);
  CHECK(std::fabs(std::sqrt(square) - norm) <= tolerance * norm);
}

/// One list of layers with its memory: run once, walked back once.
template <class Net, Engine E>
struct Walked {
  using Scalar = typename E::Scalar;
  using Map = typename E::Map;

  Plan<Net, E> plan;
  Arena<Scalar> arena{plan.arena_size()}, gradient_arena{plan.gradient_arena_size()}, scratch{plan.scratch_size()},
      cotangent;
  ConditionsOf<E> conditions{};
  Map x{}, y{};
  Weights<Net, Scalar> d_parameters;

  Walked(const Weights<Net>& weights, Shape input) : plan(weights.values(), input, Walk::recorded) {}

  Map run(E& engine, Map input, ConditionsOf<E> given) {
    conditions = given;
    x = input;
    engine.use_scratch(scratch.data());
    return y = plan.run(engine, arena.data(), conditions, x);
  }

  /// d_y: the cotangent as plain numbers; d_x is written.
  template <class T>
  void backward(E& engine, const std::vector<T>& d_y, Map d_x) {
    cotangent = Arena<Scalar>(E::map_size(plan.output_shape(), Net::form));
    engine.use_scratch(scratch.data());
    const Map d = E::map_at(cotangent.data(), plan.output_shape(), Net::form);
    engine.copy_in(View<const T>{d_y.data(), plan.output_shape()}, d);
    plan.backward(engine, arena.data(), gradient_arena.data(), conditions, x, {}, d, d_x, d_parameters.values().data());
  }

  void check_parameters(const Recorded& recorded, double tolerance, const std::string& path,
                        const std::string& prefix) {
    d_parameters.for_each_tensor(prefix, [&](const std::string& name, const Parameter&, std::span<Scalar> values) {
      check_gradient<Scalar>(values, recorded, tolerance, "gradient." + path + "." + name);
    });
  }
};

/// A map or vector with its own memory.
template <Engine E>
struct Owned {
  using Scalar = typename E::Scalar;
  Arena<Scalar> arena;
  typename E::Map map;
  Shape shape;

  Owned(Shape extents, Form form)
      : arena(E::map_size(extents, form)), map(E::map_at(arena.data(), extents, form)), shape(extents) {}

  std::vector<Scalar> plain(E& engine) const { return plain_of(engine, map, shape); }
  static std::vector<Scalar> plain_of(E& engine, typename E::Map map, Shape extents) {
    std::vector<Scalar> values(extents.size());
    engine.copy_out(map, View<Scalar>{values.data(), extents});
    return values;
  }
};

/// One engine on one recorded case.
template <Engine E>
struct Comparison {
  using Scalar = typename E::Scalar;
  using Map = typename E::Map;

  E engine;
  const Recorded& weights;
  const Recorded& recorded;
  double tolerance;

  /// Numbers of the case in the engine's type; a View into them is what conditions are made of.
  std::vector<Scalar> numbers(const std::string& name) const {
    const std::vector<float> values = recorded.values(name);
    return {values.begin(), values.end()};
  }

  /// Runs the ensemble on joined features and walks back. Returns the sum of the heads' gradients to the features.
  std::vector<Scalar> mass_heads(Map joined, Shape shape) {
    const std::vector<Scalar> coverage = numbers("coverage"), context = numbers("context");
    const std::vector<float> outputs = recorded.values("mass"), cotangents = recorded.values("mass.cotangent");
    const std::size_t one = outputs.size() / head_count;
    std::vector<Scalar> d_features(shape.size());
    for (std::size_t k = 0; k < head_count; ++k) {
      const std::string prefix = "mass." + std::to_string(k) + ".";
      Walked<MassHead, E> head(read_weights<MassHead>(weights, prefix), shape);
      const Map y = head.run(
          engine, joined,
          {{coverage.data(), {shape.n, 1, shape.h, shape.w}}, {context.data(), {shape.n, context_count, 1, 1}}});
      check_close<Scalar>(Owned<E>::plain_of(engine, y, {shape.n, 2, 1, 1}), std::span(outputs).subspan(k * one, one),
                          tolerance, "mass");
      Owned<E> d_x(shape, Form::map);
      const auto from = cotangents.begin() + static_cast<std::ptrdiff_t>(k * one);
      head.backward(engine, std::vector<float>(from, from + static_cast<std::ptrdiff_t>(one)), d_x.map);
      head.check_parameters(recorded, tolerance, "mass", prefix);
      const std::vector<Scalar> plain = d_x.plain(engine);
      for (std::size_t i = 0; i < plain.size(); ++i) d_features[i] += plain[i];
    }
    return d_features;
  }

  std::vector<Scalar> band_head(Map features, Shape shape) {
    const std::vector<Scalar> coverage = numbers("band_coverage");
    Walked<BandHead, E> head(read_weights<BandHead>(weights, "band."), shape);
    const Map y = head.run(engine, features, {{coverage.data(), {shape.n, 1, shape.h, shape.w}}, {}});
    check_close<Scalar>(Owned<E>::plain_of(engine, y, {shape.n, band_count, 1, 1}), recorded.values("band"), tolerance,
                        "band");
    Owned<E> d_x(shape, Form::map);
    head.backward(engine, recorded.values("band.cotangent"), d_x.map);
    head.check_parameters(recorded, tolerance, "band", "band.");
    return d_x.plain(engine);
  }

  void image_case() {
    const std::vector<float> pixels = recorded.values("input");
    Owned<E> input(recorded.shape("input"), Form::map);
    engine.copy_in(View<const float>{pixels.data(), input.shape}, input.map);
    Walked<Features, E> extractor(read_weights<Features>(weights, "features."), input.shape);
    const Map features = extractor.run(engine, input.map, {});
    const Shape shape = recorded.shape("features");
    check_close<Scalar>(Owned<E>::plain_of(engine, features, shape), recorded.values("features"), tolerance,
                        "features");

    const Shape joined{1, shape.c * band_count, shape.h, shape.w};
    for (const bool mass : {true, false}) {
      const std::string path = mass ? "mass" : "band";
      const std::vector<Scalar> d_features =
          mass ? mass_heads(E::joined(features, band_count), joined) : band_head(features, shape);
      Owned<E> d_input(input.shape, Form::map);
      extractor.d_parameters = {};
      extractor.backward(engine, d_features, d_input.map);
      extractor.check_parameters(recorded, tolerance, path, "features.");
      check_gradient<Scalar>(d_input.plain(engine), recorded, tolerance, "gradient." + path + ".input");
    }
  }

  void head_case() {
    const std::vector<float> values = recorded.values("input");
    Owned<E> input(recorded.shape("input"), Form::map);
    engine.copy_in(View<const float>{values.data(), input.shape}, input.map);
    check_gradient<Scalar>(mass_heads(input.map, input.shape), recorded, tolerance, "gradient.mass.input");
  }
};

template <Engine E>
void compare_with_pytorch(E engine, double tolerance) {
  const Recorded weights("weights");
  for (const std::string name : {"image_32x32", "image_37x29", "head_7x9"}) {
    CAPTURE(name);
    const Recorded recorded(name);
    Comparison<E> comparison{engine, weights, recorded, tolerance};
    if (name == "head_7x9")
      comparison.head_case();
    else
      comparison.image_case();
  }
}

}  // namespace

TEST_CASE("the recorded weights have the names and shapes of the released network") {
  const Recorded weights("weights");
  std::vector<NamedShape> wanted;
  const auto add = [&](const std::string& name, const Parameter& p, std::span<const float>) {
    const std::int64_t extents[] = {p.shape.n, p.shape.c, p.shape.h, p.shape.w};
    wanted.push_back({name, {extents, extents + p.rank}});
  };
  const Weights<Features> features;
  const Weights<BandHead> band;
  const Weights<MassHead> mass;
  features.for_each_tensor("features.", add);
  band.for_each_tensor("band.", add);
  for (int k = 0; k < head_count; ++k) mass.for_each_tensor("mass." + std::to_string(k) + ".", add);
  CHECK_NOTHROW(weights.file().expect(wanted));
}

// The oracle ran in double and is stored in float32, which is good to 6e-8.
TEST_CASE("the reference engine in double agrees with PyTorch to 3e-7, forward and gradient") {
  compare_with_pytorch(Reference<double>{}, 3e-7);
}

TEST_CASE("the CPU engine of every instruction set of this machine agrees with PyTorch to 1e-5, forward and gradient") {
  using cpu::InstructionSet;
  for (const InstructionSet set :
       {InstructionSet::baseline, InstructionSet::neon, InstructionSet::avx2, InstructionSet::avx512}) {
    if (!cpu::available(set)) continue;
    CAPTURE(cpu::name_of(set));
    cpu::with_engine(set, [](auto engine) { compare_with_pytorch(engine, 1e-5); });
  }
}
