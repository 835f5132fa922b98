#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes tests/data/fits: tiny FITS files and the numbers a reader must find in them, by astropy and numpy alone.

Run it in an environment with numpy and astropy:  python3 tests/oracles/make_fits_fixtures.py
"""
import bz2
import gzip
import io
import json
import pathlib
import sys

import astropy
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

OUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "fits"
RUN, CAMCOL, FIELD, BAND = 756, 2, 44, "g"
GAIN, DARK = 3.855, 1.44  # camera column 2, band g, every run
SIZE = 100


def truncate(x, bits=10):
    """Floats kept to so many binary digits, as the survey does."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.round(mantissa * 2.0**bits) / 2.0**bits, exponent).astype(np.float32)


def rotated_cd(angle_deg, scale_arcsec=0.396, flip=True):
    s, a = scale_arcsec / 3600, np.radians(angle_deg)
    parity = -1 if flip else 1
    return [[parity * s * np.cos(a), s * np.sin(a)], [-parity * s * np.sin(a), s * np.cos(a)]]


def tan_cards(header, crval, crpix, cd):
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["CRVAL1"], header["CRVAL2"] = crval
    header["CRPIX1"], header["CRPIX2"] = crpix
    for i in range(2):
        for j in range(2):
            header[f"CD{i + 1}_{j + 1}"] = cd[i][j]


def bilinear(grid, x, y):
    """grid at every (y, x), clamped to its edges."""
    x, y = np.clip(x, 0, grid.shape[1] - 1), np.clip(y, 0, grid.shape[0] - 1)
    x0, y0 = np.minimum(np.floor(x).astype(int), grid.shape[1] - 2), np.minimum(np.floor(y).astype(int), grid.shape[0] - 2)
    fx, fy = (x - x0)[None, :], (y - y0)[:, None]
    at = lambda dy, dx: grid[np.ix_(y0 + dy, x0 + dx)]
    return (1 - fy) * ((1 - fx) * at(0, 0) + fx * at(0, 1)) + fy * ((1 - fx) * at(1, 0) + fx * at(1, 1))


def world_pairs(header, rng, count=12, reach=1500):
    """Pixels from 0 and their sky positions, by astropy."""
    wcs = WCS(header, naxis=2)
    pixel = rng.uniform(-reach, reach, (count, 2)) + np.array([header["CRPIX1"], header["CRPIX2"]])
    sky = wcs.all_pix2world(pixel, 0)
    return {"pixel": pixel.tolist(), "sky": sky.tolist()}


def frame(rng):
    """A corrected frame of 100 x 100 pixels with its four HDUs, and its numbers."""
    calibration = (0.0038 * (1 + 0.05 * np.sin(np.arange(SIZE) / 17))).astype(np.float32)
    allsky = (150 + 8 * rng.standard_normal((19, 26)).cumsum(axis=1)).astype(np.float32)
    xinterp = (np.arange(SIZE) / 4.0 - 0.4375).astype(np.float32)  # begins and ends outside the grid
    yinterp = (np.arange(SIZE) / 5.3 - 0.4).astype(np.float32)
    sky = bilinear(allsky.astype(float), xinterp.astype(float), yinterp.astype(float))
    light = 400 * np.exp(-((np.arange(SIZE)[:, None] - 41.3) ** 2 + (np.arange(SIZE)[None, :] - 57.8) ** 2) / 18)
    counts = rng.poisson((sky + light) * GAIN) / GAIN
    counts = np.round(counts)
    image = truncate((counts - sky) * calibration)
    image[7, 11] = np.nan

    primary = fits.PrimaryHDU(image)
    h = primary.header
    for key, value in dict(ORIGIN="made by make_fits_fixtures.py", RUN=RUN, CAMCOL=CAMCOL, FILTER=BAND, FRAME=52,
                           BUNIT="nanomaggy", EXPTIME="53.907456", NMGY=float(np.float32(0.0038)), RERUN="301",
                           RADESYS="ICRS", EQUINOX=2000.0).items():
        h[key] = value
    tan_cards(h, (200.4545, 36.8083), (51.25, 49.5), rotated_cd(80.7))
    tables = [
        fits.BinTableHDU.from_columns([
            fits.Column("ALLSKY", f"{allsky.size}E", dim=f"({allsky.shape[1]},{allsky.shape[0]})", array=allsky[None]),
            fits.Column("XINTERP", f"{SIZE}E", array=xinterp[None]),
            fits.Column("YINTERP", f"{SIZE}E", array=yinterp[None])]),
        fits.BinTableHDU.from_columns([
            fits.Column("RUN", "J", array=[RUN]), fits.Column("RERUN", "3A", array=["301"]),
            fits.Column("CAMCOL", "J", array=[CAMCOL]), fits.Column("FILTER", "1A", array=[BAND]),
            fits.Column("FIELD", "J", array=[FIELD])])]
    hdus = fits.HDUList([primary, fits.ImageHDU(calibration)] + tables)

    pixel = image.astype(float)
    dn = pixel / calibration + sky
    variance = (np.maximum(dn, 0) / GAIN + DARK) * calibration.astype(float) ** 2
    places = [(0, 0), (0, 99), (99, 0), (99, 99), (41, 58), (50, 50), (3, 97), (77, 12)]
    wcs = WCS(h)
    corners = wcs.all_pix2world([[0, 0], [99, 0], [0, 99], [99, 99]], 0)
    expected = dict(places=places, image=[pixel[p] for p in places], sky=[sky[p] for p in places],
                    variance=[variance[p] for p in places], calibration=calibration[[0, 33, 99]].tolist(),
                    image_sum=float(np.nansum(pixel)), variance_sum=float(np.nansum(variance)),
                    sky_sum=float(sky.sum()), counts=[counts[p] for p in places], nan=[7, 11],
                    corners=corners.tolist(), run=RUN, camcol=CAMCOL, field=FIELD)
    return hdus, expected


