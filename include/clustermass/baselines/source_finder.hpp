// SPDX-License-Identifier: BSD-3-Clause
// Sources on the pixels of a cutout, at the network's scale or finer: background, detection in a sum of the bands, and
// fluxes of all sources at once, so that neighbours do not count each other's light. A baseline's eyes, not a survey's
// pipeline: stars are not told from galaxies, which at 2 Mpc / 128 nobody could.
//
// A source is a round Gaussian of one of a few sizes, integrated over the cells.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include "clustermass/baselines/source_template.hpp"
#include "clustermass/core/cosmology.hpp"
#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/mock/galaxy.hpp"
#include "clustermass/model/resample.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// What was found at one place. Fluxes as observed, extinction not taken out.
struct DetectedSource {
  double east = 0, north = 0;     ///< offsets from the cutout's centre [arcsec]
  double sigma = 0;               ///< of its Gaussian [arcsec]
  mock::PerBand flux{}, error{};  ///< [nMgy]; a missing band has flux 0 and an infinite error
};

struct SourceOptions {
  int side = 128;             ///< cells across the field; 128 is what the network sees
  double field_mpc = 2;       ///< width of the field
  double threshold = 4;       ///< of a detection [noise of the smoothed sum of the bands]
  double model_error = 0.03;  ///< of a flux, for shapes that are no Gaussians
};

/// All sources of a cutout, and what was looked at.
struct SourceField {
  Grid grid;
  std::vector<DetectedSource> sources;
  std::vector<float> valid;  ///< [side,side] share of each cell that detection could use
  mock::PerBand noise{};     ///< of a cell's flux [nMgy]
  double redshift = 0, ebv = 0;
};

/// Finds and measures. Throws InputError if no band holds valid pixels.
///
/// Source  simultaneous fit of overlapping templates: as DAOPHOT does for stars (Stetson 1987, PASP 99, 191, sec. III)
class SourceFinder {
 public:
  explicit SourceFinder(const SourceOptions& options = {}) : options_(options) {}

  const SourceOptions& options() const { return options_; }
  Grid grid(double redshift) const {
    return {options_.side, arcsec_of_mpc(options_.field_mpc, redshift) / options_.side};
  }

  SourceField operator()(const Cutout& cutout) const {
    SourceField field;
    field.grid = grid(cutout.redshift);
    field.redshift = cutout.redshift;
    field.ebv = cutout.ebv;
    std::array<std::vector<float>, band_count> planes;
    for (std::size_t b = 0; b < planes.size(); ++b) planes[b] = read_band(cutout.bands[b], field.grid, field.noise[b]);
    std::vector<float> sum = weighted_sum(planes, field);
    std::vector<SourceTemplate> templates = detect(sum, field);
    measure(planes, templates, field);
    return field;
  }

 private:
  static constexpr float no_data = -1e30f;  // cell without valid pixels
  static constexpr std::array<double, 7> sizes_arcsec{0.8, 1.1, 1.6, 2.3, 3.2, 4.5, 6.4};

  /// Best flux of a template on a plane, and the sum of its squared weights over the valid cells.
  struct Fit {
    double flux = 0, squares = 0;
  };
  Fit fit(const SourceTemplate& t, const std::vector<float>& plane) const {
    double product = 0, squares = 0;
    t.for_each(options_.side, [&](std::size_t k, float w) {
      if (plane[k] == no_data) return;
      product += static_cast<double>(w * plane[k]);
      squares += static_cast<double>(w * w);
    });
    return {squares > 1e-6 ? product / squares : 0, squares};
  }
  void subtract(const SourceTemplate& t, double flux, std::vector<float>& plane) const {
    t.for_each(options_.side, [&](std::size_t k, float w) {
      if (plane[k] != no_data) plane[k] -= static_cast<float>(flux) * w;
    });
  }

