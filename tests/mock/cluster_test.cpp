// SPDX-License-Identifier: BSD-3-Clause
// Clusters against the relations they are drawn from, measured on the scenes' truth.
#include "clustermass/mock/cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "close_to.hpp"
#include "clustermass/mock/sky.hpp"

using namespace clustermass;
using namespace clustermass::mock;

namespace {
double intrinsic_i(const Scene& scene, const Source& source) {
  return magnitude(source.flux[3]) - extinction_per_ebv[3] * scene.ebv;
}
/// A sky without field and stars, where only the cluster costs time.
SkyParameters bare_sky() {
  SkyParameters sky;
  sky.field_scale = sky.star_scale = 0;
  return sky;
}
double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}
double rms_of(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}
}  // namespace

TEST_CASE("richness follows the mass with its slope and scatter, and mass at fixed richness scatters by 0.12 dex") {
  const SkyParameters sky = bare_sky();
  CHECK(std::exp(mean_ln_richness(std::log10(3e14), 0.3, sky)) == close_to(52));
  CHECK(std::exp(mean_ln_richness(std::log10(2.16e14), 0.2, sky)) == close_to(40, 0.01));

  SceneOptions options;
  options.half_width_arcsec = 20;
  options.redshift = 0.4;
  std::vector<double> residual, at_forty;
  double xy = 0, xx = 0, sx = 0, sy = 0;
  for (std::uint64_t k = 0; k < 2000; ++k) {
    const Scene scene = draw_scene(sky, 41, k, options);
    residual.push_back(std::log(scene.lambda_int) - mean_ln_richness(scene.log10_m500c, scene.redshift, sky));
    const double x = scene.log10_m500c - 14.45, y = std::log(scene.lambda_int);
    xy += x * y, xx += x * x, sx += x, sy += y;
    if (scene.lambda_int > 30 && scene.lambda_int < 80)
      at_forty.push_back(scene.log10_m500c - std::log10(scene.lambda_int) / 0.80);
  }
  CHECK(std::fabs(mean_of(residual)) < 4 * 0.22 / std::sqrt(2000.0));
  CHECK(rms_of(residual) == close_to(0.22, 0.05));
  CHECK((xy - sx * sy / 2000) / (xx - sx * sx / 2000) / std::log(10.0) == close_to(0.80, 0.03));
  const double scatter = rms_of(at_forty);
  MESSAGE("scatter of log10 M at fixed intrinsic richness: " << scatter << " dex");
  CHECK(scatter == close_to(0.22 / 0.80 / std::log(10.0), 0.06));
}

TEST_CASE("bright red members inside R_lambda are Poisson about lambda_int, whatever the ellipse") {
  SkyParameters sky = bare_sky();
  sky.structure_fraction = sky.projection_probability = 0;
  sky.bcg_dominant_share = 0;
  SceneOptions options;
  options.miscentring = false;
  for (const double z : {0.10, 0.30}) {
    options.redshift = z;
    options.log10_m500c = 14.6;
    options.half_width_arcsec = arcsec_of_mpc(1.6, z);
    const Epoch epoch(z, sky);
    double counted = 0, expected = 0, chi2 = 0;
    constexpr int clusters = 250;
    for (std::uint64_t k = 0; k < clusters; ++k) {
      const Scene scene = draw_scene(sky, 42, k, options);
      const double radius = richness_radius_mpc(scene.lambda_int) * epoch.arcsec_per_mpc;
      int n = 0;
      for (const Source& source : scene.sources)
        n += source.kind == SourceKind::red_member && intrinsic_i(scene, source) < epoch.mstar + 1.75 - 0.0026 &&
             std::hypot(source.east, source.north) < radius;  // 0.2 L* is m* + 1.7474
      counted += n, expected += scene.lambda_int;
      chi2 += (n - scene.lambda_int) * (n - scene.lambda_int) / scene.lambda_int;
    }
    CAPTURE(z);
    CHECK(counted / expected == close_to(1, 4 / std::sqrt(expected)));
    CHECK(chi2 / clusters == close_to(1, 4 * std::sqrt(2.0 / clusters)));
  }
}

