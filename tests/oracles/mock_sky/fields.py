# SPDX-License-Identifier: BSD-3-Clause
"""Fields of five SDSS corrected frames, real or mock, and what is measured on them.

A field is a folder with frame-{u,g,r,i,z}-RUN-CAMCOL-FIELD.fits (or .fits.bz2). Fluxes are in nanomaggies, positions
in 0-based pixels, angles in degrees unless stated.
"""
import pathlib
import sys

import numpy as np
import sep
from astropy.io import fits
from astropy.wcs import WCS
from scipy import ndimage, optimize

BANDS = "ugriz"
PIXEL = 0.396  # arcsec
KERNEL = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16.0
CLUSTER_RADIUS_MPC = 0.6  # of the disc about a listed cluster that is left out
sep.set_extract_pixstack(2_000_000)
sep.set_sub_object_limit(8192)


class Frame:
    """One band: pixels [1489,2048], the night in its header, and the noise measured on blank sky."""

    def __init__(self, path, excluded):
        with fits.open(path) as hdus:
            self.image = np.ascontiguousarray(hdus[0].data, dtype=np.float32)
            header = hdus[0].header
            self.calibration = float(np.median(hdus[1].data))
            self.sky_counts = float(np.median(hdus[2].data["ALLSKY"]))
        self.path, self.camcol = path, int(header["CAMCOL"])
        self.wcs = WCS(header)
        self.height, self.width = self.image.shape
        self.used = np.ones(self.image.shape, bool)  # pixels far from listed clusters
        y, x = np.mgrid[: self.height, : self.width]
        for ra, dec, radius_arcsec in excluded:
            cx, cy = self.wcs.all_world2pix(ra, dec, 0)
            self.used &= np.hypot(x - cx, y - cy) > radius_arcsec / PIXEL
        self.arcmin2 = self.used.sum() * PIXEL**2 / 3600
        self._detect()

    def _detect(self):
        background = sep.Background(self.image, bw=256, bh=256, fw=3, fh=3)
        self.residual = background.back()
        data = self.image - self.residual
        sigma = background.globalrms
        for _ in range(2):  # the noise with sources masked, then again with what that noise detects
            found, segments = self._extract(data, sigma, 1.5, KERNEL, True)
            blank = ~ndimage.binary_dilation(segments > 0, iterations=3)
            sigma = clipped(data[blank & self.used])
        self.sigma, self.blank = sigma, blank
        self.data = data
        self.faint = self._inside(self._extract(data, sigma, 1.5, KERNEL, False))
        self.bright = self._inside(self._extract(data, sigma, 5.0, None, False))

    @staticmethod
    def _extract(data, sigma, threshold, kernel, segments):
        return sep.extract(data, threshold, err=sigma, minarea=5, filter_kernel=kernel, filter_type="conv",
                           deblend_nthresh=32, deblend_cont=0.005, segmentation_map=segments)

    def _inside(self, objects):
        x = np.clip(np.rint(objects["x"]).astype(int), 0, self.width - 1)
        y = np.clip(np.rint(objects["y"]).astype(int), 0, self.height - 1)
        return objects[self.used[y, x]]


class Field:
    """Five frames of one field."""

    def __init__(self, folder, clusters=()):
        self.folder = pathlib.Path(folder)
        self.name = self.folder.name
        self.frames = {}
        for band in BANDS:
            paths = sorted(self.folder.glob(f"frame-{band}-*.fits*"))
            if not paths:
                sys.exit(f"no {band} frame in {self.folder}")
            self.frames[band] = Frame(paths[0], clusters)


def clipped(values, limit=4.0):
    """Standard deviation after clipping at `limit` of itself, to convergence."""
    values = np.asarray(values, float)
    for _ in range(8):
        centre, spread = np.median(values), values.std()
        kept = values[np.abs(values - centre) < limit * spread]
        if kept.size == values.size:
            break
        values = kept
    return float(values.std())


def angular_distance_mpc(z):
    """Flat LCDM, h = 0.7, Omega_m = 0.3."""
    steps = np.linspace(0, z, 257)
    return 299792.458 / 70 * np.trapezoid(1 / np.sqrt(0.3 * (1 + steps) ** 3 + 0.7), steps) / (1 + z)


def cluster_radius_arcsec(z):
    """Of the disc about a listed cluster that is left out."""
    return CLUSTER_RADIUS_MPC / angular_distance_mpc(z) * 206264.8


# Stars ---------------------------------------------------------------------------------------------------------------

STAMP = 10  # half width of the stamps that are fitted
SUB = (np.arange(5) - 2) / 5.0


def moffat_pixels(x0, y0, a, beta, half=STAMP):
    """A unit Moffat profile averaged over pixels (5 x 5 points each), [2 half + 1, 2 half + 1]."""
    axis = np.arange(-half, half + 1)
    fine = (axis[:, None] + SUB).ravel()
    r2 = (fine - y0)[:, None] ** 2 + (fine - x0) ** 2
    values = (beta - 1) / (np.pi * a * a) * (1 + r2 / (a * a)) ** -beta
    n = axis.size
    return values.reshape(n, 5, n, 5).mean((1, 3))


