#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# clustermass_train on the mock sky: the same bits for one thread and two, for a run that was stopped, killed or out of
# disk and resumed, with and without folds; every pretext and architecture; the released folder is complete; bad settings,
# checkpoints and caches are refused in one sentence. Lists: train_list_test.sh.
set -euo pipefail
train=$CLUSTERMASS_BIN/clustermass_train
[[ -x $train ]] || { echo "clustermass_train was not built; skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }

small=(--clusters 12 --blank-fields 4 --band-fields 8 --calibration 50 --test 50 --heads 2 --batch 4 --band-epochs 1
       --head-epochs 1 --all-epochs 2 --validation-share 0.2 --model-id tiny --cache cache --quiet)
# refused CODE WORDS OPTION...: the program ends with the code and says the words in one line, without a run.
refused() {
  local code=$1 words=$2 got=0
  shift 2
  "$train" "$@" >out.log 2>bad.log || got=$?
  [[ $got == "$code" ]] || fail "$* ended with $got, expected $code: $(cat bad.log)"
  grep -q -- "$words" bad.log || fail "'$*' says '$(cat bad.log)', expected '$words'"
  [[ $(wc -l <bad.log) == 1 ]] || fail "'$*' takes $(wc -l <bad.log) lines to say it"
}

"$train" --out one "${small[@]}" --threads 1 >one.log
"$train" --out two "${small[@]}" --threads 2 >two.log
cmp one/tiny/model.safetensors two/tiny/model.safetensors || fail "one thread and two give different weights"
(cd one/tiny && sha256sum -c --quiet SHA256SUMS) || fail "SHA256SUMS does not fit"
grep -q "simulated sky" one/tiny/MODEL_CARD.md || fail "the card does not say that the sky is simulated"
for file in run_config.toml metrics.csv metrics.jsonl checkpoint-last.safetensors checkpoint-best.safetensors log.txt \
            losses.svg predicted.svg residuals.svg calibration.svg predictions.csv tiny/run_config.toml tiny/metrics.csv; do
  [[ -s one/$file ]] || fail "the run folder lacks $file"
done
[[ $(wc -l <one/metrics.csv) == 5 && $(wc -l <one/metrics.jsonl) == 4 ]] || fail "not one line per epoch in the metrics"

# The saved configuration repeats the run; a stopped and a killed run go on to the same bits.
"$train" --config one/tiny/run_config.toml --out again --cache cache --threads 2 --quiet >again.log
cmp one/tiny/model.safetensors again/tiny/model.safetensors || fail "run_config.toml does not repeat the run"
"$train" --out stopped "${small[@]}" --stop-after 2 >stopped.log
[[ ! -e stopped/tiny ]] || fail "--stop-after went on to the end"
refused 4 "expected 'rate = 0.01', found 'rate = 0.002'" --out stopped "${small[@]}" --rate 0.01 --resume
"$train" --out stopped "${small[@]}" --threads 1 --resume >>stopped.log
cmp one/tiny/model.safetensors stopped/tiny/model.safetensors || fail "a resumed run gives different weights"
cmp one/metrics.csv stopped/metrics.csv || fail "a resumed run gives different figures"
refused 3 "holds a run already" --out stopped "${small[@]}"

# Killed, and interrupted by Ctrl-C, in the middle of an epoch.
long=("${small[@]}" --all-epochs 6)
"$train" --out whole "${long[@]}" >whole.log
for signal in KILL INT; do
  "$train" --out "killed-$signal" "${long[@]}" --threads 1 >killed.log 2>&1 &
  job=$!
  for ((k = 0; k < 600; ++k)); do
    grep -qs "^all,,1" "killed-$signal/metrics.csv" && break
    sleep 0.05
  done
  kill -s $signal $job 2>/dev/null || true
  wait $job || true
  "$train" --out "killed-$signal" "${long[@]}" --resume >>killed.log
  cmp whole/tiny/model.safetensors "killed-$signal/tiny/model.safetensors" || fail "killed by $signal, other weights"
done

# Folds, labels as catalogues have them, richness, moments; stopped in the middle of a fold and resumed.
folds=("${small[@]}" --folds 3 --labels both --richness-epochs 1 --unlabelled 6 --loss moment --pretext plain --prior label-like)
"$train" --out folds "${folds[@]}" >folds.log
grep -q "3 folds, 12 clusters: MAE against the labels" folds.log || fail "no figures of the folds"
[[ $(wc -l <folds/predictions-folds.csv) == 13 ]] || fail "not every cluster is predicted once by the folds"
"$train" --out folds-stopped "${folds[@]}" --stop-after 6 >stopped.log
"$train" --out folds-stopped "${folds[@]}" --resume >>stopped.log
cmp folds/tiny/model.safetensors folds-stopped/tiny/model.safetensors || fail "folds: a resumed run gives different weights"
cmp folds/predictions-folds.csv folds-stopped/predictions-folds.csv || fail "folds: a resumed run predicts otherwise"

# Heads that begin with a ridge regression, which is not in a checkpoint until an epoch is; too few clusters for it.
ridge=("${small[@]}" --clusters 100 --heads 1 --read-out true --mass-factor 0.5)
"$train" --out ridge "${ridge[@]}" >ridge.log
grep -q "heads begin with a ridge regression: rms of labels left out 0\.[0-9]" ridge.log || fail "no regression: $(cat ridge.log)"
"$train" --out ridge-stopped "${ridge[@]}" --stop-after 1 >stopped.log
"$train" --out ridge-stopped "${ridge[@]}" --resume --threads 1 >>stopped.log
cmp ridge/tiny/model.safetensors ridge-stopped/tiny/model.safetensors || fail "ridge regression: a resumed run gives different weights"
"$train" --out ridge-full "${ridge[@]}" --mass-factor 1 >full.log
! cmp -s ridge/tiny/model.safetensors ridge-full/tiny/model.safetensors || fail "--mass-factor changes nothing"
# Steps that lead away from the regression leave it as it was; without any step it is the answer too.
still=("${small[@]}" --clusters 100 --heads 1 --read-out true --validation-share 0.3 --all-epochs 0)
"$train" --out still "${still[@]}" --head-epochs 0 >still.log
grep -q "heads begin with a ridge regression: rms" still.log || fail "no regression without an epoch: $(cat still.log)"
"$train" --out away "${still[@]}" --head-epochs 3 --mass-factor 100 --patience 0 >away.log
cmp still/predictions.csv away/predictions.csv || fail "the network before the first epoch was better and is lost"
"$train" --out few "${small[@]}" --read-out true >few.log
grep -q "too few for it" few.log || fail "twelve clusters were enough for 64 slopes"

# An extractor by itself, then the masses on it; other architectures; the table of several runs.
"$train" --out bands "${small[@]}" --stage bands --arch small >bands.log
"$train" --out mass "${small[@]}" --stage mass --arch small --init bands/checkpoint-last.safetensors --sky mixed >mass.log
"$train" --out large "${small[@]}" --stage mass --arch large --head-epochs 0 --all-epochs 1 >large.log
grep -q "mock sky AB-mixed" mass/tiny/MODEL_CARD.md || fail "the card does not name the mixed sky"
refused 4 "needs an extractor of the architecture" --out x1 "${small[@]}" --stage mass --init bands/checkpoint-last.safetensors
"$train" compare one large --plot curve.svg >compare.log
grep -q "| large | 12 |" compare.log && [[ -s curve.svg ]] || fail "compare has no table or plot"

# Bands named on the detector's own pixels: an extractor that the masses take as any other.
"$train" --out native "${small[@]}" --stage bands --band-scale native --band-fields 16 >native.log
"$train" --out native-mass "${small[@]}" --stage mass --init native/checkpoint-last.safetensors >>native.log
[[ -s native-mass/tiny/model.safetensors ]] || fail "no masses on an extractor of native patches: $(cat native.log)"

# The matched filter's answer as an input: file and card say so, and a network that is told answers otherwise.
"$train" --out told "${small[@]}" --filter true --filter-drop 0.2 --rate 0.02 --head-epochs 4 >told.log
grep -q "matched filter on the pixels, mock sky A" told/tiny/MODEL_CARD.md || fail "the card does not name the filter"
"$CLUSTERMASS_BIN/clustermass_inspect" told/tiny | grep -q "matched filter on the pixels" || fail "the file does not name the filter"
evaluate=("$CLUSTERMASS_BIN/clustermass_evaluate" -n 20 --training 100 --quiet --brief)
if [[ -x ${evaluate[0]} ]]; then
  "${evaluate[0]}" bands native 2>bad.log && fail "an extractor of native patches is shown fields of 2 Mpc"
  grep -q "taught on patches of native pixels" bad.log || fail "no reason given: $(cat bad.log)"
  network() { grep "^| network  " "$1"; }
  "${evaluate[@]}" --weights told/tiny >told.txt
  "${evaluate[@]}" --weights told/tiny --images-alone >alone.txt
  [[ $(network told.txt) != "$(network alone.txt)" ]] || fail "the filter's answer changes nothing: $(network told.txt)"
  "${evaluate[@]}" --weights one/tiny >one.txt
  "${evaluate[@]}" --weights one/tiny --images-alone >alone.txt
  [[ $(network one.txt) == "$(network alone.txt)" ]] || fail "a network that was not taught so looks at the filter's answer"
fi

# Settings that are none.
printf 'clusters = 12\nepochs = 3\n' >bad.toml
refused 3 "bad.toml, line 2: unknown key 'epochs', did you mean '[a-z]*-epochs'" --config bad.toml
printf 'batch = 0 # none\n' >bad.toml
refused 3 "bad.toml, line 1: batch: expected a whole number from 1 to 4096, found '0'" --config bad.toml
printf 'batch = 4\nbatch = 5\n' >bad.toml
refused 3 "line 2: the key 'batch' stands there twice" --config bad.toml
printf '[data]\nbatch = 4\n' >bad.toml
refused 3 "line 1: expected 'key = value'" --config bad.toml
printf 'sky = C\n' >bad.toml
refused 3 "expected a text in double quotes" --config bad.toml
refused 3 "images: expected some of the bands ugriz, in this order, found 'rg'" --images rg --out x0 "${small[@]}"
"$train" --out less "${small[@]}" --images gri --redshift false >less.log
"$CLUSTERMASS_BIN/clustermass_inspect" less/tiny >less.log 2>&1 && fail "a network of an experiment is taken for one that can be used"
grep -q "'clustermass experiment', expected 'clustermass'" less.log || fail "inspect says: $(cat less.log)"
refused 3 "the command line: sky: expected one of A, B, mixed, found 'C'" --sky C --out x2
refused 3 "expected SOURCE=DEX" --label-offsets "PSZ2" --out x3
refused 3 "cannot open the file" --config no.toml
refused 3 "needs the run folder" --resume
"$train" --defaults >defaults.toml
"$train" --config defaults.toml --defaults | cmp - defaults.toml || fail "the defaults do not read as themselves"

# A checkpoint cut short, a damaged cache, a full disk: nothing half-written, and the run goes on afterwards.
mkdir broken && head -c 5000 one/checkpoint-last.safetensors >broken/checkpoint-last.safetensors
refused 4 "cut short" --out broken "${small[@]}" --resume
cp -r cache cache2
for file in cache2/clusters-*.records; do printf 'x' | dd of="$file" bs=1 seek=100000 conv=notrunc 2>/dev/null; done
refused 3 "record 0 is damaged" --out x4 "${small[@]}" --cache cache2
status=0
(trap '' XFSZ; ulimit -f 1500; "$train" --out full "${small[@]}" --cache cache3 >full.log 2>bad.log) || status=$?
[[ $status == 3 ]] && grep -q "has room" bad.log || fail "a full disk was not noticed: $status $(cat bad.log)"
[[ -z $(find cache3 -type f -size +0) ]] || fail "a full disk left $(ls cache3)"
status=0
(trap '' XFSZ; ulimit -f 3000; "$train" --out full "${small[@]}" --resume >full.log 2>bad.log) || status=$?
[[ $status == 4 ]] && grep -q "has room" bad.log || fail "a full disk was not noticed in training: $status $(cat bad.log)"
"$train" --out full "${small[@]}" --resume >full.log
cmp one/tiny/model.safetensors full/tiny/model.safetensors || fail "after a full disk, other weights"
echo "clustermass_train: all good"
