// SPDX-License-Identifier: BSD-3-Clause
// Sources as sums of Gaussians on a raster of pixels (gaussian.hpp): what both renderers share.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

#include "clustermass/cutout.hpp"
#include "clustermass/mock/gaussian.hpp"
#include "clustermass/mock/profile.hpp"
#include "clustermass/mock/scene.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

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

  /// Adds a source to the planes [height,width]; a null plane is left out. A bright one has halo and spikes beside its
  /// flux.
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
