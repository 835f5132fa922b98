#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# must_not_compile.sh COMPILER SOURCE_DIR FILE: the file compiles as it stands, and with -DWRONG it is refused with the
# message that its "// expected:" line gives as a regular expression.
set -eu
compile() { "$1" -std=c++20 -fsyntax-only -I"$2/include" "$3" $4 2>&1; }
compile "$1" "$2" "$3" "" || { echo "the right version does not compile"; exit 1; }
expected=$(sed -n 's,^// expected: ,,p' "$3")
if output=$(compile "$1" "$2" "$3" -DWRONG); then
  echo "the wrong version compiles"
  exit 1
fi
echo "$output" | grep -Eq -- "$expected" || { echo "$output"; echo "no message matches: $expected"; exit 1; }
