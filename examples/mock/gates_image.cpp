// SPDX-License-Identifier: BSD-3-Clause
// Gates on pixels: noise, seeing and depth of native frames, the stacked light of centres, and that every pixel is the
// same however many threads draw it. Targets marked "measured" are medians of the 62 real frames of
// data/sdss/measured_frames.csv (|b| > 33 deg), which the README beside that file tabulates.
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "clustermass/io/sdss_folder.hpp"
#include "clustermass/mock/native.hpp"
#include "clustermass/mock/working.hpp"
#include "gates.hpp"
#include "photometry.hpp"

namespace gates {

using namespace clustermass;

namespace {

constexpr double pixel = mock::Footprint::pixel_arcsec;
constexpr const char* letters = "ugriz";

photometry::Image image_of(const std::vector<float>& pixels) {
  return {pixels.data(), mock::NativeField::height, mock::NativeField::width};
}

/// Native field number k: a blank field under the typical night, one camera column after the other.
mock::Scene typical_field(const Bench& bench, std::size_t k, mock::SkyParameters& sky) {
  sky = bench.sky;
  sky.seeing_rms_ln = sky.seeing_band_rms_ln = sky.sky_rms_ln = 0;
  sky.sky_band_rms_ln.fill(0);
  sky.missing_band_probability = 0;
  mock::SceneOptions options;
  options.cluster = false;
  options.half_width_arcsec = 530;  // reaches the corners of the frame
  options.frame_pixel = {1023.5, 744.0};
  options.conditions.camera_column = static_cast<int>(k % 6) + 1;
  return mock::draw_scene(sky, bench.seed, 1000000 + k, options);
}

/// What is measured on one native field.
struct Measured {
  std::array<photometry::SkyNoise, 5> noise;
  mock::PerBand predicted_noise{};                ///< of the scene's camera
  std::array<std::vector<double>, 5> fwhm_ratio;  ///< stars of 16 < r < 18: fitted over true FWHM
};

/// Stars of 16 < r < 18 without a neighbour of more than 2 % of their light within 10".
void measure_stars(const mock::Scene& scene, std::size_t band, const photometry::Image& image,
                   const std::vector<std::int32_t>& bits, std::vector<double>& ratios) {
  const mock::RasterMap map(scene.footprint.map(band));
  for (const mock::Source& star : scene.sources) {
    const double r = mock::magnitude(star.flux[2]);
    if (star.kind != mock::SourceKind::star || !(r > 16 && r < 18)) continue;
    const bool alone = std::none_of(scene.sources.begin(), scene.sources.end(), [&](const mock::Source& other) {
      return &other != &star && other.flux[band] > 0.02 * star.flux[band] &&
             std::hypot(other.east - star.east, other.north - star.north) < 10;
    });
    const double x = map.x(star.east, star.north), y = map.y(star.east, star.north);
    if (!alone || !(x > 12 && y > 12 && x < image.width - 12 && y < image.height - 12)) continue;
    if (!bits.empty()) {
      bool clean = true;
      for (int j = -10; j <= 10; ++j)
        for (int i = -10; i <= 10; ++i)
          clean = clean &&
                  bits[image.index(static_cast<int>(std::lround(x)) + i, static_cast<int>(std::lround(y)) + j)] == 0;
      if (!clean) continue;
    }
    const mock::Psf truth = mock::psf_at(scene, band, star.east, star.north);
    if (const auto fwhm = photometry::fit_fwhm(image, x, y, truth)) ratios.push_back(*fwhm / truth.fwhm_arcsec);
  }
}

double point_source_depth(const photometry::Image& image, const std::vector<std::uint8_t>& mask, double fwhm_arcsec,
                          std::uint64_t seed) {
  const mock::Psf psf{.fwhm_arcsec = fwhm_arcsec};
  const double noise = photometry::injection_noise(image, mask, photometry::gaussian_stamp(psf),
                                                   photometry::star_stamp(psf), 4000, seed);
  return mock::magnitude(5 * noise);
}

/// Light of a galaxy of unit flux in one band, in the middle of a stamp, under the scene's seeing.
photometry::Stamp galaxy_stamp(mock::Source galaxy, const mock::Scene& scene, const mock::SkyParameters& sky,
                               std::size_t band) {
  constexpr int reach = 30, side = 2 * reach + 1;
  AffineMap map{{{{-pixel, 0}, {0, pixel}}}, reach, reach};
  galaxy.east = galaxy.north = 0;
  galaxy.flux.fill(1);
  std::vector<float> plane(static_cast<std::size_t>(side) * side);
  std::array<float*, 5> planes{};
  planes[band] = plane.data();
  mock::PerBand noise;
  noise.fill(1e-4);  // the galaxy counts as bright: drawn with care
  mock::SourceRenderer renderer(map, side, side, scene.psf, noise, sky.accuracy);
  renderer.add(galaxy, planes);
  return {reach, {plane.begin(), plane.end()}};
}

/// Magnitude at which a galaxy of the field is measured with 10 sigma in i by a filter of its own shape: for 24
/// galaxies of 20.25 < i < 21.25.
std::vector<double> galaxy_limits(const mock::Scene& scene, const mock::SkyParameters& sky,
                                  const photometry::Image& image, const std::vector<std::uint8_t>& mask) {
  std::vector<double> limits;
  for (const mock::Source& source : scene.sources) {
    const double i = mock::magnitude(dereddened(source, scene)[3]);
    if (limits.size() == 24) break;
    if (source.kind != mock::SourceKind::field || !(i > 20.25 && i < 21.25)) continue;
    const photometry::Stamp stamp = galaxy_stamp(source, scene, sky, 3);
    const double noise = photometry::injection_noise(image, mask, stamp, stamp, 600, scene.index + limits.size());
    limits.push_back(mock::magnitude(10 * noise));
  }
  return limits;
}

Measured measure(const Bench& bench, std::size_t k) {
  mock::SkyParameters sky;
  const mock::Scene scene = typical_field(bench, k, sky);
  const mock::NativeField field = mock::render_native(scene, sky);
  Measured result;
  for (std::size_t b = 0; b < field.bands.size(); ++b) {
    const photometry::Image image = image_of(field.bands[b].image);
    const std::vector<std::uint8_t> mask = photometry::source_mask(image);
    result.noise[b] = photometry::sky_noise(image, mask);
    result.predicted_noise[b] = scene.camera[b].noise();
    measure_stars(scene, b, image, field.bands[b].mask, result.fwhm_ratio[b]);
  }
  return result;
}

/// The native fields' measurements, made once for all gates of a run. 24 fields at 2000 cutouts.
const std::vector<Measured>& native_fields(const Bench& bench) {
  static std::vector<Measured> fields;
  const std::size_t count = std::clamp<std::size_t>(bench.count * 12 / 1000, 1, 48);
  if (fields.size() != count) {
    fields.clear();
    fields.resize(count);
    std::size_t done = 0;
    const auto members = static_cast<std::size_t>(bench.team.size());  // a field takes 150 MB
    for (; done < count; done += std::min(members, count - done)) {
      bench.team.run(std::min(members, count - done),
                     [&](std::size_t k, int) { fields[done + k] = measure(bench, done + k); });
      bench.progress(static_cast<double>(std::min(done + members, count)) / static_cast<double>(count));
    }
  }
  return fields;
}

/// Median over the fields of a number of each, and its error.
std::pair<double, double> over_fields(const std::vector<Measured>& fields, auto&& number) {
  std::vector<double> values;
  for (const Measured& field : fields) values.push_back(number(field));
  return {median(values), 1.25 * rms_about_mean(values) / std::sqrt(static_cast<double>(values.size()))};
}

}  // namespace

/// V4. Targets: measured medians of the noise; they replace science.md's .044 .018 .028 .046 .178 nMgy, of which i is 7
/// % above the real frames. Noise of one field against what gain, sky and dark variance predict: 5 % too. White: the
/// correlation of neighbours below 0.03 (real frames: 0.01 to 0.05).
Checks sky_noise(const Bench& bench) {
  constexpr mock::PerBand target{0.0454, 0.0172, 0.0276, 0.0427, 0.1743};
  const auto& fields = native_fields(bench);
  Checks checks;
  for (std::size_t b = 0; b < 5; ++b) {
    const auto [rms, error] = over_fields(fields, [b](const Measured& m) { return m.noise[b].rms; });
    checks.push_back(
        near("V4", text("noise of a pixel in %c [nMgy]", letters[b]), rms, target[b], 0.05 * target[b], error));
  }
  for (std::size_t b = 0; b < 5; ++b) {
    const auto [ratio, error] =
        over_fields(fields, [b](const Measured& m) { return m.noise[b].rms / m.predicted_noise[b]; });
    checks.push_back(near("V4", text("noise over the camera's prediction in %c", letters[b]), ratio, 1, 0.05, error));
    const auto [x, x_error] = over_fields(fields, [b](const Measured& m) { return m.noise[b].correlation_x; });
    const auto [y, y_error] = over_fields(fields, [b](const Measured& m) { return m.noise[b].correlation_y; });
    checks.push_back(near("V4", text("correlation of neighbours along rows in %c", letters[b]), x, 0, 0.03, x_error));
    checks.push_back(
        near("V4", text("correlation of neighbours along columns in %c", letters[b]), y, 0, 0.03, y_error));
  }
  return checks;
}

/// V5. Stars of 16 < r < 18: FWHM of a fit of a round PSF over the FWHM that was put in at that place of the CCD.
Checks seeing(const Bench& bench) {
  const auto& fields = native_fields(bench);
  Checks checks;
  for (std::size_t b = 0; b < 5; ++b) {
    std::vector<double> ratios;
    for (const Measured& field : fields)
      ratios.insert(ratios.end(), field.fwhm_ratio[b].begin(), field.fwhm_ratio[b].end());
    const double error =
        ratios.empty() ? 0 : 1.25 * rms_about_mean(ratios) / std::sqrt(static_cast<double>(ratios.size()));
    checks.push_back(near("V5", text("FWHM of %zu stars over the input, %c", ratios.size(), letters[b]), median(ratios),
                          1, 0.03, error));
  }
  return checks;
}

namespace {

/// A mock field of this night: no cluster.
mock::Scene field_of_night(const Bench& bench, const mock::Conditions& night, std::size_t number) {
  mock::SkyParameters sky = bench.sky;
  sky.missing_band_probability = 0;
  mock::SceneOptions options;
  options.cluster = false;
  options.half_width_arcsec = 530;
  options.frame_pixel = {1023.5, 744.0};
  options.conditions = night;
  return mock::draw_scene(sky, bench.seed, 2000000 + number, options);
}

/// Folders of a real field's five bands below a folder, and the folder itself.
std::vector<std::string> field_folders(const std::string& folder) {
  std::vector<std::string> result;
  const auto look = [&](const std::filesystem::path& path) {
    std::array<bool, 5> has{};
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (const auto name = parse_frame_name(entry.path().filename().string()))
        has[static_cast<std::size_t>(name->band)] = true;
    if (std::all_of(has.begin(), has.end(), [](bool h) { return h; })) result.push_back(path.string());
  };
  look(folder);
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_directory()) look(entry.path());
  std::sort(result.begin(), result.end());
  return result;
}

RealField measure_real(const Bench& bench, const std::string& folder, std::size_t number) {
  RealField field{std::filesystem::path(folder).filename().string(), {}, {}, 0};
  std::array<std::vector<float>, 5> images;
  for (const FrameFile& file : find_frames(folder)) {
    SdssFrame frame = read_sdss_frame(file.path);
    const auto b = static_cast<std::size_t>(frame.band);
    field.night.camera_column = frame.camcol;
    field.night.sky_counts[b] = photometry::median_of(frame.allsky);
    field.night.nmgy_per_count[b] = photometry::median_of(frame.calibration);
    images[b] = std::move(frame.image);
  }
  std::array<std::vector<std::uint8_t>, 5> masks;
  for (std::size_t b = 0; b < images.size(); ++b) {
    const photometry::Image image = image_of(images[b]);
    masks[b] = photometry::source_mask(image);
    const double fwhm = photometry::stellar_fwhm(image, photometry::sky_noise(image, masks[b]).rms);
    if (!(fwhm > 0)) throw InputError("'" + folder + "': too few stars to measure the seeing in " + letters[b]);
    field.night.fwhm_arcsec[b] = fwhm;
    field.point_depth[b] = point_source_depth(image, masks[b], fwhm, number);
  }
  const mock::Scene shapes = field_of_night(bench, field.night, number);
  field.galaxy_limit = median(galaxy_limits(shapes, bench.sky, image_of(images[3]), masks[3]));
  return field;
}

/// The five real fields at hand, measured as measure_real does: printed by
///   clustermass_mock validate --gate V6 --frames data/sdss --json
const std::vector<RealField>& recorded_fields() {
  static const std::vector<RealField> fields{
      {"002820-3-0122",
       {3,
        {1.127, 1.088, 0.856, 0.791, 0.917},
        {21.60, 73.20, 136.91, 185.89, 98.95},
        {0.00948, 0.00377, 0.00495, 0.00636, 0.03644}},
       {22.248, 23.325, 23.032, 22.659, 21.020},
       21.362},
      {"003184-2-0169",
       {2,
        {1.737, 1.443, 1.310, 1.192, 1.300},
        {16.38, 52.19, 127.33, 226.78, 165.98},
        {0.01015, 0.00389, 0.00512, 0.00708, 0.03265}},
       {22.023, 23.130, 22.615, 22.094, 20.551},
       20.871},
      {"003918-3-0213",
       {3,
        {1.272, 1.128, 1.083, 0.977, 0.964},
        {16.00, 54.22, 96.97, 130.13, 70.29},
        {0.00965, 0.00385, 0.00513, 0.00657, 0.03752}},
       {22.267, 23.421, 23.017, 22.585, 21.130},
       21.356},
      {"004510-4-0030",
       {4,
        {1.015, 1.000, 0.991, 0.860, 0.929},
        {15.68, 57.87, 93.06, 115.54, 55.31},
        {0.00977, 0.00365, 0.00513, 0.00630, 0.03652}},
       {22.393, 23.548, 23.087, 22.781, 20.971},
       21.423},
      {"007264-3-0111",
       {3,
        {1.621, 1.701, 1.380, 1.268, 1.268},
        {13.71, 55.07, 115.33, 144.44, 80.59},
        {0.01186, 0.00406, 0.00522, 0.00674, 0.03609}},
       {21.855, 22.947, 22.633, 22.239, 20.818},
       21.147},
  };
  return fields;
}

/// What the same injections give in mock fields under the real fields' nights.
struct Likeness {
  mock::PerBand point_depth{};
  double galaxy_limit = 0;
};
const std::vector<Likeness>& likenesses(const Bench& bench) {
  static std::vector<Likeness> all;
  const std::vector<RealField>& real = real_fields(bench);
  if (all.size() == real.size()) return all;
  all.resize(real.size());
  const auto members = static_cast<std::size_t>(bench.team.size());
  for (std::size_t begin = 0; begin < real.size(); begin += members)
    bench.team.run(std::min(members, real.size() - begin), [&](std::size_t k, int) {
      const std::size_t number = begin + k;
      const mock::Scene scene = field_of_night(bench, real[number].night, number);
      const mock::NativeField field = mock::render_native(scene, bench.sky);
      for (std::size_t b = 0; b < 5; ++b) {
        const photometry::Image image = image_of(field.bands[b].image);
        const std::vector<std::uint8_t> mask = photometry::source_mask(image);
        all[number].point_depth[b] = point_source_depth(image, mask, scene.psf[b].fwhm_arcsec, number);
        if (b == 3) all[number].galaxy_limit = median(galaxy_limits(scene, bench.sky, image, mask));
      }
    });
  return all;
}

/// Mean of mock minus real over the fields.
Check difference(std::string gate, std::string name, const std::vector<double>& differences, double tolerance) {
  return near(std::move(gate), std::move(name), mean(differences), 0, tolerance,
              rms_about_mean(differences) / std::sqrt(static_cast<double>(differences.size())));
}

}  // namespace