TEST_CASE("members follow the projected NFW profile, the ellipse and the luminosity function they were asked for") {
  SkyParameters sky = bare_sky();
  sky.structure_fraction = sky.projection_probability = 0;
  sky.bcg_dominant_share = 0;
  SceneOptions options;
  options.miscentring = false;
  options.redshift = 0.2;
  options.log10_m500c = 14.8;
  options.half_width_arcsec = arcsec_of_mpc(5, 0.2);
  const Epoch epoch(0.2, sky);
  std::array<double, 4> inside{};
  double members = 0, bright = 0, faint = 0, cos_sum = 0;
  const double radii[] = {0.1, 0.3, 0.8, 1.6};
  double r200 = 0;
  for (std::uint64_t k = 0; k < 80; ++k) {
    const Scene scene = draw_scene(sky, 43, k, options);
    r200 = scene.r200c_mpc;
    const double s = std::sin(scene.position_angle), c = std::cos(scene.position_angle);
    for (const Source& source : scene.sources) {
      if (source.kind != SourceKind::red_member) continue;
      const double major = (source.east * s + source.north * c) * std::sqrt(scene.axis_ratio);
      const double minor = (source.east * c - source.north * s) / std::sqrt(scene.axis_ratio);
      const double m = std::hypot(major, minor) / epoch.arcsec_per_mpc;
      for (std::size_t b = 0; b < 4; ++b) inside[b] += m < radii[b];
      cos_sum += (major * major - minor * minor) / (major * major + minor * minor);
      members += 1;
      const double x = epoch.luminosity(intrinsic_i(scene, source));
      bright += x > 0.5, faint += x > 0.05;
    }
  }
  // Independent cumulative profile: sum of the density with c = 3, core 50 kpc, cut at 2 R200c.
  const double scale = r200 / 3;
  const auto cumulative = [&](double radius) {
    double sum = 0;
    for (int k = 0; k < 20000; ++k) {
      const double r = radius * (k + 0.5) / 20000;
      sum += r * ProjectedNfw::density(std::max(r, 0.05) / scale) * radius / 20000;
    }
    return sum;
  };
  for (std::size_t b = 0; b < 4; ++b) {
    const double p = cumulative(radii[b]) / cumulative(2 * r200);
    CAPTURE(radii[b]);
    CHECK(std::fabs(inside[b] / members - p) < 4 * std::sqrt(p * (1 - p) / members) + 1e-3);
  }
  CHECK(std::fabs(cos_sum / members) < 4 * std::sqrt(0.5 / members));  // round once the ellipse is taken out
  CHECK(bright / faint == close_to(0.5598 / 2.4679, 0.03));            // E1(0.5) / E1(0.05)
}

TEST_CASE("red members lie on the ridge; blue members are bluer, rarer in the centre and more at high redshift") {
  SkyParameters sky = bare_sky();
  sky.structure_fraction = sky.projection_probability = 0;
  SceneOptions options;
  options.miscentring = false;
  options.log10_m500c = 14.8;
  double ratio_at[2] = {};
  int slot = 0;
  for (const double z : {0.10, 0.30}) {
    options.redshift = z;
    options.half_width_arcsec = arcsec_of_mpc(2, z);
    const Epoch epoch(z, sky);
    std::vector<double> red_gr, blue_gr;
    double red = 0, blue = 0, expected = 0, red_inner = 0, blue_inner = 0;
    for (std::uint64_t k = 0; k < 120; ++k) {
      const Scene scene = draw_scene(sky, 44, k, options);
      for (const Source& source : scene.sources) {
        if (source.kind != SourceKind::red_member && source.kind != SourceKind::blue_member) continue;
        const bool is_red = source.kind == SourceKind::red_member;
        const double i = intrinsic_i(scene, source);
        const double gr = magnitude(source.flux[1]) - magnitude(source.flux[2]) -
                          (extinction_per_ebv[1] - extinction_per_ebv[2]) * scene.ebv;
        (is_red ? red_gr : blue_gr).push_back(gr - epoch.red.mean(i)[1]);
        if (epoch.luminosity(i) < 0.2) continue;
        const double radius = std::hypot(source.east, source.north) / epoch.arcsec_per_mpc;
        (is_red ? red : blue) += 1;
        if (is_red)
          expected += std::clamp(0.25 * std::pow((1 + z) / 1.2, 2) * std::sqrt(radius / scene.r500c_mpc), 0.03, 1.0);
        if (radius < 0.2) (is_red ? red_inner : blue_inner) += 1;
      }
    }
    CAPTURE(z);
    CHECK(std::fabs(mean_of(red_gr)) < 0.005);
    CHECK(rms_of(red_gr) == close_to(epoch.red.scatter[1], 0.05));
    CHECK(mean_of(blue_gr) == close_to(-0.45, 0.03));
    CHECK(blue / expected == close_to(1, 0.06));
    CHECK(blue_inner / red_inner < 0.7 * blue / red);
    ratio_at[slot++] = blue / red;
  }
  CHECK(ratio_at[1] > 1.2 * ratio_at[0]);
}

