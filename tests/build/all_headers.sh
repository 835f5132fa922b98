#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# all_headers.sh COMPILER STANDARD SOURCE_DIR [FLAG...]: one file that includes every header compiles, with our warnings.
set -eu
compiler=$1 standard=$2 source=$3
shift 3
cd "$source/include"
gpu=  # without CUDA's headers the GPU wing stays out
echo '#include <cudnn.h>' | "$compiler" -E "$@" -x c++ - >/dev/null 2>&1 || gpu='-path clustermass/gpu -prune -o'
find clustermass $gpu -name '*.hpp' -print | sort | sed 's,.*,#include "&",' | "$compiler" "-std=$standard" -fsyntax-only -Wall -Wextra \
  -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror -I. "$@" -x c++ -
