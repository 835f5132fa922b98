#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Label-free transfer to the real sky: extractors that learn to name bands from mock fields, from real ones, and from
# both, each asked about real fields that it has not seen; one field after the other is left out. Beside them one that
# names the bands of patches of native pixels. Each run goes on where it was stopped, on shared cutouts.
#
#   examples/train/label_free.sh FOLDER             trains what is missing in FOLDER
#   examples/train/label_free.sh FOLDER --table     prints the tables of what is there
#
# The frames are those of CLUSTERMASS_REAL_DATA/sdss, default ../shared/data/sdss. CLUSTERMASS_BIN: folder of the
# programs, build/release/bin by default. FIELDS: fields of each sky (1500), EPOCHS (3), PRETEXTS (hardened plain).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ $# -ge 1 && $1 != -* ]] || { sed -n '3,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
folder=$1 bin=${CLUSTERMASS_BIN:-build/release/bin} frames=${CLUSTERMASS_REAL_DATA:-../shared/data}/sdss
fields=${FIELDS:-1500} epochs=${EPOCHS:-3}
[[ -d $frames ]] || { echo "label_free.sh: there are no real frames in $frames; set CLUSTERMASS_REAL_DATA" >&2; exit 3; }

if [[ ${2-} == --table ]]; then
  "$bin/clustermass_evaluate" bands "$folder"/{mock,real,both}-*/ --frames "$frames" --quiet
  echo
  python tests/oracles/pretext_trees.py "$folder"/mock-*/
  exit
fi

# row NAME OPTION...: one run, unless it is finished.
row() {
  local out=$folder/$1; shift
  [[ -f $out/done ]] && return
  local resume=()
  [[ -d $out ]] && resume=(--resume)
  "$bin/clustermass_train" --stage bands --clusters 1 --unlabelled $((fields / 2)) \
    --blank-fields $((fields - fields / 2)) --calibration 300 --test 50 --band-epochs "$epochs" \
    --cache "$folder/cutouts" --out "$out" "${resume[@]}" "$@"
  touch "$out/done"
}

# The fields with all five bands, told by their u frame.
mapfile -t left_out < <(find "$frames" -name 'frame-u-*' | sed 's,.*/frame-u-,,; s,\.fits.*,,' | sort -u)
for pretext in ${PRETEXTS:-hardened plain}; do
  row "mock-$pretext" --pretext "$pretext" --band-fields "$fields" --band-statistics true
  row "native-$pretext" --pretext "$pretext" --band-fields $((4 * fields)) --band-scale native --band-statistics true
  for name in "${left_out[@]}"; do
    real=(--pretext "$pretext" --band-frames "$frames" --band-patches $((fields / (${#left_out[@]} - 1))) --band-left-out "$name")
    row "real-$pretext-$name" --band-fields 0 "${real[@]}"
    row "both-$pretext-$name" --band-fields "$fields" "${real[@]}"
  done
done
