// SPDX-License-Identifier: BSD-3-Clause
// clustermass_mock: simulated SDSS fields with galaxy clusters of known mass. Each subcommand is a file of its own.
#include <CLI/CLI.hpp>
#include <string>

#include "../common/program.hpp"
#include "clustermass/version.hpp"
#include "commands.hpp"

int main(int argc, char** argv) {
  constexpr const char* name = "clustermass_mock";
  CLI::App app{
      "Simulated SDSS fields with galaxy clusters of known mass.\n"
      "What is learned or measured on them says nothing about the real sky by itself."};
  app.require_subcommand(1);
  app.set_version_flag("--version", CLUSTERMASS_VERSION_STRING);
  app.footer("Exit codes: 0 done, 1 a gate failed, 2 command line, 3 folder or parameters.");
  Work work;
  add_sky_command(app, work);
  add_frames_command(app, work);
  add_catalogue_command(app, work);
  add_gallery_command(app, work);
  add_validate_command(app, work);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    tool::say_error(name, std::string(error.what()) + "; see " + name + " --help");
    return tool::Exit::usage;
  }
  return tool::run_program(name, work);
}
