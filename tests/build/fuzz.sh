#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# fuzz.sh FILE SOURCE_DIR BUILD_DIR: builds tests/fuzz/<name>_fuzz.cpp with libFuzzer and both sanitizers and runs it
# from its corpus tests/fuzz/corpus/<name>/. As a test it is the same 100,000 inputs every time; a search for new ones
# is CLUSTERMASS_FUZZ_SECONDS=600. The corpus is not written to.
set -eu
file=$1 source=$2 build=$3/fuzz
name=$(basename "$file" _fuzz.cpp)
clang=$(command -v clang++ || command -v clang++-14) || { echo "Clang is not installed"; exit 77; }
mkdir -p "$build/$name"
launcher=$(command -v ccache || true)
flags=(-std=c++20 -O1 -g1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
  "$clang" "${flags[@]}" -x c++ - -o "$build/probe" 2>/dev/null || { echo "Clang has no libFuzzer (libclang-rt-*-dev)"; exit 77; }
$launcher "$clang" "${flags[@]}" -I"$source/include" -I"$source/tests" -c "$file" -o "$build/$name.o"
"$clang" "${flags[@]}" "$build/$name.o" -o "$build/$name.fuzzer"
seeds=()
if [ -d "$source/tests/fuzz/corpus/$name" ]; then seeds+=("$source/tests/fuzz/corpus/$name"); fi
search=(-seed=1 -runs=100000)
if [ -n "${CLUSTERMASS_FUZZ_SECONDS:-}" ]; then search=(-max_total_time="$CLUSTERMASS_FUZZ_SECONDS"); else rm -f "$build/$name"/*; fi
"$build/$name.fuzzer" "${search[@]}" -timeout=10 -rss_limit_mb=1024 \
  -artifact_prefix="$build/" -print_final_stats=1 "$build/$name" "${seeds[@]}" 2>"$build/$name.log" ||
  { tail -n 40 "$build/$name.log"; exit 1; }
tail -n 8 "$build/$name.log"
