#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# consumer.sh HOW COMPILER SOURCE_DIR BUILD_DIR: another project takes clustermass in and runs.
# HOW: find_package, pkg-config (both from an installation in a temporary prefix that was moved after installing),
#      FetchContent, add_subdirectory.
set -eu
how=$1 compiler=$2 source=$3 build=$4
[ -f "$build/libclustermass_pretrained.a" ] || { echo "no released weights, nothing to consume"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "$how" = find_package ] || [ "$how" = pkg-config ]; then
  cmake --install "$build" --prefix "$work/first" >/dev/null
  mv "$work/first" "$work/prefix"
  test -f "$work/prefix/share/licenses/clustermass/LICENSE"
  ls "$work"/prefix/share/clustermass/weights/*/model.safetensors >/dev/null
fi
if [ "$how" = pkg-config ]; then
  PKG_CONFIG_PATH=$(find "$work/prefix" -type d -name pkgconfig)
  export PKG_CONFIG_PATH
  # shellcheck disable=SC2046 # one word per flag
  "$compiler" -std=c++20 -O1 "$here/consumer/main.cpp" $(pkg-config --cflags --libs clustermass-pretrained) -o "$work/survey"
  if pkg-config --exists clustermass-fits; then
    # shellcheck disable=SC2046
    "$compiler" -std=c++20 -O1 "$here/consumer/fits.cpp" $(pkg-config --cflags --libs clustermass-fits) -o "$work/survey_fits"
  fi
  cd "$work"
else
  launcher=
  if command -v ccache >/dev/null; then launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
  cmake -S "$here/consumer" -B "$work/build" -DHOW="$how" -DCLUSTERMASS_SOURCE_DIR="$source" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/prefix" $launcher >"$work/log" || { cat "$work/log"; exit 1; }
  cmake --build "$work/build" -j2 >"$work/log" || { cat "$work/log"; exit 1; }
  cd "$work/build"
  cmake --install . --prefix "$work/theirs" >/dev/null
  if [ -e "$work/theirs" ]; then
    echo "clustermass installs itself with a program that embeds it: $(find "$work/theirs" -type f | head)"
    exit 1
  fi
fi
./survey
if [ -x ./survey_fits ]; then ./survey_fits; fi
