#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Speed of the GPU wing, in one command on a bare CUDA machine: no CMake, package manager or network is needed.
#
#   bench/gpu.sh             builds and runs bench/gpu_speed.cpp: latency, throughput, training steps, ceilings; then
#                            PyTorch on the same network where python3 has it (bench/gpu_torch.py); some seven minutes
#   bench/gpu.sh --roofline  the least times on paper of every launch on an H100; needs a C++ compiler only
#
# Options of the build as in tests/gpu/toolchain.sh: CUDA_HOME, CUDNN_HOME, CXX.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ ${1-} == --roofline ]]; then
  program=$(mktemp)
  trap 'rm -f "$program"' EXIT
  "${CXX:-g++}" -std=c++20 -O1 -I"$here/../include" "$here/gpu_roofline.cpp" -o "$program"
  "$program"
  exit
fi
[[ $# == 0 ]] || { sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 2; }
. "$here/../tests/gpu/toolchain.sh"
weights=$(ls "$here"/../weights/*/model.safetensors | sort -V | tail -n 1)
build "$work/gpu_speed" "$here/gpu_speed.cpp"
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem --format=csv,noheader 2>/dev/null || {
  echo "skipped: nvidia-smi finds no device"
  exit 0
}
timeout 240 "$work/gpu_speed" "$weights"
if python3 -c 'import torch' 2>/dev/null; then
  timeout 220 python3 "$here/gpu_torch.py" || echo "PyTorch stopped with status $?"
else
  echo "skipped: python3 has no PyTorch"
fi