const std::vector<RealField>& real_fields(const Bench& bench) {
  if (bench.real_frames.empty()) return recorded_fields();
  static std::vector<RealField> measured;
  if (measured.empty()) {
    const std::vector<std::string> folders = field_folders(bench.real_frames);
    if (folders.empty())
      throw InputError("no folder with the five bands of a field lies in '" + bench.real_frames +
                       "'; expected RUN-CAMCOL-FIELD/frame-u-RUN-CAMCOL-FIELD.fits.bz2 and so on");
    for (const std::string& folder : folders) {
      measured.push_back(measure_real(bench, folder, measured.size()));
      bench.progress(0.7 * static_cast<double>(measured.size()) / static_cast<double>(folders.size()));
    }
  }
  return measured;
}

/// V6. Stars are put into blank places of the real fields and of mock fields under the same nights (camera, sky,
/// seeing) and measured with a Gaussian filter: the magnitude of 5 sigma, mock minus real.
Checks point_sources(const Bench& bench) {
  const auto& mocks = likenesses(bench);
  const auto& reals = real_fields(bench);
  Checks checks;
  for (std::size_t b = 0; b < 5; ++b) {
    std::vector<double> differences;
    for (std::size_t k = 0; k < reals.size(); ++k)
      differences.push_back(mocks[k].point_depth[b] - reals[k].point_depth[b]);
    checks.push_back(difference(
        "V6", text("5 sigma depth in %c, mock minus real, %zu fields", letters[b], reals.size()), differences, 0.15));
  }
  return checks;
}

