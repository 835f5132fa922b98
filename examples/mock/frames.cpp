// SPDX-License-Identifier: BSD-3-Clause
// clustermass_mock frames: one cluster of known mass as the five corrected frames a survey would hand out, with their
// mask files, which clustermass_estimate opens like real ones; the truth beside them.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "../common/program.hpp"
#include "../common/progress.hpp"
#include "clustermass/io/sdss_frame.hpp"
#include "clustermass/io/sdss_mask.hpp"
#include "clustermass/mock/native.hpp"
#include "clustermass/mock/sky.hpp"
#include "commands.hpp"
#include "sky_choice.hpp"
#include "../common/staged_folder.hpp"
#include "truth.hpp"

namespace {

using namespace clustermass;

struct FramesOptions {
  double log10_mass = 14.6, redshift = 0.38, ra = 180, dec = 30;
  std::uint64_t seed = 1;
  double x = (mock::Footprint::width - 1) / 2.0, y = (mock::Footprint::height - 1) / 2.0;
  bool miscentred = false, quiet = false;
  int run = 9001, field = 1;
  std::size_t count = 1;
  SkyChoice choice;
  bool blank = false;
  std::string like;
  std::string directory = "mock-frames";
};

/// The night of a real field as a JSON object, read into the request and the sky. Numbers that are absent are drawn.
void observe_like(const std::string& file, mock::SceneOptions& request, mock::SkyParameters& sky) {
  std::ifstream stream(file);
  if (!stream) throw InputError("cannot read '" + file + "'");
  const nlohmann::json json = nlohmann::json::parse(stream, nullptr, false);
  if (!json.is_object()) throw InputError("'" + file + "' is not a JSON object");
  mock::Conditions& night = request.conditions;
  const auto five = [](const nlohmann::json& value, mock::PerBand& into) {
    if (value.size() != into.size()) value.get_to(into[0]);  // throws: it is no number
    value.get_to(into);
  };
  for (const auto& [key, value] : json.items()) try {
      if (key == "camcol")
        value.get_to(night.camera_column);
      else if (key == "fwhm_arcsec")
        five(value, night.fwhm_arcsec);
      else if (key == "sky_counts")
        five(value, night.sky_counts);
      else if (key == "nmgy_per_count")
        five(value, night.nmgy_per_count);
      else if (key == "galactic_latitude_deg") {
        sky.galactic_latitude_deg = std::fabs(value.get<double>());
        sky.galactic_latitude_rms_deg = 0;
      } else if (key == "galactic_longitude_deg") {
        sky.galactic_longitude_min_deg = sky.galactic_longitude_max_deg = value.get<double>();
      } else if (key != "name") {
        throw InputError(
            "'" + file + "' holds the unknown name '" + key +
            "'; known are camcol, fwhm_arcsec, "
            "sky_counts, nmgy_per_count (five numbers u g r i z each), galactic_latitude_deg, galactic_longitude_deg "
            "and name");
      }
    } catch (const nlohmann::json::exception&) {
      throw InputError("'" + file + "': '" + key + "' is not " +
                       (key == "camcol" || key.starts_with("galactic_") ? "a number" : "five numbers, u g r i z"));
    }
}

/// One field of a run: its number, and where its cluster lies.
struct Field {
  int number = 1;
  SkyPosition centre{};
};

SdssFrame to_frame(mock::NativeFrame&& native, std::size_t band, int camera_column, const FramesOptions& options,
                   const Field& field) {
  SdssFrame frame;
  frame.band = static_cast<Band>(band);
  frame.run = options.run;
  frame.camcol = camera_column;
  frame.field = field.number;
  frame.height = mock::NativeField::height;
  frame.width = mock::NativeField::width;
  frame.image = std::move(native.image);
  frame.calibration = std::move(native.calibration);
  frame.allsky = std::move(native.allsky);
  frame.allsky_height = mock::NativeField::sky_height;
  frame.allsky_width = mock::NativeField::sky_width;
  frame.xinterp = std::move(native.xinterp);
  frame.yinterp = std::move(native.yinterp);
  const mock::TangentWcs wcs = mock::tangent_wcs(native.map, field.centre.ra_deg, field.centre.dec_deg);
  frame.wcs = {{wcs.crval[0], wcs.crval[1]}, {wcs.crpix[0] - 1, wcs.crpix[1] - 1}, wcs.cd};
  return frame;
}

nlohmann::ordered_json truth_of(const mock::Scene& scene, const mock::SkyParameters& sky, const FramesOptions& options,
                                const Field& field) {
  int members = 0;
  for (const mock::Source& source : scene.sources)
    members += source.kind == mock::SourceKind::red_member || source.kind == mock::SourceKind::blue_member;
  return {{"sky", sky.name},
          {"seed", options.seed},
          {"log10_m500c", scene.log10_m500c},  // null in a blank field
          {"redshift", scene.redshift},
          {"ra", field.centre.ra_deg},
          {"dec", field.centre.dec_deg},
          {"ebv", scene.ebv},
          {"lambda_int", scene.lambda_int},
          {"r500c_mpc", scene.r500c_mpc},
          {"cluster_east_arcsec", scene.cluster_east},
          {"cluster_north_arcsec", scene.cluster_north},
          {"member_galaxies", members},
          {"sources", scene.sources.size()},
          {"run", options.run},
          {"camcol", scene.camera_column},
          {"field", field.number}};
}

/// Draws one field and writes its frames, masks and sources; returns the truth.
nlohmann::ordered_json write_field(const FramesOptions& options, std::size_t index, const std::filesystem::path& folder,
                                   tool::Progress& progress) {
  mock::SkyParameters sky = options.choice.of(options.seed, index);
  sky.missing_band_probability = 0;
  mock::SceneOptions request;
  request.log10_m500c = options.log10_mass;
  request.redshift = options.redshift;
  request.miscentring = options.miscentred;
  request.half_width_arcsec = 1010;  // reaches every corner of the frame, wherever the centre lies in it
  request.footprint_probability = 1;
  request.frame_pixel = {options.x, options.y};
  request.cluster = !options.blank;
  if (!options.like.empty()) observe_like(options.like, request, sky);
  const mock::Scene scene = mock::draw_scene(sky, options.seed, index, request);
  // Fields of one call lie a degree of declination apart, turning back at the poles, so that they do not overlap.
  const double turned = std::fmod(options.dec + 90 + static_cast<double>(index), 360.0);
  const Field field{options.field + static_cast<int>(index), {options.ra, (turned > 180 ? 360 - turned : turned) - 90}};

  mock::NativeField native = mock::render_native(scene, sky);
  const std::vector<FitsCard> cards{{"MOCKSKY", sky.name, "simulated, not an observation"},
                                    {"MOCKSEED", std::to_string(options.seed), "seed of the simulation"}};
  for (std::size_t b = 0; b < native.bands.size(); ++b) {
    const std::vector<std::int32_t> mask = std::move(native.bands[b].mask);
    const SdssFrame frame = to_frame(std::move(native.bands[b]), b, scene.camera_column, options, field);
    const std::string file = frame_file_name(frame.band, frame.run, frame.camcol, frame.field);
    write_sdss_frame((folder / file).string(), frame, cards);
    write_sdss_mask((folder / mask_file_name(frame.band, frame.run, frame.camcol, frame.field)).string(), mask,
                    frame.height, frame.width, cards);
    progress.step(file);
  }
  char sources[64];
  std::snprintf(sources, sizeof sources, "sources-%06d-%d-%04d.csv", options.run, scene.camera_column, field.number);
  truth::write_text((folder / sources).string(), truth::sources_csv(scene));
  return truth_of(scene, sky, options, field);
}

void write_frames(const FramesOptions& options) {
  if (!std::isfinite(options.ra) || !std::isfinite(options.dec))
    throw InputError("expected a position in degrees, found --ra " + std::to_string(options.ra) + " --dec " +
                     std::to_string(options.dec));
  if (options.field + static_cast<int>(options.count) - 1 > 9999)
    throw InputError("fields " + std::to_string(options.field) + " and on: " + std::to_string(options.count) +
                     " of them go beyond 9999, the last number a file's name can hold");
  StagedFolder folder(options.directory);
  tool::Progress progress("Writing frames", band_count * options.count, options.quiet);
  nlohmann::ordered_json fields = nlohmann::ordered_json::array();
  for (std::size_t k = 0; k < options.count; ++k) fields.push_back(write_field(options, k, folder.path(), progress));
  const nlohmann::ordered_json& truth = options.count == 1 ? fields.front() : fields;
  truth::write_text((folder.path() / "truth.json").string(), truth.dump(2) + "\n");
  folder.publish();
}

}  // namespace

