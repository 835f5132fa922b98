#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# all_headers.sh COMPILER STANDARD SOURCE_DIR [FLAG...]: one file that includes every header compiles, with our warnings.
set -eu
compiler=$1 standard=$2 source=$3
shift 3
cd "$source/include"
find clustermass -name '*.hpp' | sort | sed 's,.*,#include "&",' | "$compiler" "-std=$standard" -fsyntax-only -Wall -Wextra \
  -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror -I. "$@" -x c++ -
