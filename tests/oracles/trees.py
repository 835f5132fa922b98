#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A random forest and gradient-boosted trees of scikit-learn on the nine features that the library's own tabular
baseline sees, for the same training and test clusters.

    clustermass_evaluate --sky A --clusters 2000 --seed 7 --quiet --features seen.csv
    <oracles>/bin/python tests/oracles/trees.py seen.csv

The settings are scikit-learn's defaults but for the sizes given here; they were not tuned on the test clusters."""
import csv
import sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

FEATURES = ("ln_lambda", "ln_light", "bcg", "gap", "concentration", "blue_ratio", "masked", "redshift", "density")

if len(sys.argv) != 2:
    sys.exit("usage: trees.py FILE, a file that clustermass_evaluate --features wrote")
with open(sys.argv[1], newline="") as f:
    rows = list(csv.DictReader(f))


def columns(part, names):
    picked = [row for row in rows if row["part"] == part and not (part == "test" and row["network"] == "")]
    return np.array([[float(row[name]) if row[name] else np.nan for name in names] for row in picked])


x, y = columns("train", FEATURES), columns("train", ("label",))[:, 0]
if len(y) == 0:
    sys.exit(f"{sys.argv[1]} holds no training clusters; trees.py is for a mock sky, not for --list")
x_test, y_test = columns("test", FEATURES), columns("test", ("label",))[:, 0]
methods = {
    "constant": None,
    "random forest": make_pipeline(SimpleImputer(), RandomForestRegressor(300, min_samples_leaf=5, random_state=1)),
    "boosted trees": HistGradientBoostingRegressor(max_iter=200, learning_rate=0.05, max_leaf_nodes=12, random_state=1),
}
print(f"{len(y)} training clusters, {len(y_test)} test clusters\n")
print("| method        | MAE   | +-    | bias   | rms   |")
print("| ------------- | ----- | ----- | ------ | ----- |")
for name, method in methods.items():
    error = (np.median(y) if method is None else method.fit(x, y).predict(x_test)) - y_test
    sigma = np.std(np.abs(error), ddof=1) / np.sqrt(len(error))
    print(f"| {name:13} | {np.mean(np.abs(error)):.3f} | {sigma:.3f} | {np.mean(error):+.3f} | {np.sqrt(np.mean(error**2)):.3f} |")
