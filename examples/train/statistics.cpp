// SPDX-License-Identifier: BSD-3-Clause
#include "statistics.hpp"

#include "../common/progress.hpp"
#include "clustermass/io/file.hpp"
#include "clustermass/train/image_statistics.hpp"

using namespace clustermass;

void write_statistics(Run& run, const Task& task) {
  std::string text = "part,band";
  for (const char* name : train::image_statistic_names) text += std::string(",") + name;
  text += "\n";
  std::vector<train::PreparedBuffer> buffers(static_cast<std::size_t>(run.team.size()));
  const auto add = [&](const char* part, const std::vector<std::size_t>& which, int epoch) {
    std::vector<std::string> lines(which.size());
    run.team.run(which.size(), [&](std::size_t n, int member) {
      train::PreparedBuffer& buffer = buffers[static_cast<std::size_t>(member)];
      Random random = train::sample_draws(run.settings.seed, task.options, epoch, which[n]);
      run.data.set.unpack(which[n], buffer);
      train::make_pretext(buffer, run.data.set.info(which[n]), task.options, random);
      for (std::size_t b = 0; b < band_count; ++b) {
        lines[n] += std::string(part) + "," + band_names[b];
        for (const double value :
             train::image_statistics(std::span(buffer.input).subspan(b * field_cells, field_cells), field_side)) {
          char number[32];
          std::snprintf(number, sizeof number, ",%.7g", value);
          lines[n] += number;
        }
        lines[n] += "\n";
      }
    });
    for (const std::string& line : lines) text += line;
  };
  tool::Progress progress("statistics of the images", static_cast<std::size_t>(task.options.epochs) + 1,
                          run.folder.quiet());
  for (int epoch = 0; epoch < task.options.epochs; ++epoch) {
    add("train", task.which, epoch);
    progress.step();
  }
  add("held-out", task.validation, train::held_out_epoch);
  progress.step();
  write_file<InputError>(run.folder.file("statistics.csv"), std::as_bytes(std::span(text)));
}
