// SPDX-License-Identifier: BSD-3-Clause
// Corrected frames: the fixture against numpy's numbers, then the real frames.
#include "clustermass/io/sdss_frame.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "clustermass/io/sdss_folder.hpp"
#include "clustermass/io/sdss_mask.hpp"
#include "fits_fixtures.hpp"

using namespace clustermass;
using namespace fits_test;

TEST_CASE("a frame reads the same from .fits, .bz2, .gz and .fz, and agrees with numpy") {
  const auto& values = expected()["frame"];
  for (const char* name : {"frame-g-000756-2-0044.fits", "packed.fits.bz2", "packed.fits.gz", "packed.fits.fz"}) {
    CAPTURE(name);
    const SdssFrame frame = read_sdss_frame(fixture(name));
    CHECK(frame.band == Band::g);
    CHECK(frame.run == values["run"]);
    CHECK(frame.camcol == values["camcol"]);
    CHECK(frame.field == values["field"]);
    REQUIRE(frame.height == 100);
    REQUIRE(frame.width == 100);
    CHECK(frame.calibration[33] == values["calibration"][1].get<float>());
    const std::vector<float> variance = pixel_variance(frame), sky = sky_counts(frame);
    double image_sum = 0, variance_sum = 0, sky_sum = 0;
    for (std::size_t k = 0; k < sky.size(); ++k) {
      if (!std::isnan(frame.image[k])) image_sum += static_cast<double>(frame.image[k]);
      variance_sum += static_cast<double>(variance[k]);
      sky_sum += static_cast<double>(sky[k]);
    }
    CHECK(image_sum == doctest::Approx(values["image_sum"].get<double>()).epsilon(1e-12));
    CHECK(variance_sum == doctest::Approx(values["variance_sum"].get<double>()).epsilon(1e-6));
    CHECK(sky_sum == doctest::Approx(values["sky_sum"].get<double>()).epsilon(1e-6));
    for (std::size_t k = 0; k < values["places"].size(); ++k) {
      const int row = values["places"][k][0], column = values["places"][k][1];
      CAPTURE(row);
      CAPTURE(column);
      const std::size_t at = frame.index(row, column);
      CHECK(frame.image[at] == values["image"][k].get<float>());
      CHECK(sky_at(frame, row, column) == doctest::Approx(values["sky"][k].get<double>()).epsilon(1e-9));
      CHECK(variance[at] == doctest::Approx(values["variance"][k].get<double>()).epsilon(1e-6));
      const double counts = static_cast<double>(frame.image[at]) /
                                static_cast<double>(frame.calibration[static_cast<std::size_t>(column)]) +
                            sky_at(frame, row, column);
      CHECK(counts == doctest::Approx(values["counts"][k].get<double>()).epsilon(1e-3));
    }
    const std::size_t hole = frame.index(values["nan"][0], values["nan"][1]);
    CHECK(std::isnan(frame.image[hole]));
    CHECK(variance[hole] == 0);
    const PixelPosition corners[] = {{0, 0}, {99, 0}, {0, 99}, {99, 99}};
    for (std::size_t k = 0; k < 4; ++k)
      CHECK(separation_arcsec(frame.wcs.pixel_to_sky(corners[k]), {values["corners"][k][0], values["corners"][k][1]}) <
            1e-6);
  }
}

TEST_CASE("gain and dark variance follow the survey's tables and their run breaks") {
  CHECK(sdss_ccd(1100, 2, Band::u).gain == 1.595);
  CHECK(sdss_ccd(1101, 2, Band::u).gain == 1.825);
  CHECK(sdss_ccd(9999, 2, Band::g).gain == 3.855);
  CHECK(sdss_ccd(1500, 4, Band::z).dark_variance == 9.61);
  CHECK(sdss_ccd(1501, 4, Band::z).dark_variance == 12.6025);
  CHECK(sdss_ccd(1501, 4, Band::i).dark_variance == 7.5625);
  CHECK(sdss_ccd(1501, 2, Band::i).dark_variance == 6.25);
  CHECK(sdss_ccd(1501, 5, Band::z).dark_variance == 2.1025);
  CHECK(sdss_ccd(1501, 5, Band::i).dark_variance == 7.84);
  CHECK(mentions(input_error([] { sdss_ccd(1, 7, Band::u); }), "columns are 1 to 6, found 7"));
}

