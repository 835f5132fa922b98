// SPDX-License-Identifier: BSD-3-Clause
// Progress of a long job: one line that redraws itself on a terminal, else a line per minute, so that a log stays
// short. Writes to stderr only; stdout belongs to results.
#pragma once

#include <unistd.h>  // isatty

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace tool {

/// "0:07", "12:34", "3:05:00".
inline std::string duration_text(double seconds) {
  const long s = seconds > 0 && seconds < 1e9 ? static_cast<long>(seconds + 0.5) : 0;
  char text[48];
  if (s < 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  return text;
}

/// What the line says: label, bar (if bar_width > 0), share, count, time left or time taken, and a note.
inline std::string progress_text(std::string_view label, std::size_t done, std::size_t total, double seconds,
                                 std::string_view note = {}, int bar_width = 24) {
  const double share = total > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 1.0;
  std::string text(label);
  if (bar_width > 0) {
    const auto width = static_cast<std::size_t>(bar_width);
    const auto full = static_cast<std::size_t>(share * bar_width);
    text.append(" [").append(full, '#').append(width - full, '.').append("]");
  }
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, " %3d %%  %zu of %zu", static_cast<int>(100 * share), done, total);
  text += numbers;
  if (done >= total)
    text += "  in " + duration_text(seconds);
  else if (done > 0)
    text += "  " + duration_text(seconds * (1 - share) / share) + " left";
  if (!note.empty()) text.append("  ").append(note);
  return text;
}

/// Safe to update from several threads. The end of its life ends the line.
class Progress {
 public:
  /// total: steps in all. quiet: says nothing at all.
  Progress(std::string label, std::size_t total, bool quiet = false, std::FILE* out = stderr,
           double seconds_between_lines = 60)
      : label_(std::move(label)),
        total_(total),
        quiet_(quiet),
        out_(out),
        terminal_(::isatty(::fileno(out)) != 0),
        pause_(terminal_ ? 0.1 : seconds_between_lines) {
    if (!quiet_ && terminal_) print(0, {});
  }
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// done: steps done so far; note: a few words, such as the loss.
  void update(std::size_t done, std::string_view note = {}) {
    const std::lock_guard lock(mutex_);
    done_ = done;
    note_ = note;
    if (quiet_ || finished_ || seconds() - last_ < pause_) return;
    last_ = seconds();
    print(done, note);
  }
  /// One step more.
  void step(std::string_view note = {}) {
    std::size_t next = 0;
    {
      const std::lock_guard lock(mutex_);
      next = ++steps_;
    }
    update(next, note);
  }

  /// Prints the last state and ends the line.
  void finish() {
    const std::lock_guard lock(mutex_);
    if (quiet_ || finished_) return;
    finished_ = true;
    print(done_, note_);
    if (terminal_) std::fputc('\n', out_);
    std::fflush(out_);
  }

 private:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  void print(std::size_t done, std::string_view note) {
    if (terminal_) {
      const std::string text = progress_text(label_, done, total_, seconds(), note);
      std::fprintf(out_, "\r\033[K%.*s", static_cast<int>(std::min<std::size_t>(text.size(), 79)), text.c_str());
    } else {
      std::fprintf(out_, "%s\n", progress_text(label_, done, total_, seconds(), note, 0).c_str());
    }
    std::fflush(out_);
  }

  std::string label_, note_;
  std::size_t total_, done_ = 0, steps_ = 0;
  bool quiet_, finished_ = false;
  std::FILE* out_;
  bool terminal_;
  double pause_, last_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
};

}  // namespace tool
