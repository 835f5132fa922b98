// SPDX-License-Identifier: BSD-3-Clause
// clustermass_train: the two-stage experiment of Lin et al. 2022, from nothing to a released weight file: an extractor
// learns to name photometric bands; mass heads learn on the frozen extractor; then all is tuned together.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "../common/program.hpp"
#include "clustermass/io/file.hpp"
#include "release.hpp"
#include "report.hpp"

using namespace clustermass;

namespace {

constexpr const char* program = "clustermass_train";

/// The first Ctrl-C ends the run at its next step, a second one ends the program.
extern "C" void on_interrupt(int signal) {
  interrupted = signal;
  std::signal(signal, SIG_DFL);
}

struct Flags {
  std::string config;
  bool resume = false, quiet = false, defaults = false;
  int stop_after = 0;
};

std::string time_stamped() {
  const std::time_t now = std::time(nullptr);
  char text[40];
  std::strftime(text, sizeof text, "runs/%Y%m%d-%H%M%S", std::localtime(&now));
  return text;
}

int run_training(Settings& settings, std::vector<Setting>& table, const Flags& flags) {
  if (settings.out.empty() && flags.resume) throw InputError("--resume needs the run folder: give --out");
  if (settings.out.empty()) settings.out = time_stamped();
  label_offset(settings.label_offsets, "");  // says what is wrong before anything is made
  Team team(tool::thread_count(settings.threads));
  const std::unique_ptr<Model> model =
      make_model(settings, team);  // says that there is no device before it makes a folder
  RunFolder folder(settings.out, flags.resume, flags.quiet);
  const std::string config = documented_toml(table);
  write_file<InputError>(folder.file("run_config.toml"), std::as_bytes(std::span(config)));
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  const std::string cache = settings.cache.empty() ? folder.file("cache") : settings.cache;
  try {
    Data data = make_data(settings, cache, team, flags.quiet);
    data.fold = folds_of(data, data.labelled, settings.folds, settings.seed);
    folder.say(std::to_string(data.labelled.size()) + " labelled clusters; " + data.training_set + "; training " +
               model->arch() + " on " + model->engine() + " with " + std::to_string(team.size()) + " threads");
    Run run{settings, deciding_toml(table), data, *model, team, folder, cache, flags.stop_after};
    std::vector<Predicted> predicted;
    const std::string metrics = run_tasks(run, flags.resume, predicted);
    if (settings.stage != "bands")
      release(run, table, metrics, predicted);
    else
      folder.say("the extractor lies in " + folder.file("checkpoint-last.safetensors") + "; give it to --init");
  } catch (const Interrupted&) {
    folder.say("stopped; go on with --resume --out " + folder.path());
    return interrupted != 0 ? 128 + interrupted : static_cast<int>(tool::Exit::ok);
  }
  return tool::Exit::ok;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  std::vector<Setting> table = table_of(settings);
  std::vector<std::pair<std::string, std::string>> given;
  Flags flags;
  CLI::App app{
      "Trains the two-stage network on a mock SDSS sky or on a list of clusters and writes a weight file with its "
      "model\n"
      "card. What is learned on a mock sky is learned on a simulated sky.\n\n"
      "  clustermass_train --out run                                    the released network\n"
      "  clustermass_train --config run.toml --out run                  settings of a file; the command line comes "
      "first\n"
      "  clustermass_train --resume --config run.toml --out run         goes on where a stopped run ended\n"
      "  clustermass_train --list clusters.csv --frames sdss --folds 5  real clusters\n"
      "  clustermass_train compare run-1 run-2                          test clusters of finished runs, paired"};
  app.add_option("--config", flags.config, "TOML file of settings");
  app.add_flag("--defaults", flags.defaults, "print all settings with their defaults as a TOML file, and end");
  app.add_flag("--resume", flags.resume, "go on with the run in --out");
  app.add_option("--stop-after", flags.stop_after, "stop after so many epochs; 0: never")->capture_default_str();
  app.add_flag("--quiet", flags.quiet, "no progress bar");
  for (const Setting& setting : table)
    app.add_option_function<std::string>(
           std::string("--") + setting.name,
           [&given, name = std::string(setting.name)](const std::string& value) { given.emplace_back(name, value); },
           setting.help)
        ->type_name("")
        ->take_last()
        ->default_str(toml_value(setting))
        ->group(setting.group);
  std::vector<std::string> runs;
  std::string plot;
  CLI::App* compare =
      app.add_subcommand("compare", "Tables the test clusters of finished runs, each beside the first, paired");
  compare->add_option("runs", runs, "run folders")->required();
  compare->add_option("--plot", plot, "learning curve as an SVG file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    tool::say_error(program, std::string(error.what()) + "; see --help");
    return tool::Exit::usage;
  }
  return tool::run_program(program, [&] {
    if (*compare) {
      std::printf("%s", compare_runs(runs, plot).c_str());
      return static_cast<int>(tool::Exit::ok);
    }
    if (!flags.config.empty()) read_toml(table, flags.config);
    for (const auto& [name, value] : given) set(table, name, value, "the command line");
    if (flags.defaults) {
      std::printf("%s", documented_toml(table).c_str());
      return static_cast<int>(tool::Exit::ok);
    }
    return run_training(settings, table, flags);
  });
}
