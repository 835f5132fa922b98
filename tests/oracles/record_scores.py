#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records what numpy and scipy say about a small sample of predictions: tests/data/stats/predictions.csv and
tests/data/stats/scores.csv, read by tests/stats/scores_test.cpp.

    <oracles>/bin/python tests/oracles/record_scores.py

The sample has ties (labels are rounded), outliers, labels with and without an error, and four folds of unequal size.
The continuous ranked probability score is integrated numerically from its definition, not from the formula of the normal
distribution."""
import csv
import pathlib
from importlib.metadata import version

import numpy as np
from scipy import integrate, stats

rng = np.random.default_rng(20220328)
n = 83
truth = rng.uniform(13.7, 15.2, n)
label_error = np.where(np.arange(n) % 3 == 0, 0.0, np.round(rng.uniform(0.04, 0.16, n), 3))
label = np.round(truth + label_error * rng.standard_normal(n), 1)
sigma = np.round(rng.uniform(0.08, 0.25, n), 3)
mean = np.round(14.45 + 0.8 * (truth - 14.45) + 1.2 * sigma * rng.standard_normal(n) + 0.03, 3)
mean[7] += 0.7
mean[40] -= 0.6
fold = rng.choice([0, 1, 2, 5], n, p=[0.4, 0.3, 0.2, 0.1])

error = mean - label
spread = np.hypot(sigma, label_error)
pit = stats.norm.cdf(label, mean, spread)


def crps(m, s, y):
    f = lambda x: stats.norm.cdf(x, m, s)
    low, _ = integrate.quad(lambda x: f(x) ** 2, m - 12 * s - abs(y - m), y, epsabs=1e-12, epsrel=1e-10)
    high, _ = integrate.quad(lambda x: (1 - f(x)) ** 2, y, m + 12 * s + abs(y - m), epsabs=1e-12, epsrel=1e-10)
    return low + high


by_fold = np.array([np.mean(np.abs(error[fold == k])) for k in np.unique(fold)])
rows = [
    ("n", n),
    ("mae", np.mean(np.abs(error))),
    ("rms", np.sqrt(np.mean(error**2))),
    ("bias", np.mean(error)),
    ("median_bias", np.median(error)),
    ("nmad", 1.4826 * stats.median_abs_deviation(error)),
    ("outliers", np.mean(np.abs(error) > 0.4)),
    ("spearman", stats.spearmanr(mean, label).statistic),
    ("sd_error", np.std(error, ddof=1)),
    ("quantile_0.16", np.quantile(error, 0.16)),
    ("quantile_0.975", np.quantile(error, 0.975)),
    ("fold_mean", np.mean(by_fold)),
    ("fold_sd", np.std(by_fold, ddof=1)),
    ("fold_best", np.min(by_fold)),
    ("crps", np.mean([crps(*t) for t in zip(mean, spread, label)])),
    ("nll", -np.mean(stats.norm.logpdf(label, mean, spread))),
    ("ks_distance", stats.kstest(pit, "uniform").statistic),
    ("ks_p_value", stats.kstest(pit, "uniform", method="exact").pvalue),
    ("slope_mean_on_label", stats.linregress(label, mean).slope),
    ("slope_label_on_mean", stats.linregress(mean, label).slope),
    ("intercept_label_on_mean", stats.linregress(mean, label).intercept),
]
for level in (0.50, 0.68, 0.90, 0.95):
    q = stats.norm.ppf(0.5 + level / 2)
    rows.append((f"coverage_{level:.2f}", np.mean(np.abs(error) <= q * spread)))
    rows.append((f"width_{level:.2f}", np.mean(2 * q * sigma)))
draws = rng.integers(0, n, (20000, n))
rows.append(("bootstrap_mae_error", np.std(np.mean(np.abs(error)[draws], axis=1))))
# Exact p-values of the test of Kolmogorov and Smirnov for other sizes and distances.
for size in (20, 200, 2000):
    for x in (0.4, 0.7, 1.0, 1.36, 2.0):
        rows.append((f"ks_{size}_{x}", stats.kstwo.sf(x / np.sqrt(size), size)))

folder = pathlib.Path(__file__).resolve().parents[1] / "data" / "stats"
folder.mkdir(parents=True, exist_ok=True)
head = f"# numpy {version('numpy')}, scipy {version('scipy')}; written by tests/oracles/record_scores.py\n"
with (folder / "predictions.csv").open("w", newline="") as f:
    f.write(head)
    writer = csv.writer(f, lineterminator="\n")
    writer.writerow(("mean", "sigma", "label", "label_error", "fold"))
    writer.writerows([(f"{m:.3f}", f"{s:.3f}", f"{y:.1f}", f"{e:.3f}", k)
                      for m, s, y, e, k in zip(mean, sigma, label, label_error, fold)])
with (folder / "scores.csv").open("w", newline="") as f:
    f.write(head)
    writer = csv.writer(f, lineterminator="\n")
    writer.writerow(("score", "value"))
    writer.writerows([(name, f"{value:.12g}") for name, value in rows])
print(folder, len(rows), "scores")
