// SPDX-License-Identifier: BSD-3-Clause
// The kernels with the real NVRTC, which needs no device: they compile for every architecture from 7.5 on, and ptxas
// reports what each needs of a multiprocessor.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "clustermass/gpu/kernels.hpp"

using namespace clustermass;

namespace {

struct Use {
  int registers = -1, stack = 0, spilled = 0, shared = 0;
};

/// What ptxas -v says of each kernel of `ptx` on an architecture.
std::vector<std::pair<std::string, Use>> uses(const std::string& ptx, const std::string& architecture) {
  const auto folder = std::filesystem::temp_directory_path();
  const std::string base = (folder / ("clustermass_kernels_" + architecture)).string();
  std::ofstream(base + ".ptx") << ptx.c_str();
  const std::string command = std::string(CLUSTERMASS_PTXAS) + " -v -arch=" + architecture + " " + base + ".ptx -o " +
                              base + ".cubin >" + base + ".log 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream log(base + ".log");
  std::vector<std::pair<std::string, Use>> found;
  for (std::string line; std::getline(log, line);) {
    if (const auto at = line.find("Compiling entry function '"); at != std::string::npos)
      found.emplace_back(line.substr(at + 26, line.find('\'', at + 26) - at - 26), Use{});
    if (found.empty()) continue;
    Use& use = found.back().second;
    int a = 0, b = 0, c = 0;
    if (const auto at = line.find("bytes stack frame"); at != std::string::npos) {
      std::sscanf(line.c_str(), "%d bytes stack frame, %d bytes spill stores, %d bytes spill loads", &a, &b, &c);
      use.stack = a;
      use.spilled = b + c;
    }
    if (const auto at = line.find("Used "); at != std::string::npos)
      std::sscanf(line.c_str() + at, "Used %d", &use.registers);
    if (const auto at = line.find(" bytes smem"); at != std::string::npos) {
      const auto start = line.rfind(' ', at - 1);
      use.shared = std::stoi(line.substr(start + 1));
    }
  }
  for (const char* end : {".ptx", ".cubin", ".log"}) std::filesystem::remove(base + end);
  CHECK(status == 0);
  return found;
}

}  // namespace

TEST_CASE("The kernels compile for every architecture from 7.5 on, for float maps and for half maps") {
  int count = 0;
  REQUIRE(nvrtcGetNumSupportedArchs(&count) == NVRTC_SUCCESS);
  std::vector<int> known(static_cast<std::size_t>(count));
  REQUIRE(nvrtcGetSupportedArchs(known.data()) == NVRTC_SUCCESS);
  std::string names;
  for (const int architecture : known) {
    if (architecture < 75) continue;
    const std::string name = "sm_" + std::to_string(architecture);
    names += " " + name;
    CHECK(gpu::compile_kernels(name, false).size() > 1000);
    if (architecture == 75 || architecture == 90) CHECK(gpu::compile_kernels(name, true).size() > 1000);
  }
  MESSAGE("compiled for" << names);
  CHECK(gpu::architecture_for(90) == "sm_90");
  CHECK(gpu::architecture_for(999) == "compute_" + std::to_string(known.back()));
  CHECK_THROWS_WITH_AS(gpu::architecture_for(50), doctest::Contains("expected one that this CUDA Toolkit supports"),
                       DeviceError);
  CHECK_THROWS_WITH_AS(gpu::compile_kernels("sm_1", false), doctest::Contains("nvrtcCompileProgram"), DeviceError);
}

TEST_CASE("No kernel spills a register or takes shared memory, and a full multiprocessor can run each") {
  if (!std::filesystem::exists(CLUSTERMASS_PTXAS)) {
    MESSAGE("skipped: there is no ptxas at " << CLUSTERMASS_PTXAS);
    return;
  }
  for (const std::string architecture : {"80", "90"}) {
    const auto found = uses(gpu::compile_kernels("compute_" + architecture, false), "sm_" + architecture);
    CHECK(found.size() == static_cast<std::size_t>(gpu::kernel_count));
    std::ostringstream table;
    for (const auto& one : found) {
      const auto& [name, use] = one;
      INFO(one.first);
      CHECK(std::find(std::begin(gpu::kernel_names), std::end(gpu::kernel_names), name) != std::end(gpu::kernel_names));
      CHECK(use.registers > 0);
      CHECK(use.registers <= 64);  // 65536 registers: at least half of the 2048 threads at a time
      CHECK(use.spilled == 0);
      CHECK(use.shared == 0);
      table << "\n| " << name << " | " << use.registers << " | " << use.spilled << " | " << use.stack << " | "
            << use.shared << " |";
    }
    MESSAGE("sm_"
            << architecture
            << "\n| kernel | registers | spilled bytes | stack bytes | shared bytes |\n| --- | --- | --- | --- | --- |"
            << table.str());
  }
}
