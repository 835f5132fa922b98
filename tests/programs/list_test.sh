#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_estimate on a list: every row gives a row, failures are flagged; shards, --strict, Ctrl-C.
set -u
estimate="$CLUSTERMASS_BIN/clustermass_estimate" mock="$CLUSTERMASS_BIN/clustermass_mock"
[ -x "$estimate" ] && [ -x "$mock" ] || { echo "the programs are not built"; exit 77; }
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() { echo "FAILED: $*"; exit 1; }

"$mock" frames --mass 14.8 --z 0.4 --seed 3 --ra 150 --dec 2 --quiet -o sky/a || fail "no mock frames"
"$mock" frames --mass 14.2 --z 0.4 --seed 4 --ra 152 --dec 2 --run 9002 --quiet -o sky/b || fail "no mock frames"
"$estimate" --frames sky/a --ra 150 --dec 2 --z 0.4 --json >one 2>err || { grep -q "holds no network" err && { cat err; exit 77; }; fail "$(cat err)"; }
mkdir lists
cat >lists/list.csv <<'LIST'
NAME,RAJ2000,DEJ2000,Z,Z_ERR,RUN,CAMCOL,FIELD,PATH
first,150,2,0.4,,,,,
by path,150,2,0.4,,,,,../sky/a
by run,152,2,0.4,0.01,9002,,,
outside,10,-5,0.4,,,,,
no redshift,150,2,,,,,,
no position,,,0.4,,,,,
"no, file",150,2,0.4,,,,,nowhere.fits
far,150,2,1.5,,,,,
last,152,2,0.4,,,,,
LIST
"$estimate" lists/list.csv --frames sky -o out.csv >said 2>err || fail "exit code $?: $(cat err)"
column() { sed 's/"no, file"/no file/' out.csv | cut -d, -f"$1" | tail -n +2 | tr '\n' ' '; }
[ "$(head -n1 out.csv)" = "ID,RA,DEC,Z,Z_ERR,LOGM500C,LOGM500C_ERR,LOGM500C_LO90,LOGM500C_HI90,M500C,DLOGM_DZ,OOD,COVERAGE,MASKFRAC,EBV,FLAGS" ] ||
  fail "columns: $(head -n1 out.csv)"
[ "$(column 1)" = "first by path by run outside no redshift no position no file far last " ] || fail "rows: $(column 1)"
read -r -a flags <<<"$(column 16)"
none=$((1 << 30))
for k in 3 4 5 6 7; do ((flags[k] & none)) || fail "row $((k + 1)) has no NO_RESULT: $(cat out.csv)"; done
for k in 0 1 2 8; do ((flags[k] & none)) && fail "row $((k + 1)) has no result: $(cat out.csv)"; done
((flags[4] & 1 << 13)) || fail "Z_MISSING is not set"
((flags[7] & 1 << 5)) || fail "Z_OUT_OF_RANGE is not set"
read -r -a mass <<<"$(sed 's/"no, file"/no file/' out.csv | awk -F, 'NR > 1 { print $6 == "" ? "-" : $6 }' | tr '\n' ' ')"
[ "${mass[0]}" = "${mass[1]}" ] && [ "${mass[2]}" = "${mass[8]}" ] && [ "${mass[3]}" = - ] || fail "masses: ${mass[*]}"
awk -v a="$(sed -n 's/.*"log10_m500c": \([0-9.]*\),/\1/p' one)" -v b="${mass[0]}" 'BEGIN { exit !(a - b < 1e-5 && b - a < 1e-5) }' ||
  fail "the list gives ${mass[0]}, one cluster $(cat one)"
grep -q '9 rows, 4 estimates, 5 without result: out.csv' said || fail "$(cat said)"
grep -q 'row of ID outside: .*outside all frames' err && grep -q 'row of ID no position: ' err && grep -q 'row of ID no, file: ' err || fail "$(cat err)"

