// SPDX-License-Identifier: BSD-3-Clause
// A trained network's weight file: what is written is read, and each thing that can be wrong with the metadata or the
// tensors has a message of its own that names it.
#include "clustermass/network_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/random_network.hpp"

using namespace clustermass;
using namespace clustermass::support;

namespace {

const TrainedNetwork<>& network() {
  static const TrainedNetwork<> made = random_network(5, 2, 16);
  return made;
}

std::string refusal(const std::vector<std::byte>& bytes) {
  try {
    read_network(bytes, "released.safetensors");
  } catch (const WeightError& error) {
    return error.what();
  }
  return "accepted";
}

/// What the reader says when one key of the metadata has another value (or, if it is null, is not there).
std::string refusal_with(const std::string& key, const char* value) {
  TrainedNetwork<> changed = network();
  auto& metadata = changed.metadata;
  const auto entry = std::find_if(metadata.begin(), metadata.end(), [&](const auto& e) { return e.first == key; });
  REQUIRE(entry != metadata.end());
  if (value)
    entry->second = value;
  else
    metadata.erase(entry);
  return refusal(encoded(changed));
}

/// What the reader says after change(list of tensors).
template <class Change>
std::string refusal_after(Change&& change) {
  TrainedNetwork<> copy = network();
  std::vector<TensorToWrite> tensors;
  copy.for_each_tensor([&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
    tensors.push_back({name, shape, values, Dtype::f32});
  });
  change(tensors);
  return refusal(encode_weight_file(copy.metadata, tensors));
}

TensorToWrite& named(std::vector<TensorToWrite>& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& t) { return t.name == name; });
  REQUIRE(found != tensors.end());
  return *found;
}
void drop(std::vector<TensorToWrite>& tensors, const std::string& name) {
  std::erase_if(tensors, [&](const TensorToWrite& t) { return t.name == name; });
}

void check_says(const std::string& message, std::initializer_list<const char*> parts) {
  INFO(message);
  CHECK(message.find("released.safetensors") == 0);
  for (const char* part : parts) CHECK_MESSAGE(message.find(part) != std::string::npos, std::string(part));
}

}  // namespace

TEST_CASE("A network is read as it was written, with all tensors and metadata") {
  TrainedNetwork<> read = read_network(encoded(network()), "memory");
  TrainedNetwork<> written = network();
  std::vector<std::vector<float>> expected, found;
  std::vector<std::string> names;
  written.for_each_tensor([&](const std::string& name, const auto&, std::span<float> values) {
    names.push_back(name);
    expected.emplace_back(values.begin(), values.end());
  });
  read.for_each_tensor([&](const std::string&, const auto&, std::span<float> values) {
    found.emplace_back(values.begin(), values.end());
  });
  CHECK(found == expected);
  CHECK(read.metadata == written.metadata);
  CHECK(read.mass.size() == 2);
  for (const char* name : {"features.0.weight", "features.1.conv2.bias", "features.7.conv1.weight", "band.1.weight",
                           "mass.0.0.weight", "mass.1.4.bias", "ood.mean", "ood.whitening", "calibration.scale",
                           "calibration.q90", "probe.input", "probe.output"})
    CHECK_MESSAGE(std::count(names.begin(), names.end(), name) == 1, std::string(name));
}

TEST_CASE("A file of version 1 is read as a network that does not look at the filter's answer") {
  TrainedNetwork<> written = network();
  *std::find(written.metadata.begin(), written.metadata.end(),
             std::pair<std::string, std::string>("format_version", "2")) = {"format_version", "1"};
  std::vector<TensorToWrite> tensors;
  std::vector<std::vector<float>> shorter(written.mass.size());
  written.for_each_tensor(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, std::span<float> values) {
        tensors.push_back({name, shape, values, Dtype::f32});
      });
  constexpr std::size_t row = 5 * 64 + 17;
  for (std::size_t k = 0; k < shorter.size(); ++k) {
    TensorToWrite& hidden = named(tensors, "mass." + std::to_string(k) + ".3.weight");
    REQUIRE(hidden.shape == std::vector<std::int64_t>{64, row});
    for (std::size_t n = 0; n < 64 * row; ++n)
      if (n % row < row - 3) shorter[k].push_back(hidden.values[n]);
    hidden.shape[1] = row - 3;
    hidden.values = shorter[k];
  }
  TrainedNetwork<> read = read_network(encode_weight_file(written.metadata, tensors), "memory");
  read.for_each_tensor([&](const std::string& name, const std::vector<std::int64_t>&, std::span<float> values) {
    const bool hidden = name == "mass.0.3.weight" || name == "mass.1.3.weight";
    const std::size_t k = name == "mass.1.3.weight" ? 1 : 0;
    const std::span<const float> expected = named(tensors, name).values;
    bool same = true;
    for (std::size_t n = 0; n < values.size(); ++n)
      same &= values[n] == (!hidden              ? expected[n]
                            : n % row >= row - 3 ? 0.0f
                                                 : shorter[k][n / row * (row - 3) + n % row]);
    CHECK_MESSAGE(same, name);
  });
  // A file that says so and has the new rows is neither.
  CHECK_THROWS_AS(read_network(encoded(written), "memory"), WeightError);
}

