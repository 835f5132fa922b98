#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_train on a list of cutout files: it learns, folds follow the sky, and each kind of row that cannot be learned
# from is refused in one sentence.
set -euo pipefail
train=$CLUSTERMASS_BIN/clustermass_train mock=$CLUSTERMASS_BIN/clustermass_mock
[[ -x $train && -x $mock ]] || { echo "clustermass_train or clustermass_mock was not built; skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }

"$mock" sky -n 40 --seed 5 --edges 0 -o sky --quiet
# ID,RA,DEC,Z,EBV,PATH of the list, LOGM500C of the truth.
paste -d, sky/list.csv <(cut -d, -f7 sky/truth.csv) |
  awk -F, 'NR==1 {print "ID,RA,DEC,Z,EBV,PATH,LABEL,LABEL_ERR,LABEL_SOURCE,LAMBDA"; next}
           {printf "%s,0.1,%s,%d\n", $0, NR % 2 ? "PSZ2" : "MCXC", 10 + NR}' >sky/labels.csv
options=(--list sky/labels.csv --blank-fields 0 --band-fields 12 --heads 2 --batch 4 --band-epochs 1 --richness-epochs 1
         --head-epochs 1 --all-epochs 1 --outlier-share 0.02 --model-id listed --quiet)
"$train" --out run "${options[@]}" --folds 3 --calibration-share 0.6 --test-share 0.1 >run.log
[[ -s run/listed/model.safetensors && -s run/predictions-folds.csv ]] || fail "no network of a list"
grep -q "list labels.csv" run/listed/MODEL_CARD.md || fail "the card does not name the list"
! grep -q "simulated sky" run/listed/MODEL_CARD.md || fail "the card of a list speaks of a simulated sky"

# refused WORDS AWK: the list changed by an awk program (fields $1 ID, $3 DEC, $4 Z, $6 PATH, $7 LABEL, $8 LABEL_ERR).
refused() {  # the last option counts
  local words=$1 change=$2 got=0
  shift 2
  awk -F, -v OFS=, "$change {print}" sky/labels.csv >sky/bad.csv
  "$train" --out bad "${options[@]}" --list sky/bad.csv "$@" >out.log 2>bad.log || got=$?
  [[ $got == 3 ]] || fail "'$words': ended with $got"
  grep -q -- "$words" bad.log || fail "expected '$words', found '$(cat bad.log)'"
  [[ $(wc -l <bad.log) == 1 ]] || fail "'$words' takes $(wc -l <bad.log) lines"
  [[ ! -e bad/listed ]] || fail "'$words' left a network"
  rm -rf bad
}
refused "ID cutout-000000 stands there twice, in rows 1 and 4" 'NR==5 {$1="cutout-000000"}'
refused "are one cluster, 0 arcsec apart" 'NR==2 {a=$2; d=$3; z=$4} NR==4 {$2=a; $3=d; $4=z}'
refused "row 2 (ID cutout-000001): the label is 3.2e+14, which reads as a mass in Msun; expected its logarithm, 14.5051" 'NR==3 {$7="3.2e14"}'
refused "perhaps in units of 1e14 Msun" 'NR==3 {$7=3.2}'
refused "the label is 19, expected log10" 'NR==3 {$7=19}'
refused "row 3 (ID cutout-000002): there is no label" 'NR==4 {$7="nan"}'
refused "the label's error is missing" 'NR==4 {$8=""}'
refused "the label's error is -1" 'NR==4 {$8=-1}'
refused "the redshift is missing" 'NR==4 {$4=""}'
refused "has no redshifts" 'NR>1 {$4=""}'
refused "2 of its files are missing: gone-21.fits, gone-30.fits" 'NR==21 || NR==30 {$6="gone-" NR ".fits"}'
refused "there is no position" 'NR==4 {$3=""}'
refused "too few for 9 folds" 'NR<9' --folds 9
printf 'SIMPLE  = nothing' >sky/cutout-bad.fits
refused "row 20 (ID cutout-000019): .*cutout-bad.fits" 'NR==21 {$6="cutout-bad.fits"}'
awk -F, -v OFS=, 'NR==4 {$7=""} {print}' sky/labels.csv >sky/half.csv
"$train" --out half "${options[@]}" --list sky/half.csv --allow-unlabelled true >half.log
echo "clustermass_train: lists are learned from, and bad ones refused"
