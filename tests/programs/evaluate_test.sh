#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_evaluate on a small mock sky: the figures are there, the same for one thread and two, and stand in the
# order that knowledge gives them; on a labelled list, and on lists that cannot be used; the matrix; the plots.
set -u
evaluate="$CLUSTERMASS_BIN/clustermass_evaluate" mock="$CLUSTERMASS_BIN/clustermass_mock"
[ -x "$evaluate" ] && [ -x "$mock" ] || { echo "the programs are not built; skipped"; exit 77; }
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() { echo "FAILED: $*"; exit 1; }
value() { sed -n "s/^  \"$1\": \(.*[^,]\),*$/\1/p" "$2"; }  # a number at the top level of a JSON text
holds() { awk "BEGIN { exit !($1) }"; }

"$evaluate" --help | grep -q -- "--list" || fail "--help"
"$evaluate" -n 60 --training 100 --seed 7 --json --quiet --threads 1 -o plots --features seen.csv >one 2>err ||
  { grep -q "holds no network" err && { cat err; exit 77; }; fail "$(cat err)"; }
[ -s err ] && fail "--quiet says: $(cat err)"
for key in n mae mae_const mae_o1 mae_o2 ratio_o2 bias slope coverage_68 coverage_90 pit_ks_p skill attained_fraction \
  median_bias nmad rms outliers spearman crps nll coverage_50 coverage_95 mae_fold_mean mae_fold_sd mae_fold_best; do
  [[ $(value $key one) =~ ^-?[0-9] ]] || fail "no number for $key: $(value $key one)"
done
grep -q '"simulated": true' one || fail "the JSON does not say that the sky is a mock"
holds "$(value mae_o1 one) < $(value mae one) && $(value mae one) < $(value mae_const one)" ||
  fail "MAE $(value mae one) is not between o1 $(value mae_o1 one) and the constant $(value mae_const one)"
holds "($(value mae one) / $(value mae_o2 one) - $(value ratio_o2 one))^2 < 1e-12" || fail "ratio_o2"
"$evaluate" -n 60 --training 100 --seed 7 --json --quiet --threads 2 >two && cmp -s one two || fail "two threads give other figures"
for plot in predicted residual_redshift residual_mass coverage pit; do
  grep -q "</svg>" plots/$plot.svg || fail "no plot $plot"
done
[ "$(grep -c ^train seen.csv)" = 100 ] && [ "$(grep -c ^test seen.csv)" = 60 ] || fail "seen.csv"
"$evaluate" -n 60 --training 100 --seed 7 --quiet >text || fail "as text"
grep -q "Simulated clusters, not real ones" text && grep -q "| filter on pixels" text && grep -q "given the prediction" text ||
  fail "the text lacks a part"
mae_of() { awk -F'|' -v name="$1" '$2 ~ "^ " name " *$" { print $3; exit }' text; }
holds "$(mae_of 'network and filter') < 0.8 * $(mae_of constant)" || fail "network and filter: MAE $(mae_of 'network and filter')"
"$evaluate" --matrix -n 20 --training 100 --json --quiet >matrix || fail "--matrix"
[ "$(grep -c '"tested_on"' matrix)" = 3 ] && grep -q '"excess_bias"' matrix || fail "the matrix has not three rows"

"$mock" sky -n 40 --seed 9 --quiet -o sky || fail "no mock sky"
# The list with the true masses as labels.
awk -F, 'NR == FNR { mass[$1] = $7; next } { print $0 "," (FNR == 1 ? "LABEL,LABEL_ERR" : mass[$1] ",0.1") }' \
  sky/truth.csv sky/list.csv >sky/labelled.csv
"$evaluate" --list sky/labelled.csv --native --json --quiet >list 2>err || fail "list: $(cat err)"
[ "$(value n list)" = 40 ] && [ "$(value mae_o1 list)" = null ] || fail "list: n $(value n list), o1 $(value mae_o1 list)"
head -31 sky/labelled.csv >sky/short.csv
"$evaluate" --list sky/short.csv --native --quiet >/dev/null 2>err || fail "a list of 30: $(cat err)"
holds "$(value mae list) < 0.35" || fail "list: MAE $(value mae list)"
refused() {  # refused CODE WORDS ARGUMENTS
  local code=$1 words=$2
  shift 2
  "$evaluate" "$@" >said 2>err
  [ $? = "$code" ] || fail "$*: exit code is not $code: $(cat err)"
  [ ! -s said ] && [ "$(wc -l <err)" = 1 ] && grep -q -- "$words" err || fail "$*: $(cat said err)"
}
bad() { awk -F, -v OFS=, "$1" sky/labelled.csv >sky/bad.csv; }
bad 'NR == 5 { $7 = 3.1e14 } { print }'
refused 3 "row 4 (ID .*): the label is 3.1e+14, expected log10(M500c/Msun) between 12 and 16.5" --list sky/bad.csv --native --quiet
bad 'NR == 6 { $7 = "nan" } { print }'
refused 3 "row 5 (ID .*): there is no label" --list sky/bad.csv --native --quiet
bad 'NR == 4 { id = $1 } NR == 8 { $1 = id } { print }'
refused 3 "have the same ID" --list sky/bad.csv --native --quiet
bad 'NR == 9 { $4 = "" } { print }'
refused 3 "expected a redshift between 0.02 and 1, there is none" --list sky/bad.csv --native --quiet
bad 'NR == 7 { $6 = "nowhere.fits" } { print }'
refused 3 "nowhere.fits" --list sky/bad.csv --native --quiet
bad 'NR < 12 { print }'
refused 3 "30 at least are needed" --list sky/bad.csv --native --quiet
refused 3 "there is no label" --list sky/list.csv --quiet
refused 3 "has no column LOGM for label" --list sky/labelled.csv --column label=LOGM --quiet
refused 3 "--label-offsets: expected SOURCE=DEX" --list sky/labelled.csv --label-offsets PSZ2 --quiet
refused 2 "see clustermass_evaluate --help" --sky C
refused 2 "need --matrix" --weights a --weights b
refused 4 "nowhere" --weights nowhere.safetensors --quiet
"$evaluate" --list sky/labelled.csv --native --quiet --features nowhere/seen.csv >said 2>err
[ $? = 3 ] && grep -q "cannot write" err && grep -q "| network" said || fail "a folder that is not there: $(cat err)"
echo "clustermass_evaluate: all good"
