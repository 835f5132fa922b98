// SPDX-License-Identifier: BSD-3-Clause
// Every instruction set this machine runs, for tests that must hold on each.
#pragma once

#include <vector>

#include "clustermass/cpu/engine.hpp"

namespace clustermass::support {

inline std::vector<cpu::InstructionSet> instruction_sets() {
  std::vector<cpu::InstructionSet> sets;
  for (const auto set : {cpu::InstructionSet::baseline, cpu::InstructionSet::neon, cpu::InstructionSet::avx2,
                         cpu::InstructionSet::avx512})
    if (cpu::available(set)) sets.push_back(set);
  return sets;
}

/// Those with a fused multiply-add, which promise the same bits.
inline std::vector<cpu::InstructionSet> fused_instruction_sets() {
  std::vector<cpu::InstructionSet> sets = instruction_sets();
  sets.erase(sets.begin());  // baseline
  return sets;
}

}  // namespace clustermass::support