/// V7. Galaxies of 20.25 < i < 21.25 put into the same fields and measured each with a filter of its own shape: the
/// magnitude of 10 sigma, mock minus real. science.md's 20.75 is redMaPPer's limit from the catalogue's cmodel errors,
/// which hold the errors of the fitted shape too: in the field 3900-6-0269 they are 1.4 times those of a known shape.
/// Both skies reach 0.3 to 0.5 mag deeper than that with a known shape, so the real frames are the target.
Checks galaxy_limit(const Bench& bench) {
  const auto& mocks = likenesses(bench);
  const auto& reals = real_fields(bench);
  std::vector<double> differences;
  for (std::size_t k = 0; k < reals.size(); ++k) differences.push_back(mocks[k].galaxy_limit - reals[k].galaxy_limit);
  return {difference("V7", text("10 sigma limit for galaxies in i, mock minus real, %zu fields", reals.size()),
                     differences, 0.2)};
}

/// V13. Brightest galaxy and intracluster light of clusters at z = 0.25, in r, stacked on the true centres without
/// noise. Targets: 26.5 and 29 mag/arcsec^2 at 100 and 300 kpc, stacks of SDSS clusters (Zibetti et al. 2005).
Checks diffuse_light(const Bench& bench) {
  constexpr std::array<double, 2> radius_kpc{100, 300}, target{26.5, 29.0};
  constexpr double redshift = 0.25, half_width_kpc = 0.08;  // of a ring, as a share of its radius
  const std::size_t count = std::min<std::size_t>(bench.count, 1000);
  using Row = std::array<double, 2>;
  const std::vector<Row> rows = bench.each(count, [&](std::size_t index) {
    mock::SceneOptions options;
    options.redshift = redshift;
    options.miscentring = false;
    mock::Scene scene = mock::draw_scene(bench.sky, bench.seed, index, options);
    std::erase_if(scene.sources, [](const mock::Source& source) {
      return source.kind != mock::SourceKind::bcg && source.kind != mock::SourceKind::icl;
    });
    for (mock::Source& source : scene.sources) source.flux = dereddened(source, scene);
    scene.missing_band = -1;
    mock::WorkingOptions working;
    working.noise = working.sky_residual = working.masks = false;
    const CutoutBuffer cutout = mock::render_working(scene, bench.sky, working);
    const CutoutBuffer::Plane& plane = cutout.bands[2];
    const double cell_kpc = 2000.0 / plane.width, cell_arcsec = plane.map.arcsec_per_pixel[1][1];
    Row sum{}, cells{};
    for (int j = 0; j < plane.height; ++j)
      for (int i = 0; i < plane.width; ++i) {
        const double r = cell_kpc * std::hypot(i - plane.map.centre_x, j - plane.map.centre_y);
        for (std::size_t k = 0; k < 2; ++k)
          if (std::fabs(r - radius_kpc[k]) < half_width_kpc * radius_kpc[k]) {
            sum[k] += plane.pixels[static_cast<std::size_t>(j * plane.width + i)] / (cell_arcsec * cell_arcsec);
            cells[k] += 1;
          }
      }
    return Row{sum[0] / cells[0], sum[1] / cells[1]};
  });
  Checks checks;
  for (std::size_t k = 0; k < 2; ++k) {
    std::vector<double> values;
    for (const Row& row : rows) values.push_back(row[k]);
    const double light = mean(values);
    checks.push_back(near("V13", text("r of BCG and ICL at %.0f kpc, z = 0.25 [mag/arcsec2]", radius_kpc[k]),
                          mock::magnitude(light), target[k], 1,
                          1.0857 * rms_about_mean(values) / light / std::sqrt(static_cast<double>(values.size()))));
  }
  return checks;
}

