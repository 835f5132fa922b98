#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# peers.sh COMPILER SOURCE_DIR [EIGEN_FLAGS]: bench/peers compiles, as far as it needs nothing but Eigen, and the network it
# feeds to all rivals is the one this library computes: Eigen's im2col and products give the same outputs.
set -eu
compiler=$1 source=$2
shift 2
[ $# -gt 0 ] || { echo "skipped: no Eigen"; exit 77; }
peers=$source/bench/peers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build() { "$compiler" -std=c++20 -O1 -Wall -Wextra -Werror -I"$source/include" -I"$peers/rivals" "$@"; }

build -fsyntax-only "$peers/rivals/trainer.cpp"
build -fPIC -shared "$peers/rivals/clustermass.cpp" -o "$work/ours.so" -pthread
build -w -fPIC -shared "$@" "$peers/rivals/eigen.cpp" -o "$work/eigen.so"
build "$source/tests/build/peers_agree.cpp" -o "$work/agree" -ldl
"$work/agree" "$work/ours.so" "$work/eigen.so" "$work/random.safetensors"
