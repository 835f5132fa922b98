// SPDX-License-Identifier: BSD-3-Clause
// Patches of mock fields at the scale of the detector, for band naming.
#include <algorithm>
#include <map>
#include <mutex>

#include "clustermass/mock/native.hpp"
#include "clustermass/mock/skies.hpp"
#include "data.hpp"
#include "native_patch.hpp"

using namespace clustermass;

namespace {

constexpr std::uint64_t patch_scenes = 5'000'000'000;  // no scene of another part, no block of a list

// Four scenes take turns, so that threads which go from patch to patch do not wait for one and the same.
constexpr std::size_t patches_of_scene = 16, scenes_together = 4, patches_together = patches_of_scene * scenes_together;

constexpr std::size_t scene_of(std::size_t patch) {
  return patch / patches_together * scenes_together + patch % scenes_together;
}

/// Five frames of a scene, drawn once for all its patches and forgotten when others are asked for.
class Frames {
 public:
  Frames(const std::string& sky, std::uint64_t seed) : sky_(sky), seed_(seed) {}

  std::shared_ptr<const mock::NativeField> operator()(std::size_t scene) {
    std::shared_ptr<Entry> entry;
    {
      const std::lock_guard lock(mutex_);
      std::shared_ptr<Entry>& known = entries_[scene];
      if (!known) known = std::make_shared<Entry>();
      entry = known;
      for (auto old = entries_.begin(); entries_.size() > scenes_together + 2;)
        old = old->first == scene ? std::next(old) : entries_.erase(old);
    }
    const std::lock_guard lock(entry->mutex);
    if (!entry->field) entry->field = std::make_shared<const mock::NativeField>(draw(scene));
    return entry->field;
  }

 private:
  struct Entry {
    std::mutex mutex;
    std::shared_ptr<const mock::NativeField> field;
  };

  mock::NativeField draw(std::size_t scene) const {
    const std::uint64_t index = patch_scenes + scene;
    const mock::SkyParameters sky = sky_ == "B"       ? mock::sky_b()
                                    : sky_ == "mixed" ? mock::mixed_sky(seed_, index)
                                                      : mock::sky_a();
    mock::SceneOptions options;
    options.cluster = scene % 2 == 0;
    options.half_width_arcsec = 510;
    options.footprint_probability = 1;
    options.frame_pixel = {{mock::NativeField::width / 2.0, mock::NativeField::height / 2.0}};
    return mock::render_native(mock::draw_scene(sky, seed_, index, options), sky);
  }

  std::string sky_;
  std::uint64_t seed_;
  std::mutex mutex_;
  std::map<std::size_t, std::shared_ptr<Entry>> entries_;
};

/// The five frames with their centre moved to a place of the r frame that all of them hold with a margin.
Cutout view_at(const mock::NativeField& field, Random& random) {
  constexpr int width = mock::NativeField::width, height = mock::NativeField::height;
  const AffineMap& r = field.bands[static_cast<std::size_t>(Band::r)].map;
  Cutout cutout;
  for (bool inside = false; !inside;) {
    const double x = (width - 1) * random.uniform() - r.centre_x, y = (height - 1) * random.uniform() - r.centre_y;
    const double east = r.arcsec_per_pixel[0][0] * x + r.arcsec_per_pixel[0][1] * y,
                 north = r.arcsec_per_pixel[1][0] * x + r.arcsec_per_pixel[1][1] * y;
    inside = true;
    for (std::size_t b = 0; b < field.bands.size(); ++b) {
      const mock::NativeFrame& frame = field.bands[b];
      const auto& m = frame.map.arcsec_per_pixel;
      const double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
      BandImage& image = cutout.bands[b];
      image.map = frame.map;
      image.map.centre_x += (m[1][1] * east - m[0][1] * north) / determinant;
      image.map.centre_y += (m[0][0] * north - m[1][0] * east) / determinant;
      inside = inside && image.map.centre_x > native_patch_margin && image.map.centre_y > native_patch_margin &&
               image.map.centre_x < width - 1 - native_patch_margin &&
               image.map.centre_y < height - 1 - native_patch_margin;
      if (frame.image.empty()) continue;
      image.pixels = frame.image.data();
      image.mask = frame.mask.empty() ? nullptr : frame.mask.data();
      image.height = height;
      image.width = width;
    }
  }
  return cutout;
}

}  // namespace

void add_native_patches(Data& data, const Settings& settings, const std::string& cache, Team& team, bool quiet) {
  const std::size_t learned = static_cast<std::size_t>(settings.band_fields), begin = data.set.size();
  // What is not learned from lies in other scenes.
  const std::size_t first_unseen = (learned + patches_together - 1) / patches_together * patches_together;
  const std::size_t count = first_unseen + std::clamp(learned / 4, patches_together, unseen_band_fields);
  Frames frames(settings.sky, settings.seed);
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(team.size()));
  std::vector<std::vector<Cell>> scratch(buffers.size(), std::vector<Cell>(field_cells));
  add_samples(
      data,
      cached_samples(
          cache, "native",
          "sky = " + settings.sky + "\nseed = " + std::to_string(settings.seed) +
              "\nscale = native\nlearned = " + std::to_string(learned) + "\n",
          count,
          [&](std::size_t k, int member) {
            const std::size_t m = static_cast<std::size_t>(member);
            Random random(settings.seed, patch_scenes + k, 1000);  // of its place; a scene has the streams below
            train::SampleInfo info;
            info.number = static_cast<double>(k);
            const std::shared_ptr<const mock::NativeField> field = frames(scene_of(k));
            return train::make_sample(native_patch(view_at(*field, random)), info, buffers[m], scratch[m]);
          },
          team, quiet),
      [](std::size_t k) { return "native-" + std::to_string(k); },
      [](std::size_t k) { return patch_scenes + scene_of(k); });
  data.bands.clear();
  data.bands_unseen.clear();
  for (std::size_t k = 0; k < count; ++k)
    if (!(static_cast<std::uint32_t>(data.set.info(begin + k).flags) & flag::no_result)) {
      if (k < learned) data.bands.push_back(begin + k);
      if (k >= first_unseen) data.bands_unseen.push_back(begin + k);
    }
}
