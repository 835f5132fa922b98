#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What a larger network buys: the three architectures taught alike from the same clusters with true masses, one head
# each. Each run goes on where it was stopped, on shared cutouts.
#
#   examples/train/architectures.sh FOLDER             trains what is missing in FOLDER
#   examples/train/architectures.sh FOLDER --table     prints the table of what is there
#
# CLUSTERMASS_BIN: folder of the programs, build/release/bin by default. CLUSTERS (6000), EPOCHS (8). What each costs to
# run, build/release/bin/network_bench --benchmark_filter=network tells.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ $# -ge 1 && $1 != -* ]] || { sed -n '3,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
folder=$1 train=${CLUSTERMASS_BIN:-build/release/bin}/clustermass_train
architectures=(released small large)

if [[ ${2-} == --table ]]; then
  runs=()
  for arch in "${architectures[@]}"; do [[ ! -f $folder/$arch/predictions.csv ]] || runs+=("$folder/$arch"); done
  exec "$train" compare "${runs[@]}"
fi
for arch in "${architectures[@]}"; do
  out=$folder/$arch
  [[ -f $out/done ]] && continue
  resume=()
  [[ -d $out ]] && resume=(--resume)
  "$train" --arch "$arch" --clusters "${CLUSTERS:-6000}" --all-epochs "${EPOCHS:-8}" --blank-fields 500 --band-fields 2000 \
    --band-epochs 2 --head-epochs 1 --heads 1 --calibration 500 --test 2000 --cache "$folder/cutouts" --out "$out" \
    "${resume[@]}"
  touch "$out/done"
done
