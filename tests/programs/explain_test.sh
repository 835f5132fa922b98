#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_explain on a mock cluster: the maps, the report, what is refused, and the checks of `validate` on a few
# clusters. With the oracles' Python, astropy reads the maps too.
set -u
explain="$CLUSTERMASS_BIN/clustermass_explain" mock="$CLUSTERMASS_BIN/clustermass_mock"
[ -x "$explain" ] && [ -x "$mock" ] || { echo "the programs are not built"; exit 77; }
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() { echo "FAILED: $*"; exit 1; }

"$mock" frames --mass 14.8 --z 0.4 --seed 3 --ra 150 --dec 2 -o good 2>/dev/null || fail "no mock frames"
at=(--ra 150 --dec 2 --z 0.4)
quick=(--steps 8)
"$explain" --frames good "${at[@]}" "${quick[@]}" -o why >out 2>err ||
  { grep -q "holds no network" err && { cat err; exit 77; }; fail "exit code $?; $(cat err)"; }
[ ! -s err ] || fail "complains: $(cat err)"

# refused CODE PATTERN ARGUMENT...: the exit code, nothing on stdout, one line on stderr that matches, nothing written.
refused() {
  local code=$1 pattern=$2
  shift 2
  "$explain" "$@" >out 2>err
  local found=$?
  [ $found = "$code" ] || fail "exit code $found, expected $code, for: $*; $(cat err)"
  [ ! -s out ] || fail "printed an answer for: $*"
  [ "$(wc -l <err)" = 1 ] && grep -q '^clustermass_explain: ' err || fail "not one line on stderr for: $*; $(cat err)"
  grep -Eq -- "$pattern" err || fail "expected a message like '$pattern' for: $*, found: $(cat err)"
  [ ! -e nothing ] || fail "something was written for: $*"
}

# --- the report and the files ----------------------------------------------------------------------------------------
grep -Eq '^log10\(M500c/Msun\) = 1[0-9.]+: 1[0-9.]+ without light, [+-][0-9.]+ dex from it' out || fail "headline: $(cat out)"
for words in 'by band  *u [+-].*, g .*, r .*, i .*, z ' 'inside  *0.3 Mpc .*, 0.5 Mpc .*, 1.0 Mpc' 'within 0\.[0-9]* dex' 'simulated sky'; do
  grep -Eq "$words" out || fail "the report lacks '$words': $(cat out)"
done
[ "$(ls why)" = "$(printf 'explanation.json\nexplanation.png\nmaps.fits')" ] || fail "files: $(ls why)"
[ "$(head -c 4 why/explanation.png | tail -c 3)" = PNG ] || fail "no PNG"
"$explain" --frames good "${at[@]}" "${quick[@]}" -o why --json --threads 1 >out || fail "not written again"
cmp -s out why/explanation.json || fail "--json prints something else than it writes"
keys='"target":"mass","unit":"dex","value":1[0-9.]+,"baseline":"zero","baseline_value":1[0-9.]+,"difference":[-0-9.]+,"log10_m500c":1'
tr -d '\n ' <out | grep -Eq "^\{$keys" || fail "JSON: $(cat out)"
tr -d '\n ' <out | grep -Eq '"bands":\{"u":\{"sum":[-0-9.e]+,"share":[-0-9.e]+\},"g"' || fail "JSON has no bands: $(cat out)"
for target in band log_variance; do
  "$explain" --frames good "${at[@]}" "${quick[@]}" --target $target --joint -o $target >/dev/null || fail "no map of $target"
done

# A list of sources: the sum over all of them is no more than the map's, and a name is kept.
{ echo ID,RA,DEC; echo centre,150,2; echo "far away",151,2; } >list.csv
"$explain" --frames good "${at[@]}" "${quick[@]}" --sources list.csv -o listed --json >out || fail "no sources"
tr -d '\n ' <out | grep -Eq '"sources":\[\{"id":"(centre|faraway)".*"id":"faraway","east_arcsec":3[56][0-9.]+,.*"sum":0.0' || 
  tr -d '\n ' <out | grep -Eq '"sources":\[\{"id":"faraway","east_arcsec":3[56][0-9.]+,.*"sum":0.0' || fail "sources: $(cat out)"

