// SPDX-License-Identifier: BSD-3-Clause
// From the pixels of a cutout to a catalogue of galaxies and its richness: the sources found on it, their distance from
// the red sequence, and the matched filter with the errors of that photometry.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

#include "clustermass/baselines/matched_filter.hpp"
#include "clustermass/baselines/source_finder.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// One source as the filter sees it. Magnitude and colours are dereddened.
struct PixelGalaxy {
  double radius_mpc = 0;   ///< from the cutout's centre
  double i_magnitude = 0;  ///< as measured; infinite without light
  double chi2 = 0;         ///< distance from the red sequence
  double blueness = 0;     ///< g-r of the ridge minus g-r of the source [mag]; 0 if either flux is not positive
};

/// Everything that the baselines read off one cutout.
struct PixelCatalogue {
  std::vector<PixelGalaxy> galaxies;
  std::vector<DetectedSource> sources;  ///< what they are on the pixels, in the same order
  FilterField field;  ///< those near the red sequence, and what was searched
  RichnessLikelihood richness;
  double i_limit = 0;  ///< to which galaxies are counted [mag]
  double masked = 0;   ///< share of the field without usable pixels
  double redshift = 0;
};

/// Measures cutouts; built for one sky in about two seconds, then immutable and shared by all threads.
class PixelFilter {
 public:
  /// sky: the recipe that the filter takes for granted.
  explicit PixelFilter(const mock::SkyParameters& sky, const SourceOptions& options = {})
      : sky_(sky), finder_(options), filter_(sky, photometry(options)) {}

  /// Throws InputError if no band holds valid pixels.
  PixelCatalogue operator()(const Cutout& cutout) const {
    SourceField found = finder_(cutout);
    PixelCatalogue result;
    result.redshift = cutout.redshift;
    const mock::Epoch epoch(cutout.redshift, sky_);
    const RidgeDistance ridge(epoch.red);
    mock::PerBand deredden, noise;
    const double cell_pixels = found.grid.cell_arcsec / mock::Footprint::pixel_arcsec;
    for (std::size_t b = 0; b < deredden.size(); ++b) {
      deredden[b] = mock::exp10(0.4 * mock::extinction_per_ebv[b] * found.ebv);
      noise[b] = found.noise[b] * deredden[b] / cell_pixels;
    }
    // Five sigma in i; without an i image nothing is counted and the richness says so.
    const double faintest = 5 * noise[3] * error_pixels(finder_.options(), cutout.redshift);
    result.i_limit = std::isfinite(faintest) ? std::min(20.9, mock::magnitude(faintest)) : 0;

    CatalogueOptions options;
    options.i_limit = result.i_limit;
    for (const DetectedSource& source : found.sources) {
      const PixelGalaxy galaxy = galaxy_of(source, epoch, ridge, deredden);
      result.galaxies.push_back(galaxy);
      if (galaxy.i_magnitude <= options.i_limit && galaxy.i_magnitude > RidgeContamination::i_min &&
          galaxy.chi2 < options.chi2_limit)
        result.field.galaxies.push_back({galaxy.radius_mpc, galaxy.i_magnitude, galaxy.chi2});
    }
    result.field.redshift = cutout.redshift;
    result.field.relative_noise = filter_.relative_noise(noise);
    result.field.seen = seen_share(found, epoch.arcsec_per_mpc);
    double valid = 0;
    for (const float v : found.valid) valid += static_cast<double>(v);
    result.masked = 1 - valid / static_cast<double>(found.valid.size());
    result.richness = filter_(result.field, options);
    result.sources = std::move(found.sources);
    return result;
  }

 private:
  /// Noise of a compact source's flux, in units of the noise of one native pixel: cells under it times pixels in them.
  static double error_pixels(const SourceOptions& options, double redshift) {
    const double cell = arcsec_of_mpc(options.field_mpc, redshift) / options.side, sigma = 1.0 / cell;
    // Sum of the squared weights along one axis, mean over where in its cell the source lies.
    double squares = 0;
    constexpr int phases = 8;
    for (int p = 0; p < phases; ++p) {
      const double centre = (p + 0.5) / phases - 0.5;
      const int reach = static_cast<int>(std::ceil(4 * sigma + 0.5));
      const auto below = [&](double edge) { return 0.5 * std::erf((edge - centre) / (std::numbers::sqrt2 * sigma)); };
      for (int k = -reach; k <= reach; ++k) squares += std::pow(below(k + 0.5) - below(k - 0.5), 2) / phases;
    }
    return cell / mock::Footprint::pixel_arcsec / squares;  // 1 / sqrt(squares^2) for two axes
  }

  static FilterPhotometry photometry(const SourceOptions& options) {
    FilterPhotometry result;
    result.error = [](double, std::size_t) { return 1.0; };
    result.scale = [options](double redshift) { return error_pixels(options, redshift); };
    result.model_error = options.model_error;
    result.stars = true;
    return result;
  }

  static PixelGalaxy galaxy_of(const DetectedSource& source, const mock::Epoch& epoch, const RidgeDistance& ridge,
                               const mock::PerBand& deredden) {
    constexpr double unknown = 1e4;  // [nMgy] error of a band that says nothing
    PixelGalaxy galaxy;
    galaxy.radius_mpc = std::hypot(source.east, source.north) / epoch.arcsec_per_mpc;
    mock::PerBand flux, error;
    for (std::size_t b = 0; b < flux.size(); ++b) {
      flux[b] = source.flux[b] * deredden[b];
      error[b] = std::isfinite(source.error[b]) ? source.error[b] * deredden[b] : unknown;
    }
    if (!(flux[3] > 0) || error[3] == unknown) {
      galaxy.i_magnitude = galaxy.chi2 = INFINITY;
      return galaxy;
    }
    galaxy.i_magnitude = mock::magnitude(flux[3]);
    galaxy.chi2 = ridge.chi2(flux, error);
    if (flux[1] > 0 && flux[2] > 0)
      galaxy.blueness = epoch.red.mean(galaxy.i_magnitude)[1] - (mock::magnitude(flux[1]) - mock::magnitude(flux[2]));
    return galaxy;
  }

  /// Share of each ring about the centre that could be searched.
  static std::array<double, FilterField::rings> seen_share(const SourceField& found, double arcsec_per_mpc) {
    constexpr int directions = 64;
    std::array<double, FilterField::rings> share{};
    const double middle = (found.grid.side - 1) / 2.0;
    for (std::size_t j = 0; j < share.size(); ++j) {
      const double radius =
          (static_cast<double>(j) + 0.5) * SatelliteGrid::step_mpc * arcsec_per_mpc / found.grid.cell_arcsec;
      double held = 0;
      for (int d = 0; d < directions; ++d) {
        const double phi = 2 * std::numbers::pi * (d + 0.5) / directions;
        const int x = static_cast<int>(std::lround(middle + radius * std::cos(phi))),
                  y = static_cast<int>(std::lround(middle + radius * std::sin(phi)));
        if (x < 0 || y < 0 || x >= found.grid.side || y >= found.grid.side) continue;
        held += static_cast<double>(found.valid[static_cast<std::size_t>(y * found.grid.side + x)]);
      }
      share[j] = held / directions;
    }
    return share;
  }

  mock::SkyParameters sky_;
  SourceFinder finder_;
  MatchedFilter filter_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
