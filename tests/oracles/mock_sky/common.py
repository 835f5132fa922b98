# SPDX-License-Identifier: BSD-3-Clause
"""What the scripts beside it share: their command line, real fields and mock fields of the same nights measured side by
side, and the page that the tables go to."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor

from astropy.coordinates import SkyCoord

import fields


def stop(message):
    """Ends the script with one sentence."""
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {message}")


def options_of(doc, real="real SDSS frames with clusters_in_frames.csv", mock=True, more=()):
    """The command line; `more` holds further options as (name, keywords)."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if mock:
        parser.add_argument("--mock", required=True, help="the program clustermass_mock")
        parser.add_argument("--out", help="folder with mock-sky.md, for the table")
    parser.add_argument("--real", required=True, help=f"folder of {real}")
    for name, keywords in more:
        parser.add_argument(name, **keywords)
    return parser.parse_args()


FIELD_OPTIONS = (("--seeds", {"type": int, "default": 3, "help": "mock fields per real one (3)"}),
                 ("--jobs", {"type": int, "default": 2, "help": "processes (2)"}))


def run(program, *arguments):
    """Runs clustermass_mock; a failure ends the script with the program's own sentence."""
    try:
        done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True)
    except OSError as error:
        stop(f"cannot run {program}: {error.strerror}; name the program clustermass_mock with --mock")
    if done.returncode != 0:
        stop(done.stderr.strip() or f"{program} failed")


# Real fields and mock fields of the same nights ----------------------------------------------------------------------


def real_fields(folder):
    """The five-band fields in a folder, and the listed clusters of each as (ra, dec, radius in arcsec)."""
    folder = pathlib.Path(folder)
    names = sorted(p.name for p in folder.glob("??????-?-????") if len(list(p.glob("frame-?-*.fits.bz2"))) == 5)
    table = folder / "clusters_in_frames.csv"
    if not names or not table.is_file():
        stop(f"no real fields in {folder}: expected folders RRRRRR-C-FFFF with five frames each and "
             "clusters_in_frames.csv; name the folder of SDSS frames with --real")
    clusters = {name: [] for name in names}
    for line in table.read_text().splitlines()[1:]:
        name, ra, dec, z = line.split(",")[:4]
        if name in clusters:
            clusters[name].append((float(ra), float(dec), fields.cluster_radius_arcsec(float(z))))
    return clusters


MOFFAT_SHORT = 0.078  # arcsec: a Moffat fit inside 4 arcsec reads so much less than the FWHM of the mock's PSF


def night_of(field):
    """The conditions under which clustermass_mock repeats a field: --like FILE."""
    middle = field.frames["r"].wcs.all_pix2world(1024, 744, 0)
    galactic = SkyCoord(*middle, unit="deg").galactic
    frames = field.frames.values()
    return {"name": field.name, "camcol": field.frames["r"].camcol,
            "fwhm_arcsec": [round(fields.star_shape(frame)["fwhm"] + MOFFAT_SHORT, 4) for frame in frames],
            "sky_counts": [round(frame.sky_counts, 3) for frame in frames],
            "nmgy_per_count": [round(frame.calibration, 7) for frame in frames],
            "galactic_latitude_deg": round(float(galactic.b.deg), 2),
            "galactic_longitude_deg": round(float(galactic.l.deg), 2)}


def mock_field(program, night, seed, folder):
    """A blank mock field under a night."""
    like = pathlib.Path(folder) / "night.json"
    like.write_text(json.dumps(night))
    frames = pathlib.Path(folder) / "frames"
    run(program, "frames", "--blank", "--like", like, "--seed", seed, "--quiet", "-o", frames)
    return fields.Field(frames)


def _of_real(arguments):
    folder, clusters, measure = arguments
    warnings.simplefilter("ignore")
    field = fields.Field(folder, clusters)
    return night_of(field), measure(field)


def _of_mock(arguments):
    program, night, seed, measure = arguments
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        return measure(mock_field(program, night, seed, folder))


def measured(options, measure):
    """Names of the real fields, what measure(field) gives for each, and for each what it gives for options.seeds mock
    fields of the same night; `measure` is a function of a module."""
    clusters = real_fields(options.real)
    with ProcessPoolExecutor(options.jobs) as pool:
        real = list(pool.map(_of_real, [(f"{options.real}/{name}", clusters[name], measure) for name in clusters]))
        nights = [night for night, _ in real for _ in range(options.seeds)]
        mock = list(pool.map(_of_mock, [(options.mock, night, 1 + k, measure) for k, night in enumerate(nights)]))
    groups = [mock[k * options.seeds : (k + 1) * options.seeds] for k in range(len(real))]
    return list(clusters), [m for _, m in real], groups


# The page ------------------------------------------------------------------------------------------------------------


def publish(options, name, lines):
    """Prints lines of a table; with --out they replace what stands between <!-- name --> and <!-- end of name --> in
    OUT/mock-sky.md."""
    print("\n".join(lines))
    if not options.out:
        return
    path = pathlib.Path(options.out) / "mock-sky.md"
    text = path.read_text()
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if first not in text or last not in text:
        stop(f"{path} has no marks {first.strip()} and {last}")
    head, rest = text.split(first, 1)
    path.write_text(head + first + "\n".join(lines) + "\n" + last + rest.split(last, 1)[1])
