#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# bench/compile_time.sh [COMPILER]: what it costs to compile the library, beside Eigen/Dense with one product on the same
# machine. Processor time, best of three at -O2. Budget: fwd 0.3 s, pretrained 0.5 s, clustermass included 2 s, the whole network
# instantiated 1.25 x Eigen per instruction set (three on x86-64) and 12 s in all.
set -eu
TIMEFORMAT='%U %S'
compiler=${1-g++}
include=$(cd "$(dirname "$0")/../include" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/eigen.cpp" <<'END'
#include <Eigen/Dense>
void product(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b, Eigen::MatrixXf& c);
void product(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b, Eigen::MatrixXf& c) { c.noalias() = a * b; }
END
echo 'int empty;' >"$work/empty.cpp"
for header in fwd pretrained clustermass; do echo "#include <clustermass/$header.hpp>" >"$work/$header.cpp"; done
cat >"$work/network.cpp" <<'END'
#include <clustermass/clustermass.hpp>
double mass(const char* file, const clustermass::Cutout& cutout);
double mass(const char* file, const clustermass::Cutout& cutout) {
  return clustermass::Estimator::from_file(file).estimate_mass(cutout).log10_m500c;
}
END

echo "$("$compiler" --version | head -n1), $(grep -m1 '^model name' /proc/cpuinfo | sed 's/.*: //'), -O2, processor time, best of 3"
printf '%-38s %8s %10s\n' "" seconds "x Eigen"
eigen=
for case in empty eigen fwd pretrained clustermass network; do
  case $case in
    empty) label="an empty file" ;;
    eigen) label="Eigen/Dense + one product" ;;
    network) label="the network, all instruction sets" ;;
    *) label="#include <clustermass/$case.hpp>" ;;
  esac
  best=
  for _ in 1 2 3; do
    spent=$({ time "$compiler" -std=c++20 -O2 -I"$include" -isystem /usr/include/eigen3 -c "$work/$case.cpp" \
      -o "$work/$case.o" 2>&3; } 3>&2 2>&1) || continue 2
    time=$(echo "$spent" | awk '{ printf "%d", 1000 * ($1 + $2) }')
    if [ -z "$best" ] || [ "$time" -lt "$best" ]; then best=$time; fi
  done
  [ "$case" = eigen ] && eigen=$best
  awk -v label="$label" -v t="$best" -v e="$eigen" \
    'BEGIN { printf "%-38s %8.2f %10s\n", label, t / 1000, e ? sprintf("%.2f", t / e) : "" }'
done
