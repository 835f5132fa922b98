#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes what docs/explanations.md shows: its pictures, and its tables between their marks.
#
#   examples/explain/document.sh [pictures] [bands] [table] [noise]      default: all; programs from build/release/bin
#
# table: 500 clusters, about five minutes of processor time; noise: 100. bands: trains an extractor to name bands first,
# a few minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin="${CLUSTERMASS_BIN:-build/release/bin}"
docs=docs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
parts=${*:-pictures bands table noise}

# between MARK FILE: puts the file's text between <!-- MARK --> and <!-- end --> of the page.
between() {
  awk -v mark="<!-- $1 -->" -v file="$2" '
    $0 == mark { print; while ((getline line < file) > 0) print line; inside = 1 }
    $0 == "<!-- end -->" { inside = 0 }
    !inside && $0 != mark { print }' $docs/explanations.md >"$work/page"
  cp "$work/page" $docs/explanations.md
}

cluster() { "$bin/clustermass_mock" frames --mass 14.8 --z 0.3 --seed 3 --ra 150 --dec 2 -o "$work/cluster" 2>/dev/null; }
at=(--ra 150 --dec 2 --z 0.3)

for part in $parts; do
  case $part in
    pictures)
      cluster
      "$bin/clustermass_explain" --frames "$work/cluster" "${at[@]}" -o "$work/mass" >"$work/report"
      cp "$work/mass/explanation.png" $docs/explanations-mass.png
      { echo '```'; cat "$work/report"; echo '```'; } >"$work/report.md"
      between report "$work/report.md" ;;
    bands)
      # The extractor as band naming leaves it: no stage changes it afterwards.
      "$bin/clustermass_train" --out "$work/run" --model-id band-naming --seed 1 --clusters 1500 --blank-fields 1000 \
        --band-fields 2500 --calibration 50 --test 50 --heads 1 --band-epochs 5 --head-epochs 1 --all-epochs 0 --quiet
      cluster
      "$bin/clustermass_explain" --frames "$work/cluster" "${at[@]}" --target band --joint \
        --weights "$work/run/band-naming/model.safetensors" -o "$work/band" >"$work/report"
      cp "$work/band/explanation.png" $docs/explanations-bands.png
      { echo '```'; cat "$work/report"; echo '```'; } >"$work/report.md"
      between bands "$work/report.md" ;;
    table)
      "$bin/clustermass_explain" validate --clusters 500 --quiet >"$work/table" || true
      { grep '^|' "$work/table"; echo; echo '```'; grep -v '^|' "$work/table" | sed '/./,$!d'; echo '```'; } >"$work/table.md"
      between table "$work/table.md" ;;
    noise)
      "$bin/clustermass_explain" validate --clusters 100 --baseline noise --steps 32 --table --quiet | grep '^|' >"$work/noise.md" || true
      between noise "$work/noise.md" ;;
    *) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
done
