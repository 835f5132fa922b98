// SPDX-License-Identifier: BSD-3-Clause
// Gaussians integrated over pixels, and sources as sums of them: what both renderers share. A pixel (i, j) covers
// [i - 0.5, i + 0.5] x [j - 0.5, j + 0.5]; lengths are in pixels.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <vector>

#include "clustermass/cutout.hpp"
#include "clustermass/mock/profile.hpp"
#include "clustermass/mock/scene.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

/// Cumulative standard normal distribution from a table, linear between its points: error below 2e-7.
class NormalCdf {
 public:
  static const NormalCdf& instance() {
    static const NormalCdf table;
    return table;
  }
  float operator()(float t) const {
    const float position = std::clamp((t + limit) * density, 0.0f, static_cast<float>(intervals) - 0.001f);
    const auto k = static_cast<std::size_t>(static_cast<int>(position));
    return value_[k] + (position - static_cast<float>(k)) * (value_[k + 1] - value_[k]);
  }

 private:
  static constexpr int intervals = 4096;
  static constexpr float limit = 4.5f, density = intervals / (2 * limit);
  NormalCdf() {
    for (std::size_t k = 0; k <= intervals; ++k)
      value_[k] =
          static_cast<float>(0.5 * std::erfc(-(static_cast<double>(k) / density - limit) / std::numbers::sqrt2));
    value_[0] = 0;
    value_[intervals] = 1;
  }
  std::array<float, intervals + 1> value_{};
};

/// Second moments of a Gaussian. [pixel^2]
struct Covariance {
  double xx = 0, yy = 0, xy = 0;

  friend Covariance operator+(const Covariance& a, const Covariance& b) {
    return {a.xx + b.xx, a.yy + b.yy, a.xy + b.xy};
  }
  friend Covariance operator*(double s, const Covariance& c) { return {s * c.xx, s * c.yy, s * c.xy}; }
};

/// Rows of intermediate values, reused from source to source.
struct RasterScratch {
  std::vector<float> edge, row;
};

