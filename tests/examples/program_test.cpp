// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/common/program.hpp"

#include <doctest/doctest.h>

#include "../../examples/common/words.hpp"

TEST_CASE("the tenth release comes after the ninth") {
  CHECK(tool::natural_less("mock-sky-a-9", "mock-sky-a-10"));
  CHECK_FALSE(tool::natural_less("mock-sky-a-10", "mock-sky-a-9"));
  CHECK(tool::natural_less("mass.2", "mass.10"));
  CHECK(tool::natural_less("band", "features"));
  CHECK(tool::natural_less("a", "a1"));
  CHECK_FALSE(tool::natural_less("a", "a"));
  CHECK(tool::natural_less("a007x", "a8"));
}

TEST_CASE("a file named by the argument comes before all others, and a folder stands for the file in it") {
  CHECK(tool::find_weights("some.safetensors", true) == "some.safetensors");
  CHECK(tool::find_weights(CLUSTERMASS_SOURCE_DIR "/tests", true) == CLUSTERMASS_SOURCE_DIR "/tests/model.safetensors");
}

TEST_CASE("a network that learned on a simulated sky is introduced as such") {
  CHECK(tool::training_words("simulated: mock sky A, 9000 clusters, seed 1") ==
        "trained on a simulated sky (mock sky A)");
  CHECK(tool::training_words("simulated: x") == "trained on a simulated sky (x)");
  CHECK(tool::training_words("ACT DR5") == "trained on ACT DR5");
}

TEST_CASE("each kind of exception has its exit code") {
  const auto code = [](auto error) { return tool::run_program("test", [&]() -> int { throw error; }); };
  CHECK(code(clustermass::InputError("x")) == 3);
  CHECK(code(clustermass::WeightError("x")) == 4);
  CHECK(code(clustermass::DeviceError("x")) == 5);
  CHECK(code(std::runtime_error("x")) == 3);
  CHECK(tool::run_program("test", [] { return 1; }) == 1);
}
