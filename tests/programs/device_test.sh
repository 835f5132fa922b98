#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_estimate --device: a device that is not there gives one sentence and exit status 5; a wrong name status 2.
set -eu
estimate=$CLUSTERMASS_BIN/clustermass_estimate
[ -x "$estimate" ] || { echo "no clustermass_estimate"; exit 77; }
run() { status=0; "$estimate" --frames none --ra 1 --dec 1 --z 0.2 "$@" >out 2>message || status=$?; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

run --device gpu
[ $status = 2 ] && grep -q "expected cpu, cuda or cuda:N, found 'gpu'" message
run --device cuda --precision fp64
[ $status = 2 ]

run --device cuda:99  # no machine has so many
[ $status = 5 ] || { echo "status $status instead of 5"; cat message; exit 1; }
[ "$(wc -l <message)" = 1 ] && [ ! -s out ]
grep -qE 'built without CUDA|use the CPU' message
