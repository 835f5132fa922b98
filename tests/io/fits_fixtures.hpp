// SPDX-License-Identifier: BSD-3-Clause
// Shared by the FITS tests: where the fixtures and the real data lie, a folder that cleans up, an error's sentence.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "clustermass/core/error.hpp"

namespace fits_test {

inline std::string fixture(const std::string& name) { return CLUSTERMASS_SOURCE_DIR "/tests/data/fits/" + name; }
inline const std::string frame_path = fixture("frame-g-000756-2-0044.fits");

inline const nlohmann::json& expected() {
  static const nlohmann::json values = nlohmann::json::parse(std::ifstream(fixture("expected.json")));
  return values;
}

/// Path of a file of the real data, empty if it is not at hand.
inline std::string real_data(const std::string& name) {
  const char* folder = std::getenv("CLUSTERMASS_REAL_DATA");
  const std::string path = std::string(folder ? folder : CLUSTERMASS_SOURCE_DIR "/../shared/data") + "/" + name;
  return std::filesystem::exists(path) ? path : "";
}

struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "clustermass-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

inline std::vector<char> read_bytes(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return std::vector<char>(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
}
inline void write_bytes(const std::string& path, const std::vector<char>& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Changes the value of a header card (the first one of that name) in the bytes of a FITS file.
inline void set_card(std::vector<char>& bytes, const std::string& card, const std::string& key) {
  for (std::size_t at = 0; at + 80 <= bytes.size(); at += 80)
    if (std::string(bytes.data() + at, key.size() + 1) == key + std::string(1, key.size() < 8 ? ' ' : '=')) {
      std::string line = card;
      line.resize(80, ' ');
      std::copy(line.begin(), line.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
  throw std::logic_error("the fixture has no card " + key);
}

/// The sentence of the InputError that an action throws; empty if it throws none.
template <class Action>
std::string input_error(const Action& action) {
  try {
    action();
  } catch (const clustermass::InputError& error) {
    return error.what();
  }
  return "";
}
inline bool mentions(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

}  // namespace fits_test
