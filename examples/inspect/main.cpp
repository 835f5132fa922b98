// SPDX-License-Identifier: BSD-3-Clause
// clustermass_inspect: what a weight file holds and whether it can be trusted: metadata, parameters, tensors, the
// answer to its probe, its checksum beside the one in SHA256SUMS. It changes nothing.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "../common/program.hpp"
#include "../common/words.hpp"
#include "clustermass/estimator.hpp"
#include "clustermass/io/sha256.hpp"
#include "clustermass/version.hpp"
#ifdef CLUSTERMASS_EMBEDDED_NETWORK
#include "clustermass/pretrained.hpp"
#endif

namespace {

using namespace clustermass;
namespace fs = std::filesystem;

constexpr const char* program = "clustermass_inspect";
#ifdef CLUSTERMASS_EMBEDDED_NETWORK
constexpr bool has_embedded = true;
#else
constexpr bool has_embedded = false;
std::span<const std::byte> pretrained_weights() { return {}; }
#endif

/// Numbers in the tensors whose names begin alike: "features", "band", "mass.0", ..., "ood", "calibration", "probe".
struct Part {
  std::string name;
  std::size_t tensors = 0, numbers = 0;
};

struct Findings {
  std::string file, sha256, sums, card;  // sums: what SHA256SUMS says, empty if it says nothing
  std::size_t bytes = 0;
  bool on_disk = false;
  std::vector<Part> parts;
  std::optional<double> probe;  // largest difference from the stored answer
  std::string problem;          // why this is no usable network
};

std::size_t count_of(const TensorInfo& tensor) {
  std::size_t count = 1;
  for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
  return count;
}

std::vector<Part> parts_of(const WeightFile& file) {
  std::vector<Part> parts;
  for (const TensorInfo& tensor : file.tensors()) {
    const std::size_t dot = tensor.name.find('.');
    std::string name = tensor.name.substr(0, dot);
    if (name == "mass" && dot != std::string::npos) name = tensor.name.substr(0, tensor.name.find('.', dot + 1));
    auto part = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name == name; });
    if (part == parts.end()) part = parts.insert(parts.end(), {name});
    ++part->tensors;
    part->numbers += count_of(tensor);
  }
  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return tool::natural_less(a.name, b.name); });
  return parts;
}

/// The checksum that SHA256SUMS beside the file has for it, as `sha256sum` writes it.
std::string listed_checksum(const fs::path& file) {
  std::ifstream sums(file.parent_path() / "SHA256SUMS");
  std::string hex, name;
  while (sums >> hex >> name)
    if (name == file.filename().string() || name == "*" + file.filename().string()) return hex;
  return {};
}

/// Largest difference between the answer of this build to the probe and the stored one.
double replay(const TrainedNetwork<>& network) {
  const int heads = static_cast<int>(network.mass.size()), side = static_cast<int>(network.probe_input.shape[3]);
  const std::vector<double> found = CpuEngine{}.with([&]<class E>(E) {
    return walk_probe(NetworkWalkOn<Released, E>(network, side), network.probe_input.values, heads);
  });
  double largest = 0;
  for (std::size_t k = 0; k < found.size(); ++k) {
    const double difference = std::fabs(found[k] - static_cast<double>(network.probe_output.values[k]));
    largest = difference > largest || std::isnan(difference) ? difference : largest;
  }
  return largest;
}

Findings examine(const WeightFile& file, std::span<const std::byte> bytes, const std::string& path) {
  Findings f;
  f.file = path;
  f.bytes = bytes.size();
  f.sha256 = sha256_hex(bytes);
  f.parts = parts_of(file);
  if (std::error_code error; fs::is_regular_file(path, error)) {
    f.on_disk = true;
    f.sums = listed_checksum(path);
    if (const fs::path card = fs::path(path).parent_path() / "MODEL_CARD.md"; fs::exists(card, error))
      f.card = card.string();
  }
  try {
    const TrainedNetwork<> network = read_network(bytes, path);
    if (network.probe_input.shape[3] % coarse_factor != 0)
      f.problem = path + ": probe.input is not a multiple of " + std::to_string(coarse_factor) + " cells wide";
    else
      f.probe = replay(network);
  } catch (const WeightError& error) {
    f.problem = error.what();
  }
  if (f.probe && !(*f.probe <= 1e-4))
    f.problem = path + ": the answer to the probe differs by " + std::to_string(*f.probe) +
                " from the stored one, expected at most 0.0001; the weights are damaged or this build computes wrongly";
  if (!f.sums.empty() && f.sums != f.sha256)
    f.problem = path + ": the SHA-256 is " + f.sha256 + ", but SHA256SUMS beside it says " + f.sums +
                "; the file was changed or damaged, copy it again";
  return f;
}

std::string shape_of(const TensorInfo& tensor) {
  std::string text;
  for (const std::int64_t extent : tensor.shape) text += (text.empty() ? "" : ",") + std::to_string(extent);
  return "[" + text + "]";
}

