#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Does it help to learn bands, or a richness, before the mass, or to be told what a matched filter says? And how much is
# left with fewer bands, or without the redshift? The rows of docs/results.md, each one command of clustermass_train that
# goes on where it was stopped, on shared cutouts.
#
#   examples/train/ablation.sh FOLDER             trains what is missing in FOLDER
#   examples/train/ablation.sh FOLDER --table     prints the tables of what is there
#
# CLUSTERMASS_BIN: folder of the programs, build/release/bin by default. LABELS: numbers of labels, SEEDS: seeds; LESS:
# numbers of labels at which bands and redshift are taken away, with the first seed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ $# -ge 1 && $1 != -* ]] || { sed -n '3,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
folder=$1 train=${CLUSTERMASS_BIN:-build/release/bin}/clustermass_train
read -ra labels <<<"${LABELS:-100 300 1000}"
read -ra seeds <<<"${SEEDS:-1 2 3}"
read -ra less <<<"${LESS:-1000}"
rows=(random bands plain native scratch tuned richness told)
hidden=(all gri i blind)

# table TITLE RUN...: their mean absolute errors, averaged over the seeds that are there, with the standard deviation
# between them, and minus those of the first run; below, the same of other numbers of labels.
table() {
  local head="| $1 |" line="| --- |" n name seed runs
  shift
  for name in "$@"; do head+=" $name |" line+=" --- |"; done
  printf '%s\n%s\n' "$head" "$line"
  for n in "${numbers[@]}"; do
    for seed in "${seeds[@]}"; do
      runs=()
      for name in "$@"; do [[ ! -f $folder/$name-$n-$seed/predictions.csv ]] || runs+=("$folder/$name-$n-$seed"); done
      ((${#runs[@]} == 0)) || "$train" compare "${runs[@]}"
    done | awk -F'|' -v n="$n" -v names="$*" '
      $2 ~ /-[0-9]+-[0-9]+ *$/ {
        name = $2; gsub(/ |-[0-9]+-[0-9]+ *$/, "", name)
        split($4, m, " "); split($5, d, " ")
        ++count[name]; sum[name] += m[1]; squares[name] += m[1] * m[1]; difference[name] += d[1]; ++all
      }
      END {
        if (!all) exit
        row = "| " n " |"
        for (k = 1; k <= split(names, list, " "); ++k) {
          c = count[name = list[k]]
          if (!c) { row = row " - |"; continue }
          mean = sum[name] / c; spread = c > 1 ? sqrt((squares[name] - c * mean * mean) / (c - 1)) : -1
          row = row sprintf(" %.3f", mean) (spread < 0 ? "" : sprintf(" ± %.3f", spread))
          if (k > 1) row = row sprintf(" (%+.3f)", difference[name] / c)
          row = row " |"
        }
        print row
      }'
  done
}

if [[ ${2-} == --table ]]; then
  numbers=("${labels[@]}"); table labels "${rows[@]}"
  echo
  numbers=("${less[@]}") seeds=("${seeds[0]}"); table "labels, frozen" "${hidden[@]/#/bands_}"
  echo
  table "labels, tuned" "${hidden[@]/#/tuned_}"
  exit
fi

# row NAME OPTION...: one run, unless it is finished.
row() {
  local name=$1; shift
  [[ -f $folder/$name/done ]] && return
  local resume=()
  [[ -d $folder/$name ]] && resume=(--resume)
  "$train" --config examples/train/configs/ablation.toml --cache "$folder/cutouts" --out "$folder/$name" "${resume[@]}" "$@"
  touch "$folder/$name/done"
}

mkdir -p "$folder"
for seed in "${seeds[@]}"; do
  for pretext in hardened plain; do row "pretext-$pretext-$seed" --stage bands --pretext $pretext --seed "$seed"; done
  row "pretext-native-$seed" --stage bands --band-scale native --seed "$seed"
  taught=(--init "$folder/pretext-hardened-$seed/checkpoint-last.safetensors")
  for n in "${labels[@]}"; do
    mass=(--stage mass --clusters "$n" --seed "$seed")
    row "random-$n-$seed" "${mass[@]}" --all-epochs 0
    row "bands-$n-$seed" "${mass[@]}" --all-epochs 0 "${taught[@]}"
    row "plain-$n-$seed" "${mass[@]}" --all-epochs 0 --init "$folder/pretext-plain-$seed/checkpoint-last.safetensors"
    row "native-$n-$seed" "${mass[@]}" --all-epochs 0 --init "$folder/pretext-native-$seed/checkpoint-last.safetensors"
    row "scratch-$n-$seed" "${mass[@]}" --head-epochs 0 --read-out false
    row "tuned-$n-$seed" "${mass[@]}" "${taught[@]}"
    row "richness-$n-$seed" "${mass[@]}" --all-epochs 0 --richness-epochs 4
    row "told-$n-$seed" "${mass[@]}" --all-epochs 0 --richness-epochs 4 --filter true
  done
  [[ $seed == "${seeds[0]}" ]] || continue
  for n in "${less[@]}"; do
    for what in "${hidden[@]}"; do
      case $what in
        all) hide=() ;;
        blind) hide=(--redshift false) ;;
        *) hide=(--images "$what") ;;
      esac
      mass=(--stage mass --clusters "$n" --seed "$seed" "${taught[@]}")
      row "bands_$what-$n-$seed" "${mass[@]}" --all-epochs 0 "${hide[@]}"
      row "tuned_$what-$n-$seed" "${mass[@]}" "${hide[@]}"
    done
  done
done