def fit_star(stamp, sigma, gain_nmgy):
    """FWHM [arcsec] and beta of a circular Moffat profile, integrated over pixels, with a free background."""
    error = np.sqrt(sigma**2 + np.maximum(stamp, 0) * gain_nmgy)

    def residuals(p):
        return ((p[0] * moffat_pixels(p[1], p[2], np.exp(p[3]), np.exp(p[4])) + p[5] - stamp) / error).ravel()

    start = [max(stamp.sum(), sigma), 0, 0, np.log(2.0), np.log(3.5), 0]
    fit = optimize.least_squares(residuals, start, bounds=([0, -2, -2, -1, 0.1, -np.inf], [np.inf, 2, 2, 3, 3, np.inf]),
                                 max_nfev=40)
    a, beta = np.exp(fit.x[3]), np.exp(fit.x[4])
    return 2 * a * np.sqrt(2 ** (1 / beta) - 1) * PIXEL, beta


def isolated(frame, least_snr, most_magnitude_bright=15.5, reach=16):
    """Bright, unsaturated, unblended sources away from edges and from brighter neighbours: rows of frame.faint."""
    objects = frame.faint
    magnitude = 22.5 - 2.5 * np.log10(np.maximum(objects["flux"], 1e-9))
    snr = objects["flux"] / (frame.sigma * np.sqrt(np.maximum(objects["npix"], 1)))
    x, y = objects["x"], objects["y"]
    inside = (x > reach) & (x < frame.width - reach) & (y > reach) & (y < frame.height - reach)
    good = np.flatnonzero((snr > least_snr) & (magnitude > most_magnitude_bright) & inside & (objects["flag"] == 0))
    keep = []
    for k in good:
        near = np.hypot(x - x[k], y - y[k]) < reach
        near[k] = False
        if objects["flux"][near].sum() < 0.05 * objects["flux"][k]:
            keep.append(k)
    return np.array(keep, int)


