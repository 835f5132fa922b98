// SPDX-License-Identifier: BSD-3-Clause
// Stars and galaxies at native scale against GalSim, which renders by Fourier transform: fluxes and profiles recorded
// by tests/oracles/mock_sky/record_galsim.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "clustermass/mock/raster.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
constexpr int side = 161, rings = 24;
constexpr std::array<int, rings> radius_pixels{1,  2,  3,  4,  5,  6,  8,  10, 12, 14, 16, 18,
                                               20, 23, 26, 30, 34, 38, 43, 48, 54, 60, 68, 78};

struct Recorded {
  std::string model;
  double x = 0, y = 0;
  Source source;
  Psf psf;
  std::array<double, rings> flux{};  ///< inside each radius
};

std::vector<Recorded> recorded() {
  std::ifstream file(CLUSTERMASS_SOURCE_DIR "/tests/data/mock/galsim.csv");
  REQUIRE(file);
  std::vector<Recorded> all;
  std::string line;
  std::getline(file, line), std::getline(file, line);
  while (std::getline(file, line)) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream words(line);
    Recorded one;
    int profile = 0;
    double flux = 0;
    words >> one.model >> profile >> one.x >> one.y >> one.source.radius >> one.source.axis_ratio >>
        one.source.position_angle >> flux >> one.psf.fwhm_arcsec >> one.psf.ellipticity >> one.psf.position_angle;
    one.psf.halo = 0;
    for (double& f : one.flux) words >> f;
    REQUIRE(words);
    one.source.kind = profile == 0 ? SourceKind::star : SourceKind::field;
    one.source.profile = static_cast<Profile>(profile);
    one.source.flux.fill(flux);
    all.push_back(one);
  }
  return all;
}

/// Our fluxes inside the radii, drawn for the noise of an r frame.
std::array<double, rings> ours(const Recorded& one) {
  constexpr double pixel = 0.396;
  const AffineMap map{{{{-pixel, 0}, {0, pixel}}}, one.x, one.y};
  std::array<Psf, 5> psf;
  psf.fill(one.psf);
  SourceRenderer renderer(map, side, side, psf, {.045, .017, .028, .043, .174}, RenderAccuracy{});
  std::vector<float> plane(side * side);
  renderer.add(one.source, {nullptr, nullptr, plane.data(), nullptr, nullptr});
  std::array<double, rings> flux{};
  for (int j = 0; j < side; ++j)
    for (int i = 0; i < side; ++i)
      for (std::size_t k = 0; k < rings; ++k)
        if (std::hypot(i - one.x, j - one.y) <= radius_pixels[k])
          flux[k] += static_cast<double>(plane[static_cast<std::size_t>(j * side + i)]);
  return flux;
}
}  // namespace

TEST_CASE("fluxes and stacked profiles are GalSim's") {
  // A stack as it is (fluxes add up), and one with every source scaled to flux 1. In the latter the wings show that the
  // renderer leaves out around faint sources, where they would not rise above 0.5 % of a pixel's noise.
  struct Stack {
    std::array<double, rings> mine{}, theirs{};
    void add(const std::array<double, rings>& own, const std::array<double, rings>& other, double scale) {
      for (std::size_t k = 0; k < rings; ++k) {
        mine[k] += scale * (own[k] - (k > 0 ? own[k - 1] : 0));
        theirs[k] += scale * (other[k] - (k > 0 ? other[k - 1] : 0));
      }
    }
    double worst() const {  // ring by ring out to 8 arcsec
      double largest = 0;
      for (std::size_t k = 0; k < 13; ++k) largest = std::max(largest, std::fabs(mine[k] / theirs[k] - 1));
      return largest;
    }
  };
  std::array<Stack, 2> summed, scaled;  // the same Gaussians; GalSim's Sersic profiles
  std::array<double, 2> worst_flux{};
  std::array<int, 2> sources{};
  for (const Recorded& one : recorded()) {
    CAPTURE(one.source.radius);
    const std::size_t model = one.model == "sersic" ? 1 : 0;
    const std::array<double, rings> flux = ours(one);
    const double error = std::fabs(flux.back() / one.flux.back() - 1);
    CHECK(error < 0.01);
    worst_flux[model] = std::max(worst_flux[model], error);
    ++sources[model];
    summed[model].add(flux, one.flux, 1);
    scaled[model].add(flux, one.flux, 1 / one.source.flux[2]);
  }
  for (std::size_t model = 0; model < 2; ++model) {
    const std::string words = model == 0 ? "the same Gaussians: " : "Sersic profiles: ";
    MESSAGE(words << sources[model] << " sources, flux within " << 100 * worst_flux[model]
                  << " %, stacked profile out to 8 arcsec within " << 100 * summed[model].worst()
                  << " %, every source scaled to flux 1 within " << 100 * scaled[model].worst() << " %");
    CHECK(sources[model] >= 24);
    CHECK(summed[model].worst() < 0.02);
    CHECK(scaled[model].worst() < 0.03);
  }
}
