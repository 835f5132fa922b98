#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures real five-band SDSS fields and mock fields drawn under the same nights; one table, two figures.

    compare_frames.py --mock PROGRAM --real FOLDER [--seeds N] [--out FOLDER]

For each real field N blank mock fields are drawn under its own seeing, sky, zero points and galactic latitude. Both are
measured alike (fields.py), the real ones outside 0.6 Mpc about listed clusters. A mock number is inside if the mean
over the mock fields lies between the smallest and the largest real field. Beside that stands the mean difference in
units of its standard error: five real fields are few, and a mean can lie outside their range by chance. With --out the table goes into
OUT/mock-sky.md between its marks, the figures to OUT/mock-sky-frames.svg and OUT/mock-sky-colours.svg: numbers and
curves only, no pixel of any survey.
"""
import pathlib

import matplotlib
import numpy as np
import sep

import common
import fields

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

MAGNITUDES = np.array([17.0, 18.5, 19.5, 20.5, 21.5])  # r bins of the colours
T_LIMIT = 2.78  # |t| that chance exceeds in 5 % of cases, four degrees of freedom
RINGS = np.array([0, 0.8, 1.6, 2.4, 3.2, 4, 5, 6, 8, 10, 13])  # arcsec


def colours(field):
    """Sources of the r frame: r, g-r, r-i, i-z in 2.5 arcsec apertures, and whether they are wider than the stars."""
    r = field.frames["r"]
    found = r.faint
    sky = r.wcs.all_pix2world(found["x"], found["y"], 0)
    magnitude = {}
    for band in "griz":
        frame = field.frames[band]
        x, y = frame.wcs.all_world2pix(*sky, 0)
        flux, _, _ = sep.sum_circle(frame.data, x, y, 2.5 / fields.PIXEL)
        magnitude[band] = 22.5 - 2.5 * np.log10(np.maximum(flux, 1e-3))
    inner, _, _ = sep.sum_circle(r.data, found["x"], found["y"], 0.75 * fields.star_shape(r)["fwhm"] / fields.PIXEL)
    spread = -2.5 * np.log10(np.maximum(inner, 1e-3)) + 22.5 - magnitude["r"]
    wide = spread > np.median(spread[fields.star_shape(r)["rows"]]) + 0.15
    columns = [magnitude["r"], magnitude["g"] - magnitude["r"], magnitude["r"] - magnitude["i"],
               magnitude["i"] - magnitude["z"]]
    return np.array(columns), wide


def colour_numbers(field):
    """Quantiles 16, 50, 84 % of three colours per r bin of the wide sources, [bin, colour, quantile], and counts."""
    columns, wide = colours(field)
    quantiles, counts = [], []
    for low, high in zip(MAGNITUDES, MAGNITUDES[1:]):
        chosen = columns[1:, wide & (columns[0] >= low) & (columns[0] < high)]
        counts.append(chosen.shape[1] / field.frames["r"].arcmin2)
        quantiles.append(np.percentile(chosen, (16, 50, 84), axis=1).T if chosen.shape[1] > 4
                         else np.full((3, 3), np.nan))
    return {"quantiles": np.array(quantiles), "counts": np.array(counts)}


def rings(frame):
    """log10 of the surface brightness of stars in rings over their flux inside 4 arcsec, other sources left out."""
    found, half, rows = frame.faint, 35, []
    magnitude = 22.5 - 2.5 * np.log10(np.maximum(found["flux"], 1e-9))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    for k in np.flatnonzero((magnitude > 14.8) & (magnitude < 17.5) & (found["b"] > 0.85 * found["a"])):
        i, j = int(round(found["x"][k])), int(round(found["y"][k]))
        distance = np.hypot(found["x"] - found["x"][k], found["y"] - found["y"][k])
        near = (distance < 2 * half) & (distance > 0)
        if min(i, j) < half or i + half >= frame.width or j + half >= frame.height:
            continue
        if (found["flux"][near & (distance < half)] > 0.03 * found["flux"][k]).any():
            continue
        stamp = frame.image[j - half : j + half + 1, i - half : i + half + 1]
        r = np.hypot(x + i - found["x"][k], y + j - found["y"][k]) * fields.PIXEL
        free = np.ones(stamp.shape, bool)
        for m in np.flatnonzero(near):
            free &= np.hypot(x + i - found["x"][m], y + j - found["y"][m]) > max(8, 4 * found["a"][m])
        total = stamp[r < 4].sum()
        rows.append([stamp[(r >= a) & (r < b) & free].mean() / total / fields.PIXEL**2
                     for a, b in zip(RINGS, RINGS[1:])])
    if len(rows) < 3:
        return np.full(len(RINGS) - 1, np.nan)
    rows = np.array(rows)
    stars = rows[:, 0] > 0.8 * np.percentile(rows[:, 0], 80)
    return np.log10(np.maximum(np.median(rows[stars], axis=0), 1e-7))


def measure(field):
    return {"frames": {band: fields.measure_frame(frame) for band, frame in field.frames.items()},
            "rings": {band: rings(field.frames[band]) for band in "gri"}, "colours": colour_numbers(field)}


def rows_of_table():
    """What is compared: words, digits, and how to read it from one measured field."""
    for band in fields.BANDS:
        def of(read, band=band):
            return lambda m: read(m["frames"][band])
        yield f"{band}: sources / arcmin^2, 1.5 sigma, 5 pixels, [1 2 1]", 2, of(lambda f: f["counts"][0])
        yield f"{band}: sources / arcmin^2, 5 sigma per pixel, 5 pixels", 2, of(lambda f: f["counts"][1])
        yield f"{band}: PSF FWHM [arcsec], Moffat fit", 3, of(lambda f: f["fwhm"])
        yield f"{band}: Moffat beta", 2, of(lambda f: f["beta"])
        yield f"{band}: half-light radius of sources, median [arcsec]", 2, of(lambda f: f["size_quantiles"][1])
        for k, q in enumerate(fields.QUANTILES):
            yield f"{band}: pixel / noise, {q} % quantile", 2, of(lambda f, k=k: f["quantiles"][k])
        for k in range(6):
            low, high = fields.POWER_EDGES[k : k + 2]
            yield (f"{band}: power of blank patches, {low:g} to {high:g} waves per 64 pixels, white noise = 1", 2,
                   of(lambda f, k=k: f["power"][k]))
        yield f"{band}: correlation of neighbours in a row", 3, of(lambda f: f["correlation"][0])
        yield f"{band}: rms of the background on 256 pixels / noise", 3, of(lambda f: f["back_rms"])
    for b, (low, high) in enumerate(zip(MAGNITUDES, MAGNITUDES[1:])):
        yield f"galaxies / arcmin^2, {low:g} < r < {high:g}", 3, lambda m, b=b: m["colours"]["counts"][b]
        for c, colour in enumerate(("g-r", "r-i", "i-z")):
            for q, share in enumerate((16, 50, 84)):
                yield (f"galaxies {low:g} < r < {high:g}: {colour}, {share} %", 2,
                       lambda m, b=b, c=c, q=q: m["colours"]["quantiles"][b, c, q])


def table(real, mock):
    """Lines of the table, and the verdict. real: one measurement per field; mock: a list of them for each field."""
    lines = ["| measured | real fields: smallest to largest | mock: mean [smallest to largest] | inside | "
             "mock - real, in errors |", "| --- " * 5 + "|"]
    inside = total = 0
    beyond, beyond_and_outside = [], []
    for words, digits, read in rows_of_table():
        r = np.array([read(field) for field in real], float)
        m = np.array([[read(field) for field in group] for group in mock], float)
        if not (np.isfinite(r).all() and np.isfinite(m).any()):
            continue
        good = r.min() <= np.nanmean(m) <= r.max()
        inside, total = inside + good, total + 1
        difference = np.nanmean(m, axis=1) - r  # night by night, so that seeing, sky and latitude drop out
        error = np.nanstd(difference, ddof=1) / np.sqrt(np.isfinite(difference).sum())
        t = np.nanmean(difference) / error
        if abs(t) > T_LIMIT:
            beyond.append(words)
            if not good:
                beyond_and_outside.append(words)
        lines.append(f"| {words} | {r.min():.{digits}f} to {r.max():.{digits}f} | {np.nanmean(m):.{digits}f} "
                     f"[{np.nanmin(m):.{digits}f} to {np.nanmax(m):.{digits}f}] | {'yes' if good else 'NO'} | {t:+.1f} |")
    verdict = [f"{inside} of {total} numbers lie inside the range of the {len(real)} real fields. The last column is the mean "
               f"of the {len(real)} differences, night by night, over its standard error, which holds the scatter of real "
               f"and mock fields. By chance 5 % of the numbers, {0.05 * total:.0f}, would be beyond {T_LIMIT} (Student's t with "
               f"{len(real) - 1} degrees of freedom); {len(beyond)} are. Outside the range and beyond it: "
               + ("; ".join(beyond_and_outside) or "none") + "."]
    return lines + [""] + verdict


def band_of(axis, x, real, mock):
    """Range of the real fields as a shade, range of the mock ones as lines."""
    axis.fill_between(x, np.nanmin(real, 0), np.nanmax(real, 0), color="0.8", label="real fields, range")
    axis.plot(x, np.nanmean(real, 0), color="0.3", lw=1, label="real, mean")
    axis.plot(x, np.nanmean(mock, 0), color="C3", lw=1, label="mock, mean")
    for edge in (np.nanmin(mock, 0), np.nanmax(mock, 0)):
        axis.plot(x, edge, color="C3", lw=0.6, ls=":")


def figures(real, mock, folder):
    matplotlib.rcParams.update({"svg.hashsalt": "mock sky", "font.size": 7, "svg.fonttype": "none"})
    waves = np.sqrt(fields.POWER_EDGES[1:] * fields.POWER_EDGES[:-1])
    share = np.array([0.1, 1, 5, 25, 50, 75, 95, 99, 99.9])
    place = np.array([-3.09, -2.33, -1.645, -0.674, 0, 0.674, 1.645, 2.33, 3.09])  # of a Gaussian
    figure, axes = plt.subplots(2, 5, figsize=(9, 4), layout="constrained")
    for column, band in enumerate(fields.BANDS):
        get = lambda group, key: np.array([m["frames"][band][key] for m in group])  # noqa: E731
        band_of(axes[0, column], place, np.arcsinh(get(real, "quantiles")), np.arcsinh(get(mock, "quantiles")))
        axes[0, column].set(title=band, xticks=place[[0, 2, 4, 6, 8]], xticklabels=share[[0, 2, 4, 6, 8]],
                            xlabel="share of pixels [%]")
        band_of(axes[1, column], waves, get(real, "power"), get(mock, "power"))
        axes[1, column].set(xscale="log", xlabel="waves per 64 pixels")
    axes[0, 0].set_ylabel("asinh(pixel / noise)")
    axes[1, 0].set_ylabel("power of blank patches")
    axes[0, 0].legend(frameon=False, fontsize=6)
    figure.savefig(folder / "mock-sky-frames.svg", metadata={"Date": None})
    figure, axes = plt.subplots(2, 3, figsize=(7, 4), layout="constrained")
    centre = 0.5 * (MAGNITUDES[1:] + MAGNITUDES[:-1])
    for c, colour in enumerate(("g-r", "r-i", "i-z")):
        get = lambda group, q: np.array([m["colours"]["quantiles"][:, c, q] for m in group])  # noqa: E731
        for q in range(3):
            axes[0, c].fill_between(centre, np.nanmin(get(real, q), 0), np.nanmax(get(real, q), 0), color="0.8")
            axes[0, c].plot(centre, np.nanmean(get(real, q), 0), color="0.3", lw=1)
            axes[0, c].plot(centre, np.nanmean(get(mock, q), 0), color="C3", lw=1)
        axes[0, c].set(title=f"{colour} of galaxies: 16, 50, 84 %", xlabel="r")
    for c, band in enumerate("gri"):
        get = lambda group: np.array([m["rings"][band] for m in group])  # noqa: E731
        band_of(axes[1, c], 0.5 * (RINGS[1:] + RINGS[:-1]), get(real), get(mock))
        axes[1, c].set(title=f"stars in {band}", xlabel="radius [arcsec]", ylim=(-5.5, 0))
    axes[1, 0].set_ylabel("log10 brightness / flux")
    axes[1, 0].legend(frameon=False, fontsize=6)
    figure.savefig(folder / "mock-sky-colours.svg", metadata={"Date": None})


def main():
    options = common.options_of(__doc__, more=common.FIELD_OPTIONS)
    _, real, mock = common.measured(options, measure)
    common.publish(options, "frames", table(real, mock))
    if options.out:
        figures(real, sum(mock, []), pathlib.Path(options.out))


if __name__ == "__main__":
    main()
