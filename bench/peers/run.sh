#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The library beside its rivals: the same network, the same weights, one run, in turns.
#
#   bench/peers/run.sh [--quick] [--json] [--out FOLDER] [--threads N...] [--what W...]
#
#   --quick         a run of five minutes or less instead of twelve: fewer rounds, fewer settings of the rivals
#   --json          rows of JSON on standard output instead of tables: rival, version, what, network, batch, threads,
#                   ratio (our time / theirs: below 1 this library is faster), spread, agreement, and more
#   --out FOLDER    also write the tables into FOLDER/performance.md, between its markers, and FOLDER/performance.svg
#   --threads N...  numbers of threads, 1 2 by default
#   --what W...     of forward train footprint; all by default
#
# Needs bench/peers/setup.sh once. Set CLUSTERMASS_ORACLES if its environment is not ~/.cache/clustermass/oracles. Leave
# the machine alone while it runs: other programs' share of it is printed, and figures with a large one mean little.
set -euo pipefail
start_dir=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

quick=() json=false out= threads=() what=()
while (($#)); do
  case $1 in
    --quick) quick=(--quick) ;;
    --json) json=true ;;
    --out) out=$(cd "$start_dir" && realpath -e -- "${2-}" 2>/dev/null) && [[ -f $out/performance.md ]] ||
             { echo "run.sh: --out needs a folder with a performance.md, for example --out docs" >&2; exit 2; }
           shift ;;
    --threads) while [[ ${2-} =~ ^[1-9][0-9]*$ ]]; do threads+=("$2"); shift; done
               ((${#threads[@]})) || { echo "run.sh: --threads needs numbers, for example --threads 1 2" >&2; exit 2; } ;;
    --what) while [[ ${2-} =~ ^(forward|train|footprint)$ ]]; do what+=("$2"); shift; done
            ((${#what[@]})) || { echo "run.sh: --what needs some of forward, train, footprint" >&2; exit 2; } ;;
    -h | --help) sed -n '3,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "run.sh: unknown option $1; see run.sh --help" >&2; exit 2 ;;
  esac
  shift
done
((${#threads[@]})) || threads=(1 2)
((${#what[@]})) || what=(forward train footprint)

environment=${CLUSTERMASS_ORACLES:-$HOME/.cache/clustermass/oracles}
python=$environment/bin/python
"$python" -c 'import torch, onnx, onnxruntime, openvino, ncnn' 2>/dev/null ||
  { echo "run.sh: no rivals in $environment; bench/peers/setup.sh installs them (8 GB)" >&2; exit 1; }

build=build/peers
mkdir -p "$build"
{ cmake --preset release -B "$build" -DCLUSTERMASS_BUILD_TESTS=OFF -DCLUSTERMASS_BUILD_EXAMPLES=OFF \
    -DCLUSTERMASS_PEERS="$environment" && cmake --build "$build" -j "$(nproc)" --target peers; } >"$build/build.log" 2>&1 ||
  { tail -n 40 "$build/build.log" >&2; echo "run.sh: the build failed; all of its output is in $build/build.log" >&2; exit 1; }

# For all alike: large blocks stay in the heap instead of going back to the system after each call, and what compilers
# at run time make is kept.
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000 MALLOC_TOP_PAD_=268435456
export TORCHINDUCTOR_CACHE_DIR=$environment/inductor PYTHONDONTWRITEBYTECODE=1
libraries=$build/bench/peers rows=$build/rows.jsonl
rm -f "$rows"
source=weights/$(sed -n 's/^set(released_network \([^)]*\)).*/\1/p' CMakeLists.txt)/model.safetensors
"$python" bench/peers/python/prepare.py --libraries "$libraries" --released "$source" --rows "$rows" "${quick[@]}"
released=$libraries/released.safetensors
measure() {  # WHAT THREADS LABEL=FILE...
  OMP_NUM_THREADS=$2 "$python" bench/peers/python/measure.py --what "$1" --threads "$2" --networks "${@:3}" \
    --libraries "$libraries" --rows "$rows" "${quick[@]}"
}
for part in "${what[@]}"; do
  for n in "${threads[@]}"; do
    case $part in
      forward) measure forward "$n" "reference=$libraries/reference.safetensors" "released=$released" ;;
      train) trained=("reference=$libraries/reference.safetensors")  # the released one with a single head, once
             [[ $n != "${threads[-1]}" ]] || trained+=("released=$libraries/released_untrained.safetensors")
             measure train "$n" "${trained[@]}" ;;
    esac
  done
  [[ $part != forward ]] || "$python" bench/peers/python/alone.py --libraries "$libraries" --programs "$build/bin" \
    --rows "$rows" "${quick[@]}"
  [[ $part != footprint ]] || "$python" bench/peers/python/footprint.py --libraries "$libraries" --released "$released" \
    --rows "$rows" "${quick[@]}"
done
report=("$python" bench/peers/python/report.py --rows "$rows")
[[ -z $out ]] || report+=(--out "$out")
$json && report+=(--json)
"${report[@]}"
