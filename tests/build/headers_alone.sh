#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# headers_alone.sh COMPILER STANDARD SOURCE_DIR [FLAG...]: compiles every header by itself, with our warnings.
set -eu
compiler=$1 standard=$2 source=$3
shift 3
check() {
  local header=$1 output
  shift
  if ! output=$(echo "#include \"$header\"" | "$@" -x c++ - 2>&1); then
    printf '%s does not compile alone:\n%s\n' "$header" "$(echo "$output" | head -n 20)"
    return 1
  fi
}
export -f check
cd "$source/include"
gpu=  # without CUDA's headers the GPU wing stays out
echo '#include <cudnn.h>' | "$compiler" -E "$@" -x c++ - >/dev/null 2>&1 || gpu='-path clustermass/gpu -prune -o'
find clustermass $gpu -name '*.hpp' -print | sort | xargs -P2 -I{} bash -c 'check "$@"' check {} "$compiler" "-std=$standard" \
  -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror -I. "$@"