"$estimate" lists/list.csv --frames sky -o one.csv --threads 1 --quiet --strict >said 2>err
[ $? = 1 ] && [ ! -s said ] && [ ! -s err ] || fail "--strict --quiet: $(cat said err)"
cmp -s out.csv one.csv || fail "one thread gives another catalogue"
"$estimate" lists/list.csv --frames sky -o out.fits --quiet --json >said || fail "FITS"
grep -q '"rows": 9' said && grep -q '"without_result": 5' said || fail "$(cat said)"
for card in "CM_NROW =                    9" "CM_NBAD =                    5" "EXTNAME = 'CLUSTERMASS'" "CM_H    =                  0.7" "NAXIS2  =                    9"; do
  grep -aq "$card" out.fits || fail "the FITS catalogue lacks '$card'"
done
grep -aq "CM_TRAIN= '[^']" out.fits && grep -aq "HISTORY clustermass_estimate lists/list.csv" out.fits || fail "no origin in the FITS catalogue"
"$estimate" out.csv --frames sky -o again.csv --quiet && cut -d, -f6 again.csv | cmp -s - <(cut -d, -f6 out.csv) ||
  fail "a catalogue is no list of the same clusters"

for i in 1 2; do "$estimate" lists/list.csv --frames sky -o part.csv --shard $i/2 --quiet || fail "shard $i"; done
{ head -n1 part.1.csv; for i in 1 2; do tail -n +2 part.$i.csv; done; } | cmp -s - out.csv || fail "the shards together are not the whole"
touch -d 2000-01-01 part.2.csv
"$estimate" lists/list.csv --frames sky -o part.csv --shard 2/2 2>/dev/null && [ part.2.csv -ot part.1.csv ] || fail "a finished shard was done again"

printf 'NAME,ALPHA,DELTA,Z\nfirst,150,2,0.4\n' >named_list.csv
"$estimate" named_list.csv --frames sky -o named.csv --quiet 2>err; [ $? = 3 ] && grep -q 'neither the columns RA and DEC' err && [ ! -e named.csv ] || fail "$(cat err)"
"$estimate" named_list.csv --column ra=ALPHA --column dec=delta --frames sky -o named.csv --quiet &&
  head -n2 out.csv | cmp -s - named.csv || fail "--column"
printf 'ra,dec,z\n150,2,zero\n' >broken.csv
"$estimate" broken.csv --frames sky -o no.csv 2>err; [ $? = 3 ] && grep -q "line 2: column z: expected a number, found 'zero'" err || fail "$(cat err)"
"$estimate" lists/list.csv -o no.csv 2>err; [ $? = 3 ] && grep -q -- '--frames DIR' err || fail "$(cat err)"
"$estimate" lists/list.csv --frames sky -o nowhere/no.csv --quiet 2>err; [ $? = 3 ] && [ "$(wc -l <err)" = 1 ] || fail "$(cat err)"
for wrong in "-o x.txt" "" "-o x.csv --shard 5/4" "-o x.csv --shard 0/4" "-o x.csv --column ra" "-o x.csv --z 0.3"; do
  "$estimate" lists/list.csv --frames sky $wrong 2>err; [ $? = 2 ] && [ "$(wc -l <err)" = 1 ] || fail "'$wrong': $(cat err)"
done

# Ctrl-C: no file, neither finished nor in the making, and the old one stays. A background job of a script ignores SIGINT
# until the program sets its own handler, so the signal is sent again if nothing comes of it.
{ echo id,ra,dec,z; for k in {1..500}; do echo "$k,150,2,0.4"; done; } >long.csv
echo old >long.fits
"$estimate" long.csv --frames sky -o long.fits --threads 1 2>err &
job=$!
for k in {1..400}; do
  ((k % 50 == 10)) && kill -INT $job
  sleep 0.1
  kill -0 $job 2>/dev/null || break
done
wait $job
code=$?
[ $code = 130 ] && grep -q 'interrupted after [0-9]* of 500 rows; no file was written' err && [ "$(cat long.fits)" = old ] &&
  [ "$(ls long.*)" = "long.csv
long.fits" ] || fail "Ctrl-C: exit code $code, $(cat err) $(ls long.*)"
echo "all as expected"
