#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fits the PSF of the mock sky (include/clustermass/mock/psf.hpp) to the stars of real five-band fields.

    fit_psf.py --real FOLDER

Two profiles are stacked in each frame. Unsaturated stars give the brightness in rings out to 13 arcsec, over their flux
inside 7.4 arcsec, the aperture that SDSS magnitudes refer to. Brighter stars, saturated or not, give the rings from 6 to
50 arcsec over the brightness between 6 and 8, after the local sky (55 to 75 arcsec) is taken off. The model has two
Gaussians that scale with the seeing and two that do not, the latter's shares fitted band by band and unit light inside
the aperture, and beyond them a halo of two Gaussians. Printed: the numbers of psf.hpp and parameters.hpp, and for each
band and ring the median of log10(real / model) over the fields.
"""
import numpy as np
from scipy import ndimage, optimize

import common
import fields

CORE_RINGS = np.array([0, 0.8, 1.6, 2.4, 3.2, 4, 5, 6, 8, 10, 13])  # arcsec
HALO_RINGS = np.array([6, 8, 10, 13, 16, 20, 25, 32, 40, 50])
SKY_RING = (55, 75)
APERTURE = 7.4


def ring_values(frame, k, edges, half, segments):
    """Median brightness [nMgy/arcsec^2] of source k in rings, without other sources' pixels; NaN where few are left."""
    x, y = frame.faint_all["x"][k], frame.faint_all["y"][k]
    i, j = int(round(x)), int(round(y))
    if not (half <= i < frame.width - half and half <= j < frame.height - half):
        return None
    cut = np.s_[j - half : j + half + 1, i - half : i + half + 1]
    yy, xx = np.mgrid[-half : half + 1, -half : half + 1]
    r = np.hypot(xx + i - x, yy + j - y) * fields.PIXEL
    other = ndimage.binary_dilation((segments[cut] > 0) & (segments[cut] != k + 1), iterations=4)
    stamp = frame.image[cut] / fields.PIXEL**2
    values = []
    for low, high in zip(edges, edges[1:]):
        ring = (r >= low) & (r < high)
        free = ring & ~other
        if free.sum() < 0.4 * ring.sum():
            values.append(np.nan)
        else:  # the mean where the profile is steep, the median where neighbours may hide
            values.append(stamp[free].mean() if high <= 6 else np.median(stamp[free]))
    return np.array(values), (stamp[(r < APERTURE)].sum() * fields.PIXEL**2)


def profiles(band, frame):
    """Stacked log10 profiles of a frame: core rings over the flux, halo rings over the one of 6 to 8 arcsec."""
    found, segments = frame._extract(frame.data, frame.sigma, 1.5, fields.KERNEL, True)
    frame.faint_all = found
    magnitude = 22.5 - 2.5 * np.log10(np.maximum(found["flux"], 1e-9))
    round_ones = found["b"] > 0.8 * found["a"]
    core, halo = [], []
    limit = {"u": 15.0, "g": 15.8, "r": 15.8, "i": 15.8, "z": 15.0}[band]
    fwhm = fields.star_shape(frame)["fwhm"]
    for k in np.flatnonzero((magnitude > limit) & (magnitude < limit + 2.5) & round_ones):
        distance = np.hypot(found["x"] - found["x"][k], found["y"] - found["y"][k]) * fields.PIXEL
        if (found["flux"][(distance > 0) & (distance < 14)] > 0.03 * found["flux"][k]).any():
            continue
        got = ring_values(frame, k, CORE_RINGS, 36, segments)
        if got is not None:
            core.append(got[0] / got[1])
    if core:  # galaxies are fainter in the middle
        core = np.array(core)
        core = core[core[:, 0] > 0.85 * np.nanpercentile(core[:, 0], 85)]
    for k in np.flatnonzero((magnitude < limit - 0.2) & (found["b"] > 0.6 * found["a"])):
        distance = np.hypot(found["x"] - found["x"][k], found["y"] - found["y"][k]) * fields.PIXEL
        if (found["flux"][(distance > 0) & (distance < 75)] > 0.2 * found["flux"][k]).any():
            continue
        half = int(SKY_RING[1] / fields.PIXEL) + 1
        got = ring_values(frame, k, np.r_[HALO_RINGS, SKY_RING], half, segments)
        if got is None:
            continue
        values = got[0] - got[0][-1]
        halo.append((values / values[0])[: len(HALO_RINGS) - 1])
    return {"fwhm": fwhm + common.MOFFAT_SHORT, "core": core, "halo": np.array(halo)}


