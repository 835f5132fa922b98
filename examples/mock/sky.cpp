// SPDX-License-Identifier: BSD-3-Clause
// clustermass_mock sky: many cutouts at working scale as FITS files, the list that clustermass_estimate takes, and the
// truth.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../common/program.hpp"
#include "../common/progress.hpp"
#include "clustermass/io/cutout_writer.hpp"
#include "clustermass/mock/working.hpp"
#include "clustermass/parallel.hpp"
#include "commands.hpp"
#include "sky_choice.hpp"
#include "../common/staged_folder.hpp"
#include "truth.hpp"

namespace {

using namespace clustermass;

struct SkyOptions {
  SkyChoice choice;
  std::uint64_t seed = 1, first = 0;
  std::size_t count = 100;
  int side = 128, threads = 0;
  std::optional<double> log10_mass, redshift;
  double footprint_share = 0.5;
  bool blank = false, centred = false, sources = false, quiet = false;
  std::string directory = "mock-sky";
};

/// A place in the northern sky for each cutout, so that lists have positions. Nothing depends on it.
SkyPosition position_of(std::uint64_t seed, std::uint64_t index) {
  Random random(seed, index, 900);
  const double ra = random.uniform(0, 360), low = std::sin(-5 * std::numbers::pi / 180);
  const double sine = random.uniform(low, std::sin(65 * std::numbers::pi / 180));
  return {ra, std::asin(sine) * 180 / std::numbers::pi};
}

std::string file_name(std::uint64_t index) {
  char name[64];
  std::snprintf(name, sizeof name, "cutout-%06llu.fits", static_cast<unsigned long long>(index));
  return name;
}

/// Share of the cells that have data, and of these the share without a mask, in r or the first band that is there.
struct Cover {
  double coverage = 1, masked = 0;
};
Cover cover_of(const CutoutBuffer& cutout) {
  const CutoutBuffer::Plane& plane = cutout.bands[cutout.bands[2].pixels.empty() ? 1 : 2];
  if (plane.mask.empty()) return {};
  double seen = 0, bad = 0;
  for (const std::int32_t bits : plane.mask) {
    seen += (bits & mask_bit::no_data) == 0;
    bad += (bits & mask_bit::no_data) == 0 && bits != 0;
  }
  return {seen / static_cast<double>(plane.mask.size()), seen > 0 ? bad / seen : 0};
}

const std::vector<std::string> list_header{"ID", "RA", "DEC", "Z", "EBV", "PATH"};
const std::vector<std::string> truth_header{
    "ID",           "INDEX",   "RA",       "DEC",        "Z",       "EBV",         "LOGM500C",     "LAMBDA_INT",
    "R500C_MPC",    "EAST",    "NORTH",    "AXIS_RATIO", "PA_RAD",  "RED_MEMBERS", "BLUE_MEMBERS", "PROJECTED",
    "FIELD",        "STARS",   "COVERAGE", "MASKED",     "LIMITED", "FRAME_X",     "FRAME_Y",      "FRAME_PA_RAD",
    "MISSING_BAND", "CAMCOL",  "FWHM_U",   "FWHM_G",     "FWHM_R",  "FWHM_I",      "FWHM_Z",       "SIGMA_U",
    "SIGMA_G",      "SIGMA_R", "SIGMA_I",  "SIGMA_Z",    "SKY"};

std::vector<std::string> truth_row(const std::string& id, SkyPosition place, const mock::Scene& scene,
                                   const CutoutBuffer& cutout, const mock::SkyParameters& sky) {
  std::array<int, 8> kinds{};
  for (const mock::Source& source : scene.sources) ++kinds[static_cast<std::size_t>(source.kind)];
  const auto kind = [&](mock::SourceKind k) { return std::to_string(kinds[static_cast<std::size_t>(k)]); };
  const Cover cover = cover_of(cutout);
  using truth::number;
  std::vector<std::string> row{
      id,
      std::to_string(scene.index),
      number(place.ra_deg),
      number(place.dec_deg),
      number(scene.redshift),
      number(scene.ebv),
      number(scene.log10_m500c),
      number(scene.lambda_int),
      number(scene.r500c_mpc),
      number(scene.cluster_east),
      number(scene.cluster_north),
      number(scene.axis_ratio),
      number(scene.position_angle),
      kind(mock::SourceKind::red_member),
      kind(mock::SourceKind::blue_member),
      kind(mock::SourceKind::projected),
      kind(mock::SourceKind::field),
      kind(mock::SourceKind::star),
      number(cover.coverage),
      number(cover.masked),
      scene.footprint.limited ? "1" : "0",
      number(scene.footprint.centre_x[2]),
      number(scene.footprint.centre_y[2]),
      number(scene.footprint.position_angle[2]),
      scene.missing_band < 0 ? "" : std::string(1, band_names[static_cast<std::size_t>(scene.missing_band)]),
      std::to_string(scene.camera_column)};
  for (const mock::Psf& psf : scene.psf) row.push_back(number(psf.fwhm_arcsec));
  for (const mock::CameraBand& camera : scene.camera) row.push_back(number(camera.noise()));
  row.push_back(sky.name);
  return row;
}

/// One cutout: its file, its line of the list and its line of the truth.
struct Lines {
  std::string list, truth;
};
Lines write_cutout(const SkyOptions& options, std::uint64_t index, const std::filesystem::path& folder) {
  const mock::SkyParameters sky = options.choice.of(options.seed, index);
  mock::SceneOptions request;
  request.log10_m500c = options.log10_mass;
  request.redshift = options.redshift;
  request.cluster = !options.blank;
  request.miscentring = !options.centred;
  request.footprint_probability = options.footprint_share;
  const mock::Scene scene = mock::draw_scene(sky, options.seed, index, request);
  mock::WorkingOptions working;
  working.side = options.side;
  const CutoutBuffer cutout = mock::render_working(scene, sky, working);
  const SkyPosition place = position_of(options.seed, index);

  const std::string file = file_name(index), id = file.substr(0, file.size() - 5);
  FitsWriter writer;
  writer.image({}, {});
  writer.card({"ORIGIN", std::string("clustermass"), "program that wrote this file"});
  writer.card({"MOCKSKY", sky.name, "simulated, not an observation"});
  writer.card({"MOCKSEED", std::to_string(options.seed), "seed of the simulation"});
  writer.card({"MOCKIDX", std::to_string(index), "number of the scene"});
  writer.card({"REDSHIFT", scene.redshift, "of the cluster"});
  writer.card({"EBV", scene.ebv, "E(B-V) [mag]"});
  add_cutout(writer, cutout, place);
  if (options.sources) truth::add_sources(writer, scene);
  writer.save((folder / file).string(), false);
  return {truth::csv_line({id, truth::number(place.ra_deg), truth::number(place.dec_deg), truth::number(scene.redshift),
                           truth::number(scene.ebv), file}),
          truth::csv_line(truth_row(id, place, scene, cutout, sky))};
}

void write_sky(const SkyOptions& options) {
  if (options.count - 1 > std::numeric_limits<std::uint64_t>::max() - options.first)
    throw InputError("scenes " + std::to_string(options.first) + " and on: " + std::to_string(options.count) +
                     " of them go beyond the last one, 2^64 - 1; give a smaller --first");
  options.choice.of(options.seed, 0);  // says what is wrong before anything is made
  StagedFolder folder(options.directory);
  Team team(tool::thread_count(options.threads));
  std::vector<Lines> lines(options.count);
  tool::Progress progress("Drawing the sky", options.count, options.quiet);
  team.run(options.count, [&](std::size_t k, int) {
    lines[k] = write_cutout(options, options.first + k, folder.path());
    progress.step();
  });
  std::string list = truth::csv_line(list_header), truth = truth::csv_line(truth_header);
  for (const Lines& line : lines) list += line.list, truth += line.truth;
  truth::write_text((folder.path() / "list.csv").string(), list);
  truth::write_text((folder.path() / "truth.csv").string(), truth);
  folder.publish();
}

}  // namespace

