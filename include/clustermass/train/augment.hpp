// SPDX-License-Identifier: BSD-3-Clause
// Changes to a prepared cutout that leave its label as it is, and the hardening that makes naming a band depend on what
// is in the image rather than on how it was taken. All draws come from the caller's stream.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/train/sample.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// Augmentation of the mass stages; probabilities are those of a sample.
struct AugmentOptions {
  bool orient = true;       ///< one of the eight flips and quarter turns
  double band_drop = 0.05;  ///< probability of losing one band
  double mask_patch = 0.2;  ///< probability of a masked rectangle
  double shift = 0.1;       ///< probability of a shift by up to largest_shift each way
  double retake = 0.1;      ///< probability of another night: PSF up to 30 % wider, noise up to 30 % stronger
  double gain_rms = 0.02;   ///< calibration error common to the bands [ln]
  double ebv_rms = 0.1;     ///< relative error of E(B-V)
};

/// Cells that a shift may move an image: 0.1 of the field.
inline constexpr int largest_shift = field_side / 10;

/// Turns and flips a square image in place.
inline void orient(std::span<float> image, int side, std::uint32_t which) {
  const auto at = [&](int i, int j) -> float& { return image[static_cast<std::size_t>(i * side + j)]; };
  if (which & 1)
    for (int i = 0; i < side; ++i) std::reverse(&at(i, 0), &at(i, 0) + side);
  if (which & 2)
    for (int i = 0; i < side / 2; ++i) std::swap_ranges(&at(i, 0), &at(i, 0) + side, &at(side - 1 - i, 0));
  if (which & 4)
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < i; ++j) std::swap(at(i, j), at(j, i));
}

inline void orient(PreparedBuffer& buffer, std::uint32_t which) {
  for (std::size_t b = 0; b < band_count; ++b) {
    orient(std::span(buffer.input).subspan(b * field_cells, field_cells), field_side, which);
    orient(std::span(buffer.band_coverage).subspan(b * coarse_cells, coarse_cells), coarse_side, which);
  }
}

/// Cells that [start, start + extent) and a coarse cell have in common, along one axis.
inline int overlap(int start, int extent, int coarse) {
  return std::max(0, std::min(start + extent, (coarse + 1) * coarse_factor) - std::max(start, coarse * coarse_factor));
}

/// Takes a rectangle of cells off the coverage of one band.
inline void mask_coverage(std::span<float> coverage, int top, int left, int height, int width) {
  for (int i = 0; i < coarse_side; ++i)
    for (int j = 0; j < coarse_side; ++j) {
      const double share =
          static_cast<double>(overlap(top, height, i) * overlap(left, width, j)) / (coarse_factor * coarse_factor);
      coverage[static_cast<std::size_t>(i * coarse_side + j)] *= static_cast<float>(1 - share);
    }
}

/// Masks a rectangle of cells in one band.
inline void mask_rectangle(PreparedBuffer& buffer, std::size_t band, int top, int left, int height, int width) {
  for (int i = top; i < std::min(top + height, field_side); ++i)
    for (int j = left; j < std::min(left + width, field_side); ++j)
      buffer.input[band * field_cells + static_cast<std::size_t>(i * field_side + j)] = 0;
  mask_coverage(std::span(buffer.band_coverage).subspan(band * coarse_cells, coarse_cells), top, left, height, width);
}

/// Moves the coverage of one band down and right: a coarse cell's is that of the cells that it now holds, taken as even
/// within a coarse cell.
inline void shift_coverage(std::span<float> coverage, int down, int right) {
  std::array<float, coarse_cells> covered{};
  for (int i = 0; i < coarse_side; ++i)
    for (int j = 0; j < coarse_side; ++j) {
      double sum = 0;
      for (int k = 0; k < coarse_side; ++k)
        for (int l = 0; l < coarse_side; ++l)
          sum += static_cast<double>(coverage[static_cast<std::size_t>(k * coarse_side + l)]) *
                 overlap(k * coarse_factor + down, coarse_factor, i) *
                 overlap(l * coarse_factor + right, coarse_factor, j);
      covered[static_cast<std::size_t>(i * coarse_side + j)] =
          static_cast<float>(sum / (coarse_factor * coarse_factor));
    }
  std::copy(covered.begin(), covered.end(), coverage.begin());
}

/// Moves the images of all bands down and right; what comes in from outside is invalid.
inline void shift(PreparedBuffer& buffer, int down, int right) {
  std::vector<float> moved(field_cells);
  for (std::size_t b = 0; b < band_count; ++b) {
    const std::span<float> image = std::span(buffer.input).subspan(b * field_cells, field_cells);
    std::fill(moved.begin(), moved.end(), 0.0f);
    const int j0 = std::max(0, right), j1 = std::min(field_side, field_side + right);
    for (int i = std::max(0, down); i < std::min(field_side, field_side + down); ++i)
      std::copy_n(&image[static_cast<std::size_t>((i - down) * field_side + j0 - right)], j1 - j0,
                  &moved[static_cast<std::size_t>(i * field_side + j0)]);
    std::copy(moved.begin(), moved.end(), image.begin());
    shift_coverage(std::span(buffer.band_coverage).subspan(b * coarse_cells, coarse_cells), down, right);
  }
}

