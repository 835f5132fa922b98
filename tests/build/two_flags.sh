#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# two_flags.sh COMPILER SOURCE_DIR BUILD_DIR: files compiled with different -m flags share a Cutout and the free function
# in one program; an Estimator handed from one to the other is refused by the linker.
set -eu
compiler=$1 source=$2 build=$3
[ "$(uname -m)" = x86_64 ] || { echo "the flags are those of x86-64"; exit 77; }
[ -f "$build/libclustermass_pretrained.a" ] || { echo "no released weights"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# -O0: what would be inlined stays a function that two objects could share.
compile() { "$compiler" -std=c++20 -O0 -I"$source/include" -c "$@"; }

compile "$here/two_flags/main.cpp" -o main.o
compile "$here/two_flags/mass.cpp" -DNAME=plain -o plain.o
compile "$here/two_flags/mass.cpp" -DNAME=avx2 -mavx2 -mfma -o avx2.o
compile "$here/two_flags/mass.cpp" -DNAME=avx512 -mavx512f -mfma -o avx512.o
# Both link orders: whose copy of an inline function the linker keeps must not matter.
"$compiler" main.o plain.o avx2.o avx512.o "$build/libclustermass_pretrained.a" -o forward && ./forward
"$compiler" avx512.o avx2.o plain.o main.o "$build/libclustermass_pretrained.a" -o backward && ./backward
# No inline function of ours is shared between the objects, except under the tag of plain data.
for object in plain avx2 avx512; do
  nm -C "$object.o" | awk '$2 ~ /^[WVu]$/ && /clustermass::v[0-9]+_[0-9]+_/ { $1 = $2 = ""; print }' | sort -u >"$object.weak"
done
test -s plain.weak
if comm -12 plain.weak avx2.weak | grep . || comm -12 avx2.weak avx512.weak | grep .; then
  echo "the functions above are compiled under two sets of flags and share one name"
  exit 1
fi

compile "$here/two_flags/estimator_user.cpp" -o hands.o
compile "$here/two_flags/estimator_user.cpp" -DTAKES -o takes.o
compile "$here/two_flags/estimator_user.cpp" -DTAKES -mavx2 -mfma -o takes_avx2.o
"$compiler" hands.o takes.o -o same
if "$compiler" hands.o takes_avx2.o -o different 2>message; then
  echo "an Estimator crosses from one set of flags to another without an error"
  exit 1
fi
grep -q 'undefined reference.*take' message
