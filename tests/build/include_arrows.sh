#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# include_arrows.sh SOURCE_DIR: reads the #include lines of every header and fails on an arrow that the table below does
# not draw (docs/architecture.md). A line is one folder, or one file of the root, and what it may include besides itself.
# version.hpp is open to all. "fits" stands for the files of io that need CFITSIO.
set -eu
cd "$1/include/clustermass"

table='
core              |
cpu               | core
gpu               | core nn model io/half.hpp train explain estimator.hpp
nn                | core
model             | core nn cutout.hpp mass_estimate.hpp
stats             | core
io                | core cutout.hpp mass_estimate.hpp nn/weights.hpp
fits              | core cutout.hpp mass_estimate.hpp io
explain           | core nn model estimator.hpp cutout.hpp mass_estimate.hpp
train             | core nn model io fits stats cutout.hpp network_file.hpp
mock              | core cutout.hpp
baselines         | core stats cutout.hpp mock model
version.hpp       |
fwd.hpp           |
cutout.hpp        |
mass_estimate.hpp |
network_file.hpp  | core model nn/weights.hpp io/weight_file.hpp
estimator.hpp     | core cpu model nn/plan.hpp io/weight_file.hpp network_file.hpp cutout.hpp mass_estimate.hpp
parallel.hpp      | core estimator.hpp pretrained.hpp cutout.hpp mass_estimate.hpp
pretrained.hpp    | cutout.hpp mass_estimate.hpp
clustermass.hpp   | cutout.hpp mass_estimate.hpp estimator.hpp
'

find . -name '*.hpp' -o -name '*.inl' | sed 's,^\./,,' | sort | xargs awk -v table="$table" '
  function room(path) {  # the name under which the table knows a file
    if (path !~ /\//) return path
    if (path in fits) return "fits"
    return substr(path, 1, index(path, "/") - 1)
  }
  /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    target = $0; sub(/^[^<"]*[<"]/, "", target); sub(/[>"].*/, "", target)
    if (target ~ /^clustermass\//) { sub(/^clustermass\//, "", target); from[++n] = FILENAME; to[n] = target; line[n] = FNR }
    else if (target ~ /\.inl$/) { from[++n] = FILENAME; to[n] = target; line[n] = FNR; inl[n] = 1 }
    else if (target ~ /^(fitsio|bzlib|wcslib)/) fits[FILENAME] = 1
    else if (target ~ /^(cuda|cudnn|cublas|nvrtc)/ && FILENAME !~ /^gpu\//) wrong(FILENAME, FNR, target)
    else if (target ~ /^(Eigen|unsupported)/ && FILENAME !~ /^(stats|baselines)\//) wrong(FILENAME, FNR, target)
    seen++
  }
  function wrong(file, number, target) { print file ":" number ": may not include " target; failed = 1 }
  END {
    rows = split(table, row, "\n")
    for (r = 1; r <= rows; r++) {
      if (row[r] !~ /\|/) continue
      split(row[r], half, "|"); name = half[1]; gsub(/ /, "", name); known[name] = 1
      count = split(half[2], word, " ")
      for (w = 1; w <= count; w++) open[name, word[w]] = 1
    }
    # A file of io that leans on CFITSIO through another one is a FITS file too.
    do {
      grown = 0
      for (k = 1; k <= n; k++)
        if (from[k] ~ /^io\// && (to[k] in fits) && !(from[k] in fits)) { fits[from[k]] = 1; grown = 1 }
    } while (grown)
    for (k = 1; k <= n; k++) {
      a = room(from[k])
      if (!(a in known)) { wrong(from[k], line[k], to[k] " (no row for " a " in the table)"); continue }
      if (inl[k]) { if (to[k] ~ /\//) wrong(from[k], line[k], to[k]); continue }
      b = room(to[k])
      if (b == "fits" && a != "fits" && !((a, "fits") in open)) { wrong(from[k], line[k], to[k] " (it needs CFITSIO)"); continue }
      if (to[k] != "version.hpp" && a != b && !((a, b) in open) && !((a, to[k]) in open)) wrong(from[k], line[k], to[k])
    }
    if (seen < 10) { print "only " seen + 0 " include lines were found"; failed = 1 }
    exit failed
  }'