/// Flux of a cell in units of the band's scale, from its stretched value.
inline double unstretch(float value) { return 2 * std::sinh(2 * static_cast<double>(value)); }

/// tanh to 0.003, without libm, whose last digits differ by vendor.
///
/// Source  continued fraction of tanh to the fourth term, clipped where it reaches 1
inline float quick_tanh(float x) {
  const float t = std::clamp(x, -3.0f, 3.0f), q = t * t;
  return std::clamp(t * (15 + q) / (15 + 6 * q), -1.0f, 1.0f);
}

/// What another exposure does to one band.
struct Exposure {
  double gain = 1, pedestal = 0;  ///< of the flux; added to it, in units of the band's scale
  double blur_cells = 0;          ///< sigma of a wider PSF
  double noise = 0;               ///< rms of further white noise, in units of the band's scale
};

/// A number of mean 0 and variance 1 that is nearly normal: the sum of the eight bytes of two words (Irwin and Hall).
inline double quick_normal(Random& random) {
  const std::uint64_t word = (std::uint64_t{random.bits()} << 32) | random.bits();
  constexpr std::uint64_t even = 0x00ff00ff00ff00ffu;
  const std::uint64_t pairs = (word & even) + ((word >> 8) & even);
  const auto sum = static_cast<double>((pairs * 0x0001000100010001u) >> 48);
  return (sum - 1020) * (1 / 209.02153);  // 8 times the mean 127.5; the root of 8 times the variance (256^2 - 1) / 12
}

/// Another exposure of one band. Invalid cells stay so and give no light.
inline void expose(std::span<float> image, const Exposure& exposure, Random& random) {
  std::vector<float> flux(field_cells), blurred(field_cells);
  const auto gain = static_cast<float>(exposure.gain), pedestal = static_cast<float>(exposure.pedestal);
  for (std::size_t k = 0; k < field_cells; ++k)
    flux[k] = image[k] == 0 ? 0 : gain * static_cast<float>(unstretch(image[k])) + pedestal;
  if (exposure.blur_cells > 0) {
    // Second moment of (a, 1 - 2a, a), as often as keeps a at 1/4 or less: rows, then columns; the edges take their own
    // value for what lies outside.
    const double variance = exposure.blur_cells * exposure.blur_cells;
    const int passes = std::max(1, static_cast<int>(std::ceil(2 * variance)));
    const auto side = static_cast<float>(0.5 * variance / passes);
    const auto pass = [&](std::size_t step, auto place) {
      for (std::size_t k = 0; k < field_cells; ++k) {
        const float before = place(k) > 0 ? flux[k - step] : flux[k];
        const float after = place(k) + 1 < field_side ? flux[k + step] : flux[k];
        blurred[k] = flux[k] + side * (before - 2 * flux[k] + after);
      }
      flux.swap(blurred);
    };
    for (int n = 0; n < passes; ++n) {
      pass(1, [](std::size_t k) { return k % field_side; });
      pass(field_side, [](std::size_t k) { return k / field_side; });
    }
  }
  for (std::size_t k = 0; k < field_cells; ++k) {
    if (image[k] == 0) continue;
    const double noise = exposure.noise > 0 ? exposure.noise * quick_normal(random) : 0;
    image[k] = stretch(static_cast<double>(flux[k]) + noise, 1.0);
  }
}

/// Another night for all bands: the PSF up to 30 % wider, the noise up to 30 % stronger.
inline void retake(PreparedBuffer& buffer, double redshift, Random& random) {
  constexpr double fwhm_arcsec = 1.3;  // median of the survey
  const double cell_arcsec = field_width_arcsec(redshift) / field_side;
  const double wider = random.uniform(1, 1.3), louder = random.uniform(1, 1.3);
  const double blur = fwhm_arcsec / 2.3548 * std::sqrt(wider * wider - 1) / cell_arcsec;
  const double noise = cell_arcsec / (stretch_pixels * native_pixel_arcsec) * std::sqrt(louder * louder - 1);
  for (std::size_t b = 0; b < band_count; ++b)
    expose(std::span(buffer.input).subspan(b * field_cells, field_cells), {.blur_cells = blur, .noise = noise}, random);
}

/// Multiplies the flux of one band by exp(ln_gain), a few per cent. asinh is close to the logarithm where a source
/// matters: a gain shifts it by half its ln, and scales it near zero.
inline void apply_gain(std::span<float> image, double ln_gain) {
  const float half = static_cast<float>(0.5 * ln_gain);
  for (float& value : image) value += half * quick_tanh(2 * value);
}

