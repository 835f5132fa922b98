// SPDX-License-Identifier: BSD-3-Clause
// clustermass_mock gallery: colour pictures of the mock sky, for the eye: a sheet by mass and redshift, one cluster at
// working and at native scale, and real frames beside mock ones drawn the same way.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../common/program.hpp"
#include "../common/progress.hpp"
#include "canvas.hpp"
#include "clustermass/io/mosaic.hpp"
#include "clustermass/mock/native.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/parallel.hpp"
#include "commands.hpp"
#include "gates.hpp"
#include "sky_choice.hpp"
#include "../common/staged_folder.hpp"

namespace {

using namespace clustermass;

struct GalleryOptions {
  SkyChoice choice;
  std::uint64_t seed = 1;
  double log10_mass = 14.6, redshift = 0.18;
  int tile = 192, threads = 0;
  std::string frames;
  std::optional<double> ra, dec;
  bool quiet = false;
  std::string directory = "mock-gallery";
};

constexpr double zoom_arcsec = 200;  // width of the native picture
constexpr int zoom_side = 505;       // its pixels: 0.396 arcsec each

/// Keeps of the masks only where there is no data: the eye is to see what the detector saw.
void show_all(CutoutBuffer& cutout) {
  for (CutoutBuffer::Plane& plane : cutout.bands)
    for (std::int32_t& bits : plane.mask) bits &= mask_bit::no_data;
}

/// A scene of this mass and redshift, centred, without missing bands.
struct Drawn {
  mock::SkyParameters sky;
  mock::Scene scene;
};
Drawn draw(const GalleryOptions& options, std::uint64_t index, double mass, double redshift, bool whole_frame,
           const mock::Conditions& night = {}) {
  mock::SkyParameters sky = options.choice.of(options.seed, index);
  sky.missing_band_probability = 0;
  mock::SceneOptions request;
  request.log10_m500c = mass;
  request.redshift = redshift;
  request.miscentring = false;
  request.conditions = night;
  request.footprint_probability = whole_frame ? 1 : 0;
  if (whole_frame) {
    request.half_width_arcsec = std::max(530.0, arcsec_of_mpc(1, redshift));
    request.frame_pixel = {1023.5, 744.0};
  }
  mock::Scene scene = mock::draw_scene(sky, options.seed, index, request);
  return {std::move(sky), std::move(scene)};
}

CutoutBuffer working_cutout(const Drawn& drawn, int side) {
  mock::WorkingOptions working;
  working.side = side;
  CutoutBuffer cutout = mock::render_working(drawn.scene, drawn.sky, working);
  show_all(cutout);
  return cutout;
}

CutoutBuffer native_cutout(const Drawn& drawn) {
  mock::NativeField field = mock::render_native(drawn.scene, drawn.sky);
  CutoutBuffer cutout;
  for (std::size_t b = 0; b < field.bands.size(); ++b) {
    CutoutBuffer::Plane& plane = cutout.bands[b];
    plane.pixels = std::move(field.bands[b].image);
    plane.height = mock::NativeField::height;
    plane.width = mock::NativeField::width;
    plane.map = field.bands[b].map;
  }
  return cutout;
}

/// Five masses by five redshifts, each 2 Mpc wide, north up and east left.
void save_sheet(const GalleryOptions& options, const std::string& path, Team& team, tool::Progress& progress) {
  constexpr std::array<double, 5> masses{13.8, 14.1, 14.4, 14.7, 15.0}, redshifts{0.10, 0.18, 0.28, 0.40, 0.52};
  const int step = options.tile + 6, left = 64, top = 22;
  std::vector<tool::ColourImage> tiles(masses.size() * redshifts.size());
  team.run(tiles.size(), [&](std::size_t k, int) {
    const double mass = masses[k % masses.size()], z = redshifts[k / masses.size()];
    tiles[k] = tool::colour_image(working_cutout(draw(options, k, mass, z, false), options.tile), arcsec_of_mpc(2, z),
                                  options.tile);
    progress.step();
  });
  Canvas canvas(left + step * static_cast<int>(masses.size()), top + step * static_cast<int>(redshifts.size()));
  for (std::size_t k = 0; k < tiles.size(); ++k) {
    const int column = static_cast<int>(k % masses.size()), row = static_cast<int>(k / masses.size());
    canvas.put(tiles[k], left + step * column, top + step * row);
    char label[32];
    if (row == 0) {
      std::snprintf(label, sizeof label, "log m = %.1f", masses[static_cast<std::size_t>(column)]);
      canvas.write(label, left + step * column, 6);
    }
    if (column == 0) {
      std::snprintf(label, sizeof label, "z=%.2f", redshifts[static_cast<std::size_t>(row)]);
      canvas.write(label, 6, top + step * row + options.tile / 2);
    }
  }
  canvas.save(path);
}

void save_picture(const Cutout& cutout, double width_arcsec, int side, const std::string& path) {
  const tool::ColourImage image = tool::colour_image(cutout, width_arcsec, side);
  Canvas canvas(side, side);
  canvas.put(image, 0, 0);
  canvas.save(path);
}

/// Left the real field, right a mock cluster of the same redshift under the same night (camera, sky and seeing as
/// measured on the real frames); above 2 Mpc, below the middle at native scale.
void save_comparison(const GalleryOptions& options, const std::string& path, Team& team) {
  const CutoutBuffer real = cut_from_folder(options.frames, {*options.ra, *options.dec}, options.redshift);
  const gates::Bench bench{{}, options.seed, 100, options.frames, team, [](double) {}};
  const mock::Conditions night = gates::real_fields(bench).front().night;
  const CutoutBuffer mock = native_cutout(draw(options, 1000, options.log10_mass, options.redshift, true, night));
  const double width = arcsec_of_mpc(2, options.redshift);
  Canvas canvas(2 * zoom_side + 6, 2 * zoom_side + 30);
  canvas.write("real", 6, 6);
  char label[48];
  std::snprintf(label, sizeof label, "mock  log m = %.1f  z=%.2f", options.log10_mass, options.redshift);
  canvas.write(label, zoom_side + 12, 6);
  canvas.put(tool::colour_image(real, width, zoom_side), 0, 22);
  canvas.put(tool::colour_image(mock, width, zoom_side), zoom_side + 6, 22);
  canvas.put(tool::colour_image(real, zoom_arcsec, zoom_side), 0, zoom_side + 28);
  canvas.put(tool::colour_image(mock, zoom_arcsec, zoom_side), zoom_side + 6, zoom_side + 28);
  canvas.save(path);
}

void make_gallery(const GalleryOptions& options) {
  if (!options.frames.empty() && (!options.ra || !options.dec))
    throw InputError("--frames needs the cluster's position: --ra and --dec in degrees");
  StagedFolder folder(options.directory);
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  Team team(tool::thread_count(options.threads));
  tool::Progress progress("Drawing", 27, options.quiet);
  save_sheet(options, file("sheet.png"), team, progress);
  const Drawn single = draw(options, 1000, options.log10_mass, options.redshift, true);
  save_picture(working_cutout(single, 128), arcsec_of_mpc(2, options.redshift), 512, file("working-scale.png"));
  progress.step();
  save_picture(native_cutout(single), zoom_arcsec, zoom_side, file("native-scale.png"));
  if (!options.frames.empty()) save_comparison(options, file("real-and-mock.png"), team);
  progress.step();
  folder.publish();
}

}  // namespace

