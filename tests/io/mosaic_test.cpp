// SPDX-License-Identifier: BSD-3-Clause
// Cutouts from frames: parts put together again, rotated neighbours, missing bands, positions that are not there.
#include "clustermass/io/mosaic.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "fits_fixtures.hpp"

using namespace clustermass;
using namespace fits_test;

namespace {
constexpr std::size_t g_band = 1;

SdssFrame fixture_frame() {
  static const SdssFrame frame = read_sdss_frame(frame_path);
  return frame;
}
SkyPosition sky_of(const SdssFrame& frame, double x, double y) { return frame.wcs.pixel_to_sky({x, y}); }

/// Redshift at which the circle around the 2 Mpc field has about this radius in pixels of 0.396 arcsec. Only angles
/// matter to a cutout, so a tiny frame gets a small field instead of a far cluster.
CutOptions small_field(double radius_pixels, double redshift = 0.3) {
  CutOptions options;
  options.field_mpc = 2 * radius_pixels * 0.396 / std::sqrt(2.0) / arcsec_of_mpc(1, redshift);
  return options;
}

CutoutBuffer cut(const std::vector<SdssFrame>& frames, SkyPosition position, const CutOptions& options) {
  return cut_from_frames(std::span<const SdssFrame>(frames), position, 0.3, options);
}

std::vector<SdssFrame> overlapping_parts(const SdssFrame& frame) {
  const int w = frame.width, h = frame.height;
  return {crop(frame, 0, 0, w * 6 / 10, h * 7 / 10), crop(frame, w * 5 / 10, 0, w - w * 5 / 10, h * 6 / 10),
          crop(frame, 0, h * 6 / 10, w * 7 / 10, h - h * 6 / 10),
          crop(frame, w * 4 / 10, h * 5 / 10, w - w * 4 / 10, h - h * 5 / 10)};
}

/// Every pixel of two planes, compared at the same offset from the cluster.
void check_same(const CutoutBuffer::Plane& a, const CutoutBuffer::Plane& b, double tolerance) {
  REQUIRE(a.width == b.width);
  REQUIRE(a.height == b.height);
  CHECK(a.map.centre_x == doctest::Approx(b.map.centre_x).epsilon(1e-9));
  CHECK(a.map.centre_y == doctest::Approx(b.map.centre_y).epsilon(1e-9));
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j)
      CHECK(a.map.arcsec_per_pixel[i][j] == doctest::Approx(b.map.arcsec_per_pixel[i][j]).epsilon(1e-9));
  double worst = 0;
  for (std::size_t k = 0; k < a.pixels.size(); ++k)
    worst = std::max({worst, std::abs(static_cast<double>(a.pixels[k]) - static_cast<double>(b.pixels[k])),
                      std::abs(static_cast<double>(a.variance[k]) - static_cast<double>(b.variance[k]))});
  CHECK(worst <= tolerance);
  CHECK(a.mask == b.mask);
}
}  // namespace

TEST_CASE("a cutout holds the frame's pixels, variance and holes, and knows where the cluster lies") {
  const SdssFrame frame = fixture_frame();
  const SkyPosition position = sky_of(frame, 30.25, 40.5);
  const CutoutBuffer buffer = cut({frame}, position, small_field(20));
  const CutoutBuffer::Plane& plane = buffer.bands[g_band];
  const std::vector<float> variance = pixel_variance(frame);
  REQUIRE(plane.width >= 2 * (20 + 4));
  CHECK(plane.width <= 2 * (20 + 6));
  CHECK(buffer.redshift == 0.3);
  CHECK(buffer.input_kind == InputKind::native);
  const int x0 = static_cast<int>(std::lround(30.25 - plane.map.centre_x)),
            y0 = static_cast<int>(std::lround(40.5 - plane.map.centre_y));
  CHECK(plane.map.centre_x + x0 == doctest::Approx(30.25).epsilon(1e-9));
  CHECK(plane.map.centre_y + y0 == doctest::Approx(40.5).epsilon(1e-9));
  int holes = 0;
  for (int i = 0; i < plane.height; ++i)
    for (int j = 0; j < plane.width; ++j) {
      const std::size_t k =
          static_cast<std::size_t>(i) * static_cast<std::size_t>(plane.width) + static_cast<std::size_t>(j);
      const std::size_t at = frame.index(i + y0, j + x0);
      if (std::isnan(frame.image[at])) {
        CHECK(plane.pixels[k] == 0);
        CHECK(plane.variance[k] == 0);
        CHECK(plane.mask[k] == mask_bit::bad_column);
        ++holes;
      } else {
        REQUIRE(plane.pixels[k] == frame.image[at]);
        REQUIRE(plane.variance[k] == variance[at]);
        REQUIRE(plane.mask[k] == 0);
      }
    }
  CHECK(holes == 0);
  CHECK(cut({frame}, sky_of(frame, 11, 7), small_field(20)).bands[g_band].mask[7 * 36 + 11] == mask_bit::bad_column);
  for (std::size_t b = 0; b < 5; ++b) CHECK(buffer.bands[b].pixels.empty() == (b != g_band));
  CHECK_FALSE(buffer.view()[Band::u].present());
}