def star_shape(frame, most=80):
    """Median Moffat fit of the stars of a frame: FWHM [arcsec], beta, number. Cached on the frame."""
    if hasattr(frame, "_stars"):
        return frame._stars
    objects = frame.faint
    for least in (40, 20, 10):
        chosen = isolated(frame, least)
        if chosen.size >= 12:
            break
    chosen = chosen[np.argsort(-objects["flux"][chosen])][: 2 * most]
    fwhm, beta = [], []
    for k in chosen:
        x, y = int(round(objects["x"][k])), int(round(objects["y"][k]))
        stamp = frame.data[y - STAMP : y + STAMP + 1, x - STAMP : x + STAMP + 1]
        w, b = fit_star(stamp.astype(float), frame.sigma, frame.calibration / 4)
        fwhm.append(w), beta.append(b)
    fwhm, beta = np.array(fwhm), np.array(beta)
    # Stars are the narrowest crowded value: the mode of FWHM among all, from below.
    order = np.sort(fwhm)
    half = max(3, order.size // 4)
    start = np.argmin(order[half:] - order[:-half]) if order.size > half else 0
    mode = np.median(order[start : start + half])
    stars = np.abs(fwhm / mode - 1) < 0.08
    frame._stars = {"fwhm": float(np.median(fwhm[stars])), "beta": float(np.median(beta[stars])),
                    "number": int(stars.sum()), "rows": chosen[stars]}
    return frame._stars


def stellar_profile(frame, edges):
    """Median surface brightness of bright stars in rings [arcsec], in units of the star's flux per arcsec^2."""
    objects, profiles = frame.faint, []
    half = int(np.ceil(edges[-1] / PIXEL)) + 1
    for k in isolated(frame, 300, 14.6, reach=half):
        x, y = objects["x"][k], objects["y"][k]
        if np.min(np.abs(k - star_shape(frame)["rows"])) > 0:
            continue
        i, j = int(round(x)), int(round(y))
        yy, xx = np.mgrid[-half : half + 1, -half : half + 1]
        r = np.hypot(xx + i - x, yy + j - y) * PIXEL
        stamp = frame.data[j - half : j + half + 1, i - half : i + half + 1]
        flux = stamp[r < 4].sum()
        profiles.append([np.median(stamp[(r >= a) & (r < b)]) / flux / PIXEL**2 for a, b in zip(edges, edges[1:])])
    return np.median(profiles, axis=0) if profiles else np.full(len(edges) - 1, np.nan), len(profiles)


# What is compared ----------------------------------------------------------------------------------------------------

QUANTILES = (0.1, 1, 5, 25, 50, 75, 95, 99, 99.9)  # per cent
PATCH = 64
POWER_EDGES = np.array([0.5, 1.5, 3.5, 7, 13, 21, 32])  # waves per patch


def patches(frame):
    """Corners (y, x) of the 64 x 64 patches that lie wholly in the used part of a frame."""
    return [(y, x) for y in range(0, frame.height - PATCH + 1, PATCH) for x in range(0, frame.width - PATCH + 1, PATCH)
            if frame.used[y : y + PATCH, x : x + PATCH].all()]


_k = np.hypot(*np.meshgrid(np.fft.fftfreq(PATCH) * PATCH, np.fft.fftfreq(PATCH) * PATCH))
_rings = [(_k >= a) & (_k < b) for a, b in zip(POWER_EDGES, POWER_EDGES[1:])]


def power(patch):
    """Power in six rings of wavenumber; 1 for white noise of unit variance."""
    spectrum = np.abs(np.fft.fft2(patch - patch.mean())) ** 2 / patch.size
    return np.array([spectrum[ring].mean() for ring in _rings])


def blank_power(frame):
    """Mean power of the patches without a detected source, in units of white noise; and their number."""
    rows = []
    for y, x in patches(frame):
        if frame.blank[y : y + PATCH, x : x + PATCH].all():
            rows.append(power(frame.image[y : y + PATCH, x : x + PATCH] / frame.sigma))
    return (np.mean(rows, axis=0) if rows else np.full(6, np.nan)), len(rows)


def lag_correlation(frame):
    """Correlation of neighbouring blank pixels along x and along y."""
    result = []
    for axis in (1, 0):
        a = frame.data[:, :-1] if axis else frame.data[:-1]
        b = frame.data[:, 1:] if axis else frame.data[1:]
        ok = (frame.blank & frame.used)[:, :-1] & (frame.blank & frame.used)[:, 1:] if axis else \
            (frame.blank & frame.used)[:-1] & (frame.blank & frame.used)[1:]
        x, y = a[ok] / frame.sigma, b[ok] / frame.sigma
        good = (np.abs(x) < 4) & (np.abs(y) < 4)
        result.append(float(np.mean(x[good] * y[good]) / np.mean(0.5 * (x[good] ** 2 + y[good] ** 2))))
    return result


def measure_frame(frame):
    """The numbers of one frame that the table compares."""
    values = (frame.image / frame.sigma)[frame.used]
    spectrum, number = blank_power(frame)
    shape = star_shape(frame)
    radius, _ = sep.flux_radius(frame.data, frame.faint["x"], frame.faint["y"], 6 * frame.faint["a"], 0.5,
                                normflux=None, subpix=5)
    mesh = frame.residual[128::256, 128::256]
    return {"sigma": frame.sigma, "arcmin2": frame.arcmin2,
            "counts": [len(frame.faint) / frame.arcmin2, len(frame.bright) / frame.arcmin2],
            "quantiles": np.percentile(values, QUANTILES).tolist(),
            "power": spectrum.tolist(), "blank_patches": number,
            "correlation": lag_correlation(frame),
            "back_rms": float(np.std(mesh) / frame.sigma),
            "fwhm": shape["fwhm"], "beta": shape["beta"], "stars": shape["number"],
            "size_quantiles": (np.percentile(radius[np.isfinite(radius)], (25, 50, 75)) * PIXEL).tolist()}


# Patches for the classifier ------------------------------------------------------------------------------------------

FEATURES = ("rms", "MAD", "skewness", "kurtosis", "99.5% quantile", "5-sigma pixels", "lag-1 correlation", "mean",
            "power k 1", "power k 2-3", "power k 4-6", "power k 7-12", "power k 13-20", "power k 21-31",
            "sources 1.5 sigma", "sources 5 sigma", "size 25%", "size 50%", "size 75%")


def patch_features(frame):
    """One row of FEATURES per 64 x 64 patch of a frame, and the patches' corners. Fluxes in units of the frame's noise;
    sizes are half-light radii [pixels] of the sources in a patch, NaN where there is none."""
    radius, _ = sep.flux_radius(frame.data, frame.faint["x"], frame.faint["y"], 6 * frame.faint["a"], 0.5, subpix=5)
    corners, rows = patches(frame), []
    for y, x in corners:
        values = frame.image[y : y + PATCH, x : x + PATCH].astype(float) / frame.sigma
        flat, centre, rms = values.ravel(), values.mean(), values.std()
        deviation = (flat - centre) / rms
        neighbours = np.mean((values[:, 1:] - centre) * (values[:, :-1] - centre)) / rms**2
        here = [(o["x"] >= x) & (o["x"] < x + PATCH) & (o["y"] >= y) & (o["y"] < y + PATCH)
                for o in (frame.faint, frame.bright)]
        sizes = np.percentile(radius[here[0]], (25, 50, 75)) if here[0].any() else np.full(3, np.nan)
        rows.append([rms, np.median(np.abs(flat - np.median(flat))), np.mean(deviation**3), np.mean(deviation**4),
                     np.percentile(flat, 99.5), np.mean(flat > 5), neighbours, centre, *power(values),
                     here[0].sum(), here[1].sum(), *sizes])
    return np.array(rows, np.float32), np.array(corners)
