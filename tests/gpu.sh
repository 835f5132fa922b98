#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The GPU wing on a real device, in one command on a bare CUDA machine: no CMake, package manager or network is needed.
#
#   tests/gpu.sh --prepare   on a machine that has doctest: copies its header into .carry/, which travels with the tree
#   tests/gpu.sh             builds and runs the tests of the real libraries (tests/gpu/real): the kernels under NVRTC,
#                            cuDNN's descriptors and plans, and on the device every primitive, parity of 1000 cutouts in
#                            fp32, TF32 and FP16 with both generations of cuDNN's calls, the same bits twice, a training
#                            step; then the primitives once more under compute-sanitizer, where there is one
#
# Exit status 0: passed, or skipped for want of a device, which it says. CUDA_HOME, CUDNN_HOME, CXX as in tests/gpu/toolchain.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ ${1-} == --prepare ]]; then
  for from in /usr/include /usr/local/include; do
    [ -f "$from/doctest/doctest.h" ] || continue
    mkdir -p "$here/../.carry/doctest"
    cp "$from/doctest/doctest.h" "$here/../.carry/doctest/"
    echo "$(du -sh --exclude=.git --exclude=build "$here/.." | cut -f1) have to travel: the tree with .carry/"
    exit 0
  done
  echo "no doctest/doctest.h in /usr/include (Debian, Ubuntu: doctest-dev)"
  exit 1
fi
[[ $# == 0 ]] || { sed -n '3,14s/^# \{0,1\}//p' "$0"; exit 2; }
. "$here/gpu/toolchain.sh"
start=$SECONDS
build "$work/gpu_tests" "$here/main.cpp" "$here"/gpu/real/*_test.cpp
echo "built in $((SECONDS - start)) s with CUDA of $cuda and cuDNN of $cudnn"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo "nvidia-smi finds no device"
"$work/gpu_tests" --duration=true
sanitizer=$(command -v compute-sanitizer || ls "$cuda/bin/compute-sanitizer" 2>/dev/null || true)
if [ -n "$sanitizer" ] && nvidia-smi >/dev/null 2>&1; then
  "$sanitizer" --error-exitcode 3 "$work/gpu_tests" -tc='On a device: convolution*'
else
  echo "skipped: compute-sanitizer (not found, or no device)"
fi
echo "time $((SECONDS - start)) s"
