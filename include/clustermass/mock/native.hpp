// SPDX-License-Identifier: BSD-3-Clause
// A scene as five SDSS corrected frames at 0.396 arcsec: pixels, calibration vector, subtracted sky, sky position.
// Plain vectors; the FITS files are written by examples/mock through io/sdss_frame.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "clustermass/cutout.hpp"
#include "clustermass/mock/raster.hpp"
#include "clustermass/mock/sky.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

struct NativeOptions {
  bool noise = true;         ///< photon, sky and dark noise, and whole counts; false: expected fluxes
  bool sky_residual = true;  ///< offset and gradient left by the sky subtraction
};

/// One corrected frame. counts = image / calibration + sky is a whole number, sky being allsky interpolated bilinearly.
struct NativeFrame {
  std::vector<float> image;             ///< [1489,2048] nanomaggies, row 0 first
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

/// One line of allsky at a row of the frame, interpolated between its rows. [sky_width]
inline void sky_row(const NativeFrame& frame, std::size_t j, std::vector<double>& line) {
  const double position = std::clamp(static_cast<double>(frame.yinterp[j]), 0.0, NativeField::sky_height - 1.0);
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min<std::size_t>(low + 1, NativeField::sky_height - 1);
  const double t = position - static_cast<double>(low);
  for (std::size_t i = 0; i < line.size(); ++i)
    line[i] = (1 - t) * frame.allsky[low * line.size() + i] + t * frame.allsky[high * line.size() + i];
}

/// Expected fluxes to fluxes with noise, in whole counts between 0 and the 65535 of the converter. The rounding to
/// whole counts adds a variance of 1/12, which belongs to the dark variance.
inline void expose(NativeFrame& frame, const CameraBand& camera, NormalStream normal) {
  constexpr std::size_t width = NativeField::width, height = NativeField::height;
  std::vector<double> line(NativeField::sky_width);
  for (std::size_t j = 0; j < height; ++j) {
    sky_row(frame, j, line);
    float* const row = frame.image.data() + j * width;
    for (std::size_t i = 0; i < width; ++i) {
      const double position = std::clamp(static_cast<double>(frame.xinterp[i]), 0.0, NativeField::sky_width - 1.0);
      const auto low = static_cast<std::size_t>(position);
      const std::size_t high = std::min<std::size_t>(low + 1, NativeField::sky_width - 1);
      const double t = position - static_cast<double>(low), sky = (1 - t) * line[low] + t * line[high];
      const double calibration = frame.calibration[i], expected = row[i] / calibration + sky;
      const double variance = std::max(expected, 0.0) / camera.gain + camera.dark_variance - 1.0 / 12;
      const double counts = std::round(expected + std::sqrt(variance) * static_cast<double>(normal()));
      row[i] = static_cast<float>((std::clamp(counts, 0.0, 65535.0) - sky) * calibration);
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
    frame.image.assign(static_cast<std::size_t>(width) * height, 0.0f);

    std::array<float*, 5> planes{};
    planes[b] = frame.image.data();
    PerBand noise{};
    noise[b] = camera.noise();
    SourceRenderer renderer(frame.map, width, height, scene.psf, noise, sky.accuracy);
    for (const Source& source : scene.sources) renderer.add(source, planes);

    if (options.sky_residual) {
      const auto& m = frame.map.arcsec_per_pixel;
      for (int j = 0; j < height; ++j)
        for (int i = 0; i < width; ++i) {
          const double x = i - frame.map.centre_x, y = j - frame.map.centre_y;
          planes[b][j * width + i] +=
              static_cast<float>(camera.residual(m[0][0] * x + m[0][1] * y, m[1][0] * x + m[1][1] * y));
        }
    }
    if (options.noise) expose(frame, camera, noise_of(scene, Stream::native_noise, b));
  }
  return field;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