TEST_CASE("the box of a cutout holds the field at any angle") {
  const SdssFrame frame = fixture_frame();
  const CutOptions options = small_field(20);
  const CutoutBuffer::Plane plane = cut({frame}, sky_of(frame, 50, 50), options).bands[g_band];
  const double half = arcsec_of_mpc(options.field_mpc, 0.3) / 2;
  const auto& m = plane.map.arcsec_per_pixel;
  const double det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
  for (int k = 0; k < 360; ++k) {  // the corner of the square, turned
    const double angle = k * std::numbers::pi / 180, east = half * std::sqrt(2.0) * std::cos(angle),
                 north = half * std::sqrt(2.0) * std::sin(angle);
    const double x = plane.map.centre_x + (m[1][1] * east - m[0][1] * north) / det;
    const double y = plane.map.centre_y + (m[0][0] * north - m[1][0] * east) / det;
    CHECK((x > 2 && y > 2 && x < plane.width - 3 && y < plane.height - 3));
  }
}

TEST_CASE("a frame cut into overlapping parts and put together again gives the same cutout") {
  const SdssFrame frame = fixture_frame();
  for (const auto& [x, y] : {std::pair{52.0, 57.0}, std::pair{20.0, 80.0}, std::pair{97.0, 3.0}}) {
    const SkyPosition position = sky_of(frame, x, y);
    check_same(cut(overlapping_parts(frame), position, small_field(45)).bands[g_band],
               cut({frame}, position, small_field(45)).bands[g_band], 1e-6);
  }
}

TEST_CASE("the parts give the same cutout through files of several fields in a folder, with the mask beside them") {
  const TemporaryFolder folder, whole_folder;
  SdssFrame frame = fixture_frame();
  const SkyPosition position = sky_of(frame, 60, 50);
  int field = 50;
  for (const SdssFrame& part : overlapping_parts(frame))
    write_sdss_frame(folder.file(frame_file_name(part.band, part.run, part.camcol, ++field)), part);
  check_same(cut_from_folder(folder.path.string(), position, 0.3, small_field(40)).bands[g_band],
             cut({frame}, position, small_field(40)).bands[g_band], 1e-6);

  std::filesystem::copy_file(frame_path, whole_folder.file("frame-g-000756-2-0044.fits"));
  std::filesystem::copy_file(fixture("fpM-000756-g2-0044.fit.gz"), whole_folder.file("fpM-000756-g2-0044.fit.gz"));
  frame.mask = read_fpm_mask(fixture("fpM-000756-g2-0044.fit.gz"), 100, 100);
  const CutoutBuffer masked = cut_from_folder(whole_folder.path.string(), position, 0.3, small_field(40));
  check_same(masked.bands[g_band], cut({frame}, position, small_field(40)).bands[g_band], 0);
  CHECK(std::count(masked.bands[g_band].mask.begin(), masked.bands[g_band].mask.end(), mask_bit::saturated) > 10);
}

TEST_CASE("a bad pixel of the nearest frame is filled from another one, and pixels of no frame are marked") {
  const SdssFrame frame = fixture_frame();
  SdssFrame holed = frame, left = crop(frame, 0, 0, 70, 100);
  holed.image[holed.index(50, 50)] = std::numeric_limits<float>::quiet_NaN();
  const SkyPosition position = sky_of(frame, 50, 50);
  check_same(cut({holed, frame}, position, small_field(20)).bands[g_band],
             cut({frame}, position, small_field(20)).bands[g_band], 0);
  CHECK(cut({holed}, position, small_field(20)).bands[g_band].mask !=
        cut({frame}, position, small_field(20)).bands[g_band].mask);

  // the lower right quarter has no frame
  const SdssFrame top = crop(frame, 0, 50, 100, 50);
  left = crop(frame, 0, 0, 50, 100);
  const CutoutBuffer::Plane plane = cut({left, top}, sky_of(frame, 40, 45), small_field(60)).bands[g_band];
  REQUIRE(plane.width == 100);
  REQUIRE(plane.height == 100);
  CHECK(std::count(plane.mask.begin(), plane.mask.end(), mask_bit::no_data) == 2500);
  CHECK(plane.mask[49 * 100 + 50] == mask_bit::no_data);
  CHECK(plane.mask[50 * 100 + 50] == 0);
}

