#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# readme_block.sh SOURCE_DIR: the first C++ block of README.md is examples/quickstart.cpp, but for its SPDX line.
set -euo pipefail
cd "$1"
block=$(awk '/^```cpp/ { inside = 1; next } /^```/ && inside { exit } inside' README.md)
[ -n "$block" ] || { echo "README.md has no C++ block"; exit 1; }
diff <(grep -v '^// SPDX' examples/quickstart.cpp) <(echo "$block") || { echo "README.md and examples/quickstart.cpp differ"; exit 1; }
