#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_inspect: a released file is sound and its checksum agrees; another file is refused after it was described.
set -u
inspect="$CLUSTERMASS_BIN/clustermass_inspect"
[ -x "$inspect" ] || { echo "clustermass_inspect is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() { echo "FAILED: $*"; exit 1; }
corpus="$CLUSTERMASS_SOURCE_DIR/tests/fuzz/corpus/weight_file"

"$inspect" "$corpus/good.safetensors" --tensors >out 2>err
[ $? = 4 ] && [ "$(wc -l <err)" = 1 ] && grep -q 'expected a weight file written by clustermass_train' err || fail "foreign file: $(cat err)"
grep -q '^  SHA-256 .*[0-9a-f]\{64\}' out && grep -q '^tensors$' out || fail "the foreign file is not described: $(cat out)"
[ "$(sed -n 's/^  SHA-256 *//p' out)" = "$(sha256sum <"$corpus/good.safetensors" | cut -d' ' -f1)" ] || fail "another SHA-256 than sha256sum"
"$inspect" "$corpus/rule7_hole.safetensors" >out 2>err
[ $? = 4 ] && [ ! -s out ] && grep -q 'a hole' err || fail "broken file: $(cat err)"
"$inspect" none.safetensors 2>/dev/null; [ $? = 4 ] || fail "a missing file is exit code 4"
"$inspect" --no-such-option 2>/dev/null; [ $? = 2 ] || fail "an unknown option is exit code 2"

for released in "$CLUSTERMASS_SOURCE_DIR"/weights/*/model.safetensors; do
  [ -f "$released" ] || continue
  "$inspect" "$released" >out || fail "a released file is not sound: $(cat out)"
  grep -q '^  SHA256SUMS *agrees$' out && grep -q '^  model card .*MODEL_CARD.md$' out || fail "released file: $(cat out)"
  grep -q '^  network .*trained on' out || fail "what it was trained on is not said"
  "$inspect" "$(dirname "$released")" --json | grep -q '"usable": true' || fail "the folder of a released file"
  cp -r "$(dirname "$released")" changed
  printf ' ' >>changed/model.safetensors
  "$inspect" changed >/dev/null 2>&1; [ $? = 4 ] || fail "a byte at the end goes unnoticed"
  cp "$released" changed/
  sed -i 's/^[0-9a-f]\{4\}\(.*model.safetensors\)/0000\1/' changed/SHA256SUMS
  "$inspect" changed >out 2>err; [ $? = 4 ] && grep -q 'SHA256SUMS beside it says 0000' err || fail "another checksum goes unnoticed"
  rm -r changed
done
echo "all as expected"
