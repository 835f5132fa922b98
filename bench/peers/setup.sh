#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs the rivals that bench/peers/run.sh measures, some 8 GB: bench/peers/setup.sh [FOLDER]. They share one virtual
# environment with the oracles of the tests; tests/oracles/setup.sh makes it. Debian's own (oneDNN 2, Eigen) by apt.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
case ${1-} in -h | --help) exec bash "$here/../../tests/oracles/setup.sh" --help ;; esac
bash "$here/../../cmake/install_missing.sh" g++ cmake ninja-build libeigen3-dev libdnnl-dev
exec bash "$here/../../tests/oracles/setup.sh" --peers "$@"
