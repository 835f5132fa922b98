#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records what colossus (Diemer 2018, ApJS 239, 35) and astropy say about the mass function that the survey prior of the
mock sky uses: tests/data/mock/mass_function.csv, read by tests/mock/population_test.cpp.

    <oracles>/bin/python tests/oracles/record_mass_function.py

Cosmology: flat LCDM, h = 0.7, Om = 0.3, Ob = 0.046, sigma8 = 0.78, ns = 0.967, no radiation in the expansion; Eisenstein &
Hu 1998 without wiggles; Tinker 2008, M500c. colossus puts straight lines through Tinker's parameters where the paper has
splines, so `multiplicity` stands at Tinker's own overdensities, and `density` (dn/dlnM, Mpc^-3) at the two redshifts
where 500 / Om(z) is one of them, 1200 and 800, and at two others, where both agree less well."""
import csv
import pathlib
from importlib.metadata import version

import numpy as np
from astropy.cosmology import FlatLambdaCDM
from colossus.cosmology import cosmology
from colossus.lss import mass_function, peaks

H, OM = 0.7, 0.3
colossus_sky = cosmology.setCosmology("mock", {"flat": True, "H0": 100 * H, "Om0": OM, "Ob0": 0.046, "sigma8": 0.78,
                                               "ns": 0.967, "relspecies": False, "Tcmb0": 2.7255}, persistence="")
MODEL = {"model": "eisenstein98_zb"}
# Tcmb0 = 0 there: no radiation.
astropy_sky = FlatLambdaCDM(H0=100 * H, Om0=OM, Tcmb0=0)

rows = []
for m in (1e13, 5e13, 1e14, 3e14, 1e15, 3e15):
    radius = peaks.lagrangianR(m * H)
    rows.append(("sigma", m, 0, 0, float(colossus_sky.sigma(radius, 0, ps_args=MODEL))))
    rows.append(("slope", m, 0, 0, float(colossus_sky.sigma(radius, 0, derivative=True, ps_args=MODEL)) / 3))
for z in (0.1, 0.3, 0.55, 1.0):
    rows.append(("growth", 0, z, 0, float(colossus_sky.growthFactor(z))))
    rows.append(("volume", 0, z, 0, float(astropy_sky.differential_comoving_volume(z).value)))
for delta in (200, 800, 1200, 3200):
    for sigma in (0.4, 0.8, 1.4):
        for z in (0.0, 0.3):
            f = mass_function.modelTinker08(np.array([sigma]), z, f"{delta:d}m")
            rows.append(("multiplicity", sigma, z, delta, float(f[0])))
def redshift_of(delta_m):
    share = 500 / delta_m
    return float(((share / (1 - share)) * (1 - OM) / OM) ** (1 / 3) - 1)


for z in (redshift_of(1200), redshift_of(800), 0.1, 0.33):
    for m in (5e13, 1e14, 3e14, 1e15):
        dndlnm = mass_function.massFunction(m * H, z, mdef="500c", model="tinker08", q_out="dndlnM", ps_args=MODEL)
        rows.append(("density", m, z, 0, float(dndlnm) * H**3))

out = pathlib.Path(__file__).resolve().parents[1] / "data" / "mock" / "mass_function.csv"
out.parent.mkdir(parents=True, exist_ok=True)
with out.open("w", newline="") as f:
    f.write(f"# colossus {version('colossus')}; written by tests/oracles/record_mass_function.py\n")
    writer = csv.writer(f, lineterminator="\n")
    writer.writerow(("quantity", "mass_or_sigma", "z", "delta_m", "value"))
    writer.writerows([(q, f"{a:.8g}", f"{z:.12g}", d, f"{v:.8g}") for q, a, z, d, v in rows])
print(out, len(rows), "rows")
