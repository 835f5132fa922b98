# SPDX-License-Identifier: BSD-3-Clause
# Sourced by tests/gpu.sh and bench/gpu.sh: finds the CUDA Toolkit and cuDNN 9 on a machine that may have neither CMake nor
# a package manager, and compiles against them: build PROGRAM SOURCE...
# CUDA_HOME and CUDNN_HOME point elsewhere. cuDNN may be the one of PyTorch's environment.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CXX=${CXX:-g++}
carried=$root/.carry  # doctest, put there by tests/gpu.sh --prepare; ignored by git
work=${WORK:-$root/build/gpu}
mkdir -p "$work"

cuda=${CUDA_HOME:-}
[ -n "$cuda" ] || { nvcc=$(command -v nvcc) && cuda=$(dirname "$(dirname "$(readlink -f "$nvcc")")"); } ||
  cuda=/usr/local/cuda
[ -f "$cuda/include/cuda_runtime_api.h" ] || { echo "no CUDA Toolkit found: set CUDA_HOME"; exit 2; }

cudnn=
for candidate in ${CUDNN_HOME:-} "$cuda" /usr/local /usr \
    "$(python3 -c 'import nvidia.cudnn as c; print(list(c.__path__)[0])' 2>/dev/null)"; do
  [ -n "$candidate" ] && [ -f "$candidate/include/cudnn.h" ] && { cudnn=$candidate; break; }
done
[ -n "$cudnn" ] || { echo "no cuDNN 9 found: set CUDNN_HOME"; exit 2; }

directories=()
for folder in "$cuda/lib64" "$cuda/lib" "$cuda/targets/x86_64-linux/lib" "$cudnn/lib64" "$cudnn/lib" /usr/lib/x86_64-linux-gnu; do
  [ -d "$folder" ] && directories+=("$folder")
done
library() {  # its file: the one for linking, or the one for running, which is all that a Python package has
  local folder found
  for folder in "${directories[@]}"; do
    for found in "$folder/lib$1.so" "$folder/lib$1.so".[0-9]*; do [ -e "$found" ] && { echo "$found"; return; }; done
  done
  echo "lib$1.so was not found" >&2
  return 1
}
flags=(-std=c++20 -O2 -DNDEBUG -I"$root/include" -I"$root/tests" -I"$root/tests/gpu" -I"$carried"
       -isystem "$cuda/include" -isystem "$cudnn/include"
       -DCLUSTERMASS_SOURCE_DIR="\"$root\"" -DCLUSTERMASS_PTXAS="\"$cuda/bin/ptxas\"")
libraries=("$(library cudart)" "$(library cudnn)" "$(library nvrtc)" -pthread)
for folder in "${directories[@]}"; do libraries+=(-Wl,-rpath,"$folder"); done

# build OUTPUT SOURCE...: the sources side by side, then linked
build() {
  local output=$1 source jobs=()
  shift
  for source; do
    "$CXX" "${flags[@]}" -c "$source" -o "$work/$(basename "$source" .cpp).o" & jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || exit 1; done
  local objects=()
  for source; do objects+=("$work/$(basename "$source" .cpp).o"); done
  "$CXX" "${objects[@]}" "${libraries[@]}" -o "$output" || exit 1
}