/// Integrates a Gaussian of unit flux over the pixels of an image, row by row:
/// emit(j, first column, values, count, scale) adds scale * values to row j.
///
/// Upright, the integral is a product of differences of the cumulative normal. Tilted, x given y is again a Gaussian,
/// so the integral over x stays exact and Gauss-Legendre nodes within each row integrate over y.
template <class Emit>
void integrate_gaussian(int width, int height, double x, double y, const Covariance& moments, bool tilted, double reach,
                        RasterScratch& scratch, Emit&& emit) {
  const NormalCdf& cdf = NormalCdf::instance();
  const double sigma_x = std::sqrt(moments.xx), sigma_y = std::sqrt(moments.yy);
  const int i0 = static_cast<int>(std::clamp(std::floor(x - reach * sigma_x + 0.5), 0.0, static_cast<double>(width)));
  const int i1 = static_cast<int>(std::clamp(std::floor(x + reach * sigma_x + 0.5), -1.0, width - 1.0));
  const int j0 = static_cast<int>(std::clamp(std::floor(y - reach * sigma_y + 0.5), 0.0, static_cast<double>(height)));
  const int j1 = static_cast<int>(std::clamp(std::floor(y + reach * sigma_y + 0.5), -1.0, height - 1.0));
  if (i0 > i1 || j0 > j1) return;
  const int count = i1 - i0 + 1;
  const auto size = static_cast<std::size_t>(count);
  if (scratch.row.size() < size) scratch.row.resize(size), scratch.edge.resize(size + 1);
  float* const row = scratch.row.data();
  float* const edge = scratch.edge.data();

  /// Differences of the cumulative normal over `number` columns from `first`, times `weight`; set or added.
  const auto columns = [&](int first, int number, double centre, double sigma, float weight, bool add) {
    const float step = static_cast<float>(1 / sigma), start = static_cast<float>((first - 0.5 - centre) / sigma);
    for (int k = 0; k <= number; ++k) edge[k] = cdf(start + static_cast<float>(k) * step);
    for (int k = 0; k < number; ++k) {
      const float value = weight * (edge[k + 1] - edge[k]);
      row[k] = add ? row[k] + value : value;
    }
  };

  if (!tilted) {
    columns(i0, count, x, sigma_x, 1.0f, false);
    float below = cdf(static_cast<float>((j0 - 0.5 - y) / sigma_y));
    for (int j = j0; j <= j1; ++j) {
      const float above = cdf(static_cast<float>((j + 0.5 - y) / sigma_y));
      emit(j, i0, row, count, above - below);
      below = above;
    }
    return;
  }

  const double slope = moments.xy / moments.yy, rest = moments.xx - slope * moments.xy, sigma = std::sqrt(rest);
  // Height of a row in units of the shortest length on which the integrand changes.
  const double unit = 1 / (sigma_y * std::sqrt(rest / moments.xx));
  constexpr std::array<double, 3> node3{-0.3872983346207417, 0, 0.3872983346207417};
  constexpr std::array<double, 3> weight3{5.0 / 18, 8.0 / 18, 5.0 / 18};
  const int panels = unit < 0.12 ? 1 : static_cast<int>(std::ceil(unit / 1.5)), nodes = unit < 0.12 ? 1 : 3;
  const double margin = reach * sigma + 0.5 * std::fabs(slope);  // columns that a row of a slanting source reaches
  for (int j = j0; j <= j1; ++j) {
    const double middle = x + slope * (j - y);
    const int first = std::max(i0, static_cast<int>(std::floor(middle - margin + 0.5))),
              number = std::min(i1, static_cast<int>(std::floor(middle + margin + 0.5))) - first + 1;
    if (number <= 0) continue;
    bool add = false;
    for (int panel = 0; panel < panels; ++panel)
      for (int k = 0; k < nodes; ++k) {
        const double inside = nodes == 1 ? 0 : node3[static_cast<std::size_t>(k)];
        const double share = nodes == 1 ? 1 : weight3[static_cast<std::size_t>(k)];
        const double dy = j - 0.5 + (panel + 0.5 + inside) / panels - y;
        if (std::fabs(dy) > reach * sigma_y) continue;
        const double density = std::exp(-0.5 * dy * dy / moments.yy) / (sigma_y * std::sqrt(2 * std::numbers::pi));
        columns(first, number, x + slope * dy, sigma, static_cast<float>(share / panels * density), add);
        add = true;
      }
    if (add) emit(j, first, row, number, 1.0f);
  }
}

/// Where a raster lies on the sky: pixels from arcsec.
struct RasterMap {
  std::array<std::array<double, 2>, 2> pixel_per_arcsec{};  ///< [x, y] x [east, north]
  double centre_x = 0, centre_y = 0;

  explicit RasterMap(const AffineMap& map) : centre_x(map.centre_x), centre_y(map.centre_y) {
    const auto& m = map.arcsec_per_pixel;
    const double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    pixel_per_arcsec = {
        {{m[1][1] / determinant, -m[0][1] / determinant}, {-m[1][0] / determinant, m[0][0] / determinant}}};
  }
  double x(double east, double north) const {
    return centre_x + pixel_per_arcsec[0][0] * east + pixel_per_arcsec[0][1] * north;
  }
  double y(double east, double north) const {
    return centre_y + pixel_per_arcsec[1][0] * east + pixel_per_arcsec[1][1] * north;
  }
  /// Area of a pixel. [arcsec^2]
  double pixel_area() const {
    return 1 /
           std::fabs(pixel_per_arcsec[0][0] * pixel_per_arcsec[1][1] - pixel_per_arcsec[0][1] * pixel_per_arcsec[1][0]);
  }
  /// Moments of an ellipse with variances along its major and minor axis [arcsec^2], in pixels.
  Covariance moments(double major, double minor, double position_angle) const {
    const double s = std::sin(position_angle), c = std::cos(position_angle);
    const double ee = major * s * s + minor * c * c, nn = major * c * c + minor * s * s, en = (major - minor) * s * c;
    const auto& p = pixel_per_arcsec;
    const auto product = [&](std::size_t a, std::size_t b) {
      return p[a][0] * p[b][0] * ee + p[a][1] * p[b][1] * nn + (p[a][0] * p[b][1] + p[a][1] * p[b][0]) * en;
    };
    return {product(0, 0), product(1, 1), product(0, 1)};
  }
};

