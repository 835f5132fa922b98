#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# ./test.sh           installs what is missing (Debian, Ubuntu), builds, and runs every test: the plain ones, those of the
#                     build (headers, consumers, NEON under qemu, fuzzers), and the sanitizers. 30 to 80 minutes on
#                     two cores.
# ./test.sh --quick   the plain tests only
# The last line is ctest's count of the release build; the exit status is 0 only if every stage passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

quick=false
case "${1-}" in
  "") ;;
  --quick) quick=true ;;
  *) sed -n '3,7s/^# \{0,1\}//p' "$0"; [[ $1 == --help || $1 == -h ]]; exit ;;
esac

needed=(g++ cmake ninja-build pkg-config doctest-dev libcfitsio-dev libbz2-dev libpng-dev libeigen3-dev libcli11-dev
        nlohmann-json3-dev)
$quick || needed+=(clang g++-aarch64-linux-gnu qemu-user)
cmake/install_missing.sh "${needed[@]}"
if ! $quick && version=$(clang++ -dumpversion 2>/dev/null); then  # libFuzzer is part of the compiler's runtime
  cmake/install_missing.sh "libclang-rt-${version%%.*}-dev"
fi

jobs=$(nproc)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
counts=()
failed=0

# stage PRESET [ctest option...]: configures, builds, tests; keeps ctest's line that counts.
stage() {
  local preset=$1 start=$SECONDS targets=()
  shift
  last_count="no test ran"
  echo "== $preset"
  cmake --preset "$preset" >"$log" || { cat "$log"; return 1; }
  if [[ $preset == tsan ]]; then  # only the folders that have a test with "thread" in its name, as the preset runs
    mapfile -t targets < <(grep -lE 'TEST_CASE\(".*[Tt]hread' tests/*/*_test.cpp | sed 's,tests/\(.*\)/.*,clustermass_\1_tests,' | sort -u)
    targets=(--target "${targets[@]}")
  fi
  cmake --build --preset "$preset" -j "$jobs" "${targets[@]}" || return 1
  local built=$((SECONDS - start)) wrapper=()
  # The thread sanitizer wants its shadow memory free: some kernels randomise addresses too widely for it.
  if [[ $preset == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null; then wrapper=(setarch "$(uname -m)" -R); fi
  local status=0
  "${wrapper[@]}" ctest --preset "$preset" -j "$jobs" "$@" 2>&1 | tee "$log" || status=1
  last_count=$(grep -E '^[0-9]+% tests passed' "$log" || echo "$last_count")
  counts+=("$(printf '%-11s %s   (build %d s, tests %d s)' "$preset" "$last_count" "$built" $((SECONDS - start - built)))")
  [[ $last_count != "no test ran" ]] || status=1
  return $status
}

if $quick; then
  stage release --label-exclude build || failed=1
else
  for preset in asan-ubsan tsan release; do
    stage "$preset" || failed=1
  done
fi
echo
printf '%s\n' "${counts[@]}"
echo "time        $SECONDS s"
[[ $failed == 0 ]] || echo "FAILED"
echo "${last_count-no test ran}"
exit $failed
