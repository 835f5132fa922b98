// SPDX-License-Identifier: BSD-3-Clause
// clustermass_estimate: masses of galaxy clusters from SDSS images. This file reads the command line and says what
// happens in which order; the work is in the files beside it.
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "../common/device.hpp"
#include "../common/image_command_line.hpp"
#include "../common/images.hpp"
#include "../common/program.hpp"
#include "answer.hpp"
#include "clustermass/version.hpp"
#include "null_test.hpp"
#include "picture.hpp"
#include "survey.hpp"

namespace {

constexpr const char* name = "clustermass_estimate";

int estimate_one(const EstimateOptions& options) {
  const int threads = tool::thread_count(options.threads), members = options.null_positions > 0 ? threads : 1;
  const Network network(options, members);
  const std::optional<double> truth = options.truth.empty() ? std::nullopt : std::optional(read_truth(options.truth));
  const tool::Images input = tool::read_images(options, threads);
  Answer answer{network.estimate(input.cutout), options.ra,  options.dec, options.redshift,
                options.redshift_error,         options.ebv, truth,       network.info()};
  if (options.null_positions > 0 && options.redshift)
    answer.null_masses = null_test(options, input.frames, network, members);
  if (options.json)
    std::printf("%s\n", as_json(answer).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  else
    std::fputs(as_text(answer).c_str(), stdout);
  if (!options.picture.empty()) save_picture(options.picture, input.cutout, answer);
  return options.strict && !answer.mass.has_result() ? tool::Exit::rows_without_result : tool::Exit::ok;
}

void declare(CLI::App& app, EstimateOptions& options, std::string& shard) {
  app.set_version_flag("--version", std::string(CLUSTERMASS_VERSION_STRING));
  app.add_option(
      "LIST", options.list,
      "many clusters: CSV with a header or FITS table; columns id, ra, dec, z, and z_err, ebv, path, run...");

  tool::declare_images(app, options, "--cutout", "; for a LIST also the folders below it");

  const auto answer = [&](CLI::Option* option) { option->group("Answer"); };
  answer(app.add_flag("--json", options.json, "print JSON instead of text"));
  answer(app.add_option("--picture", options.picture,
                        "file.svg: field, posterior and answer on one sheet; file.png: the field alone"));
  answer(app.add_option("--truth", options.truth, "truth.json of clustermass_mock: compare the estimate with it"));
  answer(app.add_option("--null", options.null_positions,
                        "null test: compare with the answers at this many other positions of the frame, 3 arcmin\n"
                        "or more from the cluster")
             ->check(CLI::Range(1, 1000)));
  answer(app.add_option("--avoid", options.avoid, "list of known clusters from which these positions keep away, too"));
  answer(app.add_flag("--strict", options.strict, "exit with 1 if a cluster has no estimate"));

  const auto list = [&](CLI::Option* option) { option->group("With a LIST"); };
  list(app.add_option("-o,--output", options.output,
                      "catalogue to write, OUT.fits or OUT.csv: one row for each row of the list"));
  list(app.add_option("--column", options.columns,
                      "a column by another name, such as id=OBJECT or z=ZSPEC; may be repeated"));
  list(app.add_option("--shard", shard,
                      "i/N: the i-th of N parts of the list, written to OUT.i.fits; a part that is there is skipped"));
  list(app.add_flag("--quiet", options.quiet, "no progress, no messages about single rows"));

  const auto machine = [&](CLI::Option* option) { option->group("Network and machine"); };
  machine(app.add_option("--weights", options.weights,
                         "weight file, or the folder that holds model.safetensors; otherwise that of\n"
                         "CLUSTERMASS_WEIGHTS, the embedded one, the installed one"));
  machine(
      app.add_option("--device", options.device, "where the network runs: cpu, cuda, or cuda:N for the N-th GPU [cpu]")
          ->check(tool::check_device));
  machine(app.add_option("--precision", options.precision, "of a GPU: fp32, tf32 or fp16 [fp32]")
              ->check(CLI::IsMember({"fp32", "tf32", "fp16"})));
  machine(app.add_option("--threads", options.threads, "threads [OMP_NUM_THREADS, else all this process may use]")
              ->check(CLI::Range(1, 1024)));
  app.footer(
      "Exit codes: 0 answered, 1 no estimate under --strict, 2 command line, 3 input, 4 weights, 5 device.\n"
      "Poor data give flags, not errors. A network trained on a simulated sky says so in its answer.");
}

/// "2/5" to {2, 5}.
std::pair<std::size_t, std::size_t> parse_shard(const std::string& text) {
  std::pair<std::size_t, std::size_t> shard{0, 0};
  const char* end = text.data() + text.size();
  const auto [slash, first] = std::from_chars(text.data(), end, shard.first);
  if (first == std::errc{} && slash != end && *slash == '/') {
    const auto [last, second] = std::from_chars(slash + 1, end, shard.second);
    if (second == std::errc{} && last == end && shard.first >= 1 && shard.first <= shard.second &&
        shard.second <= 1000000)
      return shard;
  }
  throw CLI::ValidationError("--shard " + text + ": expected i/N with 1 <= i <= N, such as 2/5");
}

/// What no single option can check.
void check_together(EstimateOptions& options, const std::string& shard) {
  const auto refuse = [](const std::string& message) { throw CLI::ValidationError(message); };
  const auto refuse_ending = [&](const std::string& option, const std::string& path, const std::string& a,
                                 const std::string& b) {
    if (!path.empty() && !path.ends_with(a) && !path.ends_with(b))
      refuse(option + " " + path + ": the file name must end in " + a + " or " + b);
  };
  refuse_ending("--picture", options.picture, ".svg", ".png");
  refuse_ending("--output", options.output, ".fits", ".csv");
  if (!shard.empty()) options.shard = parse_shard(shard);
  for (const std::string& pair : options.columns)
    if (pair.find('=') == std::string::npos) refuse("--column " + pair + ": expected role=NAME, such as id=OBJECT");
  if (!options.list.empty()) {
    if (options.output.empty()) refuse("a LIST needs a place for its catalogue: -o OUT.fits or -o OUT.csv");
    if (options.ra || options.dec || options.redshift || !options.cutout.empty() || !options.picture.empty() ||
        !options.truth.empty())
      refuse("--ra, --dec, --z, --cutout, --picture and --truth are of one cluster and do not go with a LIST");
    return;
  }
  if (!options.output.empty() || !options.columns.empty() || !shard.empty())
    refuse("--output, --column and --shard need a LIST");
  if (options.null_positions > 0 && options.frames.empty()) refuse("--null needs --frames");
  if (!options.avoid.empty() && options.null_positions == 0) refuse("--avoid needs --null");
  tool::check_images(options, "give either --frames DIR or --cutout FILE, or a LIST");
}

std::string command_line(int argc, char** argv) {
  std::string text = name;
  for (int k = 1; k < argc; ++k) text.append(" ").append(argv[k]);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "The mass of galaxy clusters, log10(M500c/Msun) with its error, from SDSS images in u g r i z.\n\n"
      "  clustermass_estimate --frames frames/ --ra 200.50999 --dec 36.73089 --z 0.180 --picture cluster.svg\n"
      "  clustermass_estimate clusters.csv --frames frames/ -o masses.fits\n",
      name};
  EstimateOptions options;
  std::string shard;
  declare(app, options, shard);
  try {
    app.parse(argc, argv);
    if (argc == 1) throw CLI::CallForHelp();
    check_together(options, shard);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    tool::say_error(name, std::string(error.what()) + "; see " + name + " --help");
    return tool::Exit::usage;
  }
  return tool::run_program(name, [&] {
    return options.list.empty() ? estimate_one(options) : estimate_list(options, command_line(argc, argv));
  });
}
