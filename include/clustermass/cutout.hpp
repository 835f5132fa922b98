// SPDX-License-Identifier: BSD-3-Clause
// What the caller hands in: five band images of one field, in the caller's memory, each with its own map to the sky.
// Cutout is a view, as string_view is to string; CutoutBuffer owns pixels. No file format is known here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_DATA_TAG {

/// The five SDSS bands, always in this order.
enum class Band : int { u, g, r, i, z };
inline constexpr int band_count = 5;
inline constexpr std::array<char, band_count> band_names{'u', 'g', 'r', 'i', 'z'};

/// Mask bits of the library's own readers and of the mock sky. A caller's mask may use any other bits: BandImage says
/// which of them count.
namespace mask_bit {
inline constexpr std::int32_t saturated = 1 << 0, bleed = 1 << 1, cosmic_ray = 1 << 2, bad_column = 1 << 3,
                              edge = 1 << 4, no_data = 1 << 5, interpolated = 1 << 6, bright_neighbour = 1 << 7,
                              ghost = 1 << 8;
}

/// Where a pixel lies on the sky: offsets from the cluster's centre in the tangent plane.
///
///   (east, north) = arcsec_per_pixel * (x - centre_x, y - centre_y)
///
/// x counts columns and y rows, from 0 at the centre of the first pixel (FITS pixel (1,1)). A simple image with north
/// up and east left has {{-s, 0}, {0, s}}.
struct AffineMap {
  std::array<std::array<double, 2>, 2> arcsec_per_pixel{};  ///< [east, north] x [x, y]
  double centre_x = 0, centre_y = 0;                        ///< pixel of the cluster's centre
};

/// One band: calibrated, sky-subtracted pixels in nanomaggies, row 0 first, in the caller's memory.
///
/// Mask and variance are optional and share the rows' stride. A pixel is bad if (mask & bad_mask) != 0; a pixel with a
/// bit of no_data_mask counts as lying outside the image. NaN pixels are treated as masked and flagged.
struct BandImage {
  const float* pixels = nullptr;       ///< nanomaggies per pixel; null: the band is missing
  const float* variance = nullptr;     ///< nanomaggies^2; a value that is not positive marks a bad pixel
  const std::int32_t* mask = nullptr;  ///< bits
  int height = 0, width = 0;
  std::ptrdiff_t row_stride = 0;  ///< elements from one row to the next; 0: width
  std::int32_t bad_mask = ~std::int32_t{0};
  std::int32_t no_data_mask = mask_bit::no_data;
  AffineMap map{};

  constexpr bool present() const { return pixels != nullptr && height > 0 && width > 0; }
  constexpr std::ptrdiff_t stride() const { return row_stride != 0 ? row_stride : width; }
};

/// How the pixels came to be; the training set has its own kind, and another one is flagged INPUT_KIND.
enum class InputKind : int {
  native,    ///< detector pixels with independent noise
  resampled  ///< interpolated by an image service: correlated noise, another PSF
};

/// A mass from elsewhere with its error. [log10 Msun, dex] NaN: not known.
struct MassPosterior {
  double log10_m500c = std::numeric_limits<double>::quiet_NaN();
  double log10_m500c_error = std::numeric_limits<double>::quiet_NaN();

  /// Whether there is a mass, and an error that is possible.
  constexpr bool is_known() const {
    return log10_m500c > 10 && log10_m500c < 20 && log10_m500c_error >= 0 && log10_m500c_error < 10;
  }
};

/// Five band images of one field and what is known of the cluster. A view: it owns nothing.
struct Cutout {
  std::array<BandImage, band_count> bands{};
  double redshift = std::numeric_limits<double>::quiet_NaN();  ///< NaN: missing, flagged, never guessed
  double redshift_error = 0;                                   ///< 1 sigma
  double ebv = 0;                                              ///< E(B-V) on the SFD scale [mag]
  InputKind input_kind = InputKind::native;
  /// What the matched filter reads off these pixels (baselines/filter_mass.hpp measures it). Networks that were taught
  /// with it weigh it against the images, the others do not look; without it all do with the images alone.
  MassPosterior filter_mass{};

  constexpr BandImage& operator[](Band band) { return bands[static_cast<std::size_t>(band)]; }
  constexpr const BandImage& operator[](Band band) const { return bands[static_cast<std::size_t>(band)]; }
};

/// Owns the pixels of a cutout. Variance and mask may stay empty.
struct CutoutBuffer {
  struct Plane {
    std::vector<float> pixels, variance;
    std::vector<std::int32_t> mask;
    int height = 0, width = 0;
    AffineMap map{};
  };
  std::array<Plane, band_count> bands{};
  double redshift = std::numeric_limits<double>::quiet_NaN();
  double redshift_error = 0, ebv = 0;
  InputKind input_kind = InputKind::native;
  MassPosterior filter_mass{};

  /// A view of the pixels, valid while the buffer lives and its vectors keep their size.
  Cutout view() const {
    Cutout cutout{{}, redshift, redshift_error, ebv, input_kind, filter_mass};
    for (std::size_t b = 0; b < bands.size(); ++b) {
      const Plane& plane = bands[b];
      if (plane.pixels.empty()) continue;
      BandImage& image = cutout.bands[b];
      image.pixels = plane.pixels.data();
      image.variance = plane.variance.empty() ? nullptr : plane.variance.data();
      image.mask = plane.mask.empty() ? nullptr : plane.mask.data();
      image.height = plane.height;
      image.width = plane.width;
      image.map = plane.map;
    }
    return cutout;
  }
  operator Cutout() const { return view(); }
};

}  // namespace clustermass::inline CLUSTERMASS_DATA_TAG
