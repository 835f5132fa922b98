// SPDX-License-Identifier: BSD-3-Clause
// Measurements on the native pixels of one band, the same for mock and real frames: noise of the sky, width of stars,
// noise of a matched filter. Of the mock sky only the shape of the PSF is used, which is that of real stars.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <optional>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/mock/psf.hpp"
#include "clustermass/mock/scene.hpp"

namespace photometry {

/// An image [height,width], row 0 first. [nMgy]
struct Image {
  const float* pixels = nullptr;
  int height = 0, width = 0;

  std::size_t size() const { return static_cast<std::size_t>(height) * static_cast<std::size_t>(width); }
  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
  }
  double at(int x, int y) const { return pixels[index(x, y)]; }
};

inline double median_of(std::vector<float>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}
/// 1.4826 times the median absolute deviation from the median.
inline double robust_rms(std::vector<float> values) {
  const double centre = median_of(values);
  for (float& v : values) v = static_cast<float>(std::fabs(v - centre));
  return 1.4826 * median_of(values);
}

/// Pixels [height,width] where the image smoothed by [1 2 1] exceeds its noise threefold, and six pixels around: 1.
inline std::vector<std::uint8_t> source_mask(const Image& image) {
  std::vector<float> sample;
  for (std::size_t k = 0; k < image.size(); k += 37) sample.push_back(image.pixels[k]);
  const double noise = robust_rms(sample), level = median_of(sample) + 3 * 0.375 * noise;  // 0.375: of the kernel
  std::vector<std::uint8_t> hit(image.size()), wide(image.size()), mask(image.size());
  for (int y = 1; y + 1 < image.height; ++y)
    for (int x = 1; x + 1 < image.width; ++x) {
      const auto row = [&](int j) { return image.at(x - 1, j) + 2 * image.at(x, j) + image.at(x + 1, j); };
      hit[image.index(x, y)] = (row(y - 1) + 2 * row(y) + row(y + 1)) / 16 > level;
    }
  constexpr int reach = 6;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0, last = -reach - 1; x < image.width + reach; ++x) {
      if (x < image.width && hit[image.index(x, y)] != 0) last = x;
      if (x - reach >= 0 && last >= x - 2 * reach) wide[image.index(x - reach, y)] = 1;
    }
  for (int x = 0; x < image.width; ++x)
    for (int y = 0, last = -reach - 1; y < image.height + reach; ++y) {
      if (y < image.height && wide[image.index(x, y)] != 0) last = y;
      if (y - reach >= 0 && last >= y - 2 * reach) mask[image.index(x, y - reach)] = 1;
    }
  return mask;
}

/// Noise of the blank sky.
struct SkyNoise {
  double rms = 0, mean = 0;                     ///< per pixel, clipped at 4 sigma [nMgy]
  double correlation_x = 0, correlation_y = 0;  ///< of neighbouring pixels
};
inline SkyNoise sky_noise(const Image& image, const std::vector<std::uint8_t>& mask) {
  SkyNoise noise;
  std::vector<float> sample;
  for (std::size_t k = 0; k < mask.size(); k += 11)
    if (mask[k] == 0) sample.push_back(image.pixels[k]);
  if (sample.size() < 1000) return noise;
  noise.mean = median_of(sample);
  noise.rms = robust_rms(sample);
  for (int round = 0; round < 3; ++round) {
    double sum = 0, squares = 0, count = 0;
    for (std::size_t k = 0; k < mask.size(); ++k) {
      const double d = image.pixels[k] - noise.mean;
      if (mask[k] != 0 || std::fabs(d) > 4 * noise.rms) continue;
      sum += d, squares += d * d, count += 1;
    }
    noise.rms = std::sqrt(squares / count - sum / count * (sum / count));
    noise.mean += sum / count;
  }
  std::array<double, 2> products{}, pairs{};
  for (int y = 0; y + 1 < image.height; ++y)
    for (int x = 0; x + 1 < image.width; ++x) {
      const std::size_t k = image.index(x, y);
      const double d = image.pixels[k] - noise.mean;
      if (mask[k] != 0 || std::fabs(d) > 4 * noise.rms) continue;
      const std::array<std::size_t, 2> next{k + 1, k + static_cast<std::size_t>(image.width)};
      for (std::size_t axis = 0; axis < 2; ++axis) {
        const double e = image.pixels[next[axis]] - noise.mean;
        if (mask[next[axis]] != 0 || std::fabs(e) > 4 * noise.rms) continue;
        products[axis] += d * e, pairs[axis] += 1;
      }
    }
  noise.correlation_x = products[0] / pairs[0] / (noise.rms * noise.rms);
  noise.correlation_y = products[1] / pairs[1] / (noise.rms * noise.rms);
  return noise;
}

