// SPDX-License-Identifier: BSD-3-Clause
// A scene as five SDSS corrected frames at 0.396 arcsec: pixels, calibration vector, subtracted sky, sky position.
// Plain vectors; the FITS files are written by examples/mock through io/sdss_frame.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include "clustermass/cutout.hpp"
#include "clustermass/mock/artefacts.hpp"
#include "clustermass/mock/raster.hpp"
#include "clustermass/mock/sky.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

struct NativeOptions {
  bool noise = true;         ///< photon, sky and dark noise, and whole counts; false: expected fluxes
  bool sky_residual = true;  ///< offset, gradient and over-subtraction left by the sky subtraction
  bool artefacts = true;     ///< with noise: saturation, bleed trails, cosmic rays, bad columns, and their masks
};

/// One corrected frame. counts = image / calibration + sky is a whole number, sky being allsky interpolated bilinearly.
/// A missing band has neither pixels nor mask.
struct NativeFrame {
  std::vector<float> image;             ///< [1489,2048] nanomaggies, row 0 first
  std::vector<std::int32_t> mask;       ///< [1489,2048] bits of mask_bit; empty without artefacts
  std::vector<float> calibration;       ///< [2048] nanomaggies per count of each column
  std::vector<float> allsky;            ///< [192,256] counts
  std::vector<float> xinterp, yinterp;  ///< [2048], [1489] positions on allsky, from 0
  AffineMap map{};                      ///< pixels to arcsec from the cutout's centre
};

/// Five frames of one field, u g r i z.
struct NativeField {
  static constexpr int width = Footprint::width, height = Footprint::height, sky_width = 256, sky_height = 192;
  int camera_column = 1;
  std::array<NativeFrame, 5> bands{};
};

/// Header numbers of a tangent projection: CRVAL, CRPIX and CD in degrees.
struct TangentWcs {
  std::array<double, 2> crval{}, crpix{};
  std::array<std::array<double, 2>, 2> cd{};
};

/// The projection about the cutout's centre at (ra, dec), which makes the affine map exact. [deg]
inline TangentWcs tangent_wcs(const AffineMap& map, double ra, double dec) {
  TangentWcs wcs{{ra, dec}, {map.centre_x + 1, map.centre_y + 1}, map.arcsec_per_pixel};
  for (auto& row : wcs.cd)
    for (double& value : row) value /= 3600;
  return wcs;
}

/// Calibration of the columns, varying slowly by a few parts in a thousand, and a sky with a slope, as real frames
/// have.
inline void draw_calibration(NativeFrame& frame, const CameraBand& camera, Random& random) {
  constexpr std::size_t width = NativeField::width, height = NativeField::height;
  const double phase = 2 * std::numbers::pi * random.uniform(), swing = 0.003 * random.uniform();
  frame.calibration.resize(width);
  for (std::size_t i = 0; i < width; ++i) {
    const double turn = 2 * std::numbers::pi * static_cast<double>(i) / width;
    frame.calibration[i] = static_cast<float>(camera.nmgy_per_count * (1 + swing * std::sin(turn + phase)));
  }
  const double slope_x = 0.002 * random.normal(), slope_y = 0.002 * random.normal();
  frame.allsky.resize(static_cast<std::size_t>(NativeField::sky_width) * NativeField::sky_height);
  for (int j = 0; j < NativeField::sky_height; ++j)
    for (int i = 0; i < NativeField::sky_width; ++i)
      frame.allsky[static_cast<std::size_t>(j * NativeField::sky_width + i)] =
          static_cast<float>(camera.sky_counts * (1 + slope_x * (i / 255.0 - 0.5) + slope_y * (j / 191.0 - 0.5)));
  // The positions of real frames: eight pixels per point, and three points cut off at the lower edge.
  frame.xinterp.resize(width);
  frame.yinterp.resize(height);
  for (std::size_t i = 0; i < width; ++i) frame.xinterp[i] = static_cast<float>(static_cast<double>(i) / 8 - 0.4375);
  for (std::size_t j = 0; j < height; ++j) frame.yinterp[j] = static_cast<float>(static_cast<double>(j) / 8 + 0.5625);
}