TEST_CASE("the brightest galaxy has the measured magnitude and scatter and leads in nine clusters of ten") {
  const SkyParameters sky = bare_sky();
  SceneOptions options;
  options.redshift = 0.2;
  options.miscentring = false;
  const Epoch epoch(0.2, sky);
  std::vector<double> residual;
  int leads = 0;
  constexpr int clusters = 1200;
  for (std::uint64_t k = 0; k < clusters; ++k) {
    const Scene scene = draw_scene(sky, 45, k, options);
    double bcg = 0, second = 99;
    for (const Source& source : scene.sources) {
      const double i = intrinsic_i(scene, source);
      if (source.kind == SourceKind::bcg) bcg = i;
      if (source.kind == SourceKind::red_member || source.kind == SourceKind::blue_member) second = std::min(second, i);
    }
    residual.push_back(bcg - (epoch.mstar - 1.395 - 0.293 * std::log(scene.lambda_int / 30)));
    leads += bcg < second;
  }
  MESSAGE("the BCG is the brightest member in " << 100.0 * leads / clusters << " % of clusters");
  CHECK(std::fabs(mean_of(residual)) < 0.05);
  CHECK(std::fabs(rms_of(residual) - 0.38) < 0.05);
  CHECK(std::fabs(leads / double(clusters) - 0.90) < 0.03);
}

TEST_CASE("most cutouts are centred within some 20 kpc, the others miss by a share of R_lambda") {
  const SkyParameters sky;
  Random random(47);
  std::vector<double> offsets;
  int far = 0;
  constexpr int draws = 20000;
  for (int k = 0; k < draws; ++k) {
    const double offset = draw_miscentring_mpc(100, sky, random);  // R_lambda = 1.43 Mpc
    offsets.push_back(offset);
    far += offset > 0.1;
  }
  // Beyond 0.1 Mpc only the Gamma part: P(x > t) = (1 + t/tau) exp(-t/tau), t = 0.1 / 1.4286.
  const double t = 0.1 * 0.7 / 0.17, expected = 0.15 * (1 + t) * std::exp(-t);
  CHECK(far / double(draws) == close_to(expected, 0.05));
  std::nth_element(offsets.begin(), offsets.begin() + draws / 2, offsets.end());
  CHECK(offsets[draws / 2] == close_to(0.027, 0.1));
}

TEST_CASE("a tenth of the clusters has a second halo in the line of sight, with up to as many members") {
  SkyParameters sky = bare_sky();
  SceneOptions options;
  options.redshift = 0.3;
  options.log10_m500c = 14.8;
  options.half_width_arcsec = arcsec_of_mpc(2.5, 0.3);
  int with = 0;
  double members = 0, projected = 0, structure = 0;
  constexpr int clusters = 300;
  for (std::uint64_t k = 0; k < clusters; ++k) {
    const Scene scene = draw_scene(sky, 48, k, options);
    int second = 0;
    for (const Source& source : scene.sources) {
      second += source.kind == SourceKind::projected;
      structure += source.kind == SourceKind::structure && intrinsic_i(scene, source) < mstar_i(0.3) + 1.7474;
    }
    with += second > 0;
    if (second > 0) projected += second;
    members += scene.lambda_int;
  }
  CHECK(std::fabs(with / double(clusters) - 0.10) < 0.04);
  CHECK(projected > 0);
  // 0.1 lambda over 4 Mpc^2; the field here is (5.13 Mpc)^2 with its margin.
  const double width = 2 * (options.half_width_arcsec + FieldWindow::margin_arcsec) / arcsec_of_mpc(1, 0.3);
  CHECK(structure / members == close_to(0.1 * width * width / 4, 0.08));
}
