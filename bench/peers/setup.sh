#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The peers of the benchmarks and the oracles of the tests share one virtual environment; tests/oracles/setup.sh makes it.
exec bash "$(dirname "${BASH_SOURCE[0]}")/../../tests/oracles/setup.sh" "$@"
