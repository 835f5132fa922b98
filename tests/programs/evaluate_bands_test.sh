#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Band naming on frames: clustermass_train learns from patches of two fields, or of one, and clustermass_evaluate bands
# asks about what was left out. Mock frames stand for real ones.
set -u
evaluate="$CLUSTERMASS_BIN/clustermass_evaluate" train="$CLUSTERMASS_BIN/clustermass_train" mock="$CLUSTERMASS_BIN/clustermass_mock"
for program in "$evaluate" "$train" "$mock"; do [ -x "$program" ] || { echo "$program is not built; skipped"; exit 77; }; done
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() { echo "FAILED: $*"; exit 1; }
figure() { sed -n "s/.*\"$2\": \"*\([^\",]*\)\"*,*\$/\1/p" "$1" | sed -n "${3:-1}p"; }  # figure FILE KEY [N]: the Nth of its name

"$mock" frames --blank --count 2 --seed 4 -o sky --quiet || fail "clustermass_mock frames"
fields=($(cd sky && for f in frame-r-*.fits; do f=${f#frame-r-}; echo "${f%.fits}"; done))
[ ${#fields[@]} = 2 ] || fail "fields: ${fields[*]}"
common=(--stage bands --arch small --clusters 2 --blank-fields 8 --calibration 50 --test 50 --band-epochs 1 --cache cache --quiet)
"$train" "${common[@]}" --band-fields 8 --pretext plain --band-statistics true --out mock >/dev/null || fail "trained on the mock sky"
"$train" "${common[@]}" --band-fields 0 --pretext plain --band-frames sky --band-patches 12 --band-left-out "${fields[1]}" --out real >/dev/null ||
  fail "trained on frames"
"$train" "${common[@]}" --band-fields 8 --pretext plain --band-frames sky --band-patches 12 --band-left-out "${fields[0]}" --out both >/dev/null ||
  fail "trained on both"
[ "$(ls cache/patches-*.records | wc -l)" = 1 ] || fail "runs do not share their patches"
# 8 fields and 50 held-out ones, five bands, one epoch
[ "$(grep -c ^train, mock/statistics.csv) $(grep -c ^held-out, mock/statistics.csv)" = "40 250" ] || fail "statistics.csv"
[ "$(head -n 1 mock/statistics.csv)" = part,band,rms,mad,skewness,kurtosis,quantile_995,above_5_sigma,neighbours,mean ] || fail "its head"

"$evaluate" bands mock real both --frames sky --patches 4 --json --quiet >json || fail "clustermass_evaluate bands"
[ "$(figure json trained_on 1), $(figure json trained_on 2), $(figure json trained_on 3)" = "mock sky A, real fields, mock sky A and real fields" ] ||
  fail "the kinds: $(grep trained_on json)"
[ "$(figure json fields 1) $(figure json fields 2) $(figure json fields 3)" = "2 1 1" ] || fail "fields asked about: $(grep '"fields"' json)"
[ "$(figure json pretext 1)" = plain ] || fail "the pretext"
"$evaluate" bands mock real both --frames sky --patches 4 --threads 1 --json --quiet | cmp -s - json || fail "the threads change the answers"
"$evaluate" bands real --frames sky --patches 2 --quiet | grep -q "^| real fields | plain *| 1 " || fail "the table"

refused() {  # refused CODE WORDS COMMAND
  local code=$1 words=$2
  shift 2
  "$@" >said 2>err
  [ $? = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -q -- "$words" err || fail "$*: $(cat said err)"
}
refused 3 "there is no field 000001-1-0001 below 'sky'" "$train" "${common[@]}" --band-frames sky --band-left-out 000001-1-0001 --out a
refused 3 "names all fields" "$train" "${common[@]}" --band-frames sky --band-left-out "${fields[*]}" --out b
refused 3 "has no samples to learn from" "$train" "${common[@]}" --band-fields 0 --out c
refused 4 "holds neither checkpoint-last.safetensors" "$evaluate" bands sky --frames sky
head -c 5000 real/checkpoint-last.safetensors >cut.safetensors
refused 4 "cut.safetensors" "$evaluate" bands cut.safetensors --frames sky
echo "clustermass_evaluate bands: all good"