/// Moments of a PSF of unit FWHM^2 variance: multiply by a Gaussian's variance in squared FWHM.
inline Covariance psf_moments(const Psf& psf, const RasterMap& map) {
  const double v = psf.fwhm_arcsec * psf.fwhm_arcsec;
  return map.moments(v * (1 + psf.ellipticity), v * (1 - psf.ellipticity), psf.position_angle);
}

/// Mean of the two diagonal moments: the variance of the round Gaussian of about this size.
inline double mean_variance(const Covariance& moments) { return 0.5 * (moments.xx + moments.yy); }

/// Draws sources into up to five bands that share one raster. What may be neglected follows from `noise`, the noise of
/// one pixel in each band, and RenderAccuracy.
class SourceRenderer {
 public:
  SourceRenderer(const AffineMap& map, int width, int height, const std::array<Psf, 5>& psf, const PerBand& noise,
                 const RenderAccuracy& accuracy, const PsfDrift& drift = {})
      : map_(map), width_(width), height_(height), noise_(noise), accuracy_(accuracy), drift_(drift) {
    double mean = 0, square = 0;
    for (std::size_t b = 0; b < psf.size(); ++b) {
      psf_[b] = psf_moments(psf[b], map_);
      for (std::size_t line = 0; line < 2; ++line)
        for (std::size_t k = 0; k < spikes_[b][line].size(); ++k) {
          const double along = DiffractionSpikes::sigma_arcsec[k],
                       across = DiffractionSpikes::width_fwhm * psf[b].fwhm_arcsec;
          const double angle = psf[b].spike_angle + 0.5 * std::numbers::pi * static_cast<double>(line);
          spikes_[b][line][k] = {
              psf[b].spikes * DiffractionSpikes::weight[k], map_.moments(along * along, across * across, angle), {}};
        }
      mean_psf_ = mean_psf_ + 0.2 * psf_[b];
      mean += 0.2 * mean_variance(psf_[b]);
      square += 0.2 * psf[b].fwhm_arcsec * psf[b].fwhm_arcsec;
    }
    Psf typical = psf[static_cast<std::size_t>(Band::r)];
    typical.fwhm_arcsec = std::sqrt(square);
    const GaussianMixture parts = psf_mixture(typical);
    // A pixel blurs like a variance of 1/12: what is small against it and the PSF cannot be told apart.
    constexpr double typical_variance = 0.3;  // of the light inside a few FWHM, in squared FWHM
    blur_ = 1.0 / 12 + typical_variance * mean;
    for (std::size_t b = 0; b <= psf.size(); ++b) {
      const GaussianMixture own = b < psf.size() ? psf_mixture(psf[b]) : parts;
      const double size = b < psf.size() ? mean_variance(psf_[b]) : mean;
      for (const PsfExtent extent : {PsfExtent::whole, PsfExtent::without_halo, PsfExtent::without_wings})
        for (const bool faint : {false, true})
          parts_[faint ? 1 : 0][static_cast<std::size_t>(extent)][b] =
              merged(reduced(own, extent), tolerance(faint) / size);
      // Peaks of the widest wing, per pixel, and of the halo, per native pixel: what is left out is lower.
      const auto peak = [&own](std::size_t first, std::size_t last, double scale, double blur) {
        double sum = 1e-30;
        for (std::size_t k = first; k < std::min(last, static_cast<std::size_t>(own.size)); ++k)
          sum += own.weight[k] / (2 * std::numbers::pi * (own.variance[k] * scale + blur));
        return sum;
      };
      constexpr double native = Footprint::pixel_arcsec * Footprint::pixel_arcsec;
      wing_flux_ = std::min(wing_flux_, accuracy.wing_peak / peak(3, 4, size, 1.0 / 12));
      halo_flux_ = std::min(halo_flux_, accuracy.halo_peak / peak(4, 6, size * map_.pixel_area() / native, 0));
    }
    native_noise_ = std::sqrt(map_.pixel_area()) / Footprint::pixel_arcsec;
    mixture_[1] = profile_mixture(Profile::exponential);
    mixture_[2] = profile_mixture(Profile::de_vaucouleurs);
    mixture_[0] = profile_mixture(Profile::point);
    wide_variance_ = accuracy.wide_ratio * typical_variance * mean;
  }