TEST_CASE("the gain and dark tables are those of the data model") {
  for (const char* name : {"ccd_gain.tsv", "ccd_dark_variance.tsv"}) {
    const std::string path = real_data(std::string("sdss/") + name);
    if (path.empty()) {
      MESSAGE("skipped: the real data are not at hand");
      return;
    }
    std::ifstream stream(path);
    std::string line, range;
    std::getline(stream, line);
    int camcol = 0, rows = 0;
    while (stream >> camcol >> range) {
      const int first = range[0] == '<' ? 1 : std::stoi(range.substr(1)) + 1;
      const int last = range[0] == '<' ? std::stoi(range.substr(1)) - 1 : 9999;
      for (std::size_t b = 0; b < 5; ++b) {
        double value = 0;
        stream >> value;
        for (const int run : {first, last}) {
          if (range == ">0" && run == first) continue;
          const SdssCcd ccd = sdss_ccd(run, camcol, static_cast<Band>(b));
          CHECK((name[4] == 'g' ? ccd.gain : ccd.dark_variance) == value);
        }
      }
      ++rows;
    }
    CHECK(rows >= 7);
  }
}

TEST_CASE("a written frame reads back the same, plain and compressed, cards and all") {
  const TemporaryFolder folder;
  const SdssFrame frame = read_sdss_frame(frame_path);
  for (const std::string& name :
       {frame_file_name(frame.band, frame.run, frame.camcol, frame.field), std::string("f.fits.bz2")}) {
    CAPTURE(name);
    write_sdss_frame(folder.file(name), frame, {{"MOCK", true, "not a real sky"}});
    const SdssFrame back = read_sdss_frame(folder.file(name));
    REQUIRE(back.image.size() == frame.image.size());
    for (std::size_t k = 0; k < frame.image.size(); ++k)
      if (!(back.image[k] == frame.image[k])) REQUIRE((std::isnan(back.image[k]) && std::isnan(frame.image[k])));
    CHECK(back.calibration == frame.calibration);
    CHECK(back.allsky == frame.allsky);
    CHECK(back.allsky_width == frame.allsky_width);
    CHECK(back.xinterp == frame.xinterp);
    CHECK(back.yinterp == frame.yinterp);
    CHECK(back.band == frame.band);
    CHECK(back.run == frame.run);
    CHECK(back.camcol == frame.camcol);
    CHECK(back.field == frame.field);
    CHECK(back.wcs.cd == frame.wcs.cd);
    CHECK(back.wcs.reference.ra_deg == frame.wcs.reference.ra_deg);
    CHECK(back.wcs.reference.dec_deg == frame.wcs.reference.dec_deg);
    CHECK(back.wcs.reference_pixel.x == doctest::Approx(frame.wcs.reference_pixel.x).epsilon(1e-14));
    FitsFile file(folder.file(name));
    CHECK(file.hdu_count() == 4);
    CHECK(file.find_bool("MOCK") == true);
  }
  SdssFrame broken = frame;
  broken.calibration.pop_back();
  CHECK(mentions(input_error([&] { write_sdss_frame(folder.file("b.fits"), broken); }), "do not have the sizes"));
}

TEST_CASE("a part of a frame keeps its place on the sky and its noise") {
  const SdssFrame frame = read_sdss_frame(frame_path), part = crop(frame, 20, 31, 40, 50);
  CHECK(part.image[part.index(5, 6)] == frame.image[frame.index(36, 26)]);
  CHECK(pixel_variance(part)[part.index(5, 6)] == pixel_variance(frame)[frame.index(36, 26)]);
  CHECK(separation_arcsec(part.wcs.pixel_to_sky({6, 5}), frame.wcs.pixel_to_sky({26, 36})) < 1e-7);
  CHECK(mentions(input_error([&] { crop(frame, 90, 0, 20, 10); }), "does not lie in a frame of 100 x 100"));
}

