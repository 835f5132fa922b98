// SPDX-License-Identifier: BSD-3-Clause
// TEST DOUBLE of NVRTC (see device.hpp): the "code" it makes only says what was asked for. The real compiler has a test
// of its own, nvrtc_test.cpp.
#include <nvrtc.h>

#include <cstring>
#include <string>

#include "device.hpp"

struct _nvrtcProgram {
  std::string code;
};

namespace {
nvrtcResult before(const char* call) { return test_double::fails(call) ? NVRTC_ERROR_INTERNAL_ERROR : NVRTC_SUCCESS; }
}  // namespace

const char* nvrtcGetErrorString(nvrtcResult) { return "said by the test double"; }
nvrtcResult nvrtcGetNumSupportedArchs(int* count) {
  const test_double::Turn turn;
  *count = 3;
  return before("nvrtcGetNumSupportedArchs");
}
nvrtcResult nvrtcGetSupportedArchs(int* architectures) {
  const test_double::Turn turn;
  const int known[] = {75, 80, 90};
  std::memcpy(architectures, known, sizeof known);
  return before("nvrtcGetSupportedArchs");
}
nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char*, const char*, int, const char* const*,
                               const char* const*) {
  const test_double::Turn turn;
  if (const auto e = before("nvrtcCreateProgram")) return e;
  *program = new _nvrtcProgram;
  test_double::made("NVRTC program");
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  const test_double::Turn turn;
  delete *program;
  *program = nullptr;
  test_double::made("NVRTC program", -1);
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char* const* options) {
  const test_double::Turn turn;
  if (test_double::fails("nvrtcCompileProgram")) return NVRTC_ERROR_COMPILATION;
  program->code = "test double ";
  for (int k = 0; k < count; ++k) {
    const std::string option = options[k];
    if (option.starts_with("--gpu-architecture=")) program->code += option.substr(19);
    if (option == "--define-macro=MAP_IS_HALF") program->code += " half";
  }
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram, std::size_t* size) {
  const test_double::Turn turn;
  *size = 5;
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetProgramLog(nvrtcProgram, char* log) {
  const test_double::Turn turn;
  std::memcpy(log, "oops", 5);
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, std::size_t* size) {
  const test_double::Turn turn;
  *size = program->code.size() + 1;
  return before("nvrtcGetCUBINSize");
}
nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* code) {
  const test_double::Turn turn;
  std::memcpy(code, program->code.c_str(), program->code.size() + 1);
  return before("nvrtcGetCUBIN");
}
nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, std::size_t* size) {
  const test_double::Turn turn;
  return nvrtcGetCUBINSize(program, size);
}
nvrtcResult nvrtcGetPTX(nvrtcProgram program, char* code) {
  const test_double::Turn turn;
  return nvrtcGetCUBIN(program, code);
}