/// The subtracted sky at full resolution, row by row.
class SkyLines {
 public:
  explicit SkyLines(const NativeFrame& frame) : frame_(frame), line_(NativeField::sky_width) {
    for (std::size_t i = 0; i < low_.size(); ++i) {
      const double position = std::clamp(static_cast<double>(frame.xinterp[i]), 0.0, NativeField::sky_width - 1.0);
      low_[i] = static_cast<std::size_t>(position);
      share_[i] = position - static_cast<double>(low_[i]);
    }
  }
  /// Goes to row j.
  void go_to(std::size_t j) {
    const double position = std::clamp(static_cast<double>(frame_.yinterp[j]), 0.0, NativeField::sky_height - 1.0);
    const auto low = static_cast<std::size_t>(position);
    const std::size_t high = std::min<std::size_t>(low + 1, NativeField::sky_height - 1);
    const double t = position - static_cast<double>(low);
    for (std::size_t i = 0; i < line_.size(); ++i)
      line_[i] = (1 - t) * frame_.allsky[low * line_.size() + i] + t * frame_.allsky[high * line_.size() + i];
  }
  /// Sky at column i of the row. [counts]
  double operator[](std::size_t i) const {
    const std::size_t high = std::min<std::size_t>(low_[i] + 1, NativeField::sky_width - 1);
    return (1 - share_[i]) * line_[low_[i]] + share_[i] * line_[high];
  }

 private:
  const NativeFrame& frame_;
  std::vector<double> line_;
  std::array<std::size_t, NativeField::width> low_{};
  std::array<double, NativeField::width> share_{};
};

/// Whole counts with noise of a frame's expected fluxes. The rounding adds a variance of 1/12, which belongs to the
/// dark variance. [height,width]
inline std::vector<float> noisy_counts(const NativeFrame& frame, SkyLines& sky, const CameraBand& camera,
                                       const NoiseKernel& kernel, const RowNoise& rows, NormalStream normal) {
  constexpr std::size_t width = NativeField::width, height = NativeField::height;
  std::vector<float> counts(width * height), noise;
  if (!kernel.white()) noise.resize(counts.size());
  for (std::size_t j = 0; j < height; ++j) {
    sky.go_to(j);
    for (std::size_t i = 0; i < width; ++i) {
      const std::size_t at = j * width + i;
      const double expected = frame.image[at] / static_cast<double>(frame.calibration[i]) + sky[i];
      const double photons = std::max(expected, 0.0) / camera.gain;  // their variance in counts^2
      const double variance = photons + camera.dark_variance - 1.0 / 12, sigma = std::sqrt(variance);
      const double skewness = photons / (camera.gain * variance * sigma);  // of photons alone: Poisson
      double draw =
          camera.noise_factor(static_cast<double>(i)) * sigma * skewed(static_cast<double>(normal()), skewness);
      if (!rows.none())
        draw += static_cast<double>(rows.at(static_cast<int>(i), static_cast<int>(j))) / frame.calibration[i];
      if (kernel.white()) {
        counts[at] = static_cast<float>(std::round(expected + draw));
      } else {
        counts[at] = static_cast<float>(expected);
        noise[at] = static_cast<float>(draw);
      }
    }
  }
  kernel.smear(noise, static_cast<int>(width), static_cast<int>(height));
  for (std::size_t at = 0; at < noise.size(); ++at) counts[at] = std::round(counts[at] + noise[at]);
  return counts;
}

/// Cosmic rays, saturation and bad columns of one exposure, then what the pipeline does about them: spoiled pixels are
/// interpolated along their rows and masked. Discs around saturated stars are masked only.
inline void spoil(std::vector<float>& counts, std::vector<std::int32_t>& mask, const Scene& scene, std::size_t band,
                  const SkyParameters& sky) {
  constexpr int width = NativeField::width, height = NativeField::height;
  const CameraBand& camera = scene.camera[band];
  mask.assign(counts.size(), 0);
  const auto at = [](int i, int j) { return static_cast<std::size_t>(j) * width + static_cast<std::size_t>(i); };
  const auto inside = [](int i, int j) { return i >= 0 && i < width && j >= 0 && j < height; };

  mark_saturation(counts, width, height, sky.full_well_counts, mask);
  Random rays = stream_of(scene.seed, scene.index, Stream::cosmic_rays, band);
  for (const CosmicRay& ray : draw_cosmic_rays(-0.5, width - 0.5, -0.5, height - 0.5, sky, rays))
    ray.for_each_pixel([&](int i, int j, double share) {
      if (!inside(i, j)) return;
      counts[at(i, j)] += static_cast<float>(share * ray.electrons / camera.gain);
      if (!ray.missed) mask[at(i, j)] |= mask_bit::cosmic_ray | mask_bit::interpolated;
    });
  Random bad = stream_of(scene.seed, scene.index, Stream::bad_columns, band);
  for (const int i : draw_bad_columns(sky, bad))
    for (int j = 0; j < height; ++j) mask[at(i, j)] |= mask_bit::bad_column | mask_bit::interpolated;
  interpolate_rows(counts, width, height, mask);

  const RasterMap map(scene.footprint.map(band));
  for (const Source& source : scene.sources) {
    const double radius = saturation_radius_arcsec(source, band, sky) / Footprint::pixel_arcsec;
    if (!(radius > 0)) continue;
    const double x = map.x(source.east, source.north), y = map.y(source.east, source.north);
    for (int j = std::max(0, static_cast<int>(std::ceil(y - radius))); j < height && j <= y + radius; ++j)
      for (int i = std::max(0, static_cast<int>(std::ceil(x - radius))); i < width && i <= x + radius; ++i)
        if (std::hypot(i - x, j - y) < radius) mask[at(i, j)] |= mask_bit::bright_neighbour;
  }
}

