#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_mock sky, frames, gallery, validate: what they write, the same for the same seed and any threads; on
# failure a sentence and nothing left. The subcommand catalogue has a test of its own.
set -u
mock="$CLUSTERMASS_BIN/clustermass_mock"
[ -x "$mock" ] || { echo "clustermass_mock is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
# The folder must not be there, and the last message one line.
nothing_left() {
  [ ! -e "$1" ] || fail "$2 left $(ls -A "$1")"
  [ "$(wc -l <"$work/message")" = 1 ] || fail "$2: expected one line, got $(cat "$work/message")"
}

"$mock" --help >"$work/help" && grep -q validate "$work/help" || fail "--help does not name its subcommands"
for command in sky frames gallery validate; do
  "$mock" $command --help >"$work/help" || fail "$command --help"
  grep -q "  clustermass_mock $command" "$work/help" || fail "$command --help shows no example"
done
"$mock" 2>"$work/message"
[ $? = 2 ] || fail "no subcommand was accepted"

# ---- frames
"$mock" frames --mass 14.5 --z 0.4 --seed 7 --ra 150 --dec 2 --quiet -o "$work/a" || fail "frames"
for band in u g r i z; do
  set -- "$work/a/frame-$band-009001-"?-0001.fits
  [ "$(stat -c %s "$1")" -gt 12000000 ] || fail "$1 is missing or short"
done
[ "$(ls -A "$work/a" | wc -l)" = 12 ] || fail "expected five frames, five masks, sources and truth, found $(ls -A "$work/a")"
grep -q '"sky": "mock sky A"' "$work/a/truth.json" || fail "truth.json does not name its sky"
grep -q '"log10_m500c": 14.5' "$work/a/truth.json" || fail "truth.json does not hold the mass"

# The same seed gives the same pixels (headers hold the date of writing), another seed others.
pixels() { tail -c +20161 "$1" | head -c 12000000 | cksum; }
"$mock" frames --mass 14.5 --z 0.4 --seed 7 --ra 150 --dec 2 --quiet -o "$work/b" || fail "frames again"
"$mock" frames --mass 14.5 --z 0.4 --seed 8 --ra 150 --dec 2 --quiet -o "$work/c" || fail "another seed"
cmp -s "$work/a/truth.json" "$work/b/truth.json" || fail "the truth of one seed differs"
[ "$(pixels "$work/a"/frame-r-*)" = "$(pixels "$work/b"/frame-r-*)" ] || fail "the pixels of one seed differ"
[ "$(pixels "$work/a"/frame-r-*)" != "$(pixels "$work/c"/frame-r-*)" ] || fail "two seeds give the same pixels"

# Bad requests: exit code 2 and one line.
for bad in "--z -0.1" "--mass 30" "--x 4000" "--seed -1" "--seed 99999999999999999999999" "--bogus"; do
  message=$("$mock" frames $bad --quiet -o "$work/bad" 2>&1)
  [ $? = 2 ] || fail "$bad was accepted"
  [ "$(printf '%s\n' "$message" | wc -l)" = 1 ] || fail "$bad: expected one line, got $message"
  [ ! -e "$work/bad" ] || fail "$bad left a folder"
done

for bad in "--z nan" "--mass nan" "--ra nan" "--x nan"; do
  "$mock" frames $bad --quiet -o "$work/bad" 2>"$work/message"
  [ $? = 3 ] || fail "$bad was accepted"
  [ ! -e "$work/bad" ] || fail "$bad left a folder"
done

# A disk that runs full: exit code 3, nothing half-written.
(trap '' XFSZ; ulimit -f 9000; "$mock" frames --quiet -o "$work/full" 2>"$work/message")
[ $? = 3 ] || fail "a full disk was not noticed"
[ "$(wc -l <"$work/message")" = 1 ] || fail "expected one line, got $(cat "$work/message")"
[ ! -e "$work/full" ] || fail "a failed run left $(ls -A "$work/full")"
touch "$work/file"
"$mock" frames --quiet -o "$work/file" 2>"$work/message"
[ $? = 3 ] || fail "a file in place of the folder was accepted"
[ -f "$work/file" ] || fail "the file in the way was removed"

"$mock" frames -n 2 --blank --sky mixed --quiet -o "$work/two" || fail "two blank fields"
[ "$(ls "$work/two" | grep -c "^frame-.*-000[12]\.fits$")" = 10 ] || fail "two fields: $(ls "$work/two")"
[ "$(grep -c '"log10_m500c": null' "$work/two/truth.json")" = 2 ] || fail "$(cat "$work/two/truth.json")"
head -n1 "$work/two/sources-009001-"?"-0002.csv" | grep -q "^KIND,PROFILE,EAST_ARCSEC" || fail "the sources have no header"
rm -rf "$work"/[abc] "$work/two"
"$mock" frames -n 5 --field 9996 --quiet -o "$work/bad" 2>"$work/message"
[ $? = 3 ] || fail "field 10000 was accepted"
nothing_left "$work/bad" "field 10000"

# ---- sky: files, list, truth; the same bytes for any number of threads, after a run that was killed, and as a part
"$mock" sky -n 6 --seed 3 --sources --quiet --threads 1 -o "$work/one" || fail "sky"
mkdir -p "$work/three/.unfinished" && touch "$work/three/.unfinished/cutout-000099.fits"
"$mock" sky -n 6 --seed 3 --sources --quiet --threads 3 -o "$work/three" || fail "sky on three threads"
diff -r "$work/one" "$work/three" >/dev/null || fail "three threads write another sky"
[ "$(ls -A "$work/one" | tr '\n' ' ')" = "$(printf 'cutout-00000%d.fits ' 0 1 2 3 4 5)list.csv truth.csv " ] ||
  fail "sky wrote $(ls -A "$work/one")"
"$mock" sky -n 2 --first 4 --seed 3 --sources --quiet -o "$work/part" || fail "a part of a sky"
for k in 4 5; do cmp -s "$work/part/cutout-00000$k.fits" "$work/one/cutout-00000$k.fits" || fail "cutout $k alone differs"; done
[ "$(tail -n 1 "$work/part/truth.csv")" = "$(tail -n 1 "$work/one/truth.csv")" ] || fail "the truth of a part differs"
[ "$(head -n 1 "$work/one/list.csv")" = ID,RA,DEC,Z,EBV,PATH ] || fail "list: $(head -n 1 "$work/one/list.csv")"
grep -q LOGM500C "$work/one/list.csv" && fail "the list gives the truth away"
awk -F, 'NR == 1 { columns = NF } NF != columns { bad = 1 } NR > 1 && ($7 < 13.7 || $7 > 15.2 || $5 < 0.08 || $5 > 0.55) { bad = 1 }
  END { exit bad || NR != 7 }' "$work/one/truth.csv" || fail "truth: $(cat "$work/one/truth.csv")"
for word in "EXTNAME = 'R  " "EXTNAME = 'SOURCES" "BUNIT   = 'nanomaggy" "MOCKSKY = 'mock sky A"; do
  grep -aq "$word" "$work/one/cutout-000001.fits" || fail "a cutout lacks '$word'"
done
"$mock" sky -n 1 --seed 4 --quiet -o "$work/four" && cmp -s "$work/four/cutout-000000.fits" "$work/one/cutout-000000.fits" &&
  fail "two seeds give the same sky"
"$mock" sky -n 1 --sky B --with psf=A --prior survey --side 32 --edges 0 --z 0.3 --blank --quiet -o "$work/b" || fail "sky B"
grep -q 'mock sky B, psf of A' "$work/b/truth.csv" || fail "$(cat "$work/b/truth.csv")"

estimate="$CLUSTERMASS_BIN/clustermass_estimate"
if [ -x "$estimate" ] && "$estimate" "$work/one/list.csv" --native --quiet -o "$work/masses.csv" 2>"$work/message"; then
  [ "$(awk -F, 'NR > 1 && $6 != ""' "$work/masses.csv" | wc -l)" = 6 ] || fail "masses: $(cat "$work/masses.csv")"
fi

for bad in "-n 0" "--side 0" "--side 5000" "--z 0.9" "--mass 30" "--edges 2" "--sky C" "--prior none" "--seed 18446744073709551616"; do
  "$mock" sky -n 2 $bad --quiet -o "$work/bad" 2>"$work/message"
  [ $? = 2 ] || fail "sky $bad was accepted"
  nothing_left "$work/bad" "sky $bad"
done
for bad in "--z nan" "--mass nan" "--edges nan" "--first 18446744073709551615" "--with psf" "--with nonsense=B"; do
  "$mock" sky -n 2 $bad --quiet -o "$work/bad" 2>"$work/message"
  [ $? = 3 ] || fail "sky $bad was accepted"
  nothing_left "$work/bad" "sky $bad"
done
(trap '' XFSZ; ulimit -f 100; "$mock" sky -n 4 --quiet -o "$work/full" 2>"$work/message")
[ $? = 3 ] || fail "sky: a full disk was not noticed"
nothing_left "$work/full" "a sky on a full disk"
"$mock" sky -n 1 --quiet -o "$work/file/below" 2>"$work/message"
[ $? = 3 ] || fail "a folder below a file was accepted"

# A folder that cannot be written; root may write everywhere but into /proc.
"$mock" sky -n 1 --quiet -o /proc/clustermass 2>"$work/message"
[ $? = 3 ] || fail "a folder in /proc was accepted"
[ "$(wc -l <"$work/message")" = 1 ] || fail "expected one line, got $(cat "$work/message")"
# A disk of its own that is full, where this user may mount one: the sky that is there stays as it was.
mkdir "$work/disk"
if mount -t tmpfs -o size=1m tmpfs "$work/disk" 2>/dev/null; then
  "$mock" sky -n 1 --side 64 --quiet -o "$work/disk/sky" || fail "a small sky does not fit"
  before=$(cat "$work/disk/sky"/* | cksum)
  "$mock" sky -n 20 --seed 9 --quiet -o "$work/disk/sky" 2>"$work/message"
  code=$? after=$(cat "$work/disk/sky"/* | cksum) left=$(ls -A "$work/disk/sky" | wc -l)
  umount "$work/disk"
  [ $code = 3 ] && [ "$before" = "$after" ] && [ "$left" = 3 ] || fail "a full disk: code $code, $left files left"
fi

# ---- gallery
"$mock" gallery --tile 64 --quiet -o "$work/pictures" || fail "gallery"
for picture in sheet working-scale native-scale; do
  head -c 4 "$work/pictures/$picture.png" | grep -aq PNG || fail "$picture.png is no picture"
  [ "$(stat -c %s "$work/pictures/$picture.png")" -gt 10000 ] || fail "$picture.png is empty"
done
"$mock" gallery --frames "$work" --quiet -o "$work/bad" 2>"$work/message"
[ $? = 3 ] || fail "frames without a position were accepted"
nothing_left "$work/bad" "frames without a position"

# ---- validate: a table, JSON that agrees with the exit code, and what it refuses
"$mock" validate -n 40 --gate V15 --gate V3 --quiet >"$work/table"
[ $? -le 1 ] && grep -q "^V15 .*: passed" "$work/table" && grep -q "^V3 " "$work/table" || fail "$(cat "$work/table")"
"$mock" validate -n 40 --gate V12 --gate V15 --json --quiet >"$work/json"
code=$?
for key in '"sky": "mock sky A"' '"gate": "V12"' '"name"' '"value"' '"target"' '"passed"'; do
  grep -q "$key" "$work/json" || fail "no $key in $(cat "$work/json")"
done
all=true; grep -q '"passed": false' "$work/json" && all=false
[ $code = 0 ] && [ $all = true ] || { [ $code = 1 ] && [ $all = false ]; } || fail "exit code $code for $(cat "$work/json")"
"$mock" validate -n 20 --gate V3 --quiet >"$work/table"  # so few galaxies do not pass
[ $? = 1 ] && grep -q FAILED "$work/table" || fail "V3 on 20 cutouts: $(cat "$work/table")"
for bad in "--gate V99" "-n 3" "--threads -1"; do
  "$mock" validate $bad --quiet >/dev/null 2>"$work/message"
  [ $? = 2 ] || fail "validate $bad was accepted"
done
"$mock" validate --gate V6 --frames "$work/nowhere" --quiet 2>"$work/message"
[ $? = 3 ] || fail "a folder that is not there was accepted"
"$mock" validate --gate V6 --frames "$work/one" --quiet 2>"$work/message"
[ $? = 3 ] || fail "a folder without frames was accepted"
echo "clustermass_mock: sky, frames, gallery and validate, bad requests and a full disk are as expected"
