#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real clusters beside the mock sky in catalogue space: richness at given label and redshift, and how well a fit of the
label to richness does. Prints Markdown.

    clustermass_mock catalogue --prior survey --area 10400 --mass-min 13.3 --richness redmapper --lambda-min 18 -o mock.csv
    <oracles>/bin/python tests/oracles/mock_sky/catalogue_space.py --mock mock.csv [--catalogues ../shared/data/catalogs]

Real: redMaPPer SDSS v5.10 matched with MCXC-II, PSZ2 and ACT DR5 (nearest pair within 1 Mpc or 3 arcmin and
|dz| / (1+z) < 0.05), labels on the scale of ACT DR5 m500c_cal: M_MCXC x 10^0.13, M_PSZ2 x 10^0.04. Mock: clusters of the
survey prior with measured richness above 20, or above what the real catalogue lists at that redshift (beyond z = 0.35
its limit rises, to 53 at z = 0.54), thinned to the real sample's histogram in redshift and label; X-ray labels
stand for MCXC-II, SZ labels for PSZ2 and ACT. For both: least squares of ln lambda on label and redshift, and the 5-fold
mean absolute error of log M = a + b log lambda + c log(1+z)."""
import argparse
import pathlib
import sys
import warnings

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.cosmology import FlatLambdaCDM
from astropy.table import Table

COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)
Z_RANGE = (0.08, 0.55)
THINNINGS = 10
CATALOGUES = pathlib.Path(__file__).resolve().parents[3].parent / "shared" / "data" / "catalogs"
# name: file, reader of (z, log10 M500c on the reference scale), mock label and its correction to that scale
SOURCES = {
    "MCXC-II": ("mcxc2_sadibekova24.csv.gz", "m500", "z", 0.13, "LOGM_XRAY"),
    "PSZ2": ("psz2_union_r2.08.fits.gz", "MSZ", "REDSHIFT", 0.04, "LOGM_SZ"),
    "ACT DR5": ("act_dr5_hilton21.csv.gz", "m500c_cal", "z", 0.0, "LOGM_SZ"),
}
MOCK_SHIFT = {"LOGM_XRAY": 0.13, "LOGM_SZ": 0.04}


def read(path):
    warnings.simplefilter("ignore", u.UnitsWarning)  # unofficial names of units in the headers
    return Table.read(path, format="csv") if str(path).endswith(".csv.gz") else Table.read(path)


def redmapper(folder):
    t = read(folder / "redmapper_sdss_dr8_v5.10.fits.gz")
    keep = np.asarray(t["LAMBDA"]) > 20
    return {"sky": SkyCoord(np.asarray(t["RA"])[keep], np.asarray(t["DEC"])[keep], unit="deg"), "z": np.asarray(t["Z_LAMBDA"], float)[keep],
            "lambda": np.asarray(t["LAMBDA"], float)[keep]}


def richness_limit(clusters):
    """The catalogue's own limit of richness: 1 % quantile in bins of redshift, at least 20."""
    edges = np.arange(0.08, 0.5501, 0.02)
    middle = 0.5 * (edges[1:] + edges[:-1])
    limit = [np.quantile(clusters["lambda"][(clusters["z"] >= a) & (clusters["z"] < b)], 0.01)
             for a, b in zip(edges[:-1], edges[1:])]
    return lambda z: np.maximum(20, np.interp(z, middle, limit))


def matched(folder, name, clusters):
    """z, log M and ln lambda of the pairs; each cluster of either catalogue in one pair, the nearest."""
    file, mass, redshift, shift, _ = SOURCES[name]
    t = read(folder / file)
    column = {c.lower(): c for c in t.colnames}
    m, z = (np.ma.filled(np.ma.asarray(t[c], dtype=float), np.nan) for c in (mass, redshift))
    good = (m > 0) & (z > Z_RANGE[0]) & (z < Z_RANGE[1])
    sky = SkyCoord(*(np.asarray(t[column[c]], float)[good] for c in ("ra", "dec")), unit="deg")
    m, z = m[good], z[good]
    here, there, separation, _ = clusters["sky"].search_around_sky(sky, 15 * u.arcmin)
    limit = np.maximum(3.0, COSMOLOGY.arcsec_per_kpc_proper(z[here]).value * 1000 / 60)  # arcmin
    near = (separation.arcmin < limit) & (np.abs(clusters["z"][there] - z[here]) < 0.05 * (1 + z[here]))
    here, there, separation = here[near], there[near], separation[near]
    pairs, used_here, used_there = [], set(), set()
    for k in np.argsort(separation):
        if here[k] in used_here or there[k] in used_there:
            continue
        used_here.add(here[k])
        used_there.add(there[k])
        pairs.append(k)
    here, there = here[pairs], there[pairs]
    return {"z": z[here], "log_m": np.log10(m[here]) + 14 + shift, "ln_lambda": np.log(clusters["lambda"][there])}


def histogram_bins(sample):
    z_edges = np.array([0.08, 0.12, 0.16, 0.20, 0.25, 0.30, 0.36, 0.44, 0.55])
    m_edges = np.arange(13.4, 15.61, 0.1)
    return (np.digitize(sample["z"], z_edges) * 100 + np.digitize(sample["log_m"], m_edges))


def thinned(mock, real, random):
    """Indices of as many mock clusters as real ones in every bin (fewer where the mock has fewer)."""
    real_bins, mock_bins = histogram_bins(real), histogram_bins(mock)
    chosen = []
    for b, count in zip(*np.unique(real_bins, return_counts=True)):
        inside = np.flatnonzero(mock_bins == b)
        chosen.append(random.choice(inside, min(count, len(inside)), replace=False))
    return np.concatenate(chosen)