void add_gallery_command(CLI::App& app, Work& work) {
  const auto options = std::make_shared<GalleryOptions>();
  CLI::App* gallery = app.add_subcommand(
      "gallery",
      "Draw colour pictures (i, r, g as red, green, blue, asinh stretch of Lupton et al. 2004): sheet.png (masses by\n"
      "redshifts, 2 Mpc each), working-scale.png and native-scale.png of one cluster, and, with --frames,\n"
      "real-and-mock.png (a real field beside a mock cluster, drawn the same way).\n\n"
      "  clustermass_mock gallery -o mock-gallery\n"
      "  clustermass_mock gallery --frames 004510-4-0030 --ra 200.50999 --dec 36.73089 --z 0.18 -o look");
  gallery->add_option("--mass", options->log10_mass, "log10(M500c / Msun) of the single cluster")
      ->capture_default_str()
      ->check(CLI::Range(12.5, 16.0));
  gallery->add_option("--z", options->redshift, "its redshift, and that of the real cluster")
      ->capture_default_str()
      ->check(CLI::Range(0.05, 0.60));
  options->choice.add_options(*gallery, false);
  gallery->add_option("--seed", options->seed, "number of the simulation")->capture_default_str()->check(check_seed);
  gallery->add_option("--tile", options->tile, "pixels of a picture of the sheet")
      ->capture_default_str()
      ->check(CLI::Range(64, 1024));
  gallery->add_option("--frames", options->frames, "folder of real frames");
  gallery->add_option("--ra", options->ra, "right ascension of the real cluster [deg]")->check(CLI::Range(0.0, 360.0));
  gallery->add_option("--dec", options->dec, "its declination [deg]")->check(CLI::Range(-90.0, 90.0));
  gallery->add_option("-o,--output", options->directory, "folder for the pictures; made if it is not there")
      ->capture_default_str();
  gallery->add_option("--threads", options->threads, "threads; 0: as many as there are processors")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  gallery->add_flag("--quiet", options->quiet, "no progress line");
  gallery->callback([options, &work] {
    work = [options] {
      make_gallery(*options);
      return static_cast<int>(tool::Exit::ok);
    };
  });
}