def write_frame(hdus):
    name = OUT / f"frame-{BAND}-{RUN:06d}-{CAMCOL}-{FIELD:04d}.fits"
    hdus.writeto(name, overwrite=True)
    plain = name.read_bytes()
    (OUT / "packed.fits.bz2").write_bytes(bz2.compress(plain))
    (OUT / "packed.fits.gz").write_bytes(gzip.compress(plain, mtime=0))
    # as fpack makes it: an empty primary HDU, the image tile-compressed, without loss
    image = fits.CompImageHDU(hdus[0].data, header=hdus[0].header, compression_type="GZIP_2", quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), image] + [h.copy() for h in hdus[1:]]).writeto(OUT / "packed.fits.fz", overwrite=True)


def mask():
    """fpM: ten tables of boxes, then the table of names, whose numbers are shuffled against the survey's on purpose."""
    names = ["GHOST", "INTERP", "NOTCHECKED", "OBJECT", "BRIGHTOBJECT", "SATUR", "CATOBJECT", "SUBTRACTED", "CR", "BINOBJECT"]
    boxes = {"INTERP": [(10, 12, 20, 25), (95, 120, 0, 3)], "SATUR": [(40, 40, 40, 60)], "CR": [(0, 0, 0, 0), (41, 43, 60, 60)],
             "GHOST": [], "OBJECT": [(0, 99, 0, 99)]}
    hdus = [fits.PrimaryHDU()]
    for name in names:
        rows = boxes.get(name, [])
        hdus.append(fits.BinTableHDU.from_columns(
            [fits.Column(c, "I", array=[r[k] for r in rows]) for k, c in enumerate(("cmin", "cmax", "rmin", "rmax"))]))
    hdus.append(fits.BinTableHDU.from_columns([
        fits.Column("defName", "12A", array=["S_MASKTYPE"] * 10 + ["S_OTHER"]),
        fits.Column("attributeName", "24A", array=["S_MASK_" + n for n in names] + ["S_MASK_SATUR"]),
        fits.Column("Value", "J", array=list(range(10)) + [3])]))
    plain = io.BytesIO()
    fits.HDUList(hdus).writeto(plain)
    (OUT / f"fpM-{RUN:06d}-{BAND}{CAMCOL}-{FIELD:04d}.fit.gz").write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    bits = {"INTERP": 1 << 6, "SATUR": 1 << 0, "CR": 1 << 2, "GHOST": 1 << 8}
    image = np.zeros((SIZE, SIZE), int)
    for name, bit in bits.items():
        for cmin, cmax, rmin, rmax in boxes[name]:
            image[rmin:rmax + 1, cmin:cmax + 1] |= bit
    return dict(sum=int(image.sum()), masked=int((image != 0).sum()), at_60_40=int(image[60, 40]), at_60_42=int(image[60, 42]))


