#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_mock catalogue: the same bytes for any thread count, the priors' masses, and on failure a sentence and
# nothing left.
set -u
mock="$CLUSTERMASS_BIN/clustermass_mock"
[ -x "$mock" ] || { echo "clustermass_mock is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

"$mock" catalogue -n 12 --seed 3 --threads 1 --quiet -o "$work/one.csv" || fail "catalogue"
"$mock" catalogue -n 12 --seed 3 --threads 3 --quiet -o "$work/three.csv" || fail "catalogue with three threads"
cmp -s "$work/one.csv" "$work/three.csv" || fail "the catalogue depends on the threads"
[ "$(wc -l <"$work/one.csv")" = 13 ] || fail "expected a header and 12 lines"
head -1 "$work/one.csv" | grep -q '^ID,Z,LOGM500C,LOGM200M,LAMBDA_INT,LAMBDA_OBS,' || fail "header: $(head -1 "$work/one.csv")"

# The survey prior is steep, the training prior flat: mean log mass 13.9 and 14.45 above 13.7.
mean() { awk -F, 'NR > 1 { sum += $3 } END { printf "%d", 100 * sum / (NR - 1) }' "$1"; }
"$mock" catalogue -n 300 --richness poisson --quiet -o "$work/training.csv" || fail "training prior"
"$mock" catalogue -n 300 --richness poisson --prior survey --quiet -o "$work/survey.csv" || fail "survey prior"
[ "$(mean "$work/training.csv")" -gt 1435 ] || fail "training prior: mean log mass $(mean "$work/training.csv")"
[ "$(mean "$work/survey.csv")" -lt 1405 ] || fail "survey prior: mean log mass $(mean "$work/survey.csv")"
"$mock" catalogue --prior survey --area 3 --sky mixed --richness poisson --lambda-min 20 --quiet -o "$work/area.csv" ||
  fail "area"
awk -F, 'NR > 1 && $6 < 20 { exit 1 }' "$work/area.csv" || fail "a cluster below --lambda-min"

# Bad requests: exit code 2 (command line) or 3 (parameters, place), one line, nothing left.
refused() {
  code=$1; shift
  message=$("$mock" catalogue "$@" --quiet 2>&1)
  found=$?
  [ $found = "$code" ] || fail "$*: exit code $found, expected $code"
  [ "$(printf '%s\n' "$message" | wc -l)" = 1 ] || fail "$*: expected one line, got $message"
}
refused 2 -n 0 -o "$work/bad.csv"
refused 2 --prior flat -o "$work/bad.csv"
refused 2 --prior survey --area 5 -n 5 -o "$work/bad.csv"
refused 2 --sky C -o "$work/bad.csv"
refused 3 --area 5 -o "$work/bad.csv"
refused 3 --prior survey --z-min 0.4 --z-max 0.3 -n 5 -o "$work/bad.csv"
refused 3 --with colour=B -n 5 -o "$work/bad.csv"
refused 3 -n 5 -o "$work/nowhere/bad.csv"
refused 3 -n 5 -o "$work"
ls -A "$work" | grep -v '^\(one\|three\|training\|survey\|area\)\.csv$' && fail "a failed run left something"
echo "clustermass_mock catalogue: threads, priors and bad requests are as expected"
