#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# check_output.sh PROGRAM EXPECTED: the program ends well and its lines match those of EXPECTED, which are regular expressions.
set -euo pipefail
mapfile -t found < <("$1" && echo "exit 0")
mapfile -t expected <"$2"
expected+=("exit 0")
for k in "${!expected[@]}"; do
  [[ ${found[k]-} =~ ^${expected[k]}$ ]] || { printf 'line %d is\n  %s\nexpected\n  %s\n' $((k + 1)) "${found[k]-}" "${expected[k]}"; exit 1; }
done
[[ ${#found[@]} == "${#expected[@]}" ]] || { echo "${#found[@]} lines, expected ${#expected[@]}"; exit 1; }
