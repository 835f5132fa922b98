// SPDX-License-Identifier: BSD-3-Clause
#include "data.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <numbers>

#include "../common/progress.hpp"
#include "clustermass/train/batch_gradient.hpp"  // shuffled

using namespace clustermass;

std::atomic<int> interrupted{0};

double label_offset(const std::string& offsets, const std::string& source) {
  double result = 0;
  for (std::size_t begin = 0; begin < offsets.size();) {
    const std::size_t end = std::min(offsets.find(' ', begin), offsets.size());
    const std::string word = offsets.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    double value = 0;
    const char* first = word.data() + (equals == std::string::npos ? word.size() : equals + 1);
    const auto [stop, error] = std::from_chars(first, word.data() + word.size(), value);
    if (equals == 0 || error != std::errc{} || stop != word.data() + word.size() || !(std::fabs(value) <= 1))
      throw InputError("label-offsets: expected SOURCE=DEX such as PSZ2=-0.04, found '" + word + "'");
    if (word.substr(0, equals) == source) result = value;
  }
  return result;
}

train::Label mass_of_richness(double ln_richness, double ln_richness_error) {
  // No catalogue lists a cluster with fewer than some five members, or one whose richness is not measured.
  if (!(ln_richness >= std::log(5.0)) || !(ln_richness_error >= 0 && ln_richness_error <= 2)) return {};
  constexpr double slope = 0.80, scatter = 0.22;
  return {14.344 + (ln_richness - std::log(40.0)) / (slope * std::numbers::ln10),
          std::hypot(scatter, ln_richness_error) / (slope * std::numbers::ln10)};
}

std::vector<int> folds_of(const Data& data, const std::vector<std::size_t>& which, int folds, std::uint64_t seed) {
  std::vector<int> result(which.size(), 0);
  if (folds < 2) return result;
  std::map<std::uint64_t, std::vector<std::size_t>> blocks;
  for (std::size_t n = 0; n < which.size(); ++n) blocks[data.block[which[n]]].push_back(n);
  std::vector<const std::vector<std::size_t>*> order;
  for (const auto& [block, members] : blocks) order.push_back(&members);
  if (order.size() < static_cast<std::size_t>(folds))
    throw InputError("the labelled clusters lie in " + std::to_string(order.size()) +
                     " blocks of the sky, too few for " + std::to_string(folds) + " folds; give fewer folds");
  // In a random order, the largest first: each block to the fold that has least.
  const std::vector<std::size_t> random = train::shuffled(order.size(), Random(seed, 3, 1));
  std::vector<const std::vector<std::size_t>*> mixed;
  for (const std::size_t k : random) mixed.push_back(order[k]);
  std::stable_sort(mixed.begin(), mixed.end(), [](auto* a, auto* b) { return a->size() > b->size(); });
  std::vector<std::size_t> size(static_cast<std::size_t>(folds));
  for (const auto* members : mixed) {
    const auto least = std::min_element(size.begin(), size.end());
    *least += members->size();
    for (const std::size_t n : *members) result[n] = static_cast<int>(least - size.begin());
  }
  return result;
}

std::shared_ptr<const train::Records> cached_samples(const std::string& cache, const std::string& name,
                                                     const std::string& description, std::size_t count,
                                                     const std::function<train::Sample(std::size_t, int)>& make,
                                                     Team& team, bool quiet) {
  const std::string text = std::string("clustermass ") + CLUSTERMASS_VERSION_STRING + "\n" + description +
                           "count = " + std::to_string(count) + "\n";
  const std::string path =
      cache + "/" + name + "-" + sha256_hex(std::as_bytes(std::span(text))).substr(0, 12) + ".records";
  if (std::filesystem::exists(path)) {
    auto records = std::make_shared<train::FileRecords>(path);
    // The first and the last cutout made anew tell whether this version still makes what the file holds.
    bool same =
        records->description() == text && records->size() == count && records->record_bytes() == train::sample_bytes;
    std::vector<std::byte> found(train::sample_bytes), made(train::sample_bytes);
    for (const std::size_t k : {std::size_t{0}, count - 1}) {
      if (!same || count == 0) break;
      records->read(k, found);
      train::encode(make(k, 0), made);
      same = found == made;
    }
    if (same) return records;
    if (!quiet) std::fprintf(stderr, "%s is of another version or sky: made anew\n", path.c_str());
  }
  train::RecordWriter writer(path, train::sample_bytes, count, text);
  tool::Progress bar("preparing " + name, count, quiet);
  constexpr std::size_t chunk = 64;
  std::vector<std::byte> bytes(chunk * train::sample_bytes);
  for (std::size_t begin = 0; begin < count; begin += chunk) {
    stop_if_interrupted();
    const std::size_t size = std::min(chunk, count - begin);
    const auto record = [&](std::size_t n) {
      return std::span(bytes).subspan(n * train::sample_bytes, train::sample_bytes);
    };
    team.run(size, [&](std::size_t n, int member) { train::encode(make(begin + n, member), record(n)); });
    for (std::size_t n = 0; n < size; ++n) writer.append(record(n));
    bar.update(begin + size);
  }
  writer.finish();
  return std::make_shared<train::FileRecords>(path);
}

std::size_t add_samples(Data& data, std::shared_ptr<const train::Records> records,
                        const std::function<std::string(std::size_t)>& id,
                        const std::function<std::uint64_t(std::size_t)>& block) {
  const std::size_t begin = data.set.size(), count = records->size();
  data.files.push_back(std::move(records));
  data.set = train::SampleSet(std::make_shared<train::JoinedRecords>(data.files));
  data.labels.resize(data.set.size());
  data.richness.resize(data.set.size());
  data.sources.resize(data.set.size());
  for (std::size_t k = 0; k < count; ++k) {
    data.ids.push_back(id(k));
    data.block.push_back(block(k));
  }
  return begin;
}

bool is_experiment(const Settings& settings) { return settings.images != "ugriz" || !settings.redshift; }

Data make_data(const Settings& settings, const std::string& cache, Team& team, bool quiet) {
  std::error_code error;
  std::filesystem::create_directories(cache, error);
  if (error) throw InputError("the folder '" + cache + "' cannot be made: " + error.message());
  Data data = settings.list.empty() ? data_of_mock_sky(settings, cache, team, quiet)
                                    : data_of_list(settings, cache, team, quiet);
  data.bands_unseen.assign(
      data.calibration.begin(),
      data.calibration.begin() + static_cast<std::ptrdiff_t>(std::min(data.calibration.size(), unseen_band_fields)));
  if (settings.band_scale == "native") {
    if (settings.list.empty())
      add_native_patches(data, settings, cache, team, quiet);
    else if (settings.band_fields > 0)
      throw InputError(
          "band-scale = native cuts patches from frames, not from a list; give band-frames and band-fields = 0");
    else
      data.bands_unseen.clear();
  }
  if (!settings.band_frames.empty()) add_real_fields(data, settings, cache, team, quiet);
  if (is_experiment(settings)) {
    std::array<bool, band_count> hidden{};
    std::string seen;
    for (std::size_t b = 0; b < hidden.size(); ++b) {
      hidden[b] = settings.images.find(band_names[b]) == std::string::npos;
      if (!hidden[b]) seen += band_names[b];
    }
    if (seen.empty() || seen != settings.images)
      throw InputError("images: expected some of the bands ugriz, in this order, found '" + settings.images + "'");
    data.set.hide(hidden, !settings.redshift);
  }
  return data;
}
