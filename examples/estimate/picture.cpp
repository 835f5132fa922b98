// SPDX-License-Identifier: BSD-3-Clause
// One sheet: on the left the field in colour with scale, north and centre; on the right the posterior over the training
// range of masses, and the answer in words.
#include "picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "../common/lupton.hpp"
#include "../common/plot.hpp"
#include "../common/png.hpp"
#include "../common/words.hpp"
#include "clustermass/core/cosmology.hpp"

using namespace clustermass;

namespace {

constexpr int image_side = 600;  // pixels of the colour image
constexpr double sheet_width = 1180, sheet_height = 716, image_size = 580;
constexpr tool::Point image_corner{28, 84};
constexpr double words_x = 644, words_width = 508;

/// Width of the field that is shown. Without a redshift it is the one that 2 Mpc would have at z = 0.3. [arcsec]
double shown_width_arcsec(const Answer& answer) {
  const double z = answer.redshift.value_or(0);
  return arcsec_of_mpc(2, z > 0.001 && z < 10 ? z : 0.3);
}

template <class... Numbers>
std::string format(const char* pattern, Numbers... numbers) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, numbers...);
  return text;
}

void arrow(tool::Svg& svg, tool::Point from, tool::Point to) {
  const double length = std::hypot(to.x - from.x, to.y - from.y), ux = (to.x - from.x) / length,
               uy = (to.y - from.y) / length;
  const tool::Point base{to.x - 8 * ux, to.y - 8 * uy};
  const std::vector<tool::Point> head{to, {base.x - 4 * uy, base.y + 4 * ux}, {base.x + 4 * uy, base.y - 4 * ux}};
  svg.line(from, base, {"#ffffff", 2, 1, {}});
  svg.polygon(head, {"#ffffff", 1});
}

void draw_image(tool::Svg& svg, const Cutout& cutout, const Answer& answer) {
  const double arcsec = shown_width_arcsec(answer), scale = image_size / arcsec;  // drawing pixels per arcsec
  const tool::ColourImage image = tool::colour_image(cutout, arcsec, image_side);
  svg.image(image_corner, image_size, image_size, tool::encode_png(image.side, image.side, image.rgb));
  svg.frame(image_corner, image_size, image_size, {tool::colour::faint, 1, 1, {}});
  const double left = image_corner.x, top = image_corner.y, bottom = top + image_size, right = left + image_size;

  const tool::Point centre{left + image_size / 2, top + image_size / 2};
  for (const auto& [dx, dy] : {std::pair{1.0, 0.0}, {-1.0, 0.0}, {0.0, 1.0}, {0.0, -1.0}}) {
    const tool::Point a{centre.x + 16 * dx, centre.y + 16 * dy}, b{centre.x + 30 * dx, centre.y + 30 * dy};
    svg.line(a, b, {"#000000", 3.5, 0.4, {}});
    svg.line(a, b, {"#ffffff", 1.5, 1, {}});
  }

  const tool::Fill plate{"#0b0d10", 0.6};  // behind white marks, for they may lie on light grey
  const tool::TextStyle mark{.size = 14, .anchor = tool::Anchor::middle, .bold = true, .colour = "#ffffff"};
  const tool::Point corner{right - 30, top + 76};
  svg.rect({right - 98, top + 12}, 86, 82, plate, 6);
  arrow(svg, corner, {corner.x, corner.y - 42});
  arrow(svg, corner, {corner.x - 42, corner.y});
  svg.text({corner.x, corner.y - 47}, "N", mark);
  svg.text({corner.x - 52, corner.y + 5}, "E", mark);

  double bar_arcsec = 60;
  std::string bar_text = "1 arcmin";
  if (answer.redshift && *answer.redshift > 0.001) {
    bar_arcsec = arcsec_of_mpc(0.5, *answer.redshift);
    bar_text = format("0.5 Mpc = %.0f arcsec", bar_arcsec);
  }
  const double length = bar_arcsec * scale, room = std::max(length, 8.4 * static_cast<double>(bar_text.size())) + 24;
  svg.rect({left + 12, bottom - 62}, room, 50, plate, 6);
  const tool::Point a{left + 12 + (room - length) / 2, bottom - 26}, b{a.x + length, a.y};
  svg.line(a, b, {"#ffffff", 3, 1, {}});
  for (const tool::Point& end : {a, b}) svg.line({end.x, end.y - 5}, {end.x, end.y + 5}, {"#ffffff", 3, 1, {}});
  svg.text({left + 12 + room / 2, a.y - 12}, bar_text, mark);
  svg.text({left, bottom + 22},
           "SDSS i, r, g as red, green, blue (asinh stretch of Lupton et al. 2004)" +
               std::string(answer.mass.coverage < 0.999 ? "; light grey: outside the images" : ""),
           {.size = 12, .colour = tool::colour::faint});
}

