#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How well gradient-boosted trees name the bands of the very images of a run's stage "bands" from eight global
statistics of each, beside what the network of that run reached on them.

    clustermass_train --stage bands --band-statistics true --out run
    <oracles>/bin/python tests/oracles/pretext_trees.py run [run ...]

The settings are scikit-learn's defaults; they were not tuned on the held-out images."""
import csv
import sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def settings(run):
    with open(f"{run}/run_config.toml") as f:
        pairs = (line.split(" = ", 1) for line in f if " = " in line and not line.startswith("#"))
        return {name: value.strip().strip('"') for name, value in pairs}


if len(sys.argv) < 2:
    sys.exit("usage: pretext_trees.py RUN ..., run folders of clustermass_train --stage bands --band-statistics true")
print("| pretext  | training images | held out | network | trees | logistic | network - trees |")
print("| -------- | --------------- | -------- | ------- | ----- | -------- | --------------- |")
for run in sys.argv[1:]:
    try:
        with open(f"{run}/statistics.csv", newline="") as f:
            rows = list(csv.DictReader(f))
        with open(f"{run}/metrics.csv", newline="") as f:
            network = float([row for row in csv.DictReader(f) if row["task"] == "bands"][-1]["band_accuracy"])
    except (OSError, IndexError) as error:
        sys.exit(f"{run}: {error}; train it to the end with --stage bands --band-statistics true")
    names = list(rows[0])[2:]

    def columns(part):
        picked = [row for row in rows if row["part"] == part]
        return np.array([[float(row[name]) for name in names] for row in picked]), np.array([row["band"] for row in picked])

    (x, y), (x_test, y_test) = columns("train"), columns("held-out")
    trees = np.mean(HistGradientBoostingClassifier(random_state=1).fit(x, y).predict(x_test) == y_test)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, y)
    linear = np.mean(logistic.predict(x_test) == y_test)
    print(f"| {settings(run)['pretext']:8} | {len(y):15} | {len(y_test):8} | {network:.3f}   | {trees:.3f} | {linear:.3f}    | {network - trees:+.3f}          |")