TEST_CASE("fields of one run are copied although their astrometric fits differ by a fraction of a pixel") {
  const SdssFrame frame = fixture_frame();
  std::vector<SdssFrame> parts{crop(frame, 0, 0, 100, 60), crop(frame, 0, 50, 100, 50)};
  parts[1].wcs.reference_pixel.y += 0.2;  // the second fit is off
  parts[1].wcs.cd[0][0] *= 1.0005;
  const SkyPosition position = sky_of(frame, 50, 25);
  check_same(cut(parts, position, small_field(50)).bands[g_band], cut({frame}, position, small_field(50)).bands[g_band],
             1e-6);
  parts[1].run += 1;  // another run: no common strip, so it is interpolated
  const CutoutBuffer other = cut(parts, position, small_field(50));
  CHECK(other.input_kind == InputKind::resampled);
}

TEST_CASE("a frame of another run, rotated and of another scale, is interpolated with its flux") {
  // two runs see the same Gaussian sources; their pixels differ in angle, scale and parity
  const auto observe = [](double angle, double scale, int run, SkyPosition reference) {
    SdssFrame frame;
    frame.band = Band::r;
    frame.run = run;
    frame.camcol = 3;
    frame.width = 300;
    frame.height = 260;
    const double s = scale / 3600, a = angle * std::numbers::pi / 180;
    frame.wcs.reference = reference;
    frame.wcs.reference_pixel = {150, 130};
    frame.wcs.cd = {{{-s * std::cos(a), s * std::sin(a)}, {s * std::sin(a), s * std::cos(a)}}};
    frame.calibration.assign(300, 0.005f);
    frame.allsky.assign(4, 180.0f);
    frame.allsky_width = frame.allsky_height = 2;
    frame.xinterp.assign(300, 0.0f);
    frame.yinterp.assign(260, 0.0f);
    frame.image.assign(300 * 260, 0.0f);
    Wcs plane;  // arcsec around (150, 0.01)
    plane.reference = {150, 0.01};
    plane.cd = {{{1 / 3600.0, 0}, {0, 1 / 3600.0}}};
    for (int i = 0; i < frame.height; ++i)
      for (int j = 0; j < frame.width; ++j) {
        const PixelPosition p =
            plane.sky_to_pixel(frame.wcs.pixel_to_sky({static_cast<double>(j), static_cast<double>(i)})).value();
        double light = 0;  // nanomaggies per square arcsec
        for (const auto& [x, y] : {std::pair{0.0, 0.0}, std::pair{18.0, 8.0}, std::pair{-15.0, 12.0}})
          light += 2 * std::exp(-((p.x - x) * (p.x - x) + (p.y - y) * (p.y - y)) / (2 * 1.2 * 1.2));
        frame.image[frame.index(i, j)] = static_cast<float>(light * scale * scale);
      }
    return frame;
  };
  const SkyPosition position{150, 0.01};
  const SdssFrame near = observe(20, 0.396, 1000, {150, 0.01}), far = observe(75, 0.33, 2000, {150.004, 0.012});
  const CutOptions options = small_field(90);
  SdssFrame hidden = near;  // the nearest frame has data in one corner only, so that the other must serve
  for (int i = 0; i < hidden.height; ++i)
    for (int j = 40; j < hidden.width; ++j) hidden.image[hidden.index(i, j)] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<SdssFrame> both{hidden, far}, alone{near};
  const CutoutBuffer mixed = cut(both, position, options), exact = cut(alone, position, options);
  const CutoutBuffer::Plane &a = mixed.bands[2], &b = exact.bands[2];
  CHECK(mixed.input_kind == InputKind::resampled);
  double sum_a = 0, sum_b = 0, worst = 0, peak = 0, variance = 0;
  int interpolated = 0;
  for (int i = 0; i < a.height; ++i)
    for (int j = 0; j < a.width; ++j) {
      const double x = a.map.centre_x - j, y = a.map.centre_y - i;
      if (x * x + y * y > 80 * 80) continue;
      const auto k = static_cast<std::size_t>(i) * static_cast<std::size_t>(a.width) + static_cast<std::size_t>(j);
      const double va = static_cast<double>(a.pixels[k]), vb = static_cast<double>(b.pixels[k]);
      REQUIRE((a.mask[k] & mask_bit::no_data) == 0);
      sum_a += va;
      sum_b += vb;
      worst = std::max(worst, std::abs(va - vb));
      peak = std::max(peak, vb);
      if (a.mask[k] == 0 && vb < 1e-6 && va != vb) {
        variance += static_cast<double>(a.variance[k]) / static_cast<double>(b.variance[k]);
        ++interpolated;
      }
    }
  CHECK(sum_a == doctest::Approx(sum_b).epsilon(2e-4));
  CHECK(worst < 0.04 * peak);  // what linear interpolation takes from a peak of sigma 3.6 pixels
  // independent pixels: mean of sum of w^2 over all phases is (2/3)^2, times the ratio of areas squared
  REQUIRE(interpolated > 1000);
  CHECK(variance / interpolated == doctest::Approx(4.0 / 9 * std::pow(0.396 / 0.33, 4)).epsilon(0.03));
}