TEST_CASE("a frame of a wrong unit, filter or column is refused, naming the keyword") {
  const TemporaryFolder folder;
  const std::vector<char> whole = read_bytes(frame_path);
  const auto refused = [&](const std::string& card, const std::string& key) {
    std::vector<char> bytes = whole;
    set_card(bytes, card, key);
    write_bytes(folder.file("bad.fits"), bytes);
    return input_error([&] { read_sdss_frame(folder.file("bad.fits")); });
  };
  CHECK(mentions(refused("BUNIT   = 'adu     '", "BUNIT"), "HDU 0: BUNIT = 'adu', expected 'nanomaggy'"));
  CHECK(refused("BUNIT   = 'NanoMaggies'", "BUNIT").empty());
  CHECK(mentions(refused("FILTER  = 'y       '", "FILTER"), "FILTER = 'y', expected u, g, r, i or z"));
  CHECK(mentions(refused("COMMENT", "FILTER"), "keyword FILTER is missing"));
  CHECK(mentions(refused("CAMCOL  =                    9", "CAMCOL"), "CAMCOL = 9"));
  CHECK(mentions(refused("COMMENT", "CTYPE1"), "CTYPE1 is missing"));
  CHECK(mentions(refused("COMMENT", "CRVAL1"), "CRVAL1 is missing"));
  CHECK(refused("COMMENT", "BUNIT").empty());  // NMGY tells a frame of early DR8
  CHECK(mentions(input_error([] { read_sdss_frame(fixture("cube.fits")); }), "expected an image of 2 dimensions"));
}

TEST_CASE("a frame without calibration or sky is refused, and so is one whose vectors do not fit") {
  const TemporaryFolder folder;
  const std::vector<char> whole = read_bytes(frame_path);
  std::vector<char> bytes(whole.begin(),
                          whole.begin() + 2880 + 40320);  // the header's one block and 40000 bytes of image
  const auto error = [&] {
    write_bytes(folder.file("bad.fits"), bytes);
    return input_error([&] { read_sdss_frame(folder.file("bad.fits")); });
  };
  CHECK(mentions(error(), "has no calibration vector; expected the four HDUs"));
  SdssFrame frame = read_sdss_frame(frame_path);
  FitsWriter writer;
  writer.image(frame.image, {100, 100});
  for (const FitsCard& card : wcs_cards(frame.wcs)) writer.card(card);
  writer.card({"BUNIT", std::string("nanomaggy"), ""});
  writer.card({"FILTER", std::string("g"), ""});
  writer.card({"RUN", std::int64_t{1}, ""});
  writer.card({"CAMCOL", std::int64_t{1}, ""});
  writer.image(std::vector<float>(99, 1.0f), {99});
  bytes = writer.bytes();
  CHECK(mentions(error(), "HDU 1: the calibration vector has 99 values for 100 columns"));
}

TEST_CASE("the planes of an fpM file are found by their names and set the bits of bad pixels") {
  const auto& values = expected()["mask"];
  const std::vector<std::int32_t> mask = read_fpm_mask(fixture("fpM-000756-g2-0044.fit.gz"), 100, 100);
  std::int64_t sum = 0, masked = 0;
  for (const std::int32_t bits : mask) {
    sum += bits;
    masked += bits != 0;
  }
  CHECK(sum == values["sum"]);
  CHECK(masked == values["masked"]);
  CHECK(mask[60 * 100 + 40] == values["at_60_40"]);
  CHECK(mask[60 * 100 + 42] == values["at_60_42"]);
  CHECK(mask[0] == mask_bit::cosmic_ray);
  CHECK(mask[3 * 100 + 99] == mask_bit::interpolated);
  CHECK(read_fpm_mask(fixture("fpM-000756-g2-0044.fit.gz"), 30, 20).size() == 600);  // boxes are clipped
  CHECK(mentions(input_error([] { read_fpm_mask(frame_path, 100, 100); }), "no column defName"));
}