  /// Adds a source to the planes [height,width]; a null plane is left out. The flux inside the image is conserved.
  void add(const Source& source, const std::array<float*, 5>& planes) {
    const double x = map_.x(source.east, source.north), y = map_.y(source.east, source.north);
    double signal = 0, best = 0;  // in the bands that are drawn, and in any
    for (std::size_t b = 0; b < planes.size(); ++b) {
      best = std::max(best, source.flux[b] / noise_[b]);
      if (planes[b] != nullptr) signal = std::max(signal, source.flux[b] / noise_[b]);
    }
    const bool faint = signal < accuracy_.faint_flux, shared = signal < accuracy_.shared_flux;

    const Covariance shape = map_.moments(source.radius * source.radius / source.axis_ratio,
                                          source.radius * source.radius * source.axis_ratio, source.position_angle);
    const double size = mean_variance(shape);
    const GaussianMixture& profile = mixture_[static_cast<std::size_t>(source.profile)];
    const GaussianMixture galaxy = size > 0 ? merged(profile, tolerance(faint) / size) : mixture_[0];
    const PsfExtent extent = best * native_noise_ >= halo_flux_ ? PsfExtent::whole
                             : signal >= wing_flux_             ? PsfExtent::without_halo
                                                                : PsfExtent::without_wings;
    const auto& parts = parts_[faint ? 1 : 0][static_cast<std::size_t>(extent)];
    const double drift = drift_.factor(source.east, source.north), wider = drift * drift;

    // Wide Gaussians, or all of a faint source, look the same in every band; the others, and all that have a halo, are
    // drawn band by band.
    const double relative = faint ? accuracy_.merge_faint_sum : accuracy_.merge_bright_sum;
    const auto common = [&](std::size_t g) {
      return shared ||
             (extent != PsfExtent::whole && galaxy.variance[g] * std::min(shape.xx, shape.yy) > wide_variance_);
    };
    convolve(galaxy, shape, parts[5], wider * mean_psf_, relative, common);
    draw_convolved(signal, x, y, [&](double weight, int j, int i0, const float* values, int count, float scale) {
      for (std::size_t b = 0; b < planes.size(); ++b)
        if (planes[b] != nullptr)
          add_row(planes[b], j, i0, values, count, static_cast<float>(weight * source.flux[b]) * scale);
    });
    if (shared) return;
    for (std::size_t b = 0; b < planes.size(); ++b) {
      if (planes[b] == nullptr) continue;
      if (source.kind == SourceKind::star) add_spikes(source.flux[b], b, x, y, planes[b]);
      convolve(galaxy, shape, parts[b], wider * psf_[b], relative, [&](std::size_t g) { return !common(g); });
      draw_convolved(source.flux[b] / noise_[b], x, y,
                     [&](double weight, int j, int i0, const float* values, int count, float scale) {
                       add_row(planes[b], j, i0, values, count, static_cast<float>(weight * source.flux[b]) * scale);
                     });
    }
  }

 private:
  void add_spikes(double flux, std::size_t band, double x, double y, float* plane) {
    for (const auto& line : spikes_[band])
      for (const Convolved& part : line) {
        const Covariance& m = part.moments;
        const double area = 2 * std::numbers::pi * std::sqrt(m.xx * m.yy - m.xy * m.xy + (m.xx + m.yy) / 12);
        if (!(part.weight * flux > accuracy_.spike_peak * noise_[band] * area)) continue;
        integrate_gaussian(width_, height_, x, y, m, true, std::min(3.0, accuracy_.reach_sigma), scratch_,
                           [&](int j, int i0, const float* values, int count, float scale) {
                             add_row(plane, j, i0, values, count, static_cast<float>(part.weight * flux) * scale);
                           });
      }
  }
  double tolerance(bool faint) const { return (faint ? accuracy_.merge_faint : accuracy_.merge_bright) * blur_; }

  /// A Gaussian of the convolved source: its share of the light, its moments, and the moments it was begun with.
  struct Convolved {
    double weight;
    Covariance moments, first;
  };

