// SPDX-License-Identifier: BSD-3-Clause
// Version numbers and the two inline-namespace tags. Not a place for anything else.
#pragma once

#define CLUSTERMASS_VERSION_MAJOR 0
#define CLUSTERMASS_VERSION_MINOR 1
#define CLUSTERMASS_VERSION_PATCH 0
#define CLUSTERMASS_VERSION_STRING "0.1.0"

/// Tag of plain data (Cutout, MassEstimate, exceptions) and of the free estimate_mass: the version alone, so that
/// files compiled with different instruction-set flags can hand each other a cutout.
#define CLUSTERMASS_DATA_TAG v0_1

/// Tag of everything that holds code: version and the host's instruction-set flags. Without it two files compiled
/// with different -m flags would silently share one copy of an inline function, and the linker would choose whose.
#if defined(__AVX512F__) && defined(__FMA__)
#define CLUSTERMASS_CODE_TAG v0_1_avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define CLUSTERMASS_CODE_TAG v0_1_avx2_fma
#elif defined(__AVX2__)
#define CLUSTERMASS_CODE_TAG v0_1_avx2
#elif defined(__AVX__) && defined(__FMA__)
#define CLUSTERMASS_CODE_TAG v0_1_avx_fma
#elif defined(__AVX__)
#define CLUSTERMASS_CODE_TAG v0_1_avx
#elif defined(__SSE4_1__)
#define CLUSTERMASS_CODE_TAG v0_1_sse4
#elif defined(__SSSE3__)
#define CLUSTERMASS_CODE_TAG v0_1_ssse3
#elif defined(__SSE3__)
#define CLUSTERMASS_CODE_TAG v0_1_sse3
#elif defined(__x86_64__)
#define CLUSTERMASS_CODE_TAG v0_1_x86_64
#elif defined(__ARM_FEATURE_SVE)
#define CLUSTERMASS_CODE_TAG v0_1_sve
#elif defined(__aarch64__)
#define CLUSTERMASS_CODE_TAG v0_1_aarch64
#else
#define CLUSTERMASS_CODE_TAG v0_1_generic
#endif
