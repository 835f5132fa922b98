#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_evaluate catalogues: on made-up catalogues whose relation and offsets are known, on broken ones, and on the
# real ones against figures that were computed independently.
set -u
evaluate="$CLUSTERMASS_BIN/clustermass_evaluate"
[ -x "$evaluate" ] || { echo "the program is not built; skipped"; exit 77; }
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() { echo "FAILED: $*"; exit 1; }
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { exit !(a != "" && a - b <= t && b - a <= t) }'; }

# 200 clusters with log M = 14.2 + 0.8 (log lambda - 1.6) + 0.5 log(1+z) exactly, each source off by its own offset.
# A table is told by its content, so a CSV may stand for the FITS file.
mkdir made
awk -v folder=made 'BEGIN {
  srand(4)
  file["redmapper_sdss_dr8_v5.10.fits"] = "RA,DEC,Z_LAMBDA,LAMBDA"
  file["act_dr5_hilton21.csv"] = "name,ra,dec,z,m500c,m500c_cal"
  file["psz2_union_r2.08.fits"] = "NAME,RA,DEC,REDSHIFT,MSZ"
  file["mcxc2_sadibekova24.csv"] = "mcxc,ra,dec,z,m500"
  file["mcxc_piffaretti11.csv"] = "mcxc,ra,dec,z,m500"
  file["xcs_sdssrm_turner25.csv"] = "name,rm_ra,rm_dec,z,m500_hydro,good"
  for (f in file) print file[f] > (folder "/" f)
  for (k = 0; k < 200; k++) {
    ra = 1.7 * k; dec = -60 + 0.5 * k; z = 0.1 + 0.4 * rand(); lambda = 20 * 10 ^ rand()
    m = 10 ^ (0.2 + 0.8 * (log(lambda) / log(10) - 1.6) + 0.5 * log(1 + z) / log(10))
    shift = 0.01 * rand()  # degrees
    printf "%.9f,%.9f,%.9f,%.9f\n", ra, dec, z, lambda > (folder "/redmapper_sdss_dr8_v5.10.fits")
    printf "a,%.9f,%.9f,%.9f,1,%.9f\n", ra, dec + shift, z, m > (folder "/act_dr5_hilton21.csv")
    printf "b,%.9f,%.9f,%.9f,%.9f\n", ra, dec - shift, z, m / 10 ^ 0.04 > (folder "/psz2_union_r2.08.fits")
    printf "c,%.9f,%.9f,%.9f,%.9f\n", ra, dec, z, m / 10 ^ 0.13 > (folder "/mcxc2_sadibekova24.csv")
    printf "c,%.9f,%.9f,%.9f,%.9f\n", ra, dec, z, m / 10 ^ 0.13 > (folder "/mcxc_piffaretti11.csv")
    printf "d,%.9f,%.9f,%.9f,%.9f,%d\n", ra, dec, z, k % 2 ? m : 1e-3, k % 2 > (folder "/xcs_sdssrm_turner25.csv")
  }
  # Not the same clusters: too far in redshift, without a redshift, twice as far as 3 arcmin and 1 Mpc.
  printf "b,1.7,-59.5,0.95,5\nb,3.4,-59,-1,5\nb,5.1,-58.2,0.5,5\n" > (folder "/psz2_union_r2.08.fits")
}'
gzip made/*
"$evaluate" catalogues --data made --json >json 2>err || fail "$(cat err)"
figure() {  # figure FILE NAME KEY: a number of the object whose name is NAME
  awk -v name="\"name\": \"$2\"" -v key="\"$3\":" 'index($0, name) { on = 1 } on && index($0, key) { gsub(/[^-0-9.e]/, "", $2); print $2; exit }' "$1"
}
offset() { awk -v a="\"first\": \"$2\"" -v b="\"second\": \"$3\"" -v key="\"$4\":" 'index($0, a) { on = 1 } index($0, "\"first\"") && !index($0, a) { on = 0 } on && index($0, b) { hit = 1 } hit && index($0, key) { gsub(/[^-0-9.e]/, "", $2); print $2; exit }' "$1"; }
for source in act psz2 mcxc2; do
  near "$(figure json $source n)" 200 0 || fail "$source: n = $(figure json $source n)"
  near "$(figure json $source mae)" 0 1e-6 || fail "$source: MAE $(figure json $source mae)"
  near "$(figure json $source slope_lambda)" 0.8 1e-6 || fail "$source: slope $(figure json $source slope_lambda)"
done
near "$(figure json xcs n)" 100 0 || fail "xcs: rows that are not good were taken"
grep -A3 '"combined"' json | grep -q '"n": 200' || fail "combined: a cluster counts twice"
near "$(sed -n '/"combined"/,$s/.*"mae": \([0-9.e+-]*\),/\1/p' json | head -n1)" 0 1e-6 || fail "the offsets do not bring the sources together"
near "$(offset json psz2 mcxc2 mean)" 0.09 1e-6 || fail "offset psz2 - mcxc2: $(offset json psz2 mcxc2 mean)"
"$evaluate" catalogues --data made --offset psz2=0.24 --json >moved || fail "--offset"
near "$(figure moved psz2 mae)" 0 1e-6 || fail "an offset changed a source's own fit"
"$evaluate" catalogues --data made --chances | grep -q "psz2 +0.13" || fail "--chances"

refused() {  # refused WORDS ARGUMENTS
  local words=$1
  shift
  "$evaluate" catalogues "$@" >said 2>err
  [ $? = 3 ] && [ ! -s said ] && [ "$(wc -l <err)" = 1 ] && grep -q -- "$words" err || fail "$*: $(cat said err)"
}
refused "there is no folder 'nowhere'" --data nowhere
refused "--offset psz=1: expected SOURCE=DEX" --data made --offset psz=1
cp -r made cut && head -c 900 made/mcxc2_sadibekova24.csv.gz >cut/mcxc2_sadibekova24.csv.gz
refused "cut short" --data cut
cp -r made lost && rm lost/act_dr5_hilton21.csv.gz
refused "act_dr5_hilton21.csv.gz: cannot open" --data lost
cp -r made other && zcat made/act_dr5_hilton21.csv.gz | sed 1s/m500c_cal/m/ | gzip >other/act_dr5_hilton21.csv.gz
refused "has no column m500c_cal; found: name, ra, dec, z, m500c, m" --data other

real="${CLUSTERMASS_REAL_DATA:-$CLUSTERMASS_SOURCE_DIR/../shared/data}/catalogs"
[ -d "$real" ] || { echo "skipped: no real catalogues in $real (set CLUSTERMASS_REAL_DATA)"; exit 77; }
"$evaluate" catalogues --data "$real" --json >json || fail "the real catalogues"
# Independent figures: clusters, MAE, constant's MAE. One cluster more or less may match by the choice of the redshift.
while read -r source n mae constant; do
  near "$(figure json $source n)" "$n" 1 || fail "$source: n = $(figure json $source n), not $n"
  near "$(figure json $source mae)" "$mae" 0.003 || fail "$source: MAE $(figure json $source mae), not $mae"
  near "$(figure json $source mae_const)" "$constant" 0.004 || fail "$source: constant $(figure json $source mae_const), not $constant"
done <<<"mcxc2 483 0.150 0.216
psz2 320 0.072 0.116
act 960 0.103 0.123
xcs 97 0.195 0.238"
near "$(offset json psz2 mcxc n)" 532 1 && near "$(offset json psz2 mcxc mean)" 0.084 0.001 && near "$(offset json psz2 mcxc scatter)" 0.102 0.001 ||
  fail "PSZ2 - MCXC: $(offset json psz2 mcxc mean)"
echo "clustermass_evaluate catalogues: all good"
