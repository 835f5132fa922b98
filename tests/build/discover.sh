#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# discover.sh FOLDER EXECUTABLE FILE [LABEL]: writes one add_test per test case of a doctest executable. Cases are chosen
# by their position, so a name may hold any character. A case that prints "skipped" in a MESSAGE counts as skipped.
set -eu
"$2" --list-test-cases --no-colors=true >"$3.names" </dev/null
awk -v folder="$1" -v executable="$2" -v label="${4-}" '
  /^\[doctest\]|^===/ { next }
  {
    gsub(/[";\\$]/, "\047"); name = folder ": " $0; n++
    if (seen[name]++) name = name " (" seen[name] ")"
    printf "add_test([==[%s]==] [==[%s]==] --no-version --order-by=file --first=%d --last=%d)\n", name, executable, n, n
    printf "set_tests_properties([==[%s]==] PROPERTIES TIMEOUT 300 SKIP_REGULAR_EXPRESSION \"MESSAGE: [Ss]kip\"", name
    print label == "" ? ")" : " LABELS " label ")"
  }' "$3.names" >"$3"
rm -f "$3.names"
