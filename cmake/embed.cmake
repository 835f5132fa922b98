# SPDX-License-Identifier: BSD-3-Clause
# clustermass_embed(TARGET FILE): gives TARGET a source file that defines
#   std::span<const std::byte> clustermass::detail::embedded_weights()
# over the bytes of FILE. GCC and Clang take the bytes in through the assembler; any other compiler gets an array.

function(clustermass_embed target file)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/embedded_weights.cpp")
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" AND NOT WIN32)
    set(section [[.section .rodata,"a"]])
    set(prefix "")
    set(previous ".previous")
    if(APPLE)
      set(section ".const_data")
      set(prefix "_")
      set(previous ".text")
    endif()
    string(CONFIGURE [==[
extern "C" {
[[gnu::visibility("hidden")]] extern const std::byte clustermass_weights_begin[];
[[gnu::visibility("hidden")]] extern const std::byte clustermass_weights_end[];
}
asm(R"(
@section@
.balign 64
@prefix@clustermass_weights_begin:
.incbin "@file@"
@prefix@clustermass_weights_end:
.byte 0
@previous@
)");
]==] bytes @ONLY)
  else()
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" hex "${hex}")
    set(bytes "alignas(64) static const unsigned char weights[] = {${hex}};
static const auto* const clustermass_weights_begin = reinterpret_cast<const std::byte*>(weights);
static const auto* const clustermass_weights_end = clustermass_weights_begin + sizeof weights;
")
  endif()
  file(CONFIGURE OUTPUT "${source}" @ONLY CONTENT [==[
// Made by cmake/embed.cmake.
#include <cstddef>
#include <span>

#include "clustermass/version.hpp"

@bytes@
namespace clustermass::inline CLUSTERMASS_DATA_TAG::detail {
std::span<const std::byte> embedded_weights();
std::span<const std::byte> embedded_weights() { return {clustermass_weights_begin, clustermass_weights_end}; }
}  // namespace clustermass::inline CLUSTERMASS_DATA_TAG::detail
]==])
  set_source_files_properties("${source}" PROPERTIES OBJECT_DEPENDS "${file}")
  target_sources(${target} PRIVATE "${source}")
endfunction()