def least_squares(y, *columns):
    design = np.column_stack([np.ones_like(y), *columns])
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ coefficients
    covariance = np.linalg.inv(design.T @ design) * residual.var(ddof=design.shape[1])
    return coefficients, np.sqrt(np.diag(covariance)), residual


def figures(sample, random, pivot_m=14.5, pivot_z=0.25):
    """<ln lambda> at the pivot, slope in ln M, slope in ln(1+z), scatter, MAE of the 5-fold fit and of the constant."""
    ln_m = (sample["log_m"] - pivot_m) * np.log(10)
    ln_a = np.log((1 + sample["z"]) / (1 + pivot_z))
    c, error, residual = least_squares(sample["ln_lambda"], ln_m, ln_a)
    fold = random.permutation(len(ln_m)) % 5
    absolute, constant = np.empty(len(ln_m)), np.empty(len(ln_m))
    for k in range(5):
        train, test = fold != k, fold == k
        fit, *_ = least_squares(sample["log_m"][train], sample["ln_lambda"][train], ln_a[train])
        predicted = fit[0] + fit[1] * sample["ln_lambda"][test] + fit[2] * ln_a[test]
        absolute[test] = np.abs(sample["log_m"][test] - predicted)
        constant[test] = np.abs(sample["log_m"][test] - np.median(sample["log_m"][train]))
    return {"n": len(ln_m), "norm": c[0], "norm_error": error[0], "slope": c[1], "slope_error": error[1],
            "evolution": c[2], "scatter": residual.std(ddof=3), "far": np.mean(np.abs(residual) > 3 * residual.std()),
            "mae": absolute.mean(), "mae_error": absolute.std() / np.sqrt(len(absolute)), "constant": constant.mean()}


def mean_figures(samples, random):
    rows = [figures(s, random) for s in samples]
    return {key: float(np.mean([r[key] for r in rows])) for key in rows[0]}


def mass_of_richness(table):
    """Gate V10: mean M200m in bins of richness, 0.10 < z < 0.33, and the power law through the bins."""
    z, richness = np.asarray(table["Z"]), np.asarray(table["LAMBDA_OBS"])
    m200m = 10 ** np.asarray(table["LOGM200M"])
    edges = np.array([20, 24, 29, 35, 42, 52, 70, 100])
    keep = (z > 0.10) & (z < 0.33)
    x, y, w = [], [], []
    for low, high in zip(edges[:-1], edges[1:]):
        inside = keep & (richness >= low) & (richness < high)
        x.append(np.log10(richness[inside].mean() / 40))
        y.append(np.log10(m200m[inside].mean()))
        w.append(m200m[inside].mean() / (m200m[inside].std() / np.sqrt(inside.sum())))
    slope, norm = np.polyfit(x, y, 1, w=w)
    return 10 ** norm, slope, int((keep & (richness >= 20) & (richness <= 100)).sum())


def row(name, which, f):
    return (f"| {name} | {which} | {f['n']:.0f} | {np.exp(f['norm']):.1f} ± {np.exp(f['norm']) * f['norm_error']:.1f} | "
            f"{f['slope']:.2f} ± {f['slope_error']:.2f} | {f['evolution']:+.2f} | {f['scatter']:.3f} | "
            f"{100 * f['far']:.1f} | {f['mae']:.3f} ± {f['mae_error']:.3f} | {f['constant']:.3f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mock", required=True, type=pathlib.Path, help="CSV file of clustermass_mock catalogue")
    parser.add_argument("--catalogues", type=pathlib.Path, default=CATALOGUES)
    options = parser.parse_args()
    if not options.catalogues.is_dir():
        sys.exit(f"catalogue_space.py: no folder {options.catalogues}; give that of the real catalogues with --catalogues")
    table = Table.read(options.mock, format="csv")
    clusters = redmapper(options.catalogues)
    table = table[np.asarray(table["LAMBDA_OBS"]) > 20]
    complete = table  # as a volume holds them, for the mean mass at given richness
    table = table[np.asarray(table["LAMBDA_OBS"]) > richness_limit(clusters)(np.asarray(table["Z"]))]
    print("| labels | sky | clusters | lambda at 10^14.5 Msun, z = 0.25 | slope in ln M | slope in ln(1+z) | scatter of "
          "ln lambda | beyond 3 sigma, % | MAE of the 5-fold fit, dex | MAE of the constant, dex |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, (*_, label) in SOURCES.items():
        real = matched(options.catalogues, name, clusters)
        mock = {"z": np.asarray(table["Z"]), "log_m": np.asarray(table[label]) + MOCK_SHIFT[label],
                "ln_lambda": np.log(np.asarray(table["LAMBDA_OBS"]))}
        random = np.random.default_rng(1)
        samples = []
        for _ in range(THINNINGS):
            chosen = thinned(mock, real, random)
            samples.append({key: value[chosen] for key, value in mock.items()})
        print(row(name, "real", figures(real, np.random.default_rng(2))))
        print(row(name, "mock", mean_figures(samples, random)))
    mass, slope, count = mass_of_richness(complete)
    print(f"\nMean M200m at lambda = 40 of the mock, 0.10 < z < 0.33: {mass / 1e14:.2f}e14 Msun, slope {slope:.2f} "
          f"({count} clusters with 20 <= lambda <= 100). Simet 2017: 3.15e14, 1.33; McClintock 2019: 3.08e14, 1.356.")


if __name__ == "__main__":
    main()