TEST_CASE("the frames of a folder are found by name, each once, with their masks") {
  const TemporaryFolder folder;
  for (const char* name :
       {"frame-z-004510-4-0030.fits.bz2", "frame-u-004510-4-0030.fits", "frame-u-004510-4-0030.fits.bz2",
        "frame-u-004510-4-0029.fits.gz", "fpM-004510-u4-0030.fit", "frame-x-004510-4-0030.fits",
        "frame-u-004510-4-0030.fits.tmp", "notes.txt", "frame-r-4510-4-30.fits.fz"})
    write_bytes(folder.file(name), {'x'});
  const std::vector<FrameFile> files = find_frames(folder.path.string());
  REQUIRE(files.size() == 4);
  CHECK(files[0].name.field == 29);
  CHECK(files[1].path.ends_with("frame-u-004510-4-0030.fits"));
  CHECK(files[1].mask_path.ends_with("fpM-004510-u4-0030.fit"));
  CHECK(files[2].name.band == Band::r);
  CHECK(files[3].name.run == 4510);
  CHECK(files[3].mask_path.empty());
  CHECK(frame_file_name(Band::z, 4510, 4, 30) == "frame-z-004510-4-0030.fits");
  const TemporaryFolder empty;
  CHECK(mentions(input_error([&] { find_frames(empty.path.string()); }), "holds no file named like frame-r-"));
  CHECK(mentions(input_error([&] { find_frames(empty.file("none")); }), "cannot be read"));
}

namespace {
/// Standard deviation of values, those beyond 4 sigma of the median left out until nothing changes.
double clipped_rms(std::vector<float> values) {
  double sigma = 0;
  for (int round = 0; round < 30 && values.size() > 100; ++round) {
    auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    const double median = static_cast<double>(*middle);
    double sum = 0;
    for (const float v : values) sum += (static_cast<double>(v) - median) * (static_cast<double>(v) - median);
    sigma = std::sqrt(sum / static_cast<double>(values.size()));
    const std::size_t before = values.size();
    std::erase_if(values, [&](float v) { return std::abs(static_cast<double>(v) - median) > 4 * sigma; });
    if (values.size() == before) break;
  }
  return sigma;
}

/// Pixels away from sources: no smoothed 3 x 3 neighbour within 4 pixels above 1.5 sigma of its own noise.
std::vector<float> empty_sky(const SdssFrame& frame, double sigma) {
  std::vector<char> source(frame.image.size(), 0);
  for (int i = 1; i + 1 < frame.height; ++i)
    for (int j = 1; j + 1 < frame.width; ++j) {
      double sum = 0;
      for (int a = -1; a <= 1; ++a)
        for (int b = -1; b <= 1; ++b) sum += static_cast<double>(frame.image[frame.index(i + a, j + b)]);
      if (sum / 9 < 1.0 * sigma) continue;
      for (int a = std::max(i - 4, 0); a <= std::min(i + 4, frame.height - 1); ++a)
        for (int b = std::max(j - 4, 0); b <= std::min(j + 4, frame.width - 1); ++b) source[frame.index(a, b)] = 1;
    }
  std::vector<float> sky;
  for (std::size_t k = 0; k < source.size(); ++k)
    if (!source[k]) sky.push_back(frame.image[k]);
  return sky;
}
}  // namespace

