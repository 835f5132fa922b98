// SPDX-License-Identifier: BSD-3-Clause
// What all programs share: exit codes, one-line errors, threads, where the network comes from.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "clustermass/core/error.hpp"

namespace tool {

/// Exit codes of every program.
enum Exit : int { ok = 0, rows_without_result = 1, usage = 2, input = 3, weights = 4, device = 5 };

/// One line on stderr.
inline void say_error(std::string_view program, std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(), message.c_str());
}

/// Runs a program's work and turns what it throws into one line and an exit code.
template <class Work>
int run_program(std::string_view name, Work&& work) {
  try {
    return work();
  } catch (const clustermass::WeightError& error) {
    say_error(name, error.what());
    return Exit::weights;
  } catch (const clustermass::DeviceError& error) {
    say_error(name, error.what());
    return Exit::device;
  } catch (const std::bad_alloc&) {
    say_error(name, "the memory does not suffice; try fewer --threads");
    return Exit::input;
  } catch (const std::exception& error) {
    say_error(name, error.what());
    return Exit::input;
  }
}

/// Threads to use for a request of `wanted`; 0: OMP_NUM_THREADS if it is set, else as many as this process may run on.
inline int thread_count(int wanted) {
  if (wanted > 0) return wanted;
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    int value = 0;
    std::from_chars(text, text + std::string_view(text).size(), value);
    if (value > 0) return value;
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));  // the affinity mask, with glibc
}

/// Digits compare as numbers, so that mock-sky-a-10 comes after mock-sky-a-9.
inline bool natural_less(std::string_view a, std::string_view b) {
  const auto digit = [](std::string_view s, std::size_t k) { return k < s.size() && s[k] >= '0' && s[k] <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a, i) && digit(b, j)) {
      std::size_t i1 = i, j1 = j;
      while (digit(a, i1)) ++i1;
      while (digit(b, j1)) ++j1;
      while (i + 1 < i1 && a[i] == '0') ++i;
      while (j + 1 < j1 && b[j] == '0') ++j;
      const std::string_view x = a.substr(i, i1 - i), y = b.substr(j, j1 - j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      i = i1, j = j1;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

/// The released network's weight file installed beside this program, PREFIX/share/clustermass/weights/ID/
/// model.safetensors; without it the newest one there; or nothing.
inline std::string installed_weights() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  std::string best;
  const std::filesystem::path folder = self.parent_path().parent_path() / "share/clustermass/weights";
#ifdef CLUSTERMASS_RELEASED_NETWORK
  if (const auto file = folder / CLUSTERMASS_RELEASED_NETWORK / "model.safetensors";
      std::filesystem::exists(file, error))
    return file.string();
#endif
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string file = (entry->path() / "model.safetensors").string();
    if (std::error_code no; std::filesystem::exists(file, no) && (best.empty() || natural_less(best, file)))
      best = file;
  }
  return best;
}

/// Path of the weight file: the argument, else the environment variable CLUSTERMASS_WEIGHTS, else the embedded network
/// (an empty path) if there is one, else the installed file. A folder stands for the model.safetensors in it.
/// Throws WeightError if there is none.
inline std::string find_weights(std::string argument, bool has_embedded) {
  if (argument.empty())
    if (const char* from_environment = std::getenv("CLUSTERMASS_WEIGHTS")) argument = from_environment;
  if (argument.empty() && has_embedded) return {};
  if (argument.empty()) argument = installed_weights();
  if (argument.empty())
    throw clustermass::WeightError(
        "this build holds no network and none is installed; give a weight file with --weights FILE or "
        "CLUSTERMASS_WEIGHTS=FILE");
  if (std::error_code error; std::filesystem::is_directory(argument, error)) argument += "/model.safetensors";
  return argument;
}

}  // namespace tool