namespace {

/// FNV-1a over the bytes of a list of numbers.
template <class T>
void add_to(std::uint64_t& hash, const std::vector<T>& values) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  for (std::size_t k = 0; k < values.size() * sizeof(T); ++k) hash = (hash ^ bytes[k]) * 1099511628211u;
}

/// One number for all that is drawn at an index: sources, cutout pixels and masks.
std::uint64_t fingerprint(const Bench& bench, std::size_t index) {
  const mock::Scene scene = mock::draw_scene(bench.sky, bench.seed, index);
  std::uint64_t hash = 14695981039346656037u;
  for (const mock::Source& s : scene.sources)
    add_to(hash, std::vector<double>{s.east, s.north, s.radius, s.axis_ratio, s.position_angle, s.flux[0], s.flux[1],
                                     s.flux[2], s.flux[3], s.flux[4]});
  const CutoutBuffer cutout = mock::render_working(scene, bench.sky);
  for (const CutoutBuffer::Plane& plane : cutout.bands) {
    add_to(hash, plane.pixels);
    add_to(hash, plane.mask);
  }
  return hash;
}

}  // namespace

/// V15. Sources, pixels and masks of cutouts drawn by one thread in order, by three threads in reverse order, and by a
/// team in batches of seven: cutouts that differ in a bit. Native pixels the same way.
Checks reproducibility(const Bench& bench) {
  const std::size_t count = std::min<std::size_t>(bench.count, 500);
  std::vector<std::uint64_t> forward(count), backward(count), batched(count);
  for (std::size_t k = 0; k < count; ++k) {
    forward[k] = fingerprint(bench, k);
    if (k % 32 == 0) bench.progress(0.5 * static_cast<double>(k) / static_cast<double>(count));
  }
  Team three(3);
  three.run(count, [&](std::size_t k, int) { backward[count - 1 - k] = fingerprint(bench, count - 1 - k); });
  for (std::size_t begin = 0; begin < count; begin += 7)
    bench.team.run(std::min<std::size_t>(7, count - begin),
                   [&](std::size_t k, int) { batched[begin + k] = fingerprint(bench, begin + k); });
  double different = 0;
  for (std::size_t k = 0; k < count; ++k) different += forward[k] != backward[k] || forward[k] != batched[k];

  const auto native = [&] {
    mock::SkyParameters sky;
    const mock::Scene scene = typical_field(bench, 0, sky);
    const mock::NativeField field = mock::render_native(scene, sky);
    std::uint64_t hash = 14695981039346656037u;
    for (const mock::NativeFrame& frame : field.bands) add_to(hash, frame.image), add_to(hash, frame.mask);
    return hash;
  };
  std::array<std::uint64_t, 3> hashes{native(), 0, 0};
  three.run(2, [&](std::size_t k, int) { hashes[k + 1] = native(); });
  return {{"V15", text("cutouts of %zu that differ in a bit", count), different, 0, 0, 0},
          {"V15", "native fields of 3 that differ in a bit",
           static_cast<double>((hashes[1] != hashes[0]) + (hashes[2] != hashes[0])), 0, 0, 0}};
}

}  // namespace gates
