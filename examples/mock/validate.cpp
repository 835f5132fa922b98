// SPDX-License-Identifier: BSD-3-Clause
// clustermass_mock validate: the gates that a mock sky must pass before anything is trained on it.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../common/program.hpp"
#include "../common/progress.hpp"
#include "commands.hpp"
#include "gates.hpp"

namespace {

using namespace clustermass;
using gates::Bench;
using gates::Check;
using gates::Checks;

struct Gate {
  const char* id;
  const char* title;
  Checks (*run)(const Bench& bench);
};

constexpr Gate all_gates[] = {
    {"V1", "galaxy counts of blank fields", gates::field_counts},
    {"V2", "colours of field galaxies", gates::field_colours},
    {"V3", "red sequence", gates::red_sequence},
    {"V4", "noise of the sky", gates::sky_noise},
    {"V5", "width of the stars", gates::seeing},
    {"V6", "depth for point sources", gates::point_sources},
    {"V7", "depth for galaxies", gates::galaxy_limit},
    {"V8", "luminosity function and profile of the members", gates::members},
    {"V9", "richness from a matched filter", gates::matched_filter},
    {"V10", "mass at given richness, survey prior", gates::mass_at_richness},
    {"V11", "masses of two label sources", gates::label_difference},
    {"V12", "brightest cluster galaxy", gates::brightest_galaxy},
    {"V13", "light of brightest galaxy and between the galaxies", gates::diffuse_light},
    {"V14", "star counts", gates::star_counts},
    {"V15", "the same bits for any thread, order and batch", gates::reproducibility},
};

struct ValidateOptions {
  std::size_t count = 2000;
  std::uint64_t seed = 1;
  std::vector<std::string> gates;
  std::string frames;
  int threads = 0;
  bool json = false, quiet = false;
};

struct Answer {
  const Gate* gate;
  Checks checks;

  bool passed() const {
    return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.passed(); });
  }
};

std::vector<const Gate*> chosen(const ValidateOptions& options) {
  std::vector<const Gate*> gates;
  for (const Gate& gate : all_gates)
    if (options.gates.empty() || std::count(options.gates.begin(), options.gates.end(), gate.id) > 0)
      gates.push_back(&gate);
  return gates;
}

void print_table(const std::vector<Answer>& answers) {
  for (const Answer& answer : answers) {
    std::printf("%s  %s: %s\n", answer.gate->id, answer.gate->title, answer.passed() ? "passed" : "FAILED");
    for (const Check& check : answer.checks)
      std::printf("    %-52s %10.4g   in [%.4g, %.4g]   %s\n", check.name.c_str(), check.value, check.low, check.high,
                  check.passed() ? "passed" : "FAILED");
  }
}

nlohmann::ordered_json as_json(const std::vector<Answer>& answers, const Bench& bench, bool passed) {
  nlohmann::ordered_json gate_list = nlohmann::ordered_json::array();
  for (const Answer& answer : answers) {
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const Check& check : answer.checks)
      checks.push_back({{"name", check.name},
                        {"value", check.value},
                        {"error", check.error},  // null where it is not known
                        {"target", {check.low, check.high}},
                        {"passed", check.passed()}});
    gate_list.push_back({{"gate", answer.gate->id},
                         {"title", answer.gate->title},
                         {"passed", answer.passed()},
                         {"checks", std::move(checks)}});
  }
  nlohmann::ordered_json answer{{"sky", bench.sky.name},  {"seed", bench.seed},
                                {"cutouts", bench.count}, {"version", CLUSTERMASS_VERSION_STRING},
                                {"passed", passed},       {"gates", std::move(gate_list)}};
  if (bench.real_frames.empty()) return answer;
  for (const gates::RealField& field : gates::real_fields(bench))
    answer["real_fields"].push_back({{"name", field.name},
                                     {"camcol", field.night.camera_column},
                                     {"fwhm_arcsec", field.night.fwhm_arcsec},
                                     {"sky_counts", field.night.sky_counts},
                                     {"nmgy_per_count", field.night.nmgy_per_count},
                                     {"point_depth", field.point_depth},
                                     {"galaxy_limit", field.galaxy_limit}});
  return answer;
}

int validate(const ValidateOptions& options) {
  if (!options.frames.empty() && !std::filesystem::is_directory(options.frames))
    throw InputError("there is no folder '" + options.frames + "'; give the one with the real frames");
  Team team(tool::thread_count(options.threads));
  const std::vector<const Gate*> gates = chosen(options);
  constexpr std::size_t ticks = 1000;  // of the progress bar, per gate
  tool::Progress progress("Running the gates", ticks * gates.size(), options.quiet);
  std::vector<Answer> answers;
  Bench bench{{}, options.seed, options.count, options.frames, team, {}};
  for (std::size_t k = 0; k < gates.size(); ++k) {
    bench.progress = [&](double share) {
      progress.update(ticks * k + static_cast<std::size_t>(ticks * share), gates[k]->id);
    };
    bench.progress(0);
    answers.push_back({gates[k], gates[k]->run(bench)});
  }
  progress.update(ticks * gates.size());
  progress.finish();
  const bool passed = std::all_of(answers.begin(), answers.end(), [](const Answer& a) { return a.passed(); });
  if (options.json)
    std::printf("%s\n", as_json(answers, bench, passed).dump(2).c_str());
  else
    print_table(answers);
  std::fflush(stdout);
  return passed ? tool::Exit::ok : tool::Exit::rows_without_result;
}

}  // namespace

void add_validate_command(CLI::App& app, Work& work) {
  const auto options = std::make_shared<ValidateOptions>();
  std::string known;
  for (const Gate& gate : all_gates) known += std::string("\n  ") + gate.id + "  " + gate.title;
  CLI::App* validate_command = app.add_subcommand(
      "validate",
      "Draw mock sky A and compare it with published numbers and with measurements of real SDSS\n"
      "data. Exit code 1 if a check fails. The gates:" +
          known + "\n\n  clustermass_mock validate --json -n 2000\n  clustermass_mock validate --gate V4");
  validate_command->add_option("-n,--count", options->count, "cutouts per gate; the targets want 2000 or more")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{20}, std::size_t{1000000}));
  std::vector<std::string> ids;
  for (const Gate& gate : all_gates) ids.emplace_back(gate.id);
  validate_command->add_option("--gate", options->gates, "only this gate; may be given more than once")
      ->check(CLI::IsMember(ids));
  validate_command->add_option("--seed", options->seed, "number of the simulation")
      ->capture_default_str()
      ->check(check_seed);
  validate_command->add_option("--frames", options->frames, "folder of real frames to compare with");
  validate_command->add_option("--threads", options->threads, "threads; 0: as many as there are processors")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  validate_command->add_flag("--json", options->json, "the answer as JSON");
  validate_command->add_flag("--quiet", options->quiet, "no progress line");
  validate_command->callback([options, &work] { work = [options] { return validate(*options); }; });
}
