// SPDX-License-Identifier: BSD-3-Clause
#include "extractor.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "clustermass/estimator.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/io/weight_file.hpp"
#include "clustermass/model/architectures.hpp"

using namespace clustermass;

namespace {

template <class Arch, Engine E>
class ExtractorOf final : public Extractor {
 public:
  using Map = typename E::Map;
  using Scalar = typename E::Scalar;

  ExtractorOf(const WeightFile& file, int members)
      : features_weights_(read<typename Arch::Features>(file, "features.")),
        band_weights_(read<typename Arch::BandHead>(file, "band.")),
        features_(features_weights_.values(), input_shape, Walk::inference),
        band_(band_weights_.values(), features_.output_shape(), Walk::inference) {
    for (int member = 0; member < members; ++member) memory_.push_back(std::make_unique<Memory>(*this));
  }

  std::array<int, band_count> name_bands(const train::PreparedBuffer& prepared, int member) const override {
    Memory& m = *memory_[static_cast<std::size_t>(member)];
    const Map x = E::map_at(m.input.data(), input_shape, Form::map);
    m.engine.copy_in(View<const float>{prepared.input.data(), input_shape}, x);
    const ConditionsOf<E> per_band{{prepared.band_coverage.data(), {band_count, 1, coarse_side, coarse_side}}, {}};
    const Map features = features_.run(m.engine, m.features.data(), per_band, x);
    const Map logits = band_.run(m.engine, m.band.data(), per_band, features);
    std::array<double, band_count * band_count> numbers{};
    m.engine.copy_out(logits, View<double>{numbers.data(), logits.shape});
    std::array<int, band_count> named{};
    for (std::size_t b = 0; b < named.size(); ++b) {
      const auto row = numbers.begin() + static_cast<std::ptrdiff_t>(b * band_count);
      named[b] = static_cast<int>(std::max_element(row, row + band_count) - row);
    }
    return named;
  }

 private:
  static constexpr Shape input_shape{band_count, 1, field_side, field_side};

  struct Memory {
    explicit Memory(const ExtractorOf& e)
        : input(E::map_size(input_shape, Form::map)),
          features(e.features_.arena_size()),
          band(e.band_.arena_size()),
          scratch(std::max(e.features_.scratch_size(), e.band_.scratch_size())) {
      engine.use_scratch(scratch.data());
    }
    E engine{};
    Arena<Scalar> input, features, band, scratch;
  };

  template <class Net>
  static Weights<Net> read(const WeightFile& file, const char* prefix) {
    Weights<Net> weights;
    weights.for_each_tensor(prefix, [&](const std::string& tensor, const Parameter&, std::span<float> values) {
      file.read(tensor, values);
    });
    return weights;
  }

  Weights<typename Arch::Features> features_weights_;
  Weights<typename Arch::BandHead> band_weights_;
  Plan<typename Arch::Features, E> features_;
  Plan<typename Arch::BandHead, E> band_;
  std::vector<std::unique_ptr<Memory>> memory_;
};

template <class Arch>
std::unique_ptr<Extractor> extractor_of(const WeightFile& file, int members) {
  return CpuEngine().with(
      [&]<class E>(E) -> std::unique_ptr<Extractor> { return std::make_unique<ExtractorOf<Arch, E>>(file, members); });
}

/// The value of a setting in the configuration that a checkpoint carries; empty if it has none.
std::string setting_of(std::string_view config, std::string_view key) {
  for (std::size_t begin = 0; begin < config.size();) {
    const std::size_t end = std::min(config.find('\n', begin), config.size());
    const std::string_view line = config.substr(begin, end - begin);
    begin = end + 1;
    if (!line.starts_with(key) || !line.substr(key.size()).starts_with(" = ")) continue;
    std::string_view value = line.substr(key.size() + 3);
    if (value.starts_with('"') && value.ends_with('"') && value.size() >= 2) value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

std::string find_file(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) return path;
  for (const char* name : {"checkpoint-last.safetensors", "model.safetensors"})
    if (fs::exists(fs::path(path) / name)) return (fs::path(path) / name).string();
  throw WeightError("the folder '" + path + "' holds neither checkpoint-last.safetensors nor model.safetensors");
}

}  // namespace

std::unique_ptr<Extractor> open_extractor(const std::string& path, int members) {
  const std::string place = find_file(path);
  const std::vector<std::byte> bytes = read_file(place);
  const WeightFile file = WeightFile::parse(bytes, place);
  const TensorInfo* head = file.find("band.1.weight");
  const std::int64_t channels = head && head->shape.size() == 2 ? head->shape[1] : 0;
  std::unique_ptr<Extractor> extractor;
  if (channels == 32) extractor = extractor_of<SmallArchitecture>(file, members);
  if (channels == 48) extractor = extractor_of<Released>(file, members);
  if (channels == 128) extractor = extractor_of<LargeArchitecture>(file, members);
  if (!extractor)
    throw WeightError(place +
                      ": there is no band head of an architecture that clustermass_train makes (band.1.weight)");
  extractor->name = path;
  const std::string config(file.metadata("config").value_or(""));
  if (config.empty()) {
    extractor->training_set = std::string(file.metadata("training_set").value_or("unknown"));
    extractor->of_real = extractor->training_set.find("real fields") != std::string::npos;
    return extractor;
  }
  if (setting_of(config, "band-scale") == "native")
    throw InputError(
        place +
        ": taught on patches of native pixels (band-scale = native), which this command does not show; give "
        "one that was taught on fields of 2 Mpc");
  extractor->hardened = setting_of(config, "pretext") != "plain";
  extractor->of_real = !setting_of(config, "band-frames").empty();
  extractor->of_mock = setting_of(config, "band-fields") != "0";
  extractor->left_out = setting_of(config, "band-left-out");
  extractor->training_set = setting_of(config, "list").empty() ? "mock sky " + setting_of(config, "sky") : "a list";
  return extractor;
}