TEST_CASE("pixels of one image fall on another as their sky positions say") {
  const SdssFrame frame = fixture_frame();
  Wcs other;
  other.reference = {200.46, 36.81};
  other.reference_pixel = {500, -300};
  other.cd = {{{-1e-4, 3e-5}, {2e-5, 1.1e-4}}};
  const CLUSTERMASS_CODE_TAG::detail::PixelLink link(frame.wcs, other);
  for (const PixelPosition p : {PixelPosition{0, 0}, PixelPosition{99, 3}, PixelPosition{-500, 2000}}) {
    const PixelPosition exact = other.sky_to_pixel(frame.wcs.pixel_to_sky(p)).value();
    CHECK(std::hypot(link(p)->x - exact.x, link(p)->y - exact.y) < 1e-8);
    const PixelPosition right = link({p.x + 0.5, p.y}).value(), left = link({p.x - 0.5, p.y}).value(),
                        up = link({p.x, p.y + 0.5}).value(), down = link({p.x, p.y - 0.5}).value();
    CHECK(link.area(p) ==
          doctest::Approx(std::abs((right.x - left.x) * (up.y - down.y) - (right.y - left.y) * (up.x - down.x)))
              .epsilon(1e-6));
  }
}

TEST_CASE("a position outside all frames, or in some bands only, is named with what was found and the fix") {
  const SdssFrame frame = fixture_frame();
  std::string error = input_error([&] { cut({frame}, {201.0, 36.8}, {}); });
  CHECK(mentions(error, "RA 201.00000 Dec +36.80000 lies outside all frames"));
  CHECK(mentions(error, "frame-g-000756-2-0044.fits; nearest centre 26."));
  CHECK(mentions(input_error([&] { cut({frame}, sky_of(frame, -10, 50), {}); }),
                 "lies outside all frames: at most 40 pixels"));
  CHECK(mentions(input_error([&] { cut({frame}, {20.0, -36.8}, {}); }), "lies outside all frames"));
  CHECK(mentions(input_error([&] { cut({}, {20.0, -36.8}, {}); }), "no frames were given"));
  SdssFrame elsewhere = frame;
  elsewhere.band = Band::z;
  elsewhere.field = 99;
  elsewhere.wcs.reference.dec_deg += 0.2;
  error = input_error([&] { cut({frame, elsewhere}, sky_of(frame, 50, 50), {}); });
  CHECK(mentions(error, "the bands are of different fields"));
  CHECK(mentions(error, "in the frames of g but not in those of z (frame-z-000756-2-0099.fits"));
  elsewhere.wcs.reference.dec_deg = frame.wcs.reference.dec_deg + 20 * 0.396 / 3600;  // registration only
  CHECK(input_error([&] { cut({frame, elsewhere}, sky_of(frame, 50, 95), small_field(20)); }).empty());
}

