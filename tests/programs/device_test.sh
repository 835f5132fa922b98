#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# --device of the programs: a device that is not there gives one sentence and exit status 5, before anything is made; a
# wrong name status 2, in the trainer's settings 3.
set -eu
[ -x "$CLUSTERMASS_BIN/clustermass_estimate" ] || { echo "no clustermass_estimate"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CUDA_VISIBLE_DEVICES=  # a GPU of this machine is not there either

# refused STATUS WORDS PROGRAM OPTION...
refused() {
  local expected=$1 words=$2 status=0
  shift 2
  [ -x "$CLUSTERMASS_BIN/clustermass_$1" ] || return 0  # the sanitizers leave some out
  "$CLUSTERMASS_BIN/clustermass_$@" >out 2>message || status=$?
  [ $status = "$expected" ] || { echo "$*: status $status instead of $expected"; cat message; exit 1; }
  grep -qE "$words" message || { echo "$*: says '$(cat message)', expected '$words'"; exit 1; }
  [ ! -s out ] || { echo "$*: answered"; exit 1; }
  [ $status != 5 ] || [ "$(wc -l <message)" = 1 ] || { echo "$*: more than one line"; exit 1; }
}
none='built without CUDA|use the CPU'
one=(--frames none --ra 1 --dec 1 --z 0.2)

refused 2 "expected cpu, cuda or cuda:N, found 'gpu'" estimate "${one[@]}" --device gpu
refused 2 "precision" estimate "${one[@]}" --device cuda --precision fp64
refused 5 "$none" estimate "${one[@]}" --device cuda:99
refused 2 "expected cpu, cuda or cuda:N, found 'cuda:'" explain "${one[@]}" -o why --device cuda:
refused 5 "$none" explain "${one[@]}" -o why --device cuda
refused 2 "expected cpu, cuda or cuda:N, found 'gpu'" evaluate --clusters 10 --device gpu
refused 5 "$none" evaluate --clusters 10 --device cuda
refused 3 "expected one of cpu, cuda, found 'gpu'" train --out run --device gpu
refused 5 "$none" train --out run --device cuda
[ ! -e run ] && [ ! -e why ] || { echo "something was made"; exit 1; }
