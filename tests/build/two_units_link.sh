#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# two_units_link.sh COMPILER SOURCE_DIR [FLAG...]: two files that include every header link: nothing is defined twice.
set -eu
compiler=$1 source=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gpu=  # without CUDA's headers the GPU wing stays out
echo '#include <cudnn.h>' | "$compiler" -E "$@" -x c++ - >/dev/null 2>&1 || gpu='-path clustermass/gpu -prune -o'
(cd "$source/include" && find clustermass $gpu -name '*.hpp' -print | sort | sed 's,.*,#include "&",') >"$work/all.hpp"
echo '#include "all.hpp"' >"$work/one.cpp"
echo '#include "all.hpp"' >"$work/two.cpp"
for file in one two; do
  "$compiler" -std=c++20 -O0 -I"$source/include" "$@" -c "$work/$file.cpp" -o "$work/$file.o" 2>"$work/$file.log" &
done
wait %1 && wait %2 || { head -n 20 "$work"/*.log; exit 1; }
"$compiler" -r -nostdlib "$work/one.o" "$work/two.o" -o "$work/both.o"  # -r: the libraries' symbols may stay open
