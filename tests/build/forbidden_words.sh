#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# forbidden_words.sh COMPILER SOURCE_DIR: the preprocessed front door names no GPU, no FITS library, no streams, no Eigen,
# and leaves no macro behind but those of the style page.
set -eu
for header in clustermass pretrained fwd; do
  [ -f "$2/include/clustermass/$header.hpp" ] || continue
  text=$(echo "#include <clustermass/$header.hpp>" | "$1" -std=c++20 -E -I"$2/include" -x c++ -)
  for word in cuda cudnn fitsio Eigen nlohmann; do
    if echo "$text" | grep -m1 "$word"; then echo "clustermass/$header.hpp reaches $word"; exit 1; fi
  done
  for file in iostream filesystem functional random thread regex; do
    if echo "$text" | grep -m1 "^# 1 \".*/c++/[0-9v/]*$file\""; then echo "clustermass/$header.hpp reaches <$file>"; exit 1; fi
  done
done
[ -f "$2/include/clustermass/clustermass.hpp" ] || exit 0
leaked=$(echo '#include <clustermass/clustermass.hpp>' | "$1" -std=c++20 -dM -E -I"$2/include" -x c++ - |
  awk '$2 ~ /^CLUSTERMASS_/ && $2 !~ /^CLUSTERMASS_(VERSION_(MAJOR|MINOR|PATCH|STRING)|DATA_TAG|CODE_TAG|ASSERT)/ { print $2 }')
if [ -n "$leaked" ]; then
  echo "clustermass/clustermass.hpp leaves macros behind:" $leaked
  exit 1
fi
# Nothing outside the GPU wing names a GPU library, not even in a comment or an #if.
if grep -rniE 'cuda|cudnn|nvrtc' "$2/include/clustermass" --include='*.hpp' --include='*.inl' | grep -v "^$2/include/clustermass/gpu/"; then
  echo "the lines above name a GPU library outside gpu/"
  exit 1
fi