  /// Convolves the Gaussians of a galaxy that `chosen` names with those of the PSF, into convolved_. Those that differ
  /// by less than a share `relative` of their size are joined: their weight and mean moments are kept.
  template <class Chosen>
  void convolve(const GaussianMixture& galaxy, const Covariance& shape, const GaussianMixture& psf,
                const Covariance& psf_shape, double relative, Chosen&& chosen) {
    convolved_count_ = 0;
    for (std::size_t g = 0; g < static_cast<std::size_t>(galaxy.size); ++g) {
      if (!chosen(g)) continue;
      const Covariance own = galaxy.variance[g] * shape;
      for (std::size_t p = 0; p < static_cast<std::size_t>(psf.size); ++p)
        join({galaxy.weight[g] * psf.weight[p], own + psf.variance[p] * psf_shape, {}}, relative);
    }
  }
  void join(Convolved next, double relative) {
    next.first = next.moments;
    const double limit_x = relative * (next.moments.xx + 1.0 / 12), limit_y = relative * (next.moments.yy + 1.0 / 12);
    for (std::size_t k = convolved_count_; k-- > 0;) {
      Convolved& old = convolved_[k];
      if (std::fabs(old.first.xx - next.moments.xx) >= limit_x || std::fabs(old.first.yy - next.moments.yy) >= limit_y)
        continue;
      const double sum = old.weight + next.weight;
      old.moments = (old.weight / sum) * old.moments + (next.weight / sum) * next.moments;
      old.weight = sum;
      return;
    }
    convolved_[convolved_count_++] = next;
  }

  /// Integrates the convolved Gaussians over the pixels.
  template <class Emit>
  void draw_convolved(double signal, double x, double y, Emit&& emit) {
    for (std::size_t k = 0; k < convolved_count_; ++k) {
      const Covariance& total = convolved_[k].moments;
      const double share = convolved_[k].weight;
      // Setting the cross moment to zero moves at most asin(rho) / (2 pi) of the flux across a pixel's corner.
      const double rho = std::fabs(total.xy) / std::sqrt(total.xx * total.yy);
      const bool tilted = rho * share * signal > 6.3 * accuracy_.tilt_flux;
      integrate_gaussian(width_, height_, x, y, total, tilted, accuracy_.reach_sigma, scratch_,
                         [&](int j, int i0, const float* values, int count, float scale) {
                           emit(share, j, i0, values, count, scale);
                         });
    }
  }

  void add_row(float* plane, int j, int i0, const float* values, int count, float scale) const {
    float* const target = plane + static_cast<std::ptrdiff_t>(j) * width_ + i0;
    int k = 0;
    for (; k + 4 <= count; k += 4) {  // four at a time, all read before the first is written: one vector operation
      const float a = target[k] + scale * values[k], b = target[k + 1] + scale * values[k + 1];
      const float c = target[k + 2] + scale * values[k + 2], d = target[k + 3] + scale * values[k + 3];
      target[k] = a, target[k + 1] = b, target[k + 2] = c, target[k + 3] = d;
    }
    for (; k < count; ++k) target[k] += scale * values[k];
  }

  RasterMap map_;
  int width_, height_;
  PerBand noise_;
  RenderAccuracy accuracy_;
  PsfDrift drift_;
  std::array<Covariance, 5> psf_{};
  Covariance mean_psf_{};
  double blur_ = 0, wide_variance_ = 0;
  double native_noise_ = 1;  ///< noise of one of these pixels over that of a native one
  /// Flux below which wings are left out [noise of one pixel], and halo [noise of one native pixel].
  double wing_flux_ = std::numeric_limits<double>::infinity(), halo_flux_ = wing_flux_;
  /// [faint][extent][band, then all bands together]
  std::array<std::array<std::array<GaussianMixture, 6>, 3>, 2> parts_{};
  std::array<GaussianMixture, 3> mixture_{};
  std::array<std::array<std::array<Convolved, DiffractionSpikes::weight.size()>, 2>, 5> spikes_{};  ///< [band][line]
  std::array<Convolved, 48> convolved_{};  ///< eight Gaussians of a galaxy with six of the PSF
  std::size_t convolved_count_ = 0;
  RasterScratch scratch_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
