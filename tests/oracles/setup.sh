#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes the virtual environment of the oracles: the packages whose answers the scripts of this folder record, and with
# --peers the rivals that bench/peers measures. It lies outside the tree; neither ./test.sh nor .ci/run needs it.
#
#   tests/oracles/setup.sh [--torch] [--peers] [FOLDER]      default $CLUSTERMASS_ORACLES, else ~/.cache/clustermass/oracles
#
# Only record_network.py, record_safetensors.py and the peers need PyTorch. With --torch or --peers it comes without CUDA
# (some 700 MB installed) from its own index where that can be reached, otherwise from PyPI, whose package brings CUDA
# libraries along (5 GB installed). --peers adds ONNX Runtime, OpenVINO, ncnn and oneDNN 3 (some 500 MB); oneDNN 2 is
# Debian's libdnnl-dev, Eigen libeigen3-dev.
set -euo pipefail

with_torch=false with_peers=false
folder=${CLUSTERMASS_ORACLES:-$HOME/.cache/clustermass/oracles}
for argument in "$@"; do
  case $argument in
    --torch) with_torch=true ;;
    --peers) with_torch=true with_peers=true ;;
    -h | --help) sed -n '3,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "setup.sh: unknown option $argument; see setup.sh --help" >&2; exit 2 ;;
    *) folder=$argument ;;
  esac
done
torch=2.15.0

[ -x "$folder/bin/pip" ] || python3 -m venv "$folder"
pip() { "$folder/bin/python" -m pip --disable-pip-version-check install "$@"; }

pip --quiet numpy==2.4.6 astropy==8.0.2 safetensors==0.8.0 scipy==1.17.1 sep==1.4.1 \
  scikit-learn==1.9.1 galsim==2.8.5 matplotlib==3.11.2 colossus==1.4.0
if $with_torch && ! "$folder/bin/python" -c "import torch; assert torch.__version__.split('+')[0] == '$torch'" 2>/dev/null; then
  pip --quiet --retries 0 --timeout 15 --extra-index-url https://download.pytorch.org/whl/cpu "torch==$torch+cpu" ||
    { echo "setup.sh: no PyTorch without CUDA within reach, taking the one of PyPI" >&2; pip --quiet "torch==$torch"; }
fi
# oneDNN from PyPI: the newest one there that is built for threads of the CPU alone; later ones run on SYCL, which finds
# no device on other vendors' processors. The newest oneDNN is the one within PyTorch.
if $with_peers; then
  pip --quiet onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 ncnn==1.0.20261020 \
    onednn-cpu-gomp==2023.2.0 onednn-devel-cpu-gomp==2023.2.0
fi

"$folder/bin/python" - <<'PYTHON'
from importlib.metadata import PackageNotFoundError, version
import platform

words = [f"Python {platform.python_version()}"]
for name in ("numpy", "scipy", "astropy", "safetensors", "sep", "scikit-learn", "galsim", "matplotlib", "colossus", "torch",
             "onnx", "onnxruntime", "openvino", "ncnn", "onednn-cpu-gomp"):
    try:
        words.append(f"{name} {version(name)}")
    except PackageNotFoundError:
        words.append(f"no {name}")
print(", ".join(words))
PYTHON
echo "the oracles stand: run a script of tests/oracles with $folder/bin/python"
