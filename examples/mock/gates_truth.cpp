// SPDX-License-Identifier: BSD-3-Clause
// Gates on catalogues of the truth: no pixels. Targets are published numbers and measurements of real SDSS data; the
// comment of each table says which.
#include <array>
#include <cstdio>

#include "clustermass/mock/field.hpp"
#include "gates.hpp"

namespace gates {

using namespace clustermass;

namespace {

/// A blank field of this index: no cluster.
mock::Scene blank_field(const Bench& bench, std::size_t index) {
  mock::SceneOptions options;
  options.cluster = false;
  return mock::draw_scene(bench.sky, bench.seed, index, options);
}

double square_degrees(const mock::Scene& scene) { return std::pow(2 * scene.half_width_arcsec / 3600, 2); }

/// Sum of the areas of `count` fields, and per threshold the number of sources, from rows {area, counts...}.
template <std::size_t N>
std::array<double, N> summed(const std::vector<std::array<double, N>>& rows) {
  std::array<double, N> sum{};
  for (const auto& row : rows)
    for (std::size_t k = 0; k < N; ++k) sum[k] += row[k];
  return sum;
}

/// Jackknife error of a density: counts column k over areas column 0, field by field.
template <std::size_t N>
double density_error(const std::vector<std::array<double, N>>& rows, const std::array<double, N>& sum, std::size_t k) {
  double squares = 0;
  for (const auto& row : rows) {
    const double left = (sum[k] - row[k]) / (sum[0] - row[0]) - sum[k] / sum[0];
    squares += left * left;
  }
  const auto n = static_cast<double>(rows.size());
  return std::sqrt((n - 1) / n * squares);
}

}  // namespace

/// V1. Targets: galaxies of one region of 3.36 square degrees, SDSS DR8, dereddened cmodel magnitudes.
Checks field_counts(const Bench& bench) {
  constexpr std::array<double, 10> limit{16.0, 16.5, 17.0, 17.5, 18.0, 18.5, 19.0, 19.5, 20.0, 20.5};
  constexpr std::array<double, 10> target{18, 32, 58, 107, 210, 373, 663, 1143, 1943, 3159};
  using Row = std::array<double, limit.size() + 2>;  // area, N(<i) ..., N(r < 17.77)
  const std::vector<Row> rows = bench.each(bench.count, [&](std::size_t index) {
    const mock::Scene scene = blank_field(bench, index);
    Row row{};
    row[0] = square_degrees(scene);
    for (const mock::Source& source : scene.sources) {
      if (source.kind != mock::SourceKind::field || !inside(source, scene)) continue;
      const mock::PerBand flux = dereddened(source, scene);
      const double i = mock::magnitude(flux[3]);
      for (std::size_t k = 0; k < limit.size(); ++k) row[k + 1] += i < limit[k];
      row.back() += mock::magnitude(flux[2]) < 17.77;
    }
    return row;
  });
  const Row sum = summed(rows);
  Checks checks;
  for (std::size_t k = 0; k < limit.size(); ++k)
    checks.push_back(near("V1", text("galaxies per deg2, i < %.1f", limit[k]), sum[k + 1] / sum[0], target[k],
                          0.15 * target[k], density_error(rows, sum, k + 1)));
  checks.push_back(near("V1", "galaxies per deg2, r < 17.77", sum.back() / sum[0], 85, 13,
                        density_error(rows, sum, limit.size() + 1)));
  return checks;
}

namespace {

/// SDSS asinh magnitude of a flux. [nMgy]
double asinh_magnitude(double flux, std::size_t band) {
  constexpr mock::PerBand softening{1.4e-10, 0.9e-10, 1.2e-10, 1.8e-10, 7.4e-10};
  return -2.5 / std::numbers::ln10 * (std::asinh(flux * 1e-9 / (2 * softening[band])) + std::log(softening[band]));
}

/// Error of the model fluxes of galaxies of SDSS DR8, medians in bins of i = 16.5, 17.5, ... 20.5. [nMgy] The
/// comparison table holds measured colours, so the mock's colours get this noise too. Measured on
/// data/photometry/sdss_dr8_galaxies_3.36deg2.fits.gz from MAG and MAG_ERR.
constexpr std::array<mock::PerBand, 5> model_flux_error{{{1.296, 0.609, 1.004, 1.444, 4.419},
                                                         {0.983, 0.420, 0.666, 0.979, 3.227},
                                                         {0.775, 0.305, 0.491, 0.723, 2.508},
                                                         {0.678, 0.250, 0.394, 0.583, 2.117},
                                                         {0.598, 0.214, 0.332, 0.487, 1.790}}};

}  // namespace

/// V2. Targets: the same galaxies as V1's. Beyond i = 18 the 16 % and 84 % points of u-g measure the noise of the u
/// band, which the catalogue quotes too small, and no galaxy's colour: there the median alone is checked.
Checks field_colours(const Bench& bench) {
  constexpr std::array<const char*, 4> name{"u-g", "g-r", "r-i", "i-z"};
  using Three = std::array<double, 3>;  // median, 16 %, 84 %
  constexpr std::array<std::array<Three, 4>, 5> target{
      {{{{1.74, 1.25, 2.16}, {.98, .63, 1.17}, {.44, .35, .53}, {.32, .19, .37}}},
       {{{1.63, 1.08, 2.35}, {1.01, .63, 1.40}, {.47, .36, .56}, {.31, .18, .38}}},
       {{{1.44, .93, 2.82}, {1.13, .66, 1.51}, {.48, .34, .59}, {.31, .18, .41}}},
       {{{1.29, .55, 3.14}, {1.16, .67, 1.64}, {.49, .30, .74}, {.33, .10, .50}}},
       {{{1.05, .08, 3.02}, {1.10, .66, 1.73}, {.49, .23, .84}, {.33, -.08, .61}}}}};
  using Row = std::vector<std::array<double, 5>>;  // bin and four colours
  const std::vector<Row> rows = bench.each(bench.count, [&](std::size_t index) {
    const mock::Scene scene = blank_field(bench, index);
    Random noise(bench.seed, index, 901);
    Row row;
    for (const mock::Source& source : scene.sources) {
      if (source.kind != mock::SourceKind::field || !inside(source, scene)) continue;
      mock::PerBand flux = dereddened(source, scene);
      const double i = mock::magnitude(flux[3]);
      if (!(i > 16 && i < 21)) continue;
      const double place = std::clamp(i - 16.5, 0.0, 3.999);
      const auto low = static_cast<std::size_t>(place);
      mock::PerBand magnitude;
      for (std::size_t b = 0; b < flux.size(); ++b) {
        const double share = place - static_cast<double>(low);
        const double error =
            std::pow(model_flux_error[low][b], 1 - share) * std::pow(model_flux_error[low + 1][b], share);
        magnitude[b] = asinh_magnitude(flux[b] + error * noise.normal(), b);
      }
      row.push_back({std::floor(i - 16), magnitude[0] - magnitude[1], magnitude[1] - magnitude[2],
                     magnitude[2] - magnitude[3], magnitude[3] - magnitude[4]});
    }
    return row;
  });
  Checks checks;
  for (std::size_t bin = 0; bin < target.size(); ++bin)
    for (std::size_t c = 0; c < name.size(); ++c) {
      std::vector<double> values;
      for (const Row& row : rows)
        for (const auto& galaxy : row)
          if (static_cast<std::size_t>(galaxy[0]) == bin) values.push_back(galaxy[c + 1]);
      const double tolerance = bin == 4 ? 0.10 : 0.05;
      const double error = rms_about_mean(values) * 1.25 / std::sqrt(static_cast<double>(values.size()));
      constexpr std::array<std::pair<const char*, double>, 3> shares{{{"median", 0.5}, {"16 %", 0.16}, {"84 %", 0.84}}};
      for (std::size_t s = 0; s < (c == 0 && bin > 1 ? 1 : shares.size()); ++s)
        checks.push_back(near(
            "V2",
            text("%s of %s, i %d-%d", shares[s].first, name[c], 16 + static_cast<int>(bin), 17 + static_cast<int>(bin)),
            quantile(values, shares[s].second), target[bin][c][s], tolerance, error));
    }
  return checks;
}

/// V3. Targets: the ridge of redMaPPer's SDSS DR8 calibration at its pivot magnitude, and its intrinsic scatter where
/// the calibration has a node. The ridge is recovered by a line in i through the members' true colours.
Checks red_sequence(const Bench& bench) {
  constexpr std::array<double, 10> redshift{.10, .15, .20, .25, .30, .35, .40, .45, .50, .55};
  constexpr std::array<std::array<double, 10>, 3> ridge{
      {{.938, 1.076, 1.240, 1.392, 1.523, 1.621, 1.643, 1.645, 1.625, 1.603},
       {.407, .436, .479, .518, .551, .582, .638, .733, .850, .964},
       {.324, .332, .328, .332, .347, .367, .393, .420, .443, .467}}};
  // Pivot magnitudes: nodes at .05 .15 .25 .35 .45 .60; between them the spline is evaluated by the sky itself.
  constexpr std::array<std::array<double, 4>, 3> scatter{
      {{.20, .057, .022, .021}, {.35, .103, .032, .022}, {.50, .072, .085, .018}}};
  constexpr std::array<const char*, 3> name{"g-r", "r-i", "i-z"};

  using Row = std::vector<std::array<double, 4>>;  // i - pivot and three colours
  const std::vector<Row> rows = bench.each(bench.count, [&](std::size_t index) {
    mock::SceneOptions options;
    options.redshift = redshift[index % redshift.size()];
    const mock::Scene scene = mock::draw_scene(bench.sky, bench.seed, index, options);
    const double pivot = mock::red_sequence(scene.redshift, bench.sky).pivot_i;
    Row row;
    for (const mock::Source& source : scene.sources) {
      if (source.kind != mock::SourceKind::red_member) continue;
      const mock::PerBand flux = dereddened(source, scene);
      mock::PerBand m;
      for (std::size_t b = 0; b < m.size(); ++b) m[b] = mock::magnitude(flux[b]);
      row.push_back({m[3] - pivot, m[1] - m[2], m[2] - m[3], m[3] - m[4]});
    }
    return row;
  });
  Checks checks;
  for (std::size_t k = 0; k < redshift.size(); ++k)
    for (std::size_t c = 0; c < name.size(); ++c) {
      std::vector<double> x, y;
      for (std::size_t index = k; index < rows.size(); index += redshift.size())
        for (const auto& galaxy : rows[index]) {
          x.push_back(galaxy[0]);
          y.push_back(galaxy[c + 1]);
        }
      const Line line = fit_line(x, y);
      const double error = line.scatter / std::sqrt(static_cast<double>(x.size()));
      checks.push_back(
          near("V3", text("ridge %s at z = %.2f", name[c], redshift[k]), line.intercept, ridge[c][k], 0.02, error));
      for (const auto& node : scatter)
        if (std::fabs(node[0] - redshift[k]) < 0.001)
          checks.push_back(near("V3", text("scatter of %s at z = %.2f", name[c], redshift[k]), line.scatter,
                                node[c + 1], 0.2 * node[c + 1], error / std::numbers::sqrt2));
    }
  return checks;
}

namespace {

/// Largest value of a smooth function of one maximum on [low, high], by golden section.
double maximum_at(double low, double high, auto&& function) {
  constexpr double golden = 0.6180339887498949;
  double a = high - golden * (high - low), b = low + golden * (high - low), fa = function(a), fb = function(b);
  for (int step = 0; step < 40; ++step) {
    if (fa > fb) {
      high = b, b = a, fb = fa;
      a = high - golden * (high - low), fa = function(a);
    } else {
      low = a, a = b, fa = fb;
      b = low + golden * (high - low), fb = function(b);
    }
  }
  return 0.5 * (low + high);
}

/// Integral of x Sigma(x) of the projected NFW profile from 0, but for a factor (Bartelmann 1996).
double cylinder(double x) {
  if (std::fabs(x - 1) < 1e-6) return std::log(0.5) + 1;
  if (x < 1) return std::log(x / 2) + std::acosh(1 / x) / std::sqrt(1 - x * x);
  return std::log(x / 2) + std::acos(1 / x) / std::sqrt(x * x - 1);
}

}  // namespace

/// V8. The Schechter function and the concentration of the red satellites, recovered by maximum likelihood from the
/// truth catalogue. Satellites of clusters where one outshines the brightest galaxy are the ones without a limit at the
/// bright end, so the fit stops where that limit acts: at the brightest galaxy of each cluster.
Checks members(const Bench& bench) {
  struct Row {
    std::vector<double> luminosity;  // L/L* of m*(z)
    double faintest = 0, brightest = 0;
    std::vector<double> radius_r200;  // within 0.9 Mpc, in R200c
    double limit_r200 = 0, core_r200 = 0;
  };
  const std::vector<Row> rows = bench.each(bench.count, [&](std::size_t index) {
    mock::SceneOptions options;
    options.miscentring = false;
    const mock::Scene scene = mock::draw_scene(bench.sky, bench.seed, index, options);
    const mock::Epoch epoch(scene.redshift, bench.sky);
    Row row;
    row.faintest = epoch.luminosity(epoch.faint_limit(bench.sky));
    row.limit_r200 = 0.9 / scene.r200c_mpc;
    row.core_r200 = bench.sky.satellite_core_mpc / scene.r200c_mpc;
    double bcg = 0;
    for (const mock::Source& source : scene.sources)
      if (source.kind == mock::SourceKind::bcg) bcg = epoch.luminosity(mock::magnitude(dereddened(source, scene)[3]));
    row.brightest = bcg;
    for (const mock::Source& source : scene.sources) {
      if (source.kind != mock::SourceKind::red_member) continue;
      const double x = epoch.luminosity(mock::magnitude(dereddened(source, scene)[3]));
      if (x < row.brightest) row.luminosity.push_back(x);
      const double r = std::hypot(source.east, source.north) / epoch.arcsec_per_mpc;
      if (r < 0.9) row.radius_r200.push_back(r / scene.r200c_mpc);
    }
    return row;
  });

  double members = 0, log_sum = 0, sum = 0;
  for (const Row& row : rows)
    for (const double x : row.luminosity) members += 1, log_sum += std::log(x), sum += x;
  const auto likelihood = [&](double alpha, double mstar) {
    const double scale = mock::exp10(-0.4 * mstar);  // L*, in units of the L* of m*(z)
    double result = alpha * (log_sum - members * std::log(scale)) - sum / scale - members * std::log(scale);
    for (const Row& row : rows)
      result -=
          static_cast<double>(row.luminosity.size()) * std::log(mock::schechter_count(alpha, row.faintest / scale) -
                                                                mock::schechter_count(alpha, row.brightest / scale));
    return result;
  };
  const auto best_mstar = [&](double alpha) {
    return maximum_at(-0.5, 0.5, [&](double mstar) { return likelihood(alpha, mstar); });
  };
  const double alpha = maximum_at(-1.3, -0.7, [&](double a) { return likelihood(a, best_mstar(a)); });

  // Circular shells: the stack of ellipses of all orientations is a little flatter than its circle.
  const auto profile = [&](double concentration) {
    double result = 0;
    for (const Row& row : rows) {
      if (row.radius_r200.empty()) continue;
      const double core = row.core_r200 * concentration, limit = row.limit_r200 * concentration;
      const double inside = 0.5 * core * core * mock::ProjectedNfw::density(core) + cylinder(limit) - cylinder(core);
      for (const double r : row.radius_r200)
        result += std::log(mock::ProjectedNfw::density(std::max(r, row.core_r200) * concentration) * concentration *
                           concentration / inside);
    }
    return result;
  };
  const double concentration = maximum_at(1.5, 6, profile);
  const double error = 1 / std::sqrt(members);
  return {near("V8", "slope alpha of the luminosity function", alpha, -1.0, 0.05, 1.5 * error),
          near("V8", "m* minus redMaPPer's m*(z) [mag]", best_mstar(alpha), 0.0, 0.1, 3 * error),
          near("V8", "concentration of the satellites, R200c/r_s", concentration, 3.0, 0.45, 6 * error)};
}

/// V12. Targets: redMaPPer's DR8 centring calibration, i = m* - 1.395 - 0.293 ln(lambda/30), scatter 0.382.
Checks brightest_galaxy(const Bench& bench) {
  using Row = std::array<double, 2>;  // ln(lambda/30), i - m*
  const std::vector<Row> rows = bench.each(bench.count, [&](std::size_t index) {
    const mock::Scene scene = mock::draw_scene(bench.sky, bench.seed, index);
    const mock::Epoch epoch(scene.redshift, bench.sky);
    Row row{std::log(scene.lambda_int / 30), 0};
    for (const mock::Source& source : scene.sources)
      if (source.kind == mock::SourceKind::bcg) row[1] = mock::magnitude(dereddened(source, scene)[3]) - epoch.mstar;
    return row;
  });
  std::vector<double> x, y;
  for (const Row& row : rows)
    if (row[1] != 0) {  // 0: miscentred out of the cutout
      x.push_back(row[0]);
      y.push_back(row[1]);
    }
  const Line line = fit_line(x, y);
  const double error = line.scatter / std::sqrt(static_cast<double>(x.size()));
  Checks checks;
  for (const double lambda : {20.0, 50.0, 100.0})
    checks.push_back(near("V12", text("i - m* of the brightest galaxy, lambda = %.0f", lambda),
                          line.intercept + line.slope * std::log(lambda / 30), -1.395 - 0.293 * std::log(lambda / 30),
                          0.05, 1.5 * error));
  checks.push_back(near("V12", "scatter of i - m* [mag]", line.scatter, 0.382, 0.05, error / std::numbers::sqrt2));
  return checks;
}

/// V14. Targets: Bahcall & Soneira (1980, eq. B1). First the formula at l = 180 deg against numbers worked out by hand
/// for four latitudes; then the sky's stars against the formula's mean over the sky's own latitudes and longitudes.
Checks star_counts(const Bench& bench) {
  constexpr double degree = std::numbers::pi / 180;
  Checks checks;
  constexpr std::array<std::array<double, 3>, 4> table{
      {{90, 1440, 2812}, {60, 1249, 2270}, {45, 1650, 2859}, {30, 3214, 5332}}};
  for (const auto& [latitude, bright, faint] : table) {
    checks.push_back(near("V14", text("formula, b = %.0f deg: stars per deg2, V < 20", latitude),
                          mock::star_count(20, 180 * degree, latitude * degree), bright, 0.01 * bright));
    checks.push_back(near("V14", text("formula, b = %.0f deg: stars per deg2, V < 22", latitude),
                          mock::star_count(22, 180 * degree, latitude * degree), faint, 0.01 * faint));
  }

  using Row = std::array<double, 3>;
  const std::vector<Row> rows = bench.each(bench.count, [&](std::size_t index) {
    const mock::Scene scene = blank_field(bench, index);
    Row row{square_degrees(scene), 0, 0};
    for (const mock::Source& source : scene.sources) {
      if (source.kind != mock::SourceKind::star || !inside(source, scene)) continue;
      const double v = mock::magnitude(dereddened(source, scene)[2]) + 0.2;
      row[1] += v < 20;
      row[2] += v < 22;
    }
    return row;
  });
  const Row sum = summed(rows);
  std::array<double, 2> expected{};
  constexpr int steps = 60;
  double weights = 0;
  for (int j = 0; j < steps; ++j) {  // latitudes to 4 sigma, longitudes of the half away from the centre
    const double t = -4 + 8 * (j + 0.5) / steps, weight = std::exp(-0.5 * t * t);
    const double b = std::clamp(bench.sky.galactic_latitude_deg + t * bench.sky.galactic_latitude_rms_deg, 25.0, 85.0);
    for (int k = 0; k < steps; ++k) {
      const double l = 90 + 180 * (k + 0.5) / steps;
      expected[0] += weight * mock::star_count(20, l * degree, b * degree);
      expected[1] += weight * mock::star_count(22, l * degree, b * degree);
      weights += weight;
    }
  }
  for (std::size_t k = 0; k < 2; ++k) {
    const double target = expected[k] / weights;
    checks.push_back(near("V14", text("stars per deg2, V < %d", k == 0 ? 20 : 22), sum[k + 1] / sum[0], target,
                          0.15 * target, density_error(rows, sum, k + 1)));
  }
  return checks;
}

}  // namespace gates