/// Noise, artefacts, whole counts between 0 and the 65535 of the converter; then back to nanomaggies.
inline void expose(NativeFrame& frame, const Scene& scene, std::size_t band, const SkyParameters& sky, bool artefacts) {
  constexpr std::size_t width = NativeField::width, height = NativeField::height;
  SkyLines lines(frame);
  std::vector<float> counts = noisy_counts(frame, lines, scene.camera[band], NoiseKernel(sky.noise_correlation_pixels),
                                           row_noise_of(scene, band, sky), noise_of(scene, Stream::native_noise, band));
  if (artefacts) spoil(counts, frame.mask, scene, band, sky);
  for (std::size_t j = 0; j < height; ++j) {
    lines.go_to(j);
    for (std::size_t i = 0; i < width; ++i) {
      const double count = std::clamp(std::round(static_cast<double>(counts[j * width + i])), 0.0, 65535.0);
      frame.image[j * width + i] = static_cast<float>((count - lines[i]) * frame.calibration[i]);
    }
  }
}

/// What the sky subtraction left: offset and slope, and a disc too deep around each bright source. A band's pixels
/// [height,width].
inline void add_native_residual(NativeFrame& frame, const Scene& scene, std::size_t band, const SkyParameters& sky) {
  constexpr int width = NativeField::width, height = NativeField::height;
  const CameraBand& camera = scene.camera[band];
  const auto& m = frame.map.arcsec_per_pixel;
  for (int j = 0; j < height; ++j) {
    float* const row = frame.image.data() + static_cast<std::ptrdiff_t>(j) * width;
    for (int i = 0; i < width; ++i) {
      const double x = i - frame.map.centre_x, y = j - frame.map.centre_y;
      row[i] += static_cast<float>(camera.residual(m[0][0] * x + m[0][1] * y, m[1][0] * x + m[1][1] * y));
    }
  }
  const RasterMap map(frame.map);
  const double radius = sky.over_subtraction_radius_arcsec / Footprint::pixel_arcsec;
  for (const Source& source : scene.sources) {
    const auto depth = static_cast<float>(over_subtraction_depth(source, band, sky) * map.pixel_area());
    if (!(depth > 0)) continue;
    const double x = map.x(source.east, source.north), y = map.y(source.east, source.north);
    for (int j = std::max(0, static_cast<int>(std::ceil(y - radius))); j < height && j <= y + radius; ++j) {
      const double half = std::sqrt(std::max(0.0, radius * radius - (j - y) * (j - y)));
      float* const row = frame.image.data() + static_cast<std::ptrdiff_t>(j) * width;
      for (int i = std::max(0, static_cast<int>(std::ceil(x - half))); i < width && i <= x + half; ++i) row[i] -= depth;
    }
  }
}

/// Five frames of 2048 x 1489 pixels at the place the scene's footprint says. Sources are drawn as far as the scene
/// goes: give SceneOptions::half_width_arcsec the width of the frame (510 arcsec about its middle, 1010 anywhere).
inline NativeField render_native(const Scene& scene, const SkyParameters& sky, const NativeOptions& options = {}) {
  constexpr int width = NativeField::width, height = NativeField::height;
  NativeField field;
  field.camera_column = scene.camera_column;
  Random calibration = stream_of(scene.seed, scene.index, Stream::calibration);
  for (std::size_t b = 0; b < field.bands.size(); ++b) {
    NativeFrame& frame = field.bands[b];
    const CameraBand& camera = scene.camera[b];
    frame.map = scene.footprint.map(b);
    draw_calibration(frame, camera, calibration);
    if (static_cast<int>(b) == scene.missing_band) continue;
    frame.image.assign(static_cast<std::size_t>(width) * height, 0.0f);

    std::array<float*, 5> planes{};
    planes[b] = frame.image.data();
    PerBand noise;
    for (std::size_t k = 0; k < noise.size(); ++k) noise[k] = scene.camera[k].noise();
    SourceRenderer renderer(frame.map, width, height, scene.psf, noise, sky.accuracy, scene.psf_drift);
    for (const Source& source : scene.sources) renderer.add(source, planes);

    if (options.sky_residual) add_native_residual(frame, scene, b, sky);
    if (options.noise) expose(frame, scene, b, sky, options.artefacts);
  }
  return field;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
