#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Looks for satellite trails in real five-band fields.

    trails.py --real FOLDER

Blank pixels of each frame (sources masked, 4 x 4 pixels together) are summed along straight lines of every half degree.
A trail is a line of at least 300 pixels that stands 8 sigma above its neighbours of the same direction, with at least six
of its eight parts above them by half the mean excess; lines along rows, columns and their edges are left out. Printed for
each: the angle to the rows, its length, and its light per pixel of length in units of a pixel's noise.
"""
import numpy as np
from scipy import ndimage

import common
import fields

BLOCK = 4


def lines_of(values, weights, angle):
    """Excess of parallel lines over their neighbours, its error, and the offset of every block."""
    y, x = np.mgrid[: values.shape[0], : values.shape[1]]
    offset = np.rint(x * np.cos(angle) + y * np.sin(angle)).astype(int)
    offset -= offset.min()
    total = np.bincount(offset.ravel(), weights=weights.ravel())
    mean = np.bincount(offset.ravel(), weights=(values * weights).ravel()) / np.maximum(total, 1)
    mean -= ndimage.median_filter(mean, 25)
    return mean, total, offset


def trail_of(frame):
    """The most significant trail of a frame: angle [deg], length [pixel], light per length [noise of a pixel]; or None."""
    height, width = (n // BLOCK * BLOCK for n in (frame.height, frame.width))
    shape = (height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    blank = frame.blank[:height, :width].reshape(shape).sum((1, 3))
    data = np.where(frame.blank, np.clip(frame.data / frame.sigma, -4, 4), 0)[:height, :width].reshape(shape).sum((1, 3))
    values, weights = data / np.maximum(blank, 1), (blank > BLOCK**2 / 2).astype(float)
    values -= ndimage.median_filter(values, 25)  # the sky's own structure
    noise = 1.48 * np.median(np.abs(values[weights > 0]))
    best = None
    for degrees in np.arange(2, 180, 0.5):
        if min(abs(degrees - 90), abs(degrees - 180)) < 2:
            continue
        mean, total, offset = lines_of(values, weights, np.radians(degrees))
        significance = np.where(total > 300 / BLOCK, mean * np.sqrt(total) / noise, 0)
        k = int(np.argmax(significance))
        if significance[k] < 8 or (best and significance[k] < best[0]):
            continue
        rows, columns = np.nonzero((offset == k) & (weights > 0))
        order = np.argsort(columns * np.sin(np.radians(degrees)) - rows * np.cos(np.radians(degrees)))
        parts = [part.mean() for part in np.array_split(values[rows[order], columns[order]], 8)]
        if np.sum(np.array(parts) > 0.5 * mean[k]) >= 6:
            best = (significance[k], degrees, total[k] * BLOCK, mean[k] * BLOCK)
    return best


def main():
    options = common.options_of(__doc__, mock=False)
    count = total = 0
    for name, clusters in common.real_fields(options.real).items():
        field = fields.Field(f"{options.real}/{name}", clusters)
        for band, frame in field.frames.items():
            total += 1
            if found := trail_of(frame):
                count += 1
                print(f"{name} {band}: {found[0]:.0f} sigma, {90 - found[1]:.1f} deg to the rows, {found[2]:.0f} pixels "
                      f"long, per pixel of length {found[3]:.2f} times the noise of a pixel")
    print(f"{count} of {total} frames")


if __name__ == "__main__":
    main()