/// A round star of unit flux at (x, y) from the middle of a square of 2 reach + 1 pixels, integrated over pixels. The
/// PSF's FWHM is in arcsec, lengths here in pixels. [2 reach + 1, 2 reach + 1]
inline std::vector<double> draw_star(const clustermass::mock::Psf& psf, double x, double y, int reach) {
  const clustermass::mock::GaussianMixture mixture = clustermass::mock::psf_mixture(psf);
  const double fwhm = psf.fwhm_arcsec / clustermass::mock::Footprint::pixel_arcsec;
  const auto side = static_cast<std::size_t>(2 * reach + 1);
  std::vector<double> star(side * side), along(side), across(side);
  for (std::size_t g = 0; g < static_cast<std::size_t>(mixture.size); ++g) {
    const double scale = fwhm * std::sqrt(2 * mixture.variance[g]);
    const auto share = [&](std::size_t k, double centre) {
      const double t = static_cast<double>(k) - reach - centre;
      return 0.5 * (std::erf((t + 0.5) / scale) - std::erf((t - 0.5) / scale));
    };
    for (std::size_t k = 0; k < side; ++k) along[k] = share(k, x), across[k] = share(k, y);
    for (std::size_t j = 0; j < side; ++j)
      for (std::size_t i = 0; i < side; ++i) star[j * side + i] += mixture.weight[g] * across[j] * along[i];
  }
  return star;
}

/// FWHM of a star near (x, y): a round PSF of the given shape on a flat background, least squares in 21 x 21 pixels;
/// nothing if the fit runs away. [arcsec]
inline std::optional<double> fit_fwhm(const Image& image, double x, double y, clustermass::mock::Psf psf) {
  constexpr int reach = 10;
  const int x0 = static_cast<int>(std::lround(x)), y0 = static_cast<int>(std::lround(y));
  if (x0 < reach + 1 || y0 < reach + 1 || x0 + reach + 1 >= image.width || y0 + reach + 1 >= image.height)
    return std::nullopt;
  // x, y and FWHM by Gauss-Newton; flux and background are solved exactly for each.
  using Shape = std::array<double, 3>;
  struct Fit {
    std::vector<double> residual;
    double flux, squares;
  };
  const auto solve = [&](const Shape& q) {
    psf.fwhm_arcsec = q[2];
    const std::vector<double> profile = draw_star(psf, q[0] - x0, q[1] - y0, reach);
    Fit fit{{}, 0, 0};
    double s1 = 0, sp = 0, spp = 0, sd = 0, spd = 0;
    std::size_t k = 0;
    for (int j = -reach; j <= reach; ++j)
      for (int i = -reach; i <= reach; ++i, ++k) {
        const double m = profile[k], d = image.at(x0 + i, y0 + j);
        s1 += 1, sp += m, spp += m * m, sd += d, spd += m * d;
      }
    fit.flux = (s1 * spd - sp * sd) / (s1 * spp - sp * sp);
    const double background = (sd - fit.flux * sp) / s1;
    k = 0;
    for (int j = -reach; j <= reach; ++j)
      for (int i = -reach; i <= reach; ++i, ++k) {
        fit.residual.push_back(image.at(x0 + i, y0 + j) - background - fit.flux * profile[k]);
        fit.squares += fit.residual.back() * fit.residual.back();
      }
    return fit;
  };
  Shape p{x, y, psf.fwhm_arcsec};
  Fit fit = solve(p);
  for (int step = 0; step < 15; ++step) {
    constexpr Shape delta{0.01, 0.01, 0.01}, longest{0.5, 0.5, 0.2};
    std::array<std::vector<double>, 3> slope;
    for (std::size_t k = 0; k < 3; ++k) {
      Shape q = p;
      q[k] += delta[k];
      const Fit moved = solve(q);
      for (std::size_t n = 0; n < fit.residual.size(); ++n)
        slope[k].push_back((moved.residual[n] - fit.residual[n]) / delta[k]);
    }
    std::array<std::array<double, 4>, 3> a{};
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t n = 0; n < fit.residual.size(); ++n) {
        for (std::size_t l = 0; l < 3; ++l) a[k][l] += slope[k][n] * slope[l][n];
        a[k][3] -= slope[k][n] * fit.residual[n];
      }
    for (std::size_t k = 0; k < 3; ++k) {
      if (!(a[k][k] > 0)) return std::nullopt;
      for (std::size_t l = k + 1; l < 3; ++l) {
        const double f = a[l][k] / a[k][k];
        for (std::size_t m = k; m < 4; ++m) a[l][m] -= f * a[k][m];
      }
    }
    Shape move{};
    for (std::size_t k = 3; k-- > 0;) {
      move[k] = a[k][3];
      for (std::size_t l = k + 1; l < 3; ++l) move[k] -= a[k][l] * move[l];
      move[k] /= a[k][k];
    }
    Shape q = p;
    for (std::size_t k = 0; k < 3; ++k) q[k] += std::clamp(move[k], -longest[k], longest[k]);
    if (std::hypot(q[0] - x, q[1] - y) > 2.5 || q[2] < 0.4 || q[2] > 8) return std::nullopt;
    Fit next = solve(q);
    if (next.squares > fit.squares * (1 + 1e-9)) break;
    const bool settled = std::fabs(q[2] - p[2]) < 1e-4;
    p = q;
    fit = std::move(next);
    if (settled) break;
  }
  return fit.flux > 0 ? std::optional(p[2]) : std::nullopt;
}

