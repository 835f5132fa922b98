#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reads maps.fits of clustermass_explain with astropy: checksums, headers, the WCS, the sums.

    tests/oracles/check_maps.py maps.fits RA DEC [IMAGE.fits X Y]

RA, DEC: where the maps must be centred. With IMAGE.fits, X, Y: the sky at a pixel (from 0) of that image must fall on the
same place of the map as the library's 2 Mpc grid says, to half a map pixel; printed is the map pixel. Exit code 1 if
anything is wrong.
"""
import sys
import warnings

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

warnings.simplefilter("error")


def main(path, ra, dec, image=None, x=0, y=0):
    with fits.open(path, checksum=True) as hdus:  # a wrong checksum is a warning, and so an error
        hdus.verify("exception")
        for hdu in hdus:
            assert "CHECKSUM" in hdu.header and "DATASUM" in hdu.header, hdu.name
        difference = hdus[0].header["CM_DIFF"]
        for method in ("IG", "JOINT", "CELLS", "GRADCAM", "INTGCAM", "PRODUCT"):
            bands = [hdus[f"{method}_{b}"] for b in "UGRIZ"]
            whole = hdus[method]
            assert np.allclose(whole.data, sum(b.data.astype("f8") for b in bands), atol=1e-6)
            for hdu in [whole, *bands]:
                wcs = WCS(hdu.header)
                side = hdu.data.shape[0]
                middle = wcs.pixel_to_world((side - 1) / 2, (side - 1) / 2)
                assert middle.separation(SkyCoord(ra, dec, unit="deg")).arcsec < 0.01, hdu.name
                east = wcs.pixel_to_world(0, (side - 1) / 2)
                north = wcs.pixel_to_world((side - 1) / 2, side - 1)
                assert middle.position_angle(east).deg - 90 < 1 and middle.position_angle(north).wrap_at("180d").deg < 1
            if whole.header["CM_COMPL"]:
                total = sum(float(b.data.sum(dtype="f8")) for b in bands)
                residual = total - difference
                assert abs(residual - whole.header["CM_RESID"]) < (1e-4 if method != "CELLS" else 0.02), method
                assert abs(residual) <= 0.01 * abs(difference) + 1e-3, method
        if image:
            with fits.open(image) as frame:
                place = WCS(frame[0].header).pixel_to_world(float(x), float(y))
            column, row = WCS(hdus["IG"].header).world_to_pixel(place)
            print(f"{column:.2f} {row:.2f}")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 7):
        sys.exit(__doc__)
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])
