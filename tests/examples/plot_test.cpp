// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/common/plot.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

namespace {
std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}
std::string encoded(const std::string& text) { return tool::base64(std::as_bytes(std::span(text))); }
}  // namespace

TEST_CASE("base64 gives the vectors of RFC 4648") {
  CHECK(encoded("") == "");
  CHECK(encoded("f") == "Zg==");
  CHECK(encoded("fo") == "Zm8=");
  CHECK(encoded("foo") == "Zm9v");
  CHECK(encoded("foobar") == "Zm9vYmFy");
}

TEST_CASE("text in a drawing cannot become markup") {
  tool::Svg svg(10, 10);
  svg.text({1, 2}, "a<b & \"c\">\x01");
  CHECK(svg.str().find(">a&lt;b &amp; &quot;c&quot;&gt;</text>") != std::string::npos);
}

TEST_CASE("numbers are plain: no exponent, no trailing zeros, no minus zero") {
  CHECK(tool::plain_number(1.50, 2) == "1.5");
  CHECK(tool::plain_number(-0.001, 2) == "0");
  CHECK(tool::plain_number(1e6, 2) == "1000000");
  CHECK(tool::plain_number(std::numeric_limits<double>::quiet_NaN()) == "0");
}

TEST_CASE("ticks stand at round numbers inside the range") {
  const tool::Ticks ticks = tool::nice_ticks(13.68, 15.21, 6);
  CHECK(ticks.decimals == 1);
  REQUIRE(ticks.at.size() == 3);
  CHECK(ticks.at[0] == doctest::Approx(14.0));
  CHECK(ticks.at[1] == doctest::Approx(14.5));
  CHECK(ticks.at[2] == doctest::Approx(15.0));
  CHECK(tool::nice_ticks(0, 100, 5).at.size() == 6);
  CHECK(tool::nice_ticks(0, 0.01, 5).decimals == 3);
  CHECK(tool::nice_ticks(1, 1).at.empty());
  CHECK(tool::nice_ticks(2, 1).at.empty());
}

TEST_CASE("a scatter plot has one mark and one error bar per finite point and never writes a number that is none") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> x{1, 2, 3, nan}, y{1, nan, 4, 5}, error{0.5, 0.5, nan, 0.5};
  const std::string text = tool::Plot("t", "x", "y").diagonal().scatter(x, y, {}, error).drawing().str();
  CHECK(count(text, "<circle") == 2);
  CHECK(count(text, "stroke-opacity=\"0.4\"") == 1);  // the only complete error bar
  CHECK(count(text, "nan") == 0);
  CHECK(count(text, "inf") == 0);
  CHECK(count(text, "stroke-dasharray") == 1);
}

TEST_CASE("a line breaks where a number is missing") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> x{0, 1, 2, 3, 4}, y{1, 2, nan, 3, 4};
  CHECK(count(tool::Plot().line(x, y).drawing().str(), "<polyline") == 2);
}

TEST_CASE("a histogram counts each value once, the last edge included") {
  const std::vector<double> values{0, 0.1, 0.9, 1.0};
  tool::Plot plot;
  plot.histogram(values, 2, {}, false, 0, 1).x_range(0, 1).y_range(0, 2);
  // plot area 62..624 by 14..432: both bins hold two values, so the outline is the area's own edge
  CHECK(plot.drawing().str().find("points=\"62,432 62,14 343,14 343,14 624,14 624,432\"") != std::string::npos);
}

TEST_CASE("an empty plot and a plot of one point still have axes") {
  CHECK(count(tool::Plot("empty").drawing().str(), "<text") > 5);
  const double one = 3;
  const std::string text = tool::Plot().scatter({&one, 1}, {&one, 1}).drawing().str();
  CHECK(count(text, "<circle") == 1);
  CHECK(count(text, "nan") == 0);
}
