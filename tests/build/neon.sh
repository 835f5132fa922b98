#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# neon.sh COMPILER SOURCE_DIR BUILD_DIR: cross-compiles the tests of core, cpu and nn for aarch64 and runs them under qemu;
# then compares the bits of the whole network's outputs with those of this machine's instruction sets.
set -eu
compiler=$1 source=$2 build=$3/neon
command -v aarch64-linux-gnu-g++ >/dev/null || { echo "aarch64-linux-gnu-g++ is not installed"; exit 77; }
qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || { echo "qemu-aarch64 is not installed"; exit 77; }
doctest=$(echo '#include <doctest/doctest.h>' | g++ -x c++ -M - | tr ' ' '\n' | sed -n 's,/doctest/doctest.h,,p' | head -n1)
mkdir -p "$build/include"
ln -sfn "$doctest/doctest" "$build/include/doctest"  # that one header, not the host's /usr/include
launcher=$(command -v ccache || true)

compile() {
  local object=$build/$(echo "${1#"$source"/}" | tr / _).o
  $launcher aarch64-linux-gnu-g++ -std=c++20 -O2 -DCLUSTERMASS_SOURCE_DIR="\"$source\"" -I"$source/include" \
    -I"$source/tests" -isystem "$build/include" -c "$1" -o "$object"
}
export -f compile
export source build launcher
rm -f "$build"/*.o
files=$(find "$source/tests/core" "$source/tests/cpu" "$source/tests/nn" -name '*_test.cpp' 2>/dev/null || true)
[ -n "$files" ] || { echo "no tests in core, cpu or nn"; exit 77; }
printf '%s\n' "$source/tests/main.cpp" $files | xargs -P2 -I{} bash -c 'compile {}'
aarch64-linux-gnu-g++ -static "$build"/*.o -o "$build/tests"
"$qemu" "$build/tests" --no-version

flags=(-std=c++20 -O2 -I"$source/include")
$launcher aarch64-linux-gnu-g++ "${flags[@]}" -c "$source/tests/build/same_bits.cpp" -o "$build/same_bits.aarch64"
aarch64-linux-gnu-g++ -static "$build/same_bits.aarch64" -o "$build/same_bits_neon"
$launcher "$compiler" "${flags[@]}" -c "$source/tests/build/same_bits.cpp" -o "$build/same_bits.host"
"$compiler" "$build/same_bits.host" -o "$build/same_bits_here"
neon=$("$qemu" "$build/same_bits_neon")
echo "NEON $neon"
"$build/same_bits_here" | while read -r line; do
  echo "here $line"
  [ "$line" = "$neon" ] || { echo "the bits differ"; exit 1; }
done
