#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_train: the same bits for one thread and two, and for a run that was stopped and resumed; the released
# folder is complete and is read by clustermass_inspect; bad options are refused in one sentence.
set -euo pipefail
train=$CLUSTERMASS_BIN/clustermass_train
[[ -x $train ]] || { echo "clustermass_train was not built; skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }

small=(--clusters 12 --blank-fields 4 --band-fields 8 --calibration 50 --test 50 --heads 2 --batch 4 --band-epochs 1
       --head-epochs 1 --all-epochs 2 --model-id tiny --quiet)
"$train" -o one "${small[@]}" --threads 1 >one.log
"$train" -o two "${small[@]}" --threads 2 >two.log
cmp one/tiny/model.safetensors two/tiny/model.safetensors || fail "one thread and two give different weights"

"$train" -o resumed "${small[@]}" --threads 2 --stop-after 3 >resumed.log
[[ ! -e resumed/tiny/model.safetensors ]] || fail "--stop-after went on to the end"
if "$train" -o resumed "${small[@]}" --rate 0.01 --resume >other.log 2>&1; then fail "other options were resumed"; fi
grep -q "other options" other.log || fail "no word about the other options"
"$train" -o resumed "${small[@]}" --threads 1 --resume >>resumed.log
cmp one/tiny/model.safetensors resumed/tiny/model.safetensors || fail "a resumed run gives different weights"
cmp one/metrics.csv resumed/metrics.csv || fail "a resumed run gives different figures"

(cd one/tiny && sha256sum -c --quiet SHA256SUMS) || fail "SHA256SUMS does not fit"
grep -q "simulated sky" one/tiny/MODEL_CARD.md || fail "the card does not say that the sky is simulated"
if "$train" --heads 0 >bad.log 2>&1; then fail "no heads were accepted"; fi
head -c 5000 one/checkpoint-last.safetensors >short && mkdir broken && mv short broken/checkpoint-last.safetensors
if "$train" -o broken "${small[@]}" --resume >broken.log 2>&1; then fail "a checkpoint cut short was resumed"; fi
grep -q "cut short" broken.log || fail "no word about the checkpoint cut short"
echo "clustermass_train: all good"