TEST_CASE("a file whose header names another band than its name is refused") {
  const TemporaryFolder folder;
  std::filesystem::copy_file(frame_path, folder.file("frame-r-000756-2-0044.fits"));
  CHECK(mentions(input_error([&] {
                   cut_from_folder(folder.path.string(), {200.4545, 36.8083}, 0.3);
                 }),
                 "FILTER = 'g', but the name says band r"));
  std::filesystem::rename(folder.file("frame-r-000756-2-0044.fits"), folder.file("any name.fits"));
  CHECK(frame_file(folder.file("any name.fits")).name.band == Band::g);
}

TEST_CASE("a tiny redshift or none asks for no giant image") {
  const SdssFrame frame = fixture_frame();
  const SkyPosition position = sky_of(frame, 50, 50);
  for (const double z : {1e-9, -1.0, 0.0, std::numeric_limits<double>::quiet_NaN(), 1e9}) {
    const CutoutBuffer buffer = cut_from_frames(std::span<const SdssFrame>(&frame, 1), position, z);
    CHECK(buffer.bands[g_band].width == 100);
    CHECK((buffer.redshift == z || std::isnan(z)));
  }
  SdssFrame far = frame;  // a frame at the other end of the run does not stretch the image between
  far.wcs.reference.ra_deg += 3;
  CutOptions options;
  options.max_side_pixels = 500;
  const CutoutBuffer::Plane plane =
      cut_from_frames(std::span<const SdssFrame>(std::vector<SdssFrame>{frame, far}), position, 1e-4, options)
          .bands[g_band];
  CHECK(plane.width <= 500);
  CHECK(plane.height <= 500);
}

TEST_CASE("the five bands of a real cluster are cut and registered, each by its own WCS") {
  const std::string folder = real_data("sdss/004510-4-0030"), crops = real_data("sdss/cluster_z0.18_cutout");
  if (folder.empty() || crops.empty()) {
    MESSAGE("skipped: the real data are not at hand");
    return;
  }
  const SkyPosition galaxy{200.50999, 36.73089};
  const std::vector<FrameFile> files = find_frames(folder);
  CutoutBuffer threaded;  // a host's own threads, one band each
  std::vector<std::thread> threads;
  for (std::size_t b = 0; b < 5; ++b)
    threads.emplace_back([&, b] {
      const std::vector<SdssFrame> frames = read_frames_near(files, static_cast<Band>(b), galaxy, 0.18);
      const SdssFrame* frame = &frames.at(0);
      threaded.bands[b] = cut_band(std::span(&frame, 1), galaxy, 0.18).plane;
    });
  for (std::thread& thread : threads) thread.join();
  const CutoutBuffer buffer = cut_from_frames(files, galaxy, 0.18);
  for (std::size_t b = 0; b < 5; ++b) {
    const CutoutBuffer::Plane& plane = buffer.bands[b];
    CHECK(threaded.bands[b].pixels == plane.pixels);
    CHECK(threaded.bands[b].variance == plane.variance);
    CHECK(threaded.bands[b].mask == plane.mask);
    CHECK(plane.width > 1300);
    // the brightest pixel within 3 pixels of the place is the galaxy's core (in u the noise moves it)
    const int x = static_cast<int>(std::lround(plane.map.centre_x)),
              y = static_cast<int>(std::lround(plane.map.centre_y));
    float best = -1;
    int at_x = 0, at_y = 0;
    for (int i = y - 8; i <= y + 8; ++i)
      for (int j = x - 8; j <= x + 8; ++j)
        if (const float v = plane.pixels[static_cast<std::size_t>(i) * static_cast<std::size_t>(plane.width) +
                                         static_cast<std::size_t>(j)];
            v > best) {
          best = v;
          at_x = j;
          at_y = i;
        }
    CAPTURE(band_names[b]);
    if (b > 0) CHECK(std::hypot(at_x - plane.map.centre_x, at_y - plane.map.centre_y) < 2.5);
  }
}

TEST_CASE("a real frame cut into overlapping parts gives the same cutout") {
  const std::string path = real_data("sdss/004510-4-0030/frame-r-004510-4-0030.fits.bz2");
  if (path.empty()) {
    MESSAGE("skipped: the real data are not at hand");
    return;
  }
  const std::vector<SdssFrame> whole{read_sdss_frame(path)};
  for (const auto& [x, y] : {std::pair{1010.0, 870.0}, std::pair{395.0, 1256.8}}) {
    const SkyPosition position = sky_of(whole[0], x, y);
    check_same(cut_from_frames(overlapping_parts(whole[0]), position, 0.35).bands[2],
               cut_from_frames(whole, position, 0.35).bands[2], 1e-6);
  }
}