/// Draws an augmentation of the mass stages and tells `target` what to do, in this order: orient(which),
/// shift(down, right), retake(random), mask(band, top, left, height, width), gain(band, ln).
template <class Target>
void draw_augmentation(Target&& target, const SampleInfo& info, const AugmentOptions& options, Random& random) {
  const std::uint32_t which = random.below(8);
  if (options.orient) target.orient(which);
  if (random.uniform() < options.shift) {
    const int down = static_cast<int>(random.below(2 * largest_shift + 1)) - largest_shift;
    const int right = static_cast<int>(random.below(2 * largest_shift + 1)) - largest_shift;
    target.shift(down, right);
  }
  if (random.uniform() < options.retake) target.retake(random);
  if (random.uniform() < options.mask_patch) {
    const int height = 4 + static_cast<int>(random.below(29)), width = 4 + static_cast<int>(random.below(29));
    const int top = static_cast<int>(random.below(field_side)), left = static_cast<int>(random.below(field_side));
    for (std::size_t b = 0; b < band_count; ++b) target.mask(b, top, left, height, width);
  }
  if (random.uniform() < options.band_drop) target.mask(random.below(band_count), 0, 0, field_side, field_side);
  const double common = options.gain_rms * random.normal(), reddening = options.ebv_rms * info.ebv * random.normal();
  for (std::size_t b = 0; b < band_count; ++b)
    target.gain(b, common + 0.4 * std::numbers::ln10 * extinction_per_ebv[b] * reddening);
}

/// Augmentation of the mass stages.
inline void augment(PreparedBuffer& buffer, const SampleInfo& info, const AugmentOptions& options, Random& random) {
  struct OnPixels {
    PreparedBuffer& buffer;
    double redshift;
    void orient(std::uint32_t which) const { train::orient(buffer, which); }
    void shift(int down, int right) const { train::shift(buffer, down, right); }
    void retake(Random& draws) const { train::retake(buffer, redshift, draws); }
    void mask(std::size_t band, int top, int left, int height, int width) const {
      mask_rectangle(buffer, band, top, left, height, width);
    }
    void gain(std::size_t band, double ln) const {
      apply_gain(std::span(buffer.input).subspan(band * field_cells, field_cells), ln);
    }
  };
  draw_augmentation(OnPixels{buffer, info.redshift}, info, options, random);
  buffer.update(info);
}

/// The plain pretext: the images as they are, in one of eight orientations.
///
/// Source  Lin et al. 2022, arXiv:2203.06288, name the bands of SDSS images
inline void plain(PreparedBuffer& buffer, const SampleInfo& info, Random& random) {
  orient(buffer, random.below(8));
  buffer.update(info);
}

/// Hardening for band naming: the same distribution for every band, band by band, in units of the band's sky noise.
///
///   f' = 10^U(-0.3,0.3) f blurred + pedestal N(0, 0.2) + white noise that raises the rms to a drawn class
///
/// Then an offset, orientation, and a random mask. What is left to tell the bands apart is what is in the field.
///
/// cell_arcsec: of the image; 0: that of the 2 Mpc field at the sample's redshift.
///
/// Source  Lin et al. 2022 name bands; the hardening is this library's own
inline void harden(PreparedBuffer& buffer, const SampleInfo& info, Random& random, double cell_arcsec = 0) {
  const double noise_class = std::pow(10.0, random.uniform(0.0, 0.6));
  if (cell_arcsec == 0) cell_arcsec = field_width_arcsec(info.redshift) / field_side;
  for (std::size_t b = 0; b < band_count; ++b) {
    const double gain = std::pow(10.0, random.uniform(-0.3, 0.3)), pedestal = 0.2 * random.normal();
    const double fwhm = random.uniform(1.6, 2.2);  // to which the median PSF is widened [arcsec]
    // A gain also scales the noise that is there, of rms near one.
    const double extra = std::sqrt(std::max(0.0, 4 * noise_class * noise_class - gain * gain));
    expose(std::span(buffer.input).subspan(b * field_cells, field_cells),
           {gain, pedestal, std::sqrt(fwhm * fwhm - 1.3 * 1.3) / 2.3548 / cell_arcsec, extra}, random);
  }
  const int down = static_cast<int>(random.below(2 * largest_shift + 1)) - largest_shift;
  const int right = static_cast<int>(random.below(2 * largest_shift + 1)) - largest_shift;
  shift(buffer, down, right);
  orient(buffer, random.below(8));
  if (random.uniform() < 0.3)
    for (std::size_t b = 0; b < band_count; ++b)
      mask_rectangle(buffer, b, static_cast<int>(random.below(field_side)), static_cast<int>(random.below(field_side)),
                     4 + static_cast<int>(random.below(29)), 4 + static_cast<int>(random.below(29)));
  buffer.update(info);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