void draw_posterior(tool::Svg& svg, const Answer& answer, double top, double height) {
  const MassEstimate& m = answer.mass;
  const auto [trained_low, trained_high] = answer.network.mass_range;
  const double mu = m.log10_m500c, sigma = std::max(m.log10_m500c_error, 1e-3);
  double low = std::min({trained_low - 0.1, mu - 3.2 * sigma, m.lo90 - 0.1}),
         high = std::max({trained_high + 0.1, mu + 3.2 * sigma, m.hi90 + 0.1});
  if (answer.truth) low = std::min(low, *answer.truth - 0.1), high = std::max(high, *answer.truth + 0.1);
  const double peak = 1 / (sigma * std::sqrt(2 * std::numbers::pi)), ceiling = 1.75 * peak;
  const auto density = [&](double x) { return peak * std::exp(-(x - mu) * (x - mu) / (2 * sigma * sigma)); };
  const auto curve = [&](double from, double to) {
    std::array<std::vector<double>, 3> xy;
    for (int k = 0; k <= 120; ++k) {
      xy[0].push_back(from + (to - from) * k / 120);
      xy[1].push_back(density(xy[0].back()));
      xy[2].push_back(0);
    }
    return xy;
  };
  tool::Plot plot({}, "log\u2081\u2080 (M\u2085\u2080\u2080c / Msun)", "probability per dex");
  plot.x_range(low, high).y_range(0, ceiling);
  const std::array beyond{low, trained_low}, above{trained_high, high}, zeros{0.0, 0.0}, full{ceiling, ceiling};
  plot.band(beyond, zeros, full, {.label = "outside the training range", .colour = "#d5d9de", .opacity = 0.7});
  plot.band(above, zeros, full, {.colour = "#d5d9de", .opacity = 0.7});
  const auto wide = curve(m.lo90, m.hi90), narrow = curve(mu - sigma, mu + sigma), whole = curve(low, high);
  plot.band(wide[0], wide[2], wide[1], {.label = "90 % interval", .colour = tool::colour::sky, .opacity = 0.35});
  plot.band(narrow[0], narrow[2], narrow[1], {.label = "1 sigma", .colour = tool::colour::blue, .opacity = 0.45});
  plot.line(whole[0], whole[1], {.colour = tool::colour::blue, .width = 2.2});
  const std::vector<double> level(answer.null_masses.size(), 0.03 * ceiling);
  if (!level.empty())
    plot.scatter(answer.null_masses, level,
                 {.label = "other positions of the frame", .colour = tool::colour::ink, .opacity = 0.6});
  if (answer.truth) plot.vertical(*answer.truth, {.label = "truth", .colour = tool::colour::orange, .width = 2.5});
  plot.draw(svg, {words_x - 20, top}, words_width + 36, height);
}

/// Cuts a sentence into lines of at most `width` characters at its spaces.
std::vector<std::string> wrap(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
    at = end + 1;
  }
  return lines;
}

std::string position_words(const Answer& answer) {
  std::string text = "Galaxy cluster";
  if (answer.ra && answer.dec) text += format(" at RA %.5f\u00b0, Dec %+.5f\u00b0", *answer.ra, *answer.dec);
  return text + (answer.redshift ? format(", z = %.3f", *answer.redshift) : ", redshift not given");
}

}  // namespace

void save_picture(const std::string& path, const Cutout& cutout, const Answer& answer) {
  if (path.ends_with(".png")) {
    const tool::ColourImage image = tool::colour_image(cutout, shown_width_arcsec(answer), image_side);
    write_file<InputError>(path, tool::encode_png(image.side, image.side, image.rgb));
    return;
  }
  tool::Svg svg(sheet_width, sheet_height);
  svg.text({28, 42}, position_words(answer), {.size = 21, .bold = true});
  svg.text({28, 66}, answer.redshift ? "The field the network saw: 2 Mpc across, north up" : "North up",
           {.size = 13, .colour = tool::colour::faint});
  draw_image(svg, cutout, answer);

  const MassEstimate& m = answer.mass;
  svg.text({words_x, 104},
           m.has_result() ? format("log\u2081\u2080 (M\u2085\u2080\u2080c / Msun) = %.2f \u00b1 %.2f", m.log10_m500c,
                                   m.log10_m500c_error)
                          : "no estimate",
           {.size = 25, .bold = true, .colour = m.has_result() ? tool::colour::blue : tool::colour::orange});
  double y = 150;
  if (m.has_result()) {
    draw_posterior(svg, answer, 112, 290);
    y = 428;
  }
  const auto lines = lines_in_words(answer);
  for (const auto& [label, value] : lines) {
    if (label == "network") continue;  // has its own box below
    if (y <= 610) svg.text({words_x, y}, label, {.size = 13, .colour = tool::colour::faint});
    for (const std::string& part : wrap(value, 56)) {
      if (y > 610) break;  // more flags than the sheet holds; the program prints them all
      svg.text({words_x + 112, y}, part, {.size = 13});
      y += 20;
    }
  }
  svg.rect({words_x, 618}, words_width, 46, {"#fdf1e7", 1}, 5);
  svg.text({words_x + 14, 637}, "Network " + answer.network.model_id + ", clustermass " CLUSTERMASS_VERSION_STRING,
           {.size = 12.5, .bold = true});
  svg.text({words_x + 14, 655},
           tool::training_words(answer.network.training_set) +
               (answer.network.training_set.rfind("simulated", 0) == 0 ? ": it has never seen a real cluster" : ""),
           {.size = 12.5});
  svg.save(path);
}
