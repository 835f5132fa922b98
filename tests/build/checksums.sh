#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# checksums.sh SOURCE_DIR: every folder under weights/ holds its model, a card, and checksums that agree.
set -eu
cd "$1"
[ -d weights ] || { echo "no released weights"; exit 77; }
for folder in weights/*/; do
  for file in model.safetensors MODEL_CARD.md SHA256SUMS; do
    [ -f "$folder$file" ] || { echo "$folder has no $file"; exit 1; }
  done
  (cd "$folder" && sha256sum --check --strict --quiet SHA256SUMS && grep -q 'model\.safetensors$' SHA256SUMS)
  if head -c 65536 "${folder}model.safetensors" | grep -aq '"training_set":"simulated' && ! grep -qi 'mock' "${folder}MODEL_CARD.md"; then
    echo "${folder}MODEL_CARD.md does not say that the network was trained on a mock sky"
    exit 1
  fi
done
