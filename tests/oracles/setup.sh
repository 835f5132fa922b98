#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes the virtual environment of the oracles: the packages whose answers the scripts of this folder record. It lies
# outside the tree; neither ./test.sh nor .ci/run needs it.
#
#   tests/oracles/setup.sh [FOLDER]      default $CLUSTERMASS_ORACLES, else ~/.cache/clustermass/oracles
#
# PyTorch comes without CUDA (some 700 MB installed) from its own index where that can be reached, otherwise from PyPI,
# whose package brings CUDA libraries along (5 GB installed).
set -euo pipefail

folder=${1:-${CLUSTERMASS_ORACLES:-$HOME/.cache/clustermass/oracles}}
torch=2.15.0

[ -x "$folder/bin/pip" ] || python3 -m venv "$folder"
pip() { "$folder/bin/python" -m pip --disable-pip-version-check install "$@"; }

pip --quiet numpy==2.4.6 astropy==8.0.2 safetensors==0.8.0
if ! "$folder/bin/python" -c "import torch; assert torch.__version__.split('+')[0] == '$torch'" 2>/dev/null; then
  pip --quiet --retries 0 --timeout 15 --extra-index-url https://download.pytorch.org/whl/cpu "torch==$torch+cpu" ||
    { echo "setup.sh: no PyTorch without CUDA within reach, taking the one of PyPI" >&2; pip --quiet "torch==$torch"; }
fi

"$folder/bin/python" - <<'PYTHON'
import astropy, numpy, platform, safetensors, torch
print(f"Python {platform.python_version()}, numpy {numpy.__version__}, astropy {astropy.__version__}, "
      f"safetensors {safetensors.__version__}, PyTorch {torch.__version__}")
PYTHON
echo "the oracles stand: run a script of tests/oracles with $folder/bin/python"
