#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the commands of docs/results.md again and puts what they print in their place:
#
#   docs/update_results.sh [FILTER]      only the commands that match FILTER, for example "catalogues"
#
# A block begins with a line `<!-- run: COMMAND -->` and ends with `<!-- end -->`. The commands run from the root of the
# repository with the programs of build/release/bin and the oracles' Python (tests/oracles/setup.sh) first on the PATH.
# One that fails leaves the file as it was.
set -euo pipefail
cd "$(dirname "$0")/.."
file=docs/results.md filter=${1:-}
oracles=${CLUSTERMASS_ORACLES:-$HOME/.cache/clustermass/oracles}
export PATH="$PWD/build/release/bin:$oracles/bin:$PATH" LC_ALL=C
new=$(mktemp)
trap 'rm -f "$new"' EXIT
skipping=false
while IFS= read -r line || [ -n "$line" ]; do
  if [[ $line == '<!-- end -->' ]]; then skipping=false; fi
  if $skipping; then continue; fi
  printf '%s\n' "$line" >>"$new"
  if [[ $line =~ ^'<!-- run: '(.*)' -->'$ && ${BASH_REMATCH[1]} == *"$filter"* ]]; then
    command=${BASH_REMATCH[1]}
    echo "$command" >&2
    output=$(bash -c "$command") || { echo "update_results.sh: this command failed; $file stays as it was" >&2; exit 1; }
    printf '\n`%s`\n\n%s\n\n' "$command" "$output" >>"$new"
    skipping=true
  fi
done <"$file"
cat "$new" >"$file"