def wcs_file(rng):
    """Many headers in one file, and positions by astropy."""
    cases = []

    def add(label, crval, cd=None, crpix=(1025.0, 745.0), **cards):
        hdu = fits.ImageHDU(name=label)
        hdu.header["WCSAXES"] = 2
        if cd is not None:
            tan_cards(hdu.header, crval, crpix, cd)
        else:
            hdu.header["CTYPE1"], hdu.header["CTYPE2"] = "RA---TAN", "DEC--TAN"
            hdu.header["CRVAL1"], hdu.header["CRVAL2"] = crval
            hdu.header["CRPIX1"], hdu.header["CRPIX2"] = crpix
        for key, value in cards.items():
            hdu.header[key] = value
        cases.append(hdu)

    add("FRAME", (200.454501361, 36.8083361051), rotated_cd(80.7))
    add("RA_ZERO", (0.02, -0.5), rotated_cd(90))
    add("RA_360", (359.99, 10.3), rotated_cd(13))
    add("NEAR_NORTH", (123.4, 89.95), rotated_cd(41.7))
    add("NEAR_SOUTH", (300.1, -89.99), rotated_cd(200))
    add("NORTH_POLE", (77.0, 90.0), rotated_cd(10))
    add("SOUTH_POLE", (77.0, -90.0), rotated_cd(10))
    add("SKEWED", (150.0, 2.2), [[-1.1e-4, 1.3e-5], [2.2e-5, 0.9e-4]], crpix=(-300.5, 4000.25))
    add("PC_CDELT", (83.6, 22.0), CDELT1=-1.1e-4, CDELT2=1.2e-4, PC1_1=0.8, PC1_2=-0.6, PC2_1=0.6, PC2_2=0.8)
    add("PC_PARTIAL", (83.6, 22.0), CDELT1=-1.1e-4, CDELT2=1.2e-4, PC1_2=-0.1)
    add("CDELT", (83.6, 22.0), CDELT1=-1.1e-4, CDELT2=1.2e-4)
    add("CROTA", (83.6, 22.0), CDELT1=-1.1e-4, CDELT2=1.2e-4, CROTA2=33.0)
    add("COARSE", (10.0, 45.0), rotated_cd(25, scale_arcsec=20.0))
    add("MIRRORED", (210.0, 54.0), rotated_cd(25, flip=False))
    swapped = fits.ImageHDU(name="SWAPPED")
    swapped.header["WCSAXES"] = 2
    tan_cards(swapped.header, (36.8, 200.4), (100.0, 200.0), rotated_cd(17))
    swapped.header["CTYPE1"], swapped.header["CTYPE2"] = "DEC--TAN", "RA---TAN"
    cases.append(swapped)
    fits.HDUList([fits.PrimaryHDU()] + cases).writeto(OUT / "wcs.fits", overwrite=True)
    expected = {}
    for hdu in cases:
        pairs = world_pairs(hdu.header, rng)
        if hdu.name == "SWAPPED":
            pairs["sky"] = [[s[1], s[0]] for s in pairs["sky"]]
        expected[hdu.name] = pairs

    # the local map: astropy's own offsets of the pixels around a position, in the plane tangent there
    hdu = cases[0]
    wcs, here = WCS(hdu.header), (200.5099, 36.7309)
    x, y = wcs.all_world2pix([here], 0)[0]
    local = WCS(naxis=2)
    local.wcs.ctype, local.wcs.crval, local.wcs.crpix, local.wcs.cdelt = ["RA---TAN", "DEC--TAN"], here, (1, 1), (1 / 3600, 1 / 3600)
    step = 5.0
    plane = lambda px, py: local.all_world2pix(wcs.all_pix2world([[px, py]], 0), 0)[0]
    columns = [(plane(x + step, y) - plane(x - step, y)) / (2 * step), (plane(x, y + step) - plane(x, y - step)) / (2 * step)]
    expected["local_map"] = dict(position=here, centre=[x, y], matrix=np.array(columns).T.tolist())
    return expected


def refused(rng):
    """Headers that must be refused, one HDU each."""
    hdus = [fits.PrimaryHDU()]
    for label, ctype, cards in (("SIP", ("RA---TAN-SIP", "DEC--TAN-SIP"), {}), ("SIN", ("RA---SIN", "DEC--SIN"), {}),
                                ("GALACTIC", ("GLON-TAN", "GLAT-TAN"), {}), ("SCAMP", ("RA---TAN", "DEC--TAN"), {"PV1_1": 1.0}),
                                ("RADIAN", ("RA---TAN", "DEC--TAN"), {"CUNIT1": "rad"}),
                                ("SINGULAR", ("RA---TAN", "DEC--TAN"), {"CD1_1": 0.0, "CD1_2": 0.0}),
                                ("B1950", ("RA---TAN", "DEC--TAN"), {"EQUINOX": 1950.0})):
        hdu = fits.ImageHDU(name=label)
        hdu.header["WCSAXES"] = 2
        tan_cards(hdu.header, (10.0, 20.0), (1.0, 1.0), rotated_cd(10))
        hdu.header["CTYPE1"], hdu.header["CTYPE2"] = ctype
        hdu.header.update(cards)
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(OUT / "wcs_refused.fits", overwrite=True)


