#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# ./demo.sh                       makes a mock cluster field of known mass, estimates it, shows estimate and truth
# ./demo.sh FRAMES_DIR RA DEC Z   estimates a cluster on real SDSS frames (degrees, redshift)
# Installs what is missing (Debian, Ubuntu) and builds the programs first. The picture lands in out/.
set -euo pipefail
start_dir=$PWD more=(--null 20)
cd "$(dirname "${BASH_SOURCE[0]}")"
usage() { sed -n '3,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
case $# in
  0) ;;
  4) frames=$(cd "$start_dir" && realpath -e -- "$1") || { echo "There is no folder '$1'."; exit 2; } ;;
  *) usage; [[ ${1-} == --help || ${1-} == -h ]] && exit 0 || exit 2 ;;
esac

cmake/install_missing.sh g++ cmake ninja-build pkg-config libcfitsio-dev libbz2-dev libpng-dev libcli11-dev nlohmann-json3-dev

echo "Building the programs (a minute or two the first time) ..."
mkdir -p out
log=out/build.log
{ cmake --preset release -B build/demo -DCLUSTERMASS_BUILD_TESTS=OFF -DCLUSTERMASS_BUILD_BENCH=OFF &&
  cmake --build build/demo -j "$(nproc)" --target clustermass_mock clustermass_estimate; } >"$log" 2>&1 ||
  { tail -n 40 "$log"; echo "The build failed; all of its output is in $log."; exit 1; }
bin=build/demo/bin

if [[ $# == 0 ]]; then
  echo "Making a mock cluster field: five SDSS frames, z = 0.38 ..."
  rm -rf out/frames
  "$bin/clustermass_mock" frames --output out/frames --mass 14.8 --z 0.38 --seed 1
  frames=out/frames
  value() { sed -n "s/.*\"$1\": *\([-+0-9.eE]*\).*/\1/p" out/frames/truth.json | head -n1; }
  set -- "$frames" "$(value ra)" "$(value dec)" "$(value redshift)"
  more=(--ebv "$(value ebv)" --truth out/frames/truth.json)
fi
echo
"$bin/clustermass_estimate" --frames "$frames" --ra "$2" --dec "$3" --z "$4" "${more[@]}" --picture out/estimate.svg
echo
echo "The network behind this estimate was trained on a mock sky only."
echo "Picture: $PWD/out/estimate.svg (opens in any browser)"
