#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_estimate on a mock cluster and on every kind of bad input: a flag or one clear sentence, the right exit code.
set -u
estimate="$CLUSTERMASS_BIN/clustermass_estimate" mock="$CLUSTERMASS_BIN/clustermass_mock"
[ -x "$estimate" ] && [ -x "$mock" ] || { echo "the programs are not built"; exit 77; }
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() { echo "FAILED: $*"; exit 1; }

"$mock" frames --mass 14.8 --z 0.4 --seed 3 --ra 150 --dec 2 -o good 2>/dev/null || fail "no mock frames"
at=(--ra 150 --dec 2 --z 0.4)
"$estimate" --frames good "${at[@]}" >/dev/null 2>err || { grep -q "holds no network" err && { cat err; exit 77; }; }

# refused CODE PATTERN ARGUMENT...: the exit code, nothing on stdout, one line on stderr that matches.
refused() {
  local code=$1 pattern=$2
  shift 2
  "$estimate" "$@" >out 2>err
  local found=$?
  [ $found = "$code" ] || fail "exit code $found, expected $code, for: $*; $(cat err)"
  [ ! -s out ] || fail "printed an answer for: $*"
  [ "$(wc -l <err)" = 1 ] && grep -q '^clustermass_estimate: ' err || fail "not one line on stderr for: $*; $(cat err)"
  grep -Eq -- "$pattern" err || fail "expected a message like '$pattern' for: $*, found: $(cat err)"
}
# answered PATTERN ARGUMENT...: exit code 0 and JSON on one line that matches.
answered() {
  local pattern=$1
  shift
  "$estimate" --json "$@" >out 2>err || fail "exit code $? for: $*; $(cat err)"
  [ ! -s err ] || fail "complains of: $*; $(cat err)"
  tr -d '\n ' <out | grep -Eq -- "$pattern" || fail "expected '$pattern' for: $*, found $(cat out)"
}
# copy NAME: a copy of the good frames, made of links.
copy() { rm -rf "$1"; cp -rl good "$1"; }
frame() { echo "$1/frame-$2-009001-"*"-0001.fits"; }
own() { cp --remove-destination "$(frame good "$2")" "$1/"; frame "$1" "$2"; }   # a file of one's own, to be changed
header_ends() { local e; e=$(grep -abo -m1 'END      ' "$1" | head -n1 | cut -d: -f1); echo $(((e / 2880 + 1) * 2880)); }
# nan FILE FIRST_ROW ROWS: pixels of the image that are NaN
nan() { head -c $(($3 * 2048 * 4)) /dev/zero | tr '\0' '\377' |
  dd of="$1" bs=4096 seek=$(($(header_ends "$1") + $2 * 2048 * 4)) oflag=seek_bytes conv=notrunc status=none; }

# --- answers ---------------------------------------------------------------------------------------------------------
keys='"log10_m500c":1[0-9.]+,"log10_m500c_error":[0-9.e-]+,"lo90":[0-9.]+,"hi90":[0-9.]+,"dlogm_dz":[-0-9.e]+,"ood":[0-9.e-]+'
answered "^\{$keys,\"coverage\":(1.0|0.999[0-9]*),\"masked_fraction\":0\.0[0-9]*,\"flags\":[0-9]+,\"flag_names\":\[[A-Z\",_]*\],\"ra\":150.0,\"dec\":2.0,\"z\":0.4,\"model_id\":\"[^\"]+\",\"training_set\":\"[^\"]+\",\"version\":\"[0-9.]+\",\"mass_definition\":\"log10\(M500c/Msun\)\",\"h\":0.7\}$" \
  --frames good "${at[@]}"
cp out two
"$estimate" --json --frames good "${at[@]}" --threads 1 | cmp -s - two || fail "one thread gives another answer"
"$estimate" --frames good "${at[@]}" --truth good/truth.json --picture sheet.svg >out || fail "no picture"
grep -q '^log10(M500c/Msun) = 1[0-9.]* +- [0-9.]*$' out && grep -q 'truth .*14.80; the estimate is .* sigma' out || fail "text: $(cat out)"
for word in 'data:image/png;base64,iVBOR' '90 % interval' '>truth<' 'Mpc = ' '>N<' '>E<' 'Network '; do
  grep -q -- "$word" sheet.svg || fail "the picture lacks '$word'"
done
"$estimate" --frames good "${at[@]}" --picture field.png >/dev/null && head -c 4 field.png | grep -q PNG || fail "no PNG"
answered '"Z_MISSING","NO_RESULT"' --frames good --ra 150 --dec 2
answered '"log10_m500c":null,' --frames good --ra 150 --dec 2 --picture without.svg
answered '"Z_MISSING","NO_RESULT"' --frames good --ra 150 --dec 2 --z -0.3
answered '"Z_OUT_OF_RANGE"' --frames good --ra 150 --dec 2 --z 0.6
answered '"Z_OUT_OF_RANGE".*"NO_RESULT"' --frames good --ra 150 --dec 2 --z 1.5
answered '"HIGH_EBV"' --frames good "${at[@]}" --ebv 0.3
answered '"EDGE".*"LOW_COVERAGE"' --frames good --ra 150.08 --dec 1.9 --z 0.4
"$estimate" --frames good --ra 150 --dec 2 --strict >/dev/null 2>&1
[ $? = 1 ] || fail "--strict does not end with 1 when there is no estimate"

