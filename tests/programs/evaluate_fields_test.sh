#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_evaluate fields: on a mock field of which everything is known, on broken input, and on the real frames.
set -u
evaluate="$CLUSTERMASS_BIN/clustermass_evaluate" estimate="$CLUSTERMASS_BIN/clustermass_estimate" mock="$CLUSTERMASS_BIN/clustermass_mock"
for program in "$evaluate" "$estimate" "$mock"; do [ -x "$program" ] || { echo "$program is not built; skipped"; exit 77; }; done
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() { echo "FAILED: $*"; exit 1; }
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { exit !(a != "" && a - b <= t && b - a <= t) }'; }
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a > b) }'; }
figure() { sed -n "s/.*\"$2\": \([-0-9.e+]*\),*\$/\1/p" "$1" | sed -n "${3:-1}p"; }  # figure FILE KEY [N]: the Nth of its name

# A massive cluster in the middle of its field: few other places of it may look as massive.
"$mock" frames --mass 14.7 --z 0.40 --seed 3 --ra 180 --dec 30 -o field --quiet || fail "clustermass_mock frames"
name=$(cd field && echo frame-r-*.fits) name=${name#frame-r-} name=${name%.fits}
{ echo "frame,ra,dec,z,richness_corrected,richness_raw"; echo "$name,180,30,0.40,52,100"; echo "009999-1-0001,10,20,0.3,30,10"; } >known.csv
"$evaluate" fields --frames field --clusters known.csv --nulls 6 --cutouts 3 --json --quiet >json 2>err
code=$?
if [ $code = 4 ] && grep -q "holds no network" err; then echo "skipped: $(cat err)"; exit 77; fi
[ $code = 0 ] || fail "$(cat err)"
"$estimate" --frames field --ra 180 --dec 30 --z 0.40 --ebv 0.02 --json >one || fail "clustermass_estimate"
near "$(figure json log10_m500c)" "$(figure one log10_m500c)" 2e-4 || fail "a view of the frames: $(figure json log10_m500c), cut from them: $(figure one log10_m500c)"
above "$(figure json percentile)" 60 || fail "a cluster of 5e14 Msun stands at $(figure json percentile) % of empty places"
above "$(figure json percentile_mock)" 90 || fail "a mock cluster of richness 52 stands at $(figure json percentile_mock) % of mock fields"
near "$(figure json nulls)" 6 0 || fail "null places: $(figure json nulls)"
above "$(figure json members)" 5 || fail "members: $(figure json members)"
near "$(figure json members_change)" 0 1e-4 && fail "three times the members' light leaves the answer as it is"
near "$(figure json richness_mass)" 14.477 0.001 && near "$(figure json richness_mass_error)" 0.2227 0.0005 ||
  fail "richness 52 is $(figure json richness_mass) +- $(figure json richness_mass_error)"
[ "$(grep -c '"members":' json)" = 1 ] || fail "a cluster outside the frames has a row"
[ "$(figure json n 1) $(figure json n 2) $(figure json n 3)" = "3 3 3" ] || fail "cutouts of the distances"
"$evaluate" fields --frames field --clusters known.csv --nulls 6 --cutouts 3 --threads 1 --json --quiet >again || fail "one thread"
cmp -s json again || fail "the threads change the answers"
"$evaluate" fields --frames field --clusters known.csv --nulls 2 --cutouts 2 --quiet >text || fail "as a table"
grep -q "^| $name *| 0.400 | 1.00" text && grep -q "^| real fields *| 2 " text || fail "the tables: $(cat text)"

refused() {  # refused WORDS ARGUMENTS
  local words=$1
  shift
  "$evaluate" fields --quiet "$@" >said 2>err
  [ $? = 3 ] && [ ! -s said ] && [ "$(wc -l <err)" = 1 ] && grep -q -- "$words" err || fail "$*: $(cat said err)"
}
refused "there is no folder 'nowhere'" --frames nowhere
refused "clusters_in_frames.csv" --frames field
refused "has no column richness_raw" --frames field --clusters <(cut -d, -f1-5 known.csv)
refused "row 1: expected a position in degrees" --frames field --clusters <(sed 's/,180,/,480,/' known.csv)
refused "does not lie in the frames of its field" --frames field --clusters <(sed 's/,30,0.40/,31,0.40/' known.csv)
refused "give a smaller --nulls" --frames field --nulls 20 --clusters <(cat known.csv; for ra in 179.{83..99} 180.{00..17}; do for dec in 29.{85..99..2} 30.{01..15..2}; do echo "009999-1-0001,$ra,$dec,0.4,30,10"; done; done)
mkdir four && ln -s "$PWD"/field/frame-[ugri]-*.fits four/
refused "frames in all of the bands" --frames four --clusters known.csv

real="${CLUSTERMASS_REAL_DATA:-$CLUSTERMASS_SOURCE_DIR/../shared/data}/sdss"
[ -d "$real" ] || { echo "the mock field: all good; skipped: no real frames in $real (set CLUSTERMASS_REAL_DATA)"; exit 77; }
"$evaluate" fields --frames "$real" --nulls 4 --cutouts 2 --json --quiet >json || fail "the real frames"
[ "$(grep -c '"members":' json)" = 4 ] && [ "$(grep -c '"of": "0' json)" = 5 ] || fail "4 clusters in 5 fields are expected"
at=$(grep '"z":' json | grep -n 0.1802 | cut -d: -f1)
near "$(figure json richness_mass "$at")" 13.97 0.005 && near "$(figure json richness_mass_error "$at")" 0.25 0.005 ||
  fail "the cluster at z = 0.18: $(figure json richness_mass "$at") +- $(figure json richness_mass_error "$at")"
"$estimate" --frames "$real/004510-4-0030" --ra 200.509989 --dec 36.730893 --z 0.1802 --ebv 0.02 --json >one || fail "clustermass_estimate"
near "$(figure json log10_m500c "$at")" "$(figure one log10_m500c)" 2e-4 || fail "real: $(figure json log10_m500c "$at"), cut: $(figure one log10_m500c)"
above "$(figure json members_change "$at")" 0 || fail "brighter members lower the answer: $(figure json members_change "$at")"
echo "clustermass_evaluate fields: all good"
