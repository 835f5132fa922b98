#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_mock frames: five frames and the truth, the same for the same seed; on failure a sentence and nothing left.
set -u
mock="$CLUSTERMASS_BIN/clustermass_mock"
[ -x "$mock" ] || { echo "clustermass_mock is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

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
echo "clustermass_mock: five frames of one seed, bad requests and a full disk are as expected"
