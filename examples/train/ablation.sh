#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Does it help to learn bands, or a richness, before the mass? The rows of docs/results.md, each one command of
# clustermass_train that goes on where it was stopped, on shared cutouts.
#
#   examples/train/ablation.sh FOLDER             trains what is missing in FOLDER: half an hour on two cores
#   examples/train/ablation.sh FOLDER --table     prints the tables of what is there
#
# CLUSTERMASS_BIN: folder of the programs, build/release/bin by default. LABELS: numbers of labels, SEEDS: seeds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ $# -ge 1 && $1 != -* ]] || { sed -n '3,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
folder=$1 train=${CLUSTERMASS_BIN:-build/release/bin}/clustermass_train
read -ra labels <<<"${LABELS:-100 300 600 2000}"
read -ra seeds <<<"${SEEDS:-1}"
rows=(random bands plain richness scratch tuned)

# row NAME OPTION...: one run, unless it is finished.
row() {
  local name=$1; shift
  [[ -f $folder/$name/predictions.csv || ($name == pretext* && -f $folder/$name/done) ]] && return
  local resume=()
  [[ -d $folder/$name ]] && resume=(--resume)
  "$train" --config examples/train/configs/ablation.toml --cache "$folder/cutouts" --out "$folder/$name" "${resume[@]}" "$@"
  [[ $name != pretext* ]] || touch "$folder/$name/done"
}

if [[ ${2-} == --table ]]; then
  for seed in "${seeds[@]}"; do
    for n in "${labels[@]}"; do
      runs=()
      for name in "${rows[@]}"; do
        [[ ! -f $folder/$name-$n-$seed/predictions.csv ]] || runs+=("$folder/$name-$n-$seed")
      done
      ((${#runs[@]} == 0)) || { "$train" compare "${runs[@]}"; echo; }
    done
  done
  exit
fi

mkdir -p "$folder"
for seed in "${seeds[@]}"; do
  for pretext in hardened plain; do row "pretext-$pretext-$seed" --stage bands --pretext $pretext --seed "$seed"; done
  for n in "${labels[@]}"; do
    mass=(--stage mass --clusters "$n" --seed "$seed")
    row "random-$n-$seed" "${mass[@]}" --all-epochs 0
    row "bands-$n-$seed" "${mass[@]}" --all-epochs 0 --init "$folder/pretext-hardened-$seed/checkpoint-last.safetensors"
    row "plain-$n-$seed" "${mass[@]}" --all-epochs 0 --init "$folder/pretext-plain-$seed/checkpoint-last.safetensors"
    row "richness-$n-$seed" "${mass[@]}" --all-epochs 0 --richness-epochs 4
    row "scratch-$n-$seed" "${mass[@]}" --head-epochs 0
    row "tuned-$n-$seed" "${mass[@]}" --init "$folder/pretext-hardened-$seed/checkpoint-last.safetensors"
  done
done