def core_sigma(fwhm, weights, ratio, sigmas):
    """Width of the narrow core Gaussian that gives the sum of `weights` this FWHM; the second is `ratio` wider."""
    def excess(s):
        v = np.r_[s * s, (ratio * s) ** 2, np.square(sigmas)]
        return (weights / v * (np.exp(-0.125 * fwhm**2 / v) - 0.5)).sum()
    return optimize.brentq(excess, 0.2 * fwhm, 0.6 * fwhm)


def ring_model(edges, weights, variance):
    """Mean brightness in rings of a sum of Gaussians, pixels included. [1/arcsec^2]"""
    v = variance + fields.PIXEL**2 / 12
    inside = (weights * (1 - np.exp(-0.5 * edges[:, None] ** 2 / v))).sum(1)
    return np.diff(inside) / (np.pi * np.diff(edges**2))


NAMES = ("wide share", "wide ratio", "wing sigma 1", "wing sigma 2", "halo sigma 1", "halo sigma 2")


def unpack(p):
    shared = np.exp(p[:6])
    bands = np.exp(p[6:26]).reshape(5, 4)
    return shared, bands


def model(p, band, fwhm):
    (wide, ratio, s1, s2, h1, h2), bands = unpack(p)
    a, b, c, d = bands[band]
    weights = np.array([(1 - a - b) * (1 - wide), (1 - a - b) * wide, a, b])
    s = core_sigma(fwhm, weights, ratio, (s1, s2))
    v = np.square([s, ratio * s, s1, s2, h1, h2])
    return np.r_[weights, c, d], v


def main():
    options = common.options_of(__doc__, mock=False)
    stacks = []
    for name, clusters in common.real_fields(options.real).items():
        field = fields.Field(f"{options.real}/{name}", clusters)
        stacks += [(b, profiles(band, field.frames[band])) for b, band in enumerate(fields.BANDS)]
    fit(stacks)


def fit(stacks):
    edges = np.r_[CORE_RINGS]
    data = []
    for b, s in stacks:
        for kind in ("core", "halo"):
            values = s[kind]
            if len(values) < 2:
                continue
            middle = np.nanmedian(values, 0)
            error = 1.48 * np.nanmedian(np.abs(values - middle), 0) / np.sqrt(len(values)) + 1e-12
            good = np.isfinite(middle) & (middle > 2 * error)
            data.append((b, s["fwhm"], kind, np.log10(np.where(good, middle, 1)),
                         np.hypot(0.03, np.where(good, error / np.where(good, middle, 1), 1) / 2.3), good))

    def predicted(p, b, fwhm, kind):
        w, v = model(p, b, fwhm)
        if kind == "core":
            inside = (w * (1 - np.exp(-0.5 * APERTURE**2 / v))).sum()
            return np.log10(ring_model(edges, w, v) / inside)
        rings = ring_model(np.r_[HALO_RINGS, 55.0, 75.0], w, v)
        rings = np.r_[rings[: len(HALO_RINGS) - 1], rings[-1]]
        return np.log10(np.maximum((rings[:-1] - rings[-1]) / (rings[0] - rings[-1]), 1e-9))

    def residuals(p):
        rows = []
        for b, fwhm, kind, values, error, good in data:
            rows.append(((values - predicted(p, b, fwhm, kind)) / error)[good])
        return np.concatenate(rows)

    start = np.log(np.r_[0.261, 1.877, 1.22, 3.0, 8.0, 13.0, np.tile([0.118, 0.041, 0.02, 0.02], 5)])
    low = np.log(np.r_[0.05, 1.3, 0.8, 2.0, 5.0, 12.0, np.tile([0.01, 0.005, 0.001, 0.001], 5)])
    high = np.log(np.r_[0.6, 3.0, 2.0, 4.5, 10, 16.0, np.tile([0.4, 0.15, 0.15, 0.15], 5)])
    fit = optimize.least_squares(residuals, start, bounds=(low, high), loss="soft_l1")
    shared, bands = unpack(fit.x)
    print(", ".join(f"{n} {v:.3f}" for n, v in zip(NAMES, shared)))
    print("band: wing shares, halo shares")
    for band, row in zip(fields.BANDS, bands):
        print(f"{band}: " + " ".join(f"{v:.4f}" for v in row))
    for b, band in enumerate(fields.BANDS):
        for kind, rings in (("core", CORE_RINGS), ("halo", HALO_RINGS)):
            rows = [np.where(good, values - predicted(fit.x, b, fwhm, kind), np.nan)
                    for bb, fwhm, kk, values, error, good in data if bb == b and kk == kind]
            if rows:
                words = " ".join(f"{v:+.2f}" for v in np.nanmedian(rows, 0))
                print(f"{band}, {kind}, rings from {rings[0]:g} to {rings[-1]:g} arcsec: {words}")


if __name__ == "__main__":
    main()