/// Text of a file fit for a terminal: control characters, which could steer it, become question marks.
std::string tame(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

void print_text(const WeightFile& file, const Findings& f, bool tensors) {
  const auto line = [](const char* label, const std::string& text) {
    std::printf("  %-16s %s\n", tame(label).c_str(), tame(text).c_str());
  };
  const auto of = [&](const char* key) { return tame(std::string(file.metadata(key).value_or(""))); };
  std::printf("%s\n", of("model_id").empty() ? "a weight file without a model_id" : of("model_id").c_str());
  if (!of("training_set").empty()) line("network", tool::training_words(of("training_set")));
  line("file", f.file + ", " + std::to_string(f.bytes) + " bytes");
  line("SHA-256", f.sha256);
  if (f.on_disk) {
    line("SHA256SUMS", f.sums.empty()       ? "does not list this file"
                       : f.sums == f.sha256 ? "agrees"
                                            : "DIFFERS: " + f.sums);
    line("model card", f.card.empty() ? "none beside the file" : f.card);
  }
  if (f.probe) {
    char text[80];
    std::snprintf(text, sizeof text, "largest difference from the stored answer %.1e (limit 1e-4)", *f.probe);
    line("probe", text);
  }
  std::size_t all = 0;
  std::printf("\nnumbers\n");
  for (const Part& part : f.parts) {
    line(part.name.c_str(), std::to_string(part.numbers) + " in " + std::to_string(part.tensors) +
                                (part.tensors == 1 ? " tensor" : " tensors"));
    if (part.name == "features" || part.name == "band" || part.name.rfind("mass", 0) == 0) all += part.numbers;
  }
  line("parameters", std::to_string(all) + " (features, band, mass)");
  std::printf("\nmetadata\n");
  for (const auto& [key, value] : file.metadata()) line(key.c_str(), value);
  if (!tensors) return;
  std::printf("\ntensors\n");
  for (const TensorInfo& tensor : file.tensors())
    std::printf("  %-32s %-5s %s\n", tame(tensor.name).c_str(), std::string(name_of(tensor.dtype)).c_str(),
                shape_of(tensor).c_str());
}

nlohmann::ordered_json as_json(const WeightFile& file, const Findings& f, bool tensors) {
  nlohmann::ordered_json json{{"file", f.file}, {"bytes", f.bytes}, {"sha256", f.sha256}};
  json["sha256sums"] = f.sums.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(f.sums);
  json["model_card"] = f.card.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(f.card);
  json["probe_difference"] = f.probe ? nlohmann::ordered_json(*f.probe) : nlohmann::ordered_json();
  json["usable"] = f.problem.empty();
  json["problem"] = f.problem.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(f.problem);
  for (const Part& part : f.parts) json["numbers"][part.name] = part.numbers;
  json["metadata"] = nlohmann::ordered_json::object();
  for (const auto& [key, value] : file.metadata()) json["metadata"][key] = value;
  if (tensors)
    for (const TensorInfo& tensor : file.tensors())
      json["tensors"].push_back(
          {{"name", tensor.name}, {"dtype", std::string(name_of(tensor.dtype))}, {"shape", tensor.shape}});
  json["version"] = CLUSTERMASS_VERSION_STRING;
  return json;
}

int inspect(const std::string& argument, bool json, bool tensors) {
  const std::string path = tool::find_weights(argument, has_embedded);
  const std::vector<std::byte> read = path.empty() ? std::vector<std::byte>() : read_file(path);
  const std::span<const std::byte> bytes = path.empty() ? pretrained_weights() : std::span<const std::byte>(read);
  const std::string origin = path.empty() ? "the embedded network" : path;
  const WeightFile file = WeightFile::parse(bytes, origin);
  const Findings findings = examine(file, bytes, origin);
  if (json)
    std::printf("%s\n",
                as_json(file, findings, tensors).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  else
    print_text(file, findings, tensors);
  if (findings.problem.empty()) return tool::Exit::ok;
  std::fflush(stdout);
  tool::say_error(program, findings.problem);
  return tool::Exit::weights;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "What a weight file holds: metadata, parameters, the answer to its probe, its checksum.\n\n"
      "  clustermass_inspect weights/mock-sky-a-1/model.safetensors\n",
      program};
  std::string file;
  bool json = false, tensors = false;
  app.set_version_flag("--version", std::string(CLUSTERMASS_VERSION_STRING));
  app.add_option("FILE", file,
                 "weight file, or the folder that holds model.safetensors; otherwise that of\n"
                 "CLUSTERMASS_WEIGHTS, the embedded one, the installed one");
  app.add_flag("--json", json, "print JSON instead of text");
  app.add_flag("--tensors", tensors, "list every tensor with type and shape");
  app.footer("Exit codes: 0 a sound network of this version, 2 command line, 4 anything else.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    tool::say_error(program, std::string(error.what()) + "; see " + program + " --help");
    return tool::Exit::usage;
  }
  return tool::run_program(program, [&] { return inspect(file, json, tensors); });
}