void add_frames_command(CLI::App& app, Work& work) {
  const auto options = std::make_shared<FramesOptions>();
  CLI::App* frames = app.add_subcommand(
      "frames",
      "Draw a cluster and write it as five SDSS corrected frames, frame-{u,g,r,i,z}-RUN-CAMCOL-FIELD.fits, with their\n"
      "masks, fpM-RUN-{u,g,r,i,z}CAMCOL-FIELD.fit, the sources, and truth.json (mass, redshift, position, intrinsic\n"
      "richness, E(B-V)). The same seed gives the same pixels.\n\n"
      "  clustermass_mock frames --mass 14.6 --z 0.38 --seed 1 --ra 180 --dec 30 -o mock-frames");
  frames->add_option("--mass", options->log10_mass, "log10(M500c / Msun), h = 0.7")
      ->capture_default_str()
      ->check(CLI::Range(12.5, 16.0));
  frames->add_option("--z", options->redshift, "redshift; from 0.35 on a frame covers the 2 Mpc field")
      ->capture_default_str()
      ->check(CLI::Range(0.05, 0.60));
  frames->add_option("--seed", options->seed, "number of the simulation")->capture_default_str()->check(check_seed);
  frames->add_option("--ra", options->ra, "right ascension of the cluster [deg]")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 360.0));
  frames->add_option("--dec", options->dec, "declination of the cluster [deg]")
      ->capture_default_str()
      ->check(CLI::Range(-90.0, 90.0));
  frames->add_option("--x", options->x, "column of the cluster in the r frame, from 0")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 2047.0));
  frames->add_option("--y", options->y, "row of the cluster in the r frame, from 0")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1488.0));
  frames->add_flag("--miscentred", options->miscentred,
                   "let the position miss the cluster's centre, as catalogue positions do");
  frames
      ->add_option("--run", options->run,
                   "run number in names and headers; above 1500, as the noise is of the later camera")
      ->capture_default_str()
      ->check(CLI::Range(1501, 999999));
  frames->add_option("--field", options->field, "field number in names and headers")
      ->capture_default_str()
      ->check(CLI::Range(1, 9999));
  frames->add_option("-o,--output", options->directory, "folder for the files; made if it is not there")
      ->capture_default_str();
  frames->add_option("-n,--count", options->count, "fields, a degree apart; then truth.json is a list")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}));
  options->choice.add_options(*frames, false);
  frames->add_flag("--blank", options->blank, "no cluster: a field of galaxies and stars only");
  frames->add_option("--like", options->like,
                     "JSON file with the night of a real field: camcol, fwhm_arcsec, sky_counts, nmgy_per_count\n"
                     "(u g r i z), galactic_latitude_deg, galactic_longitude_deg; what is absent is drawn");
  frames->add_flag("--quiet", options->quiet, "no progress line");
  frames->callback([options, &work] {
    work = [options] {
      write_frames(*options);
      return static_cast<int>(tool::Exit::ok);
    };
  });
}