def cutouts(rng):
    """Ready-made cutouts: a cube, five extensions, an LSST-like exposure."""
    expected = {}
    cd = rotated_cd(0, 1.0)
    planes = rng.standard_normal((5, 24, 32)).astype(np.float32)
    cube = fits.PrimaryHDU(planes)
    tan_cards(cube.header, (150.1, 2.2), (16.5, 12.5), cd)
    cube.header["BUNIT"], cube.header["BANDS"] = "nanomaggies", "ugriz"
    cube.header["SURVEY"] = "SDSS"
    cube.writeto(OUT / "cube.fits", overwrite=True)
    expected["cube"] = dict(at=[float(planes[b, 3, 4]) for b in range(5)], sums=planes.sum(axis=(1, 2), dtype=float).tolist())

    # three bands in another order, named one by one, one of them without data
    three = fits.PrimaryHDU(planes[:3])
    tan_cards(three.header, (150.1, 2.2), (16.5, 12.5), cd)
    three.header["BUNIT"] = "nanomaggy"
    for k, band in enumerate("rgz"):
        three.header[f"BAND{k}"] = band
    three.writeto(OUT / "cube_rgz.fits", overwrite=True)
    three.header["OVERLAP"] = False
    three.writeto(OUT / "cube_no_overlap.fits", overwrite=True)

    hdus = [fits.PrimaryHDU()]
    for b, band in enumerate("ugriz"):
        hdu = fits.ImageHDU(planes[b, :, :20 + b], name=band.upper() if b % 2 else band)
        tan_cards(hdu.header, (150.1, 2.2), (10.0 + b, 12.5), rotated_cd(10 * b, 0.396))
        hdu.header["BUNIT"] = "nMgy"
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(OUT / "five.fits", overwrite=True)

    image = rng.standard_normal((30, 40)).astype(np.float32)
    image[4, 5] = np.nan
    variance = rng.uniform(1, 2, image.shape).astype(np.float32)
    bits = np.zeros(image.shape, np.int32)
    header = fits.Header({"MP_BAD": 3, "MP_SAT": 1, "MP_INTRP": 2, "MP_CR": 0, "MP_EDGE": 4, "MP_DETECTED": 5, "MP_NO_DATA": 8})
    bits[0, :] = 1 << 4          # EDGE
    bits[10, 10] = 1 << 3        # BAD
    bits[11, 10] = (1 << 1) | (1 << 5)  # SAT, DETECTED
    bits[12, 10] = 1 << 0        # CR
    bits[13, 10] = 1 << 5        # DETECTED alone: good
    bits[14, 10] = 1 << 8        # NO_DATA
    bits[15, 10] = (1 << 30) | (1 << 0)  # CR beside a bit that a float would let it vanish behind
    primary = fits.PrimaryHDU()
    primary.header["FILTER"] = "r"
    lsst = [primary, fits.ImageHDU(image, name="IMAGE"), fits.ImageHDU(bits, header, name="MASK"), fits.ImageHDU(variance, name="VARIANCE")]
    tan_cards(lsst[1].header, (150.1, 2.2), (20.0, 15.0), rotated_cd(30, 0.2))
    lsst[1].header["BUNIT"] = "nmgy"
    lsst[3].header["BUNIT"] = "nmgy^2"
    fits.HDUList(lsst).writeto(OUT / "lsst_r.fits", overwrite=True)
    expected["lsst"] = dict(variance_at=float(variance[9, 9]), image_at=float(image[9, 9]),
                            masked=int(40 + 5 + 1), height=30, width=40)
    return expected


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20260101)
    hdus, expected_frame = frame(rng)
    write_frame(hdus)
    refused(rng)
    expected = dict(made_by=dict(astropy=astropy.__version__, numpy=np.__version__, python=sys.version.split()[0]),
                    frame=expected_frame, mask=mask(), wcs=wcs_file(rng), cutouts=cutouts(rng))
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
