// SPDX-License-Identifier: BSD-3-Clause
// The subcommands of clustermass_mock, one file each; main.cpp only assembles them.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <functional>
#include <string>
#include <system_error>

/// What the parsed subcommand is to do; returns the program's exit code.
using Work = std::function<int()>;

/// Each adds its subcommand to the program; once that is parsed, `work` does it.
void add_frames_command(CLI::App& app, Work& work);
void add_catalogue_command(CLI::App& app, Work& work);
void add_sky_command(CLI::App& app, Work& work);
void add_gallery_command(CLI::App& app, Work& work);
void add_validate_command(CLI::App& app, Work& work);

/// Accepts a whole number from 0 to 2^64 - 1, as seeds are.
inline std::string check_seed(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size();
  return good ? std::string() : "expected a whole number from 0 to 2^64 - 1, found " + text;
}
