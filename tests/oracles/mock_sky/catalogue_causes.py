#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Why is ln lambda less steep in the label in the mock sky than in real catalogues? One cause at a time. Prints Markdown.

    catalogue_causes.py --mock mock.csv [--variant NAME=FILE ...] [--catalogues ../shared/data/catalogs]

The mock is that of catalogue_space.py; a variant is the same with another option of
clustermass_mock (--centred, --richness poisson, --with richness=B ...). The other causes need no new draw: labels with
half the noise or without outliers, an error of the label that follows the cluster's excess of galaxies, thinning in
finer bins, a sharp limit of the label that rises with redshift as the real sample's does. Given are the slope in ln M of
the thinned mock (mean of ten) and, in brackets, its change.
"""
import argparse
import pathlib
import sys

import numpy as np
from astropy.table import Table

import catalogue_space as space

SIGMA = {"LOGM_XRAY": 0.11, "LOGM_SZ": 0.06}  # of the label in dex, labels.hpp
OFFSET = {"LOGM_XRAY": -0.13, "LOGM_SZ": -0.04}
OUTLIERS, OUTLIER_RMS = 0.02, 0.4


def sample_of(table, label, log_m=None):
    return {"z": np.asarray(table["Z"]), "ln_lambda": np.log(np.asarray(table["LAMBDA_OBS"])),
            "log_m": (np.asarray(table[label]) if log_m is None else log_m) + space.MOCK_SHIFT[label]}


def redrawn(table, label, scale=1.0, outliers=True, follow=0.0):
    """Labels drawn again; `follow` is the correlation of their error with the intrinsic scatter of ln lambda."""
    random = np.random.default_rng(5)
    true = np.asarray(table["LOGM500C"])
    excess = np.log(np.asarray(table["LAMBDA_INT"])) - np.log(52) - 0.80 * np.log(10) * (true - np.log10(3e14))
    shape = follow * excess / 0.22 + np.sqrt(1 - follow**2) * random.standard_normal(len(true))
    wide = outliers & (random.random(len(true)) < OUTLIERS)
    return true + OFFSET[label] + np.where(wide, OUTLIER_RMS, scale * SIGMA[label]) * shape


def fine_bins(sample):
    z = np.digitize(sample["z"], np.arange(0.08, 0.56, 0.02))
    return z * 1000 + np.digitize(sample["log_m"], np.arange(13.4, 15.61, 0.05))


def limited(mock, real, random):
    """Mock clusters above the 5 % quantile of the real labels at their redshift, thinned to the real redshifts alone."""
    edges = np.array([0.08, 0.12, 0.16, 0.20, 0.25, 0.30, 0.36, 0.44, 0.56])
    chosen = []
    for low, high in zip(edges, edges[1:]):
        here = (real["z"] >= low) & (real["z"] < high)
        if here.sum() < 5:
            continue
        limit = np.quantile(real["log_m"][here], 0.05)
        inside = np.flatnonzero((mock["z"] >= low) & (mock["z"] < high) & (mock["log_m"] > limit))
        chosen.append(random.choice(inside, min(here.sum(), len(inside)), replace=False))
    return np.concatenate(chosen)


def slope(mock, real, choose=space.thinned):
    random = np.random.default_rng(1)
    samples = []
    for _ in range(space.THINNINGS):
        chosen = choose(mock, real, random)
        samples.append({key: value[chosen] for key, value in mock.items()})
    result = space.mean_figures(samples, random)
    return result["slope"], result["slope_error"], result["scatter"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mock", required=True, type=pathlib.Path, help="CSV file of clustermass_mock catalogue")
    parser.add_argument("--variant", action="append", default=[], metavar="NAME=FILE", help="the same with another option")
    parser.add_argument("--catalogues", type=pathlib.Path, default=space.CATALOGUES)
    options = parser.parse_args()
    if not options.catalogues.is_dir():
        sys.exit(f"catalogue_causes.py: no folder {options.catalogues}; give that of the real catalogues with --catalogues")
    clusters = space.redmapper(options.catalogues)
    limit = space.richness_limit(clusters)

    def read(file):
        table = Table.read(file, format="csv")
        return table[np.asarray(table["LAMBDA_OBS"]) > limit(np.asarray(table["Z"]))]

    table = read(options.mock)
    variants = [(name, read(file)) for name, _, file in (v.partition("=") for v in options.variant)]
    rows = {}
    for name, (*_, label) in space.SOURCES.items():
        real = space.matched(options.catalogues, name, clusters)
        base = slope(sample_of(table, label), real)
        cells = [("real", space.figures(real, np.random.default_rng(2))["slope"], None), ("mock", base[0], base[1])]
        for words, log_m in (("labels with half the noise", redrawn(table, label, scale=0.5)),
                             ("labels without outliers", redrawn(table, label, outliers=False)),
                             ("label's error follows the excess of galaxies, r = 0.5", redrawn(table, label, follow=0.5)),
                             ("both: no outliers, and r = 0.5", redrawn(table, label, outliers=False, follow=0.5))):
            cells.append((words, slope(sample_of(table, label, log_m), real)[0], None))
        kept = space.histogram_bins
        space.histogram_bins = fine_bins
        cells.append(("thinned in bins of 0.02 in z and 0.05 dex", slope(sample_of(table, label), real)[0], None))
        space.histogram_bins = kept
        cells.append(("a sharp limit of the label instead of thinning", slope(sample_of(table, label), real, limited)[0], None))
        for words, variant in variants:
            cells.append((words, slope(sample_of(variant, label), real)[0], None))
        rows[name] = (base, cells)
    print("| | " + " | ".join(rows) + " |", "| --- " * (len(rows) + 1) + "|", sep="\n")
    for k in range(len(cells)):
        line = [cells[k][0]]
        for base, own in rows.values():
            _, value, error = own[k]
            line.append(f"{value:.2f}" + (f" ± {error:.2f}" if error else "" if k == 0 else f" ({value - base[0]:+.2f})"))
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main()
