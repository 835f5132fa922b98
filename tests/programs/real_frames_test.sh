#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_estimate on a real cluster near the edge of real frames: an answer with the flags EDGE and LOW_COVERAGE.
set -u
estimate="$CLUSTERMASS_BIN/clustermass_estimate"
[ -x "$estimate" ] || { echo "clustermass_estimate is not built"; exit 77; }
frames="${CLUSTERMASS_REAL_DATA:-$CLUSTERMASS_SOURCE_DIR/../shared/data}/sdss/004510-4-0030"
[ -d "$frames" ] || { echo "skipped: no real frames in $frames (set CLUSTERMASS_REAL_DATA)"; exit 77; }
out=$("$estimate" --frames "$frames" --ra 200.50999 --dec 36.73089 --z 0.180 --json 2>&1)
code=$?
if [ $code = 4 ] && [[ $out == *"holds no network"* ]]; then echo "skipped: $out"; exit 77; fi
flat=$(tr -d '\n ' <<<"$out")
for part in '"log10_m500c":1[0-9.]+,"log10_m500c_error":0\.[0-9]+,"lo90":[0-9.]+,"hi90":[0-9.]+,"dlogm_dz":[-0-9.e]+,"ood":[0-9.e-]+' \
  '"coverage":0\.4[67][0-9]*,"masked_fraction":0\.?[0-9]*,"flags":[0-9]+,"flag_names":\["EDGE",("[A-Z_]+",)*"LOW_COVERAGE"' '"z":0.18,'; do
  [ $code = 0 ] && grep -Eq "$part" <<<"$flat" || { echo "exit code $code, expected '$part' in: $out"; exit 1; }
done
echo "$out"