answered '"null_test":\{"positions":4,"below":[0-4],"median":1[0-9.]+,"log10_m500c":\[1[0-9.]+,1[0-9.]+,1[0-9.]+,1[0-9.]+\]\}\}$' \
  --frames good "${at[@]}" --null 4
cp out two
"$estimate" --json --frames good "${at[@]}" --null 4 --threads 1 | cmp -s - two || fail "another null test with one thread"

copy missing; rm "$(frame missing u)"
answered '"MISSING_BAND"' --frames missing "${at[@]}"
rm "$(frame missing g)" "$(frame missing z)"
answered '"MISSING_BAND","NO_RESULT"' --frames missing "${at[@]}"
copy holes; for b in u g r i z; do nan "$(own holes $b)" 650 200; done
answered '"masked_fraction":0\.[0-9]*[1-9],' --frames holes "${at[@]}"
grep -q '"MASKED_GT_20"' out || fail "a fifth of the field is masked, without the flag"
copy blind; for b in u g r i z; do nan "$(own blind $b)" 0 1489; done
answered '"NO_RESULT"' --frames blind "${at[@]}"

# --- input that cannot be used: exit code 3 --------------------------------------------------------------------------
refused 3 "no such folder|cannot be read" --frames nowhere "${at[@]}"
mkdir empty; refused 3 "holds no file named like frame" --frames empty "${at[@]}"
refused 3 "outside all frames" --frames good --ra 151 --dec 2 --z 0.4
copy bad; f=$(own bad r); truncate -s 3000000 "$f"
refused 3 "frame-r-" --frames bad "${at[@]}"
truncate -s 1000 "$f"; refused 3 "frame-r-" --frames bad "${at[@]}"
: >"$f"; refused 3 "frame-r-" --frames bad "${at[@]}"
tail -c 100000 "$(frame good r)" >"$f"; refused 3 "frame-r-" --frames bad "${at[@]}"
copy bad; sed -i "s/'nanomaggy'/'Jy\/beam'  /" "$(own bad i)"
refused 3 "BUNIT = 'Jy/beam'.*nanomaggy" --frames bad "${at[@]}"
copy bad; sed -i 's/NAXIS1  =                 2048/NAXIS1  =                    0/' "$(own bad g)"
refused 3 "frame-g-.*NAXIS|frame-g-.*0" --frames bad "${at[@]}"
copy bad; f=$(own bad z)
perl -pi -e 's{(CD[12]_[12]   = )([^/]*)/}{$1 . sprintf("%-*s", length $2, "0.0") . "/"}ge' "$f"
refused 3 "determinant" --frames bad "${at[@]}"
"$mock" frames --seed 4 --z 0.4 --ra 150.5 --dec 2 -o other 2>/dev/null || fail "no mock frames"
copy bad; rm "$(frame bad r)"; cp other/frame-r-* bad/
refused 3 "different fields" --frames bad "${at[@]}"
{ echo ra,dec; for x in {-6..6}; do for y in {-6..6}; do echo "$((150000 + x * 30))e-3,$((2000 + y * 30))e-3"; done; done; } >everywhere.csv
refused 3 "positions of the frame are 3 arcmin from every cluster" --frames good "${at[@]}" --null 4 --avoid everywhere.csv
refused 3 "JSON object" --frames good "${at[@]}" --truth "$(frame good r)"

# --- weight files: exit code 4 ---------------------------------------------------------------------------------------
refused 4 "nothing.safetensors: cannot open" --frames good "${at[@]}" --weights nothing.safetensors
for seed in rule1_length_beyond_file rule3_unclosed rule6_data_cut_short rule7_hole rule8_transposed rule8_missing good; do
  refused 4 "$seed" --frames good "${at[@]}" --weights "$CLUSTERMASS_SOURCE_DIR/tests/fuzz/corpus/weight_file/$seed.safetensors"
done
for released in "$CLUSTERMASS_SOURCE_DIR"/weights/*/model.safetensors; do
  [ -f "$released" ] || continue
  answered '"log10_m500c":1' --frames good "${at[@]}" --weights "$(dirname "$released")"
  head -c 400000 "$released" >cut.safetensors
  refused 4 "cut.safetensors: .*cut short" --frames good "${at[@]}" --weights cut.safetensors
  cp "$released" damaged.safetensors
  head -c 2000 /dev/zero | tr '\0' '\100' |  # the first layers, all 3.0
    dd of=damaged.safetensors bs=1 seek=$(($(od -An -tu4 -N4 damaged.safetensors) + 8 + 1000)) conv=notrunc status=none
  refused 4 "damaged.safetensors: .*(probe|finite)" --frames good "${at[@]}" --weights damaged.safetensors
done

# --- command lines that make no sense: exit code 2 -------------------------------------------------------------------
refused 2 "--frames DIR" "${at[@]}"
refused 2 "--ra and --dec" --frames good --z 0.4
refused 2 "both --ra and --dec" --cutout x.fits --ra 10
refused 2 "--dec" --frames good --ra 150 --dec 95 --z 0.4
refused 2 "--z" --frames good --ra 150 --dec 2 --z zero
refused 2 "--null needs --frames" --cutout x.fits --null 20
refused 2 "svg" --frames good "${at[@]}" --picture sheet.pdf
refused 2 "no-such-option" --frames good "${at[@]}" --no-such-option
"$estimate" --help | grep -q 'clustermass_estimate --frames' || fail "--help has no example"
echo "all as expected"