  /// A template with its fit to the sum of the bands, and by how much that lowers chi^2.
  struct Candidate {
    SourceTemplate shape;
    Fit fit;
    double gain;
    Candidate(double x, double y, double sigma, const SourceFinder& finder, const std::vector<float>& sum,
              const Grid& grid)
        : shape(x, y, sigma, grid), fit(finder.fit(shape, sum)) {
      gain = fit.flux > 0 ? fit.flux * fit.flux * fit.squares : 0;
    }
  };
  /// The candidate at the place nearby where it fits best.
  Candidate place(Candidate best, const std::vector<float>& sum, const Grid& grid) const {
    for (const double step : {0.24, 0.08}) {
      const double x = best.shape.x, y = best.shape.y;
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) {
          if (dx == 0 && dy == 0) continue;
          Candidate moved(x + step * dx, y + step * dy, best.shape.sigma_arcsec, *this, sum, grid);
          if (moved.gain > best.gain) best = std::move(moved);
        }
    }
    return best;
  }

  /// A band on the grid, background taken away; empty if it holds nothing. noise: of a cell.
  std::vector<float> read_band(const BandImage& image, const Grid& grid, double& noise) const {
    noise = INFINITY;
    if (!image.present() || !is_invertible(image.map)) return {};
    const std::size_t count = static_cast<std::size_t>(grid.side) * static_cast<std::size_t>(grid.side);
    std::vector<Cell> cells(count);
    resample(image, grid, cells.data());
    std::vector<float> plane(count, no_data), valid;
    for (std::size_t k = 0; k < count; ++k) {
      if (!(cells[k].valid >= 0.5)) continue;
      plane[k] = static_cast<float>(cells[k].flux / cells[k].valid);
      valid.push_back(plane[k]);
    }
    if (valid.size() < count / 50) return {};
    const Level level = clipped_level(valid);
    noise = level.spread;
    for (float& value : plane)
      if (value != no_data) value -= static_cast<float>(level.centre);
    return plane;
  }

  struct Level {
    double centre = 0, spread = 0;
  };
  /// Median and spread of what is left when everything beyond 3 sigma is cut off, again and again: blank sky.
  static Level clipped_level(std::vector<float>& values) {
    Level level;
    for (int round = 0; round < 6 && values.size() > 10; ++round) {
      const auto at = [&](double share) {
        const auto place = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
        std::nth_element(values.begin(), place, values.end());
        return static_cast<double>(*place);
      };
      level.centre = at(0.5);
      level.spread = std::max(level.centre - at(0.1587), 1e-12);  // the lower side: sources have no part in it
      const auto low = static_cast<float>(level.centre - 3 * level.spread),
                 high = static_cast<float>(level.centre + 3 * level.spread);
      const std::size_t before = values.size();
      std::erase_if(values, [&](float v) { return v < low || v > high; });
      if (values.size() == before) break;
    }
    return level;
  }

  /// Sum of the bands weighted for a red galaxy at the cluster's redshift: flux over noise^2, in units of its own
  /// noise. Also fills field.valid.
  std::vector<float> weighted_sum(const std::array<std::vector<float>, band_count>& planes, SourceField& field) const {
    const mock::PerBand ridge = mock::fluxes(20, mock::red_sequence(field.redshift, {}).mean(20));
    const std::size_t count = static_cast<std::size_t>(options_.side) * static_cast<std::size_t>(options_.side);
    std::array<float, band_count> weight{};
    double all = 0;
    for (std::size_t b = 0; b < planes.size(); ++b) {
      if (planes[b].empty()) continue;
      weight[b] = static_cast<float>(ridge[b] / (field.noise[b] * field.noise[b]));
      all += ridge[b] * ridge[b] / (field.noise[b] * field.noise[b]);
    }
    std::vector<float> sum(count, no_data);
    field.valid.assign(count, 0);
    if (!(all > 0))
      detail::raise<InputError>("find_sources: expected valid pixels in some band of the cutout, found none");
    for (std::size_t k = 0; k < count; ++k) {
      double squares = 0, value = 0;
      for (std::size_t b = 0; b < planes.size(); ++b) {
        if (planes[b].empty() || planes[b][k] == no_data) continue;
        value += static_cast<double>(weight[b] * planes[b][k]);
        squares += std::pow(ridge[b] / field.noise[b], 2);
      }
      if (squares < 0.5 * all) continue;
      sum[k] = static_cast<float>(value / std::sqrt(squares));
      field.valid[k] = 1;
    }
    return sum;
  }

  /// The sum smoothed by a compact source, averaged over where in its cell it lies.
  std::vector<float> smooth(const std::vector<float>& plane, const Grid& grid) const {
    const double s = sizes_arcsec[0] * 1.2 / grid.cell_arcsec;
    const int reach = static_cast<int>(std::ceil(3 * s + 0.5));
    std::vector<float> kernel(static_cast<std::size_t>(2 * reach + 1));
    for (int d = -reach; d <= reach; ++d)
      for (double phase = -0.4; phase < 0.5; phase += 0.2)
        kernel[static_cast<std::size_t>(d + reach)] +=
            static_cast<float>(0.1 * (std::erf((d + 0.5 - phase) / (std::numbers::sqrt2 * s)) -
                                      std::erf((d - 0.5 - phase) / (std::numbers::sqrt2 * s))));
    const int side = grid.side;
    std::vector<float> rows(plane.size(), 0.0f), result(plane.size(), 0.0f);
    const auto pass = [&](const std::vector<float>& from, std::vector<float>& to, int step_i, int step_j) {
      for (int j = 0; j < side; ++j)
        for (int i = 0; i < side; ++i) {
          float value = 0;
          for (int d = -reach; d <= reach; ++d) {
            const int x = i + d * step_i, y = j + d * step_j;
            if (x < 0 || x >= side || y < 0 || y >= side) continue;
            const float v = from[static_cast<std::size_t>(y * side + x)];
            if (v != no_data) value += kernel[static_cast<std::size_t>(d + reach)] * v;
          }
          to[static_cast<std::size_t>(j * side + i)] = value;
        }
    };
    pass(plane, rows, 1, 0);
    pass(rows, result, 0, 1);
    return result;
  }

  /// Peaks of the smoothed sum, brightest first, each taken off before the next; then once more on what is left.
  std::vector<SourceTemplate> detect(std::vector<float>& sum, const SourceField& field) const {
    const int side = options_.side;
    std::vector<SourceTemplate> found;
    std::vector<float> model(sum.size(), 0.0f);
    for (int pass = 0; pass < 2; ++pass) {
      const std::vector<float> map = smooth(sum, field.grid);
      std::vector<float> blank;
      for (std::size_t k = 0; k < sum.size(); ++k)
        if (sum[k] != no_data) blank.push_back(map[k]);
      const double limit = options_.threshold * clipped_level(blank).spread;
      struct Peak {
        float height;
        double x, y;
      };
      std::vector<Peak> peaks;
      for (int j = 1; j + 1 < side; ++j)
        for (int i = 1; i + 1 < side; ++i) {
          const auto at = [&](int dx, int dy) { return map[static_cast<std::size_t>((j + dy) * side + i + dx)]; };
          const float here = at(0, 0);
          const std::size_t cell = static_cast<std::size_t>(j * side + i);
          // Beside a bright source what is left is its shape, not a neighbour.
          if (!(here > limit + 0.05 * static_cast<double>(model[cell])) || sum[cell] == no_data) continue;
          bool top = true;
          for (int dy = -1; dy <= 1; ++dy)
            for (int dx = -1; dx <= 1; ++dx)
              top &= (dx == 0 && dy == 0) || (dy < 0 || (dy == 0 && dx < 0) ? here > at(dx, dy) : here >= at(dx, dy));
          if (!top) continue;
          const auto shift = [&](float before, float after) {
            const float bend = 2 * here - before - after;
            return bend > 0 ? std::clamp(0.5 * static_cast<double>((after - before) / bend), -0.5, 0.5) : 0.0;
          };
          peaks.push_back({here, i + shift(at(-1, 0), at(1, 0)), j + shift(at(0, -1), at(0, 1))});
        }
      std::sort(peaks.begin(), peaks.end(), [](const Peak& a, const Peak& b) { return a.height > b.height; });
      for (const Peak& peak : peaks) {
        Candidate best = place(Candidate(peak.x, peak.y, sizes_arcsec[0], *this, sum, field.grid), sum, field.grid);
        for (std::size_t s = 1; s < sizes_arcsec.size(); ++s) {
          const Candidate wider(best.shape.x, best.shape.y, sizes_arcsec[s], *this, sum, field.grid);
          if (wider.gain > best.gain + 9) best = place(wider, sum, field.grid);  // 3 sigma better
        }
        if (!(best.gain > options_.threshold * options_.threshold / 2)) continue;
        subtract(best.shape, best.fit.flux, sum);
        best.shape.for_each(side, [&](std::size_t k, float w) { model[k] += static_cast<float>(best.fit.flux) * w; });
        found.push_back(std::move(best.shape));
      }
    }
    return found;
  }

  /// Fluxes of all templates in each band, by Gauss and Seidel.
  void measure(std::array<std::vector<float>, band_count>& planes, const std::vector<SourceTemplate>& templates,
               SourceField& field) const {
    const double middle = (options_.side - 1) / 2.0;
    for (const SourceTemplate& t : templates) {
      DetectedSource source;
      source.east = (middle - t.x) * field.grid.cell_arcsec;
      source.north = (t.y - middle) * field.grid.cell_arcsec;
      source.sigma = t.sigma_arcsec;
      source.error.fill(INFINITY);
      field.sources.push_back(source);
    }
    for (std::size_t b = 0; b < planes.size(); ++b) {
      if (planes[b].empty()) continue;
      for (int sweep = 0; sweep < 4; ++sweep)
        for (std::size_t k = 0; k < templates.size(); ++k) {
          const Fit step = fit(templates[k], planes[b]);
          if (step.squares < 1e-3) continue;  // nothing valid under it
          subtract(templates[k], step.flux, planes[b]);
          DetectedSource& source = field.sources[k];
          source.flux[b] += step.flux;
          source.error[b] = std::hypot(field.noise[b] / std::sqrt(step.squares), options_.model_error * source.flux[b]);
        }
    }
  }

  SourceOptions options_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
