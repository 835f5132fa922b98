#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records stars and galaxies as GalSim draws them, for tests/mock/galsim_test.cpp.

    record_galsim.py [FILE]        default tests/data/mock/galsim.csv

One source a line, in a frame of 0.396 arcsec pixels with north up and east to the left:
    model        mixture: the Gaussians of Hogg & Lang 2013 (profile.hpp) drawn by GalSim; sersic: GalSim's own Sersic
                 profile of index 1 or 4, cut at 4 or 8 half-light radii like SDSS's
    profile      0 star, 1 exponential, 2 de Vaucouleurs
    x, y         centre [pixel], inside the middle pixel of 161 x 161
    radius, axis_ratio, position_angle [arcsec, -, rad from north through east], flux [nMgy]
    fwhm, ellipticity, psf_angle       of the PSF: the four Gaussians of psf.hpp in r, without halo
    f1 ... f24   flux of the pixels whose centre lies within R pixels of (x, y), R = 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16,
                 18, 20, 23, 26, 30, 34, 38, 43, 48, 54, 60, 68, 78
The list is drawn with a fixed seed. GalSim multiplies Fourier transforms; the mock sky sums error functions.
"""
import argparse
import pathlib

import galsim
import numpy as np
from scipy.optimize import brentq

FILE = pathlib.Path(__file__).resolve().parents[2] / "data" / "mock" / "galsim.csv"
PIXEL, SIDE = 0.396, 161
RADII = [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 34, 38, 43, 48, 54, 60, 68, 78]
FINE = galsim.GSParams(folding_threshold=1e-4, maxk_threshold=1e-4, kvalue_accuracy=1e-6, maximum_fft_size=16384)
EXPONENTIAL = ([.00234853813, .0307995260, .223364214, 1.17949102, 4.33873750, 5.99820770],
               [.00120078965, .00884526493, .0391463084, .139976817, .460962500, 1.50159566], 0.98615363)
DE_VAUCOULEURS = ([.0426347652, .240127183, .685907632, 1.51937350, 2.83627243, 4.46467501, 5.72440830, 5.60989349],
                  [.000223759216, .00100220099, .00418731126, .0169432589, .0684850479, .287207080, 1.33320254,
                   8.40215071], 0.91545832)


def major_axis(position_angle):
    """The major axis as GalSim counts angles: from x (to the west) through y (to the north)."""
    return galsim.Angle(position_angle + np.pi / 2, galsim.radians)


def psf_of(fwhm, ellipticity, angle):
    """Core of two Gaussians and two wings of fixed width, as documented in psf.hpp for r, without the halo."""
    weight = np.array([0.871 * (1 - 0.26), 0.871 * 0.26, 0.100, 0.029])

    def widths(core):
        return np.array([core * fwhm, 2.05 * core * fwhm, 1.45, 3.45])

    def excess(core):
        v = widths(core) ** 2
        return (weight / v * (np.exp(-fwhm**2 / 8 / v) - 0.5)).sum()

    sigma = widths(brentq(excess, 0.2, 0.6)) * (1 - ellipticity**2) ** 0.25  # a shear keeps the area
    gaussians = [galsim.Gaussian(sigma=s, flux=w, gsparams=FINE) for s, w in zip(sigma, weight)]
    return galsim.Add(gaussians).shear(galsim.Shear(e=ellipticity, beta=major_axis(angle)))


def galaxy_of(model, profile, radius, axis_ratio, angle):
    if model == "sersic":
        index, cut = ((1, 4), (4, 8))[profile - 1]
        round_one = galsim.Sersic(n=index, half_light_radius=radius, trunc=cut * radius, gsparams=FINE)
    else:
        weight, variance, half_light = (EXPONENTIAL, DE_VAUCOULEURS)[profile - 1]
        round_one = galsim.Add([galsim.Gaussian(sigma=np.sqrt(v) / half_light * radius, flux=w / sum(weight),
                                                gsparams=FINE) for w, v in zip(weight, variance)])
    return round_one.shear(galsim.Shear(q=axis_ratio, beta=major_axis(angle)))


def draw(model, profile, x, y, radius, axis_ratio, angle, flux, fwhm, ellipticity, psf_angle):
    light = psf_of(fwhm, ellipticity, psf_angle)
    if profile > 0:
        light = galsim.Convolve([galaxy_of(model, profile, radius, axis_ratio, angle), light], gsparams=FINE)
    middle = SIDE // 2
    image = galsim.ImageD(SIDE, SIDE, scale=PIXEL)
    (light * flux).drawImage(image, offset=(x - middle, y - middle), method="auto")
    j, i = np.mgrid[:SIDE, :SIDE]
    r = np.hypot(i - x, j - y)
    return [float(image.array[r <= limit].sum()) for limit in RADII]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", default=FILE, type=pathlib.Path)
    file = parser.parse_args().file
    random = np.random.default_rng(20)
    lines = [f"# GalSim {galsim.__version__}, numpy {np.__version__}; written by tests/oracles/mock_sky/record_galsim.py",
             "model,profile,x,y,radius,axis_ratio,position_angle,flux,fwhm,ellipticity,psf_angle,"
             + ",".join(f"f{k}" for k in range(1, len(RADII) + 1))]
    for k in range(28):
        profile = 0 if k < 4 else 1 + k % 2
        radius = 0.0 if profile == 0 else 10 ** random.uniform(-0.4, 0.6)
        numbers = [80 + random.uniform(-0.5, 0.5), 80 + random.uniform(-0.5, 0.5), radius, random.uniform(0.25, 1),
                   random.uniform(0, np.pi), 10 ** random.uniform(-0.5, 2.5), random.uniform(0.9, 1.7),
                   random.uniform(0, 0.05), random.uniform(0, np.pi)]
        numbers = [round(n, 4) for n in numbers]
        for model in ("mixture", "sersic") if profile > 0 else ("mixture",):
            fluxes = draw(model, profile, *numbers)
            lines.append(",".join([model, str(profile), *map(str, numbers), *(f"{f:.7g}" for f in fluxes)]))
    file.write_text("\n".join(lines) + "\n")
    print(f"{len(lines) - 2} sources in {file}")


if __name__ == "__main__":
    main()