# Missing bands are explained by the others.
cp -rl good four; rm four/frame-u-*
"$explain" --frames four "${at[@]}" "${quick[@]}" -o four-why --json >out || fail "four bands are not enough"
tr -d '\n ' <out | grep -Eq '"u":\{"sum":0.0,' || fail "a missing band gets a share: $(cat out)"

# Without a position the maps of a cutout file are placed by its own WCS; without a WCS they have none.
"$mock" sky -n 1 --seed 5 -o sky >/dev/null 2>&1 || fail "no mock cutout"
cutout=$(ls sky/*.fits | head -n1)
"$explain" "$cutout" --native --z 0.3 "${quick[@]}" -o from-file >out 2>err || fail "cutout file: $(cat err)"
grep -aq 'CRVAL1' from-file/maps.fits || fail "the maps of a cutout file have no WCS"

# --- what is refused -------------------------------------------------------------------------------------------------
refused 1 "no estimate to explain: .*Z_MISSING" --frames good --ra 150 --dec 2 -o nothing
cp -rl good blind; rm blind/frame-[ugr]-*
refused 1 "no estimate to explain: .*NO_RESULT" --frames blind "${at[@]}" -o nothing
refused 2 "the maps need a folder: -o DIR" --frames good "${at[@]}"
refused 2 "give a CUTOUT, or --frames DIR" "${at[@]}" -o nothing
refused 2 "--steps" --frames good "${at[@]}" --steps 0 -o nothing
refused 2 "--target" --frames good "${at[@]}" --target colour -o nothing
refused 2 "--ra and --dec" --frames good --z 0.4 -o nothing
refused 3 "no such folder|cannot be read" --frames nowhere "${at[@]}" -o nothing
refused 3 "missing.csv" --frames good "${at[@]}" --sources missing.csv -o nothing
: >file; refused 3 "cannot write into the folder 'file/deep'" --frames good "${at[@]}" "${quick[@]}" -o file/deep
refused 4 "nothing.safetensors: cannot open" --frames good "${at[@]}" --weights nothing.safetensors -o nothing

# --- what other programs say of the maps -----------------------------------------------------------------------------
if command -v fitsverify >/dev/null; then
  fitsverify -e -q why/maps.fits | grep -q 'verification OK' || fail "fitsverify: $(fitsverify -e why/maps.fits | tail -n 20)"
fi
python="${CLUSTERMASS_ORACLES:-$HOME/.cache/clustermass/oracles}/bin/python"
if [ -x "$python" ]; then
  "$explain" --frames good "${at[@]}" -o full >/dev/null || fail "no full explanation"
  "$python" "$CLUSTERMASS_SOURCE_DIR/tests/oracles/check_maps.py" full/maps.fits 150 2 || fail "astropy on the maps"
else
  echo "skipped: astropy on the maps, for tests/oracles/setup.sh was not run"
fi

# --- validate --------------------------------------------------------------------------------------------------------
"$explain" validate --clusters 4 --steps 16 --json --quiet >out 2>err
[ $? -le 1 ] || fail "validate: $(cat err)"
tr -d '\n ' <out | grep -Eq '"checks":\[\{"name":"clustersexplained","value":4.0,"target":\[null,null\],"passed":true\}' || fail "validate: $(cat out)"
# passed NAME: this check does, on so few clusters and steps.
passed() { tr -d '\n' <out | grep -Eq "\"name\": \"[^\"]*$1[^\"]*\"[^}]*\"passed\": true" || fail "validate: '$1' fails: $(cat out)"; }
passed "integrated gradients that sum to the difference"
passed "exactly zero where there is no valid pixel"
passed "randomised from top to bottom"
passed "trained on shuffled masses"
passed "moved field"
for map in "joint map" "integrated gradients" "CAM \(cells\)" "Grad-CAM" "integrated Grad-CAM" "IG. x map" "light alone"; do
  grep -Eq "\"[|]?$map\": \{" out || fail "no row of $map"
done
"$explain" --help | grep -q 'clustermass_explain cutout.fits' || fail "--help has no example"
echo "all as expected"
