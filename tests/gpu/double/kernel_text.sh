#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# kernel_text.sh HEADER OUTPUT: cuts the kernels' text out of kernel_source.hpp.
set -eu
awk '/^inline constexpr char kernel_source/ { inside = 1; next } /^\)cuda";/ { inside = 0 } inside' "$1" >"$2"
test -s "$2"
