// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/common/progress.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace {
/// All that a job of three steps writes into a file, which is no terminal.
std::string written(bool quiet, double pause) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  REQUIRE(file);
  {
    tool::Progress progress("job", 3, quiet, file.get(), pause);
    for (int k = 0; k < 3; ++k) progress.step("note");
  }
  std::string text(static_cast<std::size_t>(std::ftell(file.get())), '\0');
  std::rewind(file.get());
  CHECK(std::fread(text.data(), 1, text.size(), file.get()) == text.size());
  return text;
}
}  // namespace

TEST_CASE("a duration reads like a clock") {
  CHECK(tool::duration_text(7.4) == "0:07");
  CHECK(tool::duration_text(754) == "12:34");
  CHECK(tool::duration_text(11100) == "3:05:00");
  CHECK(tool::duration_text(-1) == "0:00");
}

TEST_CASE("a progress line has bar, share, count and time") {
  CHECK(tool::progress_text("train", 1, 4, 10, "loss 0.5", 8) == "train [##......]  25 %  1 of 4  0:30 left  loss 0.5");
  CHECK(tool::progress_text("train", 4, 4, 10, {}, 0) == "train 100 %  4 of 4  in 0:10");
  CHECK(tool::progress_text("train", 0, 4, 1, {}, 0) == "train   0 %  0 of 4");
  CHECK(tool::progress_text("train", 0, 0, 0, {}, 4) == "train [####] 100 %  0 of 0  in 0:00");
}

TEST_CASE("without a terminal there is a line per pause and one at the end, when quiet nothing") {
  CHECK(written(false, 60) == "job 100 %  3 of 3  in 0:00  note\n");
  const std::string every = written(false, -1);
  CHECK(std::count(every.begin(), every.end(), '\n') == 4);
  CHECK(every.find('\r') == std::string::npos);
  CHECK(written(true, -1).empty());
}