TEST_CASE("Each key of the metadata that is wrong or missing is named") {
  struct Wrong {
    const char *key, *value, *expected;
  };
  for (const Wrong& wrong :
       {Wrong{"format", "pt", "expected 'clustermass'"}, Wrong{"format_version", "3", "expected '2'"},
        Wrong{"arch", "32-32-64-96-64", "expected '16-16-32-48-64'"},
        Wrong{"mass_definition", "log10(M200c/Msun)", "expected 'log10(M500c/Msun)'"},
        Wrong{"normalisation", "sqrt", "expected 'asinh(f/2s)/2"}}) {
    check_says(refusal_with(wrong.key, wrong.value), {"'", wrong.key, wrong.value, wrong.expected});
    check_says(refusal_with(wrong.key, nullptr), {"the metadata has no '", wrong.key});
  }
  for (const char* key : {"model_id", "training_set", "z_range", "logm_range"})
    check_says(refusal_with(key, nullptr), {"the metadata has no '", key});
}

TEST_CASE("A range in the metadata must be two rising numbers") {
  for (const char* key : {"z_range", "logm_range"})
    for (const char* text : {"", "0.1", "0.1 ", "0.1  0.5", "0.1,0.5", "0.5 0.1", "0.3 0.3", "0.1 0.5 ", "0.1 0.5 0.7",
                             "nan nan", "low high", " 0.1 0.5"}) {
      INFO(std::string(text));
      check_says(refusal_with(key, text), {key, "expected two rising numbers"});
    }
  CHECK(metadata_range("0.08 0.55", {"z_range"}) == std::pair(0.08, 0.55));
  CHECK(metadata_range("-1e-3 2", {"z_range"}) == std::pair(-1e-3, 2.0));
}

TEST_CASE("Each tensor that is missing, too much or of another shape is named") {
  for (const char* name :
       {"features.0.weight", "features.7.conv2.bias", "band.1.bias", "mass.0.3.weight", "mass.1.0.bias", "ood.mean",
        "ood.whitening", "calibration.scale", "calibration.q90", "probe.input", "probe.output"})
    check_says(refusal_after([&](auto& tensors) { drop(tensors, name); }), {name});
  const std::vector<float> more(4, 0.5f);
  check_says(refusal_after([&](auto& tensors) {
               tensors.push_back({"features.8.weight", {4}, more, Dtype::f32});
             }),
             {"features.8.weight"});
  check_says(refusal_after([&](auto& tensors) {
               named(tensors, "features.0.weight").shape = {16, 3, 1, 3};
             }),
             {"features.0.weight", "16,1,3,3", "16,3,1,3"});
  check_says(refusal_after([&](auto& tensors) { named(tensors, "probe.output").shape = {4}; }), {"probe.output"});
  check_says(refusal_after([&](auto& tensors) { named(tensors, "probe.input").shape = {5, 256}; }), {"probe.input"});
  check_says(refusal_after([&](auto& tensors) {
               named(tensors, "ood.whitening").shape = {240, 3};
             }),
             {"ood.whitening"});
}

TEST_CASE("The heads are counted from 0 without a gap") {
  // Without head 0 its tensors are missing, and those of head 1 are too much.
  const std::string message = refusal_after([](auto& tensors) {
    std::erase_if(tensors, [](const TensorToWrite& t) { return t.name.rfind("mass.0.", 0) == 0; });
  });
  check_says(message, {"mass."});
  TrainedNetwork<> one = random_network(6, 1, 16);
  CHECK(read_network(encoded(one), "memory").mass.size() == 1);
}

TEST_CASE("A file that declares a huge probe or whitening is refused before memory is taken for it") {
  const std::vector<float> none;
  for (const std::int64_t extent : {std::int64_t{1} << 20, std::int64_t{1} << 40}) {
    check_says(refusal_after([&](auto& tensors) {
                 named(tensors, "probe.input") = {"probe.input", {0, 1, extent, extent}, none, Dtype::f32};
               }),
               {"probe.input"});
    check_says(refusal_after([&](auto& tensors) {
                 named(tensors, "ood.whitening") = {"ood.whitening", {extent, 0}, none, Dtype::f32};
               }),
               {"ood.whitening"});
  }
}

TEST_CASE("A calibration that is not positive is refused") {
  for (const float wrong : {0.0f, -1.0f})
    for (const char* name : {"calibration.scale", "calibration.q90"}) {
      const std::vector<float> value{wrong};
      check_says(refusal_after([&](auto& tensors) { named(tensors, name).values = value; }),
                 {"calibration.scale and calibration.q90", "expected positive numbers"});
    }
}

TEST_CASE("Weights stored as F16 or BF16 are widened") {
  TrainedNetwork<> copy = network();
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16}) {
    std::vector<TensorToWrite> tensors;
    copy.for_each_tensor([&](const std::string& name, const auto& shape, std::span<float> values) {
      tensors.push_back({name, shape, values, name.rfind("features.", 0) == 0 ? dtype : Dtype::f32});
    });
    const TrainedNetwork<> read = read_network(encode_weight_file(copy.metadata, tensors), "memory");
    double worst = 0;
    for (std::size_t k = 0; k < read.features.values().size(); ++k)
      worst = std::max(worst, static_cast<double>(std::fabs(read.features.values()[k] - copy.features.values()[k])));
    CHECK(worst > 0);
    CHECK(worst < (dtype == Dtype::f16 ? 1e-3 : 1e-2));  // half a unit of the 11th or 8th bit of numbers up to 2
    CHECK(std::equal(read.mass[1].values().begin(), read.mass[1].values().end(), copy.mass[1].values().begin()));
  }
}