/// FWHM of the stars of an image without a catalogue: fits to isolated peaks of 60 to 3000 times the noise; the clump
/// of the narrowest ones. 0 if there are too few. [arcsec]
inline double stellar_fwhm(const Image& image, double noise) {
  std::vector<double> widths;
  constexpr int lonely = 12;
  for (int y = lonely; y + lonely < image.height; ++y)
    for (int x = lonely; x + lonely < image.width; ++x) {
      const double peak = image.at(x, y);
      if (!(peak > 60 * noise && peak < 3000 * noise)) continue;
      bool highest = true, alone = true;
      for (int j = -lonely; j <= lonely && highest && alone; ++j)
        for (int i = -lonely; i <= lonely; ++i) {
          const double value = image.at(x + i, y + j);
          highest = highest && (value <= peak);
          alone = alone && (std::hypot(i, j) < 8 || value < 0.05 * peak + 5 * noise);
        }
      if (!highest || !alone) continue;
      if (const auto fwhm = fit_fwhm(image, x, y, {})) widths.push_back(*fwhm);
    }
  if (widths.size() < 5) return 0;
  std::sort(widths.begin(), widths.end());
  std::size_t best = 0, first = 0, most = 0;
  for (std::size_t k = 0; k < widths.size(); ++k) {  // the densest interval of 15 %
    std::size_t count = 0;
    while (k + count < widths.size() && widths[k + count] < 1.15 * widths[k]) ++count;
    if (count > most) most = count, best = k;
  }
  first = best;
  return widths[first + most / 2];
}

/// An odd square of weights.
struct Stamp {
  int reach = 0;
  std::vector<double> value;  ///< [2 reach + 1, 2 reach + 1]

  double sum_of_squares() const {
    double sum = 0;
    for (const double v : value) sum += v * v;
    return sum;
  }
};

/// A star of unit flux.
inline Stamp star_stamp(const clustermass::mock::Psf& psf) {
  const int reach = static_cast<int>(std::ceil(3 * psf.fwhm_arcsec / clustermass::mock::Footprint::pixel_arcsec));
  return {reach, draw_star(psf, 0, 0, reach)};
}

/// The usual Gaussian filter for such a star, of its FWHM.
inline Stamp gaussian_stamp(const clustermass::mock::Psf& psf) {
  const double fwhm = psf.fwhm_arcsec / clustermass::mock::Footprint::pixel_arcsec, sigma = fwhm / 2.3548200450309493;
  Stamp stamp{static_cast<int>(std::ceil(3 * fwhm)), {}};
  for (int j = -stamp.reach; j <= stamp.reach; ++j)
    for (int i = -stamp.reach; i <= stamp.reach; ++i)
      stamp.value.push_back(std::exp(-0.5 * (i * i + j * j) / (sigma * sigma)));
  return stamp;
}

/// Flux that the filter gives to what is in the image at (x, y): sum(filter image) / sum(filter source), with the light
/// of the source put in at that place.
///
/// Returns the scatter of that flux over `places` blank positions: the noise with which an injected source is measured.
inline double injection_noise(const Image& image, const std::vector<std::uint8_t>& mask, const Stamp& filter,
                              const Stamp& source, int places, std::uint64_t seed) {
  double response = 0;
  for (std::size_t k = 0; k < filter.value.size(); ++k) response += filter.value[k] * source.value[k];
  clustermass::Random random(seed, 7001);
  std::vector<float> fluxes;
  const int reach = filter.reach;
  for (int tries = 0; tries < 40 * places && static_cast<int>(fluxes.size()) < places; ++tries) {
    const int x = reach + static_cast<int>(random.below(static_cast<std::uint32_t>(image.width - 2 * reach)));
    const int y = reach + static_cast<int>(random.below(static_cast<std::uint32_t>(image.height - 2 * reach)));
    if (mask[image.index(x, y)] != 0) continue;
    double sum = 0;
    std::size_t k = 0;
    for (int j = -reach; j <= reach; ++j)
      for (int i = -reach; i <= reach; ++i, ++k) sum += filter.value[k] * (image.at(x + i, y + j) + source.value[k]);
    fluxes.push_back(static_cast<float>(sum / response - 1));
  }
  return robust_rms(fluxes);
}

}  // namespace photometry
