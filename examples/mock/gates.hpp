// SPDX-License-Identifier: BSD-3-Clause
// The release gates of the mock sky: what a gate is given, and what it answers. One function per gate: gates_truth.cpp
// looks at catalogues of the truth, gates_richness.cpp at richness and mass, gates_image.cpp at pixels; validate.cpp
// runs them and prints.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "clustermass/mock/sky.hpp"
#include "clustermass/parallel.hpp"

namespace gates {

/// One measured number and the range it must lie in.
struct Check {
  std::string gate;  ///< "V4"
  std::string name;  ///< what was measured, with its unit
  double value = 0;
  double low = 0, high = 0;
  double error = std::numeric_limits<double>::quiet_NaN();  ///< of the value, statistical, 1 sigma; NaN: not known

  bool passed() const { return value >= low && value <= high; }
};

/// A check against target +- tolerance.
inline Check near(std::string gate, std::string name, double value, double target, double tolerance,
                  double error = std::numeric_limits<double>::quiet_NaN()) {
  return {std::move(gate), std::move(name), value, target - tolerance, target + tolerance, error};
}

/// What every gate is given.
struct Bench {
  clustermass::mock::SkyParameters sky;
  std::uint64_t seed = 1;
  std::size_t count = 2000;  ///< cutouts
  std::string real_frames;   ///< folder of real SDSS frames, or empty
  clustermass::Team& team;
  std::function<void(double)> progress;  ///< told the share of the gate that is done

  /// task(0), task(1), ... by the team; the answers in order, so that no sum depends on the threads.
  template <class Task>
  auto each(std::size_t n, Task&& task) const {
    std::vector<decltype(task(std::size_t{0}))> results(n);
    constexpr std::size_t chunk = 64;
    for (std::size_t begin = 0; begin < n; begin += chunk) {
      team.run(std::min(chunk, n - begin), [&](std::size_t k, int) { results[begin + k] = task(begin + k); });
      progress(static_cast<double>(std::min(begin + chunk, n)) / static_cast<double>(n));
    }
    return results;
  }
};

using Checks = std::vector<Check>;

Checks field_counts(const Bench& bench);      // V1
Checks field_colours(const Bench& bench);     // V2
Checks red_sequence(const Bench& bench);      // V3
Checks sky_noise(const Bench& bench);         // V4
Checks seeing(const Bench& bench);            // V5
Checks point_sources(const Bench& bench);     // V6
Checks galaxy_limit(const Bench& bench);      // V7
Checks members(const Bench& bench);           // V8
Checks matched_filter(const Bench& bench);    // V9
Checks mass_at_richness(const Bench& bench);  // V10
Checks label_difference(const Bench& bench);  // V11
Checks brightest_galaxy(const Bench& bench);  // V12
Checks diffuse_light(const Bench& bench);     // V13
Checks star_counts(const Bench& bench);       // V14
Checks reproducibility(const Bench& bench);   // V15

/// A real field: its night, and how deep it is. Measured on the frames of bench.real_frames, else recorded.
struct RealField {
  std::string name;
  clustermass::mock::Conditions night;
  clustermass::mock::PerBand point_depth{};  ///< 5 sigma magnitudes of point sources
  double galaxy_limit = 0;                   ///< 10 sigma i magnitude of galaxies
};
const std::vector<RealField>& real_fields(const Bench& bench);

/// Value below which a share of the numbers lies, interpolated; NaN of an empty list.
inline double quantile(std::vector<double> values, double share) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const double position = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (position - static_cast<double>(low)) * (values[high] - values[low]);
}
inline double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

inline double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
inline double rms_about_mean(const std::vector<double>& values) {
  const double centre = mean(values);
  double sum = 0;
  for (const double v : values) sum += (v - centre) * (v - centre);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// y = intercept + slope x by least squares, and the scatter about it.
struct Line {
  double intercept = 0, slope = 0, scatter = 0;
};
inline Line fit_line(const std::vector<double>& x, const std::vector<double>& y) {
  const double mx = mean(x), my = mean(y);
  double sxx = 0, sxy = 0, squares = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sxx += (x[k] - mx) * (x[k] - mx), sxy += (x[k] - mx) * (y[k] - my);
  Line line;
  line.slope = sxy / sxx;
  line.intercept = my - line.slope * mx;
  for (std::size_t k = 0; k < x.size(); ++k) squares += std::pow(y[k] - line.intercept - line.slope * x[k], 2);
  line.scatter = std::sqrt(squares / static_cast<double>(x.size() - 2));
  return line;
}

/// Fluxes of a source with the extinction of its scene taken out. [nMgy]
inline clustermass::mock::PerBand dereddened(const clustermass::mock::Source& source,
                                             const clustermass::mock::Scene& scene) {
  clustermass::mock::PerBand flux = source.flux;
  for (std::size_t b = 0; b < flux.size(); ++b)
    flux[b] *= clustermass::mock::exp10(0.4 * clustermass::mock::extinction_per_ebv[b] * scene.ebv);
  return flux;
}

/// Whether the source lies in the square of the cutout, where the field is filled evenly.
inline bool inside(const clustermass::mock::Source& source, const clustermass::mock::Scene& scene) {
  return std::fabs(source.east) < scene.half_width_arcsec && std::fabs(source.north) < scene.half_width_arcsec;
}

inline std::string text(const char* pattern, auto... numbers) {
  char line[160];
  std::snprintf(line, sizeof line, pattern, numbers...);
  return line;
}

}  // namespace gates