TEST_CASE("real frames: counts are integers to 0.006 rms, and the variance agrees with the sky's rms to 5 %") {
  const std::string folder = real_data("sdss/004510-4-0030");
  if (folder.empty()) {
    MESSAGE("skipped: the real data are not at hand");
    return;
  }
  const std::vector<FrameFile> files = find_frames(folder);
  REQUIRE(files.size() == 5);
  for (const FrameFile& entry : files) {
    const SdssFrame frame = read_sdss_frame(entry.path);
    const std::string name(1, band_names[static_cast<std::size_t>(frame.band)]);
    CAPTURE(entry.path);
    // the survey keeps 10 binary digits: the step of a pixel of 32 counts above the sky is 0.03 and hides the integers
    double sum = 0, count = 0;
    for (int i = 0; i < frame.height; ++i)
      for (int j = 0; j < frame.width; ++j) {
        const double above = static_cast<double>(frame.image[frame.index(i, j)]) /
                             static_cast<double>(frame.calibration[static_cast<std::size_t>(j)]);
        if (std::abs(above) > 32) continue;
        const double counts = above + sky_at(frame, i, j);
        sum += (counts - std::round(counts)) * (counts - std::round(counts));
        ++count;
      }
    const double rms = std::sqrt(sum / count);
    MESSAGE("band ", name, ": rms from integers ", rms);
    CHECK(rms < 0.006);
    CHECK(count > 0.97 * static_cast<double>(frame.image.size()));

    std::vector<float> variance = pixel_variance(frame);
    auto middle = variance.begin() + static_cast<std::ptrdiff_t>(variance.size() / 2);
    std::nth_element(variance.begin(), middle, variance.end());
    const double predicted = std::sqrt(static_cast<double>(*middle));
    const double measured = clipped_rms(empty_sky(frame, clipped_rms(frame.image)));
    MESSAGE("band ", name, ": sky rms ", measured, ", predicted ", predicted);
    CHECK(predicted == doctest::Approx(measured).epsilon(0.05));
  }
}

namespace {
/// Centroid of a star near a pixel: Gaussian weights of sigma 1.5 pixels, moved onto the centroid until it rests.
std::optional<PixelPosition> centroid(const SdssFrame& frame, PixelPosition start) {
  PixelPosition c = start;
  for (int round = 0; round < 25; ++round) {
    double weight = 0, dx = 0, dy = 0;
    for (int i = static_cast<int>(c.y) - 6; i <= static_cast<int>(c.y) + 7; ++i)
      for (int j = static_cast<int>(c.x) - 6; j <= static_cast<int>(c.x) + 7; ++j) {
        if (i < 0 || j < 0 || i >= frame.height || j >= frame.width) return std::nullopt;
        const double x = j - c.x, y = i - c.y;
        const double w =
            std::exp(-(x * x + y * y) / (2 * 1.5 * 1.5)) * static_cast<double>(frame.image[frame.index(i, j)]);
        weight += w;
        dx += w * x;
        dy += w * y;
      }
    if (!(weight > 0)) return std::nullopt;
    c = {c.x + 2 * dx / weight,
         c.y + 2 * dy / weight};  // twice: the weight halves the step for a star of its own width
    if (std::hypot(c.x - start.x, c.y - start.y) > 3) return std::nullopt;
  }
  return c;
}
}  // namespace

TEST_CASE("real frames: catalogued stars fall on their pixels to 0.1 pixel, median of each band") {
  const std::string folder = real_data("sdss/004510-4-0030");
  const std::string stars = real_data("photometry/calibObj-004510-4-star.fits.gz");
  if (folder.empty() || stars.empty()) {
    MESSAGE("skipped: the real data are not at hand");
    return;
  }
  FitsFile catalogue(stars);
  catalogue.go_to(1);
  const auto field = catalogue.read_column<std::int64_t>("FIELD").values;
  const auto ra = catalogue.read_column<double>("RA").values, dec = catalogue.read_column<double>("DEC").values;
  const auto flux = catalogue.read_column<float>("PSFFLUX").values;
  for (const FrameFile& entry : find_frames(folder)) {
    const SdssFrame frame = read_sdss_frame(entry.path);
    const std::string name(1, band_names[static_cast<std::size_t>(frame.band)]);
    std::vector<double> offset;
    for (std::size_t k = 0; k < field.size(); ++k) {
      const double magnitude = 22.5 - 2.5 * std::log10(static_cast<double>(flux[5 * k + 2]));
      if (field[k] != 30 || !(magnitude > 16 && magnitude < 19)) continue;
      const auto place = frame.wcs.sky_to_pixel({ra[k], dec[k]});
      REQUIRE(place);
      if (const auto found = centroid(frame, *place))
        offset.push_back(std::hypot(found->x - place->x, found->y - place->y));
    }
    REQUIRE(offset.size() >= 12);
    std::sort(offset.begin(), offset.end());
    const double median = offset[offset.size() / 2];
    MESSAGE("band ", name, ": ", offset.size(), " stars, median offset ", median, " pixel");
    CHECK(median < 0.1);
  }
}
