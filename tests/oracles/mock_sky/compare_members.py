#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Magnitudes and colours of cluster members: real redMaPPer members beside those of mock clusters.

    compare_members.py --mock PROGRAM --real FOLDER [--fields N] [--out FOLDER]

FOLDER holds sdss_dr8_redsequence_members.fits.gz (z 0.10 to 0.20), redmapper_cluster_members_z0.228.fits.gz (one
cluster) and sdss_dr8_red_spec_seeds.fits.gz (bright red galaxies with a redshift, candidates for cluster centres).
Mock clusters of log10 M500c = 14.5 stand on a grid of redshifts over the same range, N at each. Their true fluxes are
dereddened and get the photometric errors of real galaxies of like i magnitude. Real members count with their membership
probability. Both are cut at 0.2 L* and, but for the centres, at chi^2 < 12 of the three colours about the parabola in z
through the real members, so that tails that membership cannot see are left out of both. A colour stands relative to that
parabola; its scatter is half the width of the central 68 %.
"""
import json
import pathlib
import tempfile

import numpy as np
from astropy.io import fits

import common
import fields

EXTINCTION = np.array([4.239, 3.303, 2.285, 1.698, 1.263])
COLOURS = ("g-r", "r-i", "i-z")


def mstar(z):
    """m* in i of redMaPPer (SDSS DR8)."""
    x = np.log(z)
    return 22.44 + 3.36 * x + 0.273 * x**2 - 0.0618 * x**3 - 0.0227 * x**4


def quantile(values, weights, shares):
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return np.interp(np.asarray(shares) * cumulative[-1], cumulative - 0.5 * weights[order], values[order])


def read_real(folder):
    """Samples as dictionaries of z, i, mag [n,5], err [n,5], weight; the last holds the centres."""
    folder = pathlib.Path(folder)
    try:
        many = fits.getdata(folder / "sdss_dr8_redsequence_members.fits.gz")
        one = fits.getdata(folder / "redmapper_cluster_members_z0.228.fits.gz")
        seeds = fits.getdata(folder / "sdss_dr8_red_spec_seeds.fits.gz")
    except OSError as error:
        common.stop(f"cannot read the real members in {folder} ({error}); name the folder of catalogues with --real")
    def sample(z, i, mag, err, weight):
        arrays = [np.asarray(a, float) for a in (z, i, mag, err, weight)]
        good = np.isfinite(arrays[2][:, 1:]).all(1) & (arrays[3][:, 1:] < 1).all(1) & (arrays[4] > 0.05)
        return dict(zip(("z", "i", "mag", "err", "weight"), (a[good] for a in arrays)))
    return [("members, z 0.10 to 0.20", sample(many["Z"], many["REFMAG"], many["MAG"], many["MAG_ERR"], many["P"])),
            ("members, z = 0.228", sample(one["Z"], one["REFMAG"], one["MAG"], one["MAG_ERR"], one["PMEM"])),
            ("centres, z 0.16 to 0.30", sample(seeds["zspec"], seeds["refmag"], seeds["mag"], seeds["mag_err"],
                                               np.ones(len(seeds))))]


def mock_galaxies(program, redshifts, number, seed):
    """Members and BCGs of mock clusters: z, dereddened magnitudes [n,5], kind, radius [Mpc]."""
    rows = []
    for k, z in enumerate(redshifts):
        with tempfile.TemporaryDirectory() as folder:
            common.run(program, "frames", "--mass", 14.5, "--z", f"{z:.4f}", "--seed", seed + k, "-n", number, "--quiet",
                       "-o", folder)
            truth = json.loads((pathlib.Path(folder) / "truth.json").read_text())
            for one in truth if isinstance(truth, list) else [truth]:
                name = f"sources-{one['run']:06d}-{one['camcol']}-{one['field']:04d}.csv"
                lines = (pathlib.Path(folder) / name).read_text().splitlines()[1:]
                scale = fields.angular_distance_mpc(z) / 206264.8
                for line in lines:
                    words = line.split(",")
                    if words[0] in ("red_member", "bcg"):
                        numbers = [float(w) for w in words[2:]]
                        magnitude = 22.5 - 2.5 * np.log10(numbers[5:10]) - EXTINCTION * one["ebv"]
                        radius = np.hypot(numbers[0] - one["cluster_east_arcsec"],
                                          numbers[1] - one["cluster_north_arcsec"]) * scale
                        rows.append((z, words[0] == "bcg", radius, *magnitude))
    rows = np.array(rows)
    return {"z": rows[:, 0], "bcg": rows[:, 1] > 0, "radius": rows[:, 2], "mag": rows[:, 3:8]}


def observed(mock, chosen, real, random):
    """A sample like the real one: fluxes with the errors of a real galaxy of nearly the same i magnitude."""
    order = np.argsort(real["i"])
    place = np.clip(np.searchsorted(real["i"][order], mock["mag"][chosen, 3]), 3, order.size - 4)
    err = real["err"][order[place + random.integers(-3, 4, chosen.sum())]]
    flux = 10 ** (-0.4 * mock["mag"][chosen])
    flux = flux * (1 + err / 1.0857 * random.standard_normal(flux.shape))
    mag = -2.5 * np.log10(np.maximum(flux, 1e-12))
    return {"z": mock["z"][chosen], "i": mock["mag"][chosen, 3] + 0.5 * err[:, 3] * random.standard_normal(chosen.sum()),
            "mag": mag, "err": err, "weight": np.ones(chosen.sum())}


def colours_of(sample):
    return sample["mag"][:, 1:4] - sample["mag"][:, 2:5]


def relative(sample, parabola):
    return colours_of(sample) - np.array([np.polyval(p, sample["z"]) for p in parabola]).T


def ridge(sample):
    """Parabola in z (a constant for one redshift) through each colour, and its intrinsic scatter, by clipped fits."""
    degree = 2 if np.ptp(sample["z"]) > 0.01 else 0
    result, scatter = [], []
    for colour, error in zip(colours_of(sample).T, np.hypot(sample["err"][:, 1:4], sample["err"][:, 2:5]).T):
        kept = sample["weight"] > 0.5
        for _ in range(6):
            fit = np.polyfit(sample["z"][kept], colour[kept], degree, w=1 / np.hypot(error[kept], 0.05))
            off = np.abs(colour - np.polyval(fit, sample["z"]))
            kept = (sample["weight"] > 0.5) & (off < 2.5 * np.hypot(error, 0.06))
        result.append(fit)
        scatter.append(0.05)
    return result, np.array(scatter)


def near_ridge(sample, parabola, scatter, most=12.0):
    error = np.hypot(sample["err"][:, 1:4], sample["err"][:, 2:5])
    return (relative(sample, parabola) ** 2 / (error**2 + scatter**2)).sum(1) < most


def rows_for(words, real, mock, by_luminosity):
    """Lines of the table for one sample."""
    parabola, scatter = ridge(real)
    for sample in (real, mock):
        good = near_ridge(sample, parabola, scatter) if by_luminosity else np.ones(len(sample["z"]), bool)
        good &= sample["i"] < mstar(sample["z"]) + 1.75
        for key in sample:
            sample[key] = sample[key][good]
    if by_luminosity:
        bins = [(-9, -1), (-1, 0), (0, 1), (1, 1.75)]
    else:
        bins = [(-9, 9)]
    for low, high in bins:
        cells, shares = [], []
        inside = [(s["i"] - mstar(s["z"]) >= low) & (s["i"] - mstar(s["z"]) < high) for s in (real, mock)]
        if min(k.sum() for k in inside) < 5:
            continue
        for sample, chosen in zip((real, mock), inside):
            w = sample["weight"][chosen]
            shares.append(w.sum() / sample["weight"].sum())
            numbers = []
            for column in relative(sample, parabola)[chosen].T:
                low16, half, high84 = quantile(column, w, (0.16, 0.5, 0.84))
                numbers.append((half, 0.5 * (high84 - low16)))
            cells.append(numbers)
        label = f"{max(low, -9):g} < i - m* < {high:g}".replace("-9 < ", "").replace(" < 9", "")
        colours = " | ".join(f"{r[0]:+.3f} ({r[1]:.3f}) / {m[0]:+.3f} ({m[1]:.3f})" for r, m in zip(*cells))
        yield f"| {words} | {label} | {inside[0].sum()} / {inside[1].sum()} | {shares[0]:.2f} / {shares[1]:.2f} | {colours} |"


def main():
    options = common.options_of(__doc__, real="real photometric catalogues", more=[
        ("--fields", {"type": int, "default": 3, "help": "mock clusters at each redshift (3)"})])
    samples, random = read_real(options.real), np.random.default_rng(7)
    lines = ["| sample | magnitude | galaxies real / mock | share of the sample | "
             + " | ".join(f"{c} real / mock" for c in COLOURS) + " |", "| --- " * 7 + "|"]
    grids = (np.linspace(0.105, 0.195, 10), np.full(6, 0.228), np.linspace(0.17, 0.29, 13))
    for k, ((words, real), grid) in enumerate(zip(samples, grids)):
        galaxies = mock_galaxies(options.mock, grid, options.fields, 100 * (k + 1))
        centres = words.startswith("centres")
        chosen = galaxies["bcg"] if centres else galaxies["radius"] < 1.2
        lines += rows_for(words, real, observed(galaxies, chosen, real, random), not centres)
    common.publish(options, "members", lines)


if __name__ == "__main__":
    main()