void add_sky_command(CLI::App& app, Work& work) {
  const auto options = std::make_shared<SkyOptions>();
  CLI::App* sky = app.add_subcommand(
      "sky",
      "Draw many cutouts of 2 Mpc, five bands at working scale, and write them as cutout-NUMBER.fits (an image and a\n"
      "mask per band), list.csv (what a survey knows of them: position, redshift, E(B-V), file) and truth.csv (mass,\n"
      "intrinsic richness, true centre, coverage, seeing, noise). The same seed gives the same bytes, whatever\n"
      "--threads.\n\n"
      "  clustermass_mock sky -n 1000 --sky A --seed 1 -o mock-sky\n"
      "  clustermass_estimate mock-sky/list.csv --native -o masses.csv");
  sky->add_option("-n,--count", options->count, "cutouts")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{10000000}));
  options->choice.add_options(*sky, true);
  sky->add_option("--seed", options->seed, "number of the simulation")->capture_default_str()->check(check_seed);
  sky->add_option("--first", options->first, "number of the first scene of that simulation")
      ->capture_default_str()
      ->check(check_seed);
  sky->add_option("--side", options->side, "cells along 2 Mpc; 128 is what the networks take")
      ->capture_default_str()
      ->check(CLI::Range(8, 4096));
  sky->add_option("--mass", options->log10_mass, "the same log10(M500c / Msun) for all; else drawn")
      ->check(CLI::Range(12.5, 16.0));
  sky->add_option("--z", options->redshift, "the same redshift for all; else drawn")->check(CLI::Range(0.05, 0.60));
  sky->add_option("--edges", options->footprint_share, "share of the cutouts that end at a frame's edge")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  sky->add_flag("--blank", options->blank, "no clusters: fields of galaxies and stars only");
  sky->add_flag("--centred", options->centred, "every cutout centred on its cluster");
  sky->add_flag("--sources", options->sources, "the sources of each cutout as a table SOURCES in its file");
  sky->add_option("-o,--output", options->directory, "folder for the files; made if it is not there")
      ->capture_default_str();
  sky->add_option("--threads", options->threads, "threads; 0: as many as there are processors")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  sky->add_flag("--quiet", options->quiet, "no progress line");
  sky->callback([options, &work] {
    work = [options] {
      write_sky(*options);
      return static_cast<int>(tool::Exit::ok);
    };
  });
}
